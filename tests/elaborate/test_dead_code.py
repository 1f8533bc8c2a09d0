"""What a net computes for nothing is told: values for auxiliary heads alone, and what a change leaves behind."""

import pytest

import incdsl

HEAD = """inc 1
net R {
  input x [8, 16, 16]
  h = x -> hh: conv2d 3x3 @8 -> relu
  aux head = h -> gap -> linear @3
  output o = x -> b: conv2d 1x1 @4
}
"""
BASE = """inc 1
net R0 {
  input x [3, 16, 16]
  y = x -> a: conv2d 3x3 @8
  z = y -> concat { | p: conv2d 3x3 @8 -> relu | q: conv2d 1x1 @8 }
  output o = z -> b: conv2d 1x1 @4
}
"""


def described(text):
    return [(each.code, each.message()) for each in incdsl.check(text)]


def test_values_for_heads_alone():
    (found,) = incdsl.check(HEAD)
    assert found.message() == "only auxiliary heads need `relu`"
    assert found.span.line == 4
    inside = HEAD.replace("  h = x -> hh: conv2d 3x3 @8 -> relu\n", "").replace("h -> gap", "x -> conv2d 3x3 @8 -> gap")
    assert described(inside) == []
    assert described(HEAD.replace("output o = x", "output o = h")) == []


@pytest.mark.parametrize(("change", "name"), [("b: y -> conv2d 3x3 @4", "concat"), ("b: y", "concat"), ("p: x", "")])
def test_what_a_change_leaves_behind(change, name):
    expected = [("E223", f"nothing uses `{name}`")] if name else []
    assert described(f"{BASE}net V = R0 with {{ {change} }}\n") == expected


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ("depth > 0 and 8 // depth == 2", False),
        ("depth == 0 or 8 // depth == 2", True),
        ("depth == 1 and 8 // depth == 2 or wide", True),
        ("wide and depth == 0", True),
    ],
)
def test_conditions_are_looked_at_from_the_left(test, holds):
    net = f"inc 1\nnet N(depth = 0, wide = true) {{\n  input x [3, 8, 8]\n  output y = x -> c: conv2d 1x1 @2 if {test}"
    rest = " -> relu if wide -> (relu if depth == 0)\n}\n"
    text = incdsl.compile(net + rest)
    assert ("self.c = " in text) == holds
    assert "decided at compile time: depth = 0, wide = true" in text


def test_a_number_of_channels_is_no_use():
    net = "inc 1\nnet N {\n  input x [3, 8, 8]\n  v = x -> conv2d 1x1 @5\n  output y = x -> conv2d 3x3 @v\n}\n"
    assert described(net) == [("E223", "nothing uses `v`")]
    assert described(net.replace("}\n", "  output z = v\n}\n")) == []
