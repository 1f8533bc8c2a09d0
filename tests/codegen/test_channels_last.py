"""Layers over the channels of an image hand it on as they have it; nothing else sees the channels at the end."""

import pytest

from incdsl.runtime.verify import verify
from tests.nets import compiled

LAYERS = {
    "a: layernorm -> b: linear @6 (pointwise: true)": 2,
    "a: layernorm -> b: linear @6 (pointwise: true) -> gelu -> c: linear @4 (pointwise: true)": 2,
    "a: layernorm -> gelu -> tanh -> c: linear @4 (pointwise: true) -> relu": 2,
    "a: layernorm -> b: gelu -> c: linear @4 (pointwise: true)": 4,
    "a: layernorm -> softmax -> c: linear @4 (pointwise: true)": 4,
    "a: layernorm -> prelu -> c: linear @4 (pointwise: true)": 4,
    "a: layernorm -> s: layerscale 0.5 -> c: linear @4 (pointwise: true)": 4,
    "a: layernorm -> maxpool 3x3 -> c: linear @4 (pointwise: true)": 4,
    "a: layernorm -> b: linear @4 (pointwise: true) -> add { | identity | c: linear @4 (pointwise: true) }": 4,
    "gap -> flatten -> a: layernorm -> b: linear @6": 0,
    "a: layernorm": 2,
}
"""How often the chain of a block permutes an image."""


@pytest.mark.parametrize("chain", LAYERS)
def test_permutations_that_nobody_needs_are_not_written(chain):
    text = f"inc 1\nblock B {{ output y = in -> {chain} }}\nnet N {{\n  input x [4, 8, 7]\n  output y = x -> b: B\n}}\n"
    done = compiled(text)
    assert done.text.count(".permute(") == LAYERS[chain]
    checks = list(verify(done, ["numbers", "shapes at legal sizes", "gradients", "torch.compile"]))
    assert [check for check in checks if not check.passed] == []


def test_in_a_net_every_value_is_in_the_usual_order():
    """Its shape stands behind the line that makes it."""
    text = "inc 1\nnet N {\n  input x [4, 8, 7]\n  output y = x -> a: layernorm -> b: linear @6 (pointwise: true)\n}\n"
    assert compiled(text).text.count(".permute(") == 4
