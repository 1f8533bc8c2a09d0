"""Variables of `forward` hide nothing that it calls."""

import pytest
import torch

import incdsl

SPEC = """inc 1
net N {
  input x [4, 16, 16]
  output y = x -> concat {
    | pad_same: conv2d 3x3/2 @4 tfsame -> relu -> conv2d 3x3/2 @5 tfsame
    | conv2d 1x1/4 @4 valid -> tanh
  }
}
"""


def test_a_rail_called_like_a_function():
    """What is called `pad_same` is padded afterwards."""
    text = incdsl.compile(SPEC)
    assert "self.pad_same_2(pad_same(pad_same_2, " in text
    assert incdsl.load(SPEC).N().eval()(torch.zeros(2, 4, 16, 16)).shape == (2, 9, 4, 4)


@pytest.mark.parametrize("name", ["pad_same", "avg_pool_padded", "fork", "empty_image"])
def test_an_input_called_like_a_function_is_refused(name):
    spec = SPEC.replace("input x", f"input {name}").replace("= x", f"= {name}")
    with pytest.raises(incdsl.CompileError, match="cannot be used as a name"):
        incdsl.compile(spec)
