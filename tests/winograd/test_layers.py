"""Layers computed by the kernel: near the exact numbers, the same bits however the work is cut up."""

import random

import pytest
import torch
from torch.nn import functional as F

from incdsl.runtime.kernels.blocking import Blocking
from incdsl.runtime.kernels.convolve import convolve
from incdsl.runtime.kernels.weights import pack
from incdsl.winograd import scheme_named, schemes, typical_growth
from tests.modules import noise
from tests.winograd.layers import check, draw

pytestmark = pytest.mark.usefixtures("compiled")
ALL = pytest.mark.parametrize("scheme", schemes(higher_order=True), ids=str)


@pytest.mark.parametrize("first", range(0, 300, 30))
def test_random_layers(first):
    for seed in range(first, first + 30):
        check(draw(random.Random(seed)))


@ALL
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_digits_are_lost_as_the_matrices_tell(scheme, dtype):
    """Bounds are far off. What is typical is not: a slip that costs a few digits in single numbers would show."""
    image, weight = noise(2, 24, 29, 31), noise(40, 24, *scheme.taps)
    image, weight = image.to(dtype).double(), weight.to(dtype).double()
    with torch.no_grad():
        exact = F.conv2d(image, weight)
        found = convolve(image.to(dtype), pack(weight.to(dtype), None, scheme)).double()
    error = float((found - exact).norm() / exact.norm())
    assert error < 6 * typical_growth(scheme) * torch.finfo(dtype).eps / 2


@ALL
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_bits_do_not_depend_on_how_work_is_cut_up(scheme, dtype, threads):
    image = noise(3, 37, 19, 23).to(dtype)
    packed = pack(noise(75, 37, *scheme.taps).to(dtype), noise(75).to(dtype), scheme, 50)
    threads(1)
    with torch.no_grad():
        expected = convolve(image, packed, (1, 1))
        for count in (1, 2, 8):
            threads(count)
            assert torch.equal(convolve(image, packed, (1, 1)), expected)
            for tiles, panels, share in ((1, 1, 0), (5, 2, 1), (1000, 1000, 0), (1000, 1000, 1)):
                assert torch.equal(convolve(image, packed, (1, 1), blocking=Blocking(tiles, panels, share)), expected)


def test_the_bits_do_not_depend_on_where_a_tile_lies():
    """An image alone, in a batch, and as a part of a larger one whose tiles begin elsewhere."""
    scheme = scheme_named("F(4x4,3x3)")
    image, packed = noise(2, 20, 30, 30).float(), pack(noise(33, 20, 3, 3).float(), None, scheme)
    with torch.no_grad():
        both = convolve(image, packed)
        assert torch.equal(convolve(image[1:], packed), both[1:])
        assert torch.equal(convolve(image[:, :, 8:22, 12:30], packed), both[:, :, 8:20, 12:28])


def test_what_is_not_a_number_stays_so_and_stays_where_it_is():
    scheme = scheme_named("F(2x2,3x3)")
    image, weight = noise(1, 5, 12, 12).float(), noise(7, 5, 3, 3).float()
    image[0, 2, 5, 5] = torch.nan
    with torch.no_grad():
        found = convolve(image, pack(weight, None, scheme, active=7), (1, 1)).isnan()
        direct = F.conv2d(image, weight, padding=1).isnan()
    assert found[direct].all()
    assert not found[:, :, :2].any()
    assert not found[:, :, 8:].any()


def test_an_empty_batch():
    packed = pack(noise(7, 5, 3, 3).float(), None, scheme_named("F(4x4,3x3)"))
    assert convolve(noise(1, 5, 9, 9).float()[:0], packed, (1, 1)).shape == (0, 7, 9, 9)
