"""Numbered labels become one `nn.Sequential` where they run from end to end, and only there."""

import pytest
import torch

from incdsl.compiler import compile_net
from incdsl.source import Source
from tests.modules import built

CHAIN = "f.0: conv2d 3x3 @4 -> f.1: relu -> f.2: conv2d 1x1 @4"


def text(items: str) -> str:
    return f"inc 1\nnet N {{\n  input x [4, 8, 8]\n  {items}\n}}\n"


SPECS = {
    f"output y = x -> {CHAIN}": True,
    "a = x -> f.0: conv2d 3x3 @4 -> f.1: relu\n  output y = a -> f.2: conv2d 1x1 @4": True,
    "a = x -> f.0: conv2d 3x3 @4\n  output y = a -> f.1: relu -> add { | identity | a }": False,
    "output a = x -> f.0: conv2d 3x3 @4\n  output y = a -> f.1: relu": False,
    "aux h = x -> gap -> linear @2\n  output y = x -> f.0: conv2d 3x3 @4 -> tanh -> f.1: relu": False,
    "output y = x -> f.1: conv2d 3x3 @4 -> f.0: relu": False,
    "output y = x -> f.0: layernorm -> f.1: relu": False,
    "output y = x -> f.0.a: conv2d 3x3 @4 -> f.1: relu": False,
    "output y = x -> f.0: conv2d 3x3 @4 -> relu": False,
}


@pytest.mark.parametrize("items", SPECS)
def test_where_a_container_is_a_sequence(items: str) -> None:
    done, net = built(text(items))
    assert ("nn.Sequential(" in done.text) == SPECS[items]
    outputs = net(torch.randn(2, 4, 8, 8, dtype=next(net.parameters()).dtype))
    assert (outputs if isinstance(outputs, torch.Tensor) else outputs[0]).shape[0] == 2


def test_a_tapped_container_is_indexed() -> None:
    """The same labels, once run through and once tapped."""
    tapped = "a = x -> f.0: conv2d 3x3 @4\n  b = a -> f.1: relu\n  output y = b -> add { | identity | a } -> f.2: relu"
    assert "self.f(x)" in compile_net(Source("whole", text(f"output y = x -> {CHAIN}"))).text
    assert "self.f[2](" in compile_net(Source("tapped", text(tapped))).text
