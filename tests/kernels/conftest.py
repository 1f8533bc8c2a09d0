"""How the kernels are run: in Triton's interpreter, on the CPU."""

import numpy as np
import pytest
import torch

from incdsl.runtime.carried import kernels


@pytest.fixture(autouse=True)
def _without_gradients():
    with torch.no_grad():
        yield


@pytest.fixture
def interpreted(monkeypatch):
    """The kernels, which compute everything themselves; without Triton's interpreter the test fails."""
    assert kernels.triton is not None, "pip install -c constraints.txt -e '.[triton]'"
    assert not isinstance(kernels._convolution, kernels.triton.JITFunction), "set TRITON_INTERPRET=1"
    _multiply_bfloat16(monkeypatch)
    return kernels


def _multiply_bfloat16(monkeypatch):
    """Let the interpreter's matrix product take bfloat16 for what it is: NumPy has no such type, and takes its bits."""
    from triton.language import bfloat16, float32
    from triton.runtime import interpreter

    def create_dot(self, a, b, *rest):
        return dot(self, *(wide(each) if each.dtype == bfloat16 else each for each in (a, b)), *rest)

    def wide(handle):
        bits = handle.data.view(np.uint16).astype(np.uint32) << 16
        return interpreter.TensorHandle(bits.view(np.float32), float32)

    dot = interpreter.InterpreterBuilder.create_dot
    monkeypatch.setattr(interpreter.InterpreterBuilder, "create_dot", create_dot)
