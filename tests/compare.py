"""When two tensors are the same, and when they are near."""

import math

import torch


def distance(actual, expected):
    """The relative l2 distance, in float64; infinite for other shapes and for what is not finite."""
    if actual.shape != expected.shape:
        return math.inf
    actual, expected = actual.detach().double().cpu(), expected.detach().double().cpu()
    if not (actual.isfinite().all() and expected.isfinite().all()):
        return math.inf
    size = torch.linalg.vector_norm(expected)
    return float(torch.linalg.vector_norm(actual - expected) / size) if size else math.inf


def assert_near(actual, expected, tolerance):
    """Fail unless the relative l2 distance is within the tolerance."""
    error = distance(actual, expected)
    assert error <= tolerance, f"relative l2 distance {error:.3g} > {tolerance:.3g}"


def assert_same(actual, expected):
    """Fail unless both are bitwise the same, NaN never being so."""
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    assert torch.equal(actual, expected), f"relative l2 distance {distance(actual, expected):.3g}"


def assert_same_tensors(actual, expected):
    """Fail unless two mappings have the same keys, in the same order, with the same tensors."""
    assert list(actual) == list(expected)
    different = [key for key in expected if not torch.equal(actual[key], expected[key])]
    assert not different, f"{len(different)} of {len(expected)} tensors differ, the first is {different[0]}"
