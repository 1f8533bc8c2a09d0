"""Each kernel on a CUDA device, compared with float64."""

import pytest
import torch

from incdsl.runtime.carried import kernels
from tests.kernels.cases import TOLERANCE, check_average, check_convolution, check_maximum, draw

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _no_plain_ops(monkeypatch):
    """Plain ops are out of reach of what is tested, so that only kernels can have computed it."""
    monkeypatch.setattr(kernels, "F", None)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("check", [check_convolution, check_average, check_maximum])
def test_kernels(check, dtype):
    for seed in range(24):
        check(kernels, draw(seed, parts=1 + seed % 4), dtype, device="cuda")


@pytest.mark.parametrize("config", kernels.CONV_CONFIGS)
def test_configs_of_convolutions(config):
    check_convolution(kernels, draw(3, parts=3), torch.bfloat16, device="cuda", config=config)
