"""Each kernel in Triton's interpreter, compared with float64."""

import pytest
import torch

from tests.kernels import cases
from tests.kernels.cases import check_convolution, check_pool, draw

pytestmark = pytest.mark.triton
HALF = [torch.bfloat16, torch.float16, torch.float32]


@pytest.fixture(autouse=True)
def _no_plain_ops(interpreted, monkeypatch):
    """Plain ops are out of reach of what is tested, so that only kernels can have computed it."""
    monkeypatch.setattr(interpreted, "F", None)


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(8))
def test_convolution(interpreted, seed, parts):
    check_convolution(interpreted, draw(seed, parts), torch.float64)


@pytest.mark.parametrize("seed", range(24))
def test_average_pool(interpreted, seed):
    check_pool(interpreted, draw(seed), torch.float64)
