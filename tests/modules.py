"""Generated modules for tests: loaded, filled with random numbers, and compared."""

from typing import NamedTuple

import torch
from torch import nn

from incdsl.compiler import Compilation
from incdsl.runtime.harness import deviation, randomized
from incdsl.runtime.load import load_text
from tests.nets import compiled

torch.set_num_threads(1)  # On small tensors, and beside other processes, threads wait longer than they work.


class Built(NamedTuple):
    """A checked net and an instance of its generated class, random numbers inside."""

    done: Compilation
    net: nn.Module


def generated(text):
    """The class of a generated text."""
    module = load_text(text, "N")
    return next(v for v in reversed(vars(module).values()) if isinstance(v, type) and issubclass(v, nn.Module))


def built(text):
    """The net of a spec, compiled and instantiated in float64, for evaluation."""
    done = compiled(text)
    return Built(done, randomized(generated(done.text)().double().eval()))


def noise(*shape, seed=1, dtype=torch.float64):
    """Random numbers around 0."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def distance(actual, expected):
    """The relative l2 distance, in float64 on the CPU; never within a tolerance for what is not finite."""
    return deviation(*(each.detach().double().cpu() for each in (actual, expected)))


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
