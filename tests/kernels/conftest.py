"""How the kernels are run: in Triton's interpreter, on the CPU. PyTorch is imported by those who need it."""

import pytest


@pytest.fixture(autouse=True)
def _without_gradients():
    import torch

    with torch.no_grad():
        yield


@pytest.fixture
def interpreted(monkeypatch):
    """The kernels, which compute everything themselves; without Triton's interpreter the test fails."""
    from incdsl.runtime.carried import kernels

    assert kernels.triton is not None, "pip install -c constraints.txt -e '.[triton]'"
    assert not isinstance(kernels._convolution, kernels.triton.JITFunction), "set TRITON_INTERPRET=1"

    from tests.kernels import interpreting

    interpreting.guard_memory(monkeypatch)
    interpreting.multiply_bfloat16(monkeypatch)
    return kernels
