"""Transformed filters, their memory and their bounds."""

import pytest
import torch

from incdsl.runtime.field import PRIME
from incdsl.runtime.kernels.bounds import error_bound
from incdsl.runtime.kernels.library import library_for
from incdsl.runtime.kernels.weights import pack, packed_numbers, transformed
from incdsl.winograd import relative_bound, scheme_named, schemes
from tests.modules import noise
from tests.winograd import test_proof


def test_the_proofs_are_in_the_field_of_certificates():
    assert test_proof.PRIME == PRIME


def test_a_filter_of_ones_by_hand():
    """G of F(2, 3) takes 1, 1, 1 to -1, 3/2, 1/2, 1: the values of 1 + x + x² at 0, 1, -1, infinity, divided."""
    u = transformed(torch.ones(1, 1, 3, 3), scheme_named("F(2x2,3x3)"))
    row = torch.tensor([-1, 1.5, 0.5, 1], dtype=torch.float64)
    assert torch.equal(u.view(4, 4), torch.outer(row, row))


@pytest.mark.parametrize("scheme", schemes(higher_order=True), ids=str)
def test_they_are_rounded_once(scheme):
    """As near to the fractions as float32 can be."""
    weight = noise(2, 3, *scheme.taps).float()
    exact = [
        sum(
            vertical[r] * horizontal[s] * weight[k, c, r, s].item().as_integer_ratio()[0]
            / weight[k, c, r, s].item().as_integer_ratio()[1]
            for r in range(scheme.taps[0]) for s in range(scheme.taps[1])
        )
        for vertical in scheme.vertical.g for horizontal in scheme.horizontal.g for k in range(2) for c in range(3)
    ]  # fmt: skip
    expected = torch.tensor([float(each) for each in exact], dtype=torch.float64).float()
    assert torch.equal(transformed(weight, scheme).float().flatten(), expected)


def test_filters_of_another_size_are_refused():
    with pytest.raises(ValueError, match="not for filters of 3x5"):
        transformed(torch.ones(1, 1, 3, 5), scheme_named("F(4x4,3x3)"))


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("scheme", schemes(), ids=str)
def test_their_memory_is_known_before(scheme):
    library = library_for(torch.float32, scheme.name)
    packed = pack(noise(33, 7, *scheme.taps).float(), None, scheme)
    assert packed.filters.numel() == packed_numbers(scheme, 33, 7, panel=library.panel, lanes=library.lanes)


def test_the_growth_of_memory_is_that_of_the_tile():
    assert packed_numbers(scheme_named("F(4x4,3x3)"), 64, 32, panel=32, lanes=16) == 64 * 32 * 36


def test_the_bound_of_one_weight_by_hand():
    """F(2, 3), a tap of 1 in the middle: the points ±1 alone see it, by 1/2, and their rows of Bᵀ add up to 2."""
    scheme, weight = scheme_named("F(2x2,3x3)"), torch.zeros(1, 1, 3, 3)
    weight[0, 0, 1, 1] = 1
    along = 2 * 0.5 + 2 * 0.5
    expected = 3.0 * along**2 * relative_bound(scheme, 1, 2.0**-24)
    torch.testing.assert_close(error_bound(weight, None, scheme, 3.0), torch.tensor([expected], dtype=torch.float64))


def test_the_bias_is_a_part_of_the_bound():
    scheme, weight = scheme_named("F(2x2,3x3)"), torch.zeros(2, 1, 3, 3)
    without, with_bias = error_bound(weight, torch.tensor([0.0, -4.0]), scheme, 1.0).tolist()
    assert without == 0
    assert with_bias == 4 * relative_bound(scheme, 1, 2.0**-24)
