"""Each kernel in Triton's interpreter, compared with float64."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from incdsl.runtime.carried.kernels import CONV_CONFIGS, POOL_CONFIGS
from tests.kernels.cases import check_average, check_convolution, check_maximum, draw

pytestmark = pytest.mark.triton
ROUNDED = [torch.bfloat16, torch.float16, torch.float32]
POOLS = [check_average, check_maximum]


@pytest.fixture(autouse=True)
def _no_plain_ops(interpreted, monkeypatch):
    """Plain ops are out of reach of what is tested, so that only kernels can have computed it."""
    monkeypatch.setattr(interpreted, "F", None)


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(12))
def test_convolutions(interpreted, seed, parts):
    check_convolution(interpreted, draw(seed, parts), torch.float64)


@pytest.mark.parametrize("check", POOLS)
@pytest.mark.parametrize("seed", range(24))
def test_pools(interpreted, check, seed):
    check(interpreted, draw(seed), torch.float64)


@pytest.mark.parametrize("dtype", ROUNDED)
@pytest.mark.parametrize("check", [check_convolution, *POOLS])
def test_types(interpreted, check, dtype):
    for seed in range(100, 108):
        check(interpreted, draw(seed), dtype)


@pytest.mark.parametrize("config", CONV_CONFIGS)
def test_configs_of_convolutions(interpreted, config):
    check_convolution(interpreted, draw(3, parts=3), torch.float64, config=config)


@pytest.mark.parametrize("config", [*POOL_CONFIGS, (1, 16, 1)])
def test_configs_of_pools(interpreted, config):
    for check in POOLS:
        check(interpreted, draw(3), torch.float64, config=config)


def test_counters_are_left_as_they_were(interpreted, monkeypatch):
    """A launch in a CUDA graph has its own, and is repeated."""
    counters = torch.zeros(64, dtype=torch.int32)
    monkeypatch.setattr(interpreted, "_counters", lambda count, *_: counters[:count])
    for seed in range(3):
        for config in [(32, 32, 16, 4, 3, 4), (16, 16, 16, 4, 3, 2)]:
            check_convolution(interpreted, draw(seed), torch.float64, config=config)
            assert not counters.any()


def test_new_tensors_are_channels_last(interpreted):
    x, weight = torch.randn(2, 8, 5, 4), torch.randn(11, 8, 1, 1)
    expected = F.conv2d(x, weight)
    whole = interpreted.convolve(x, weight)
    parts = interpreted.convolve_split(x, weight, None, (4, 7))
    for each in (whole, *parts, interpreted.average_pool(x, (2, 2)), interpreted.max_pool(x, (2, 2))):
        assert each.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(whole, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(torch.cat(parts, 1), expected, rtol=1e-5, atol=1e-5)


def test_what_is_no_number_is_not_hidden(interpreted):
    x = torch.full((1, 1, 3, 3), torch.nan)
    for y in (
        interpreted.convolve(x, torch.ones(1, 1, 1, 1), active=1),
        interpreted.average_pool(x, (2, 2), active=1),
        interpreted.max_pool(x, (2, 2)),
    ):
        assert y.isnan().all()


def test_offsets_beyond_32_bits(interpreted, tmp_path):
    """Three pixels, each of an image of its own, 2³⁰ channels apart; the file under them has almost no blocks."""
    pixel = 2**30
    memory = np.memmap(tmp_path / "sparse", np.float16, "w+", shape=(2 * pixel + 16,))
    far = torch.from_numpy(memory).as_strided((3, 8, 1, 1), (pixel, 1, pixel, pixel))
    near = torch.arange(24, dtype=torch.float16).view(3, 8, 1, 1)
    identity = torch.eye(8, dtype=torch.float16).view(8, 8, 1, 1)

    assert interpreted.convolve(near, identity, out=far).equal(near)
    assert interpreted.convolve(far, identity).equal(near)
    interpreted.average_pool(near, (1, 1), torch.ones(8, dtype=torch.float16), out=far)
    assert interpreted.max_pool(far, (1, 1)).equal(near + 1)
