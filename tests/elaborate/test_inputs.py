"""Sizes of several inputs: free for all of them, or for none; of one size they are resized together."""

import pytest

import incdsl
from incdsl.compiler import compile_net, describe_sizes
from incdsl.source import Source

NET = "inc 1\nnet N {{\n  input a {}\n  input b {}\n  output y = a -> add {{ | identity | b -> relu }}\n}}\n"


@pytest.mark.parametrize(("one", "other"), [("[3, H, W]", "[3, H, W]"), ("[3, 16, 8]", "[3, 16, 8]"), ("[3]", "[3]")])
def test_all_or_none(one, other):
    assert incdsl.check(NET.format(one, other)) == []
    assert incdsl.compile(NET.format(one, other))


@pytest.mark.parametrize(
    ("one", "other"), [("[3, 16, W]", "[3, H, W]"), ("[3, H, W]", "[3, H, 4]"), ("[3, H, W]", "[3, 8, 8]")]
)
def test_some_are_refused(one, other):
    (found,) = incdsl.check(NET.format(one, other))
    assert found.code == "E203"
    assert "either all sizes are free" in found.message()


def test_vectors_have_no_size():
    text = "inc 1\nnet N {\n  input a [3, H, W]\n  input b [3]\n  output y = a -> relu\n  output z = b -> relu\n}\n"
    assert incdsl.check(text) == []


TWO = """inc 1
net N {{
  input a {}
  input b {}
  one = a -> conv2d 3x3/2 @4 valid
  two = b -> conv2d 5x5/2 @4 pad 1
  output y = {}
  output z = {}
}}
"""
APART = ("one -> gap", "two -> gap")
TOGETHER = ("concat { | one | two }", "b -> gap")


def sizes(*written):
    done = compile_net(Source("two.inc", TWO.format(*written)))
    return {axis: str(legal) for axis, legal in done.sizes.evaluation.items()}, done


@pytest.mark.parametrize(
    ("written", "legal"),
    [
        (("[3, 16, 8]", "[5, 16, 8]", *APART), {"H": ">= 3", "W": ">= 3"}),
        (("[3, 16, 8]", "[5, 16, 8]", *TOGETHER), {"H": ">= 3", "W": ">= 3"}),
        (("[3, H, W]", "[5, H, W]", *TOGETHER), {"H": ">= 3", "W": ">= 3"}),
        (("[3, 16, 8]", "[5, 16, 16]", *APART), {"a.H": ">= 3", "a.W": ">= 3", "b.H": ">= 3", "b.W": ">= 3"}),
        (("[3, 16, 15]", "[5, 16, 16]", *TOGETHER), {"a.H": "16", "a.W": "15", "b.H": "16", "b.W": "16"}),
    ],
)
def test_legal_sizes(written, legal):
    """Of one size: one set for both. Of two: sets of their own, but for sizes that depend on each other."""
    from incdsl.runtime.harness import noise
    from incdsl.runtime.load import load_net

    found, done = sizes(*written)
    assert found == legal
    net = load_net(done)().eval()
    for step in (0, 5, 8):
        size = {axis: next(iter(each), 0) + step * (each.most is None) for axis, each in done.sizes.evaluation.items()}
        assert len(net(*noise(done, size))) == 2


def test_one_image_beside_a_vector():
    text = "inc 1\nnet N {\n  input a [3, 8, 8]\n  input b [3]\n  output y = a -> relu\n  output z = b -> relu\n}\n"
    done = compile_net(Source("n.inc", text))
    assert describe_sizes(done, ["H", "W"]) == "H, W >= 1; 8 x 8 nominal"


def test_sizes_are_told_by_input():
    done = sizes("[3, 16, 8]", "[5, 32, 16]", *APART)[1]
    axes = list(done.net.conditions.nominal)
    assert describe_sizes(done, axes) == "a.H, a.W, b.H, b.W >= 3; 16 x 8 and 32 x 16 nominal"
    assert "FLOPs) at 16 x 8 and 32 x 16\n" in done.text
