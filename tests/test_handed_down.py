"""Ops, units and blocks as values: their settings and arguments are held to the same rules as in a chain."""

import pytest

import incdsl
from tests.hostile.texts import net

BLOCKS = "block B(f) = f\nblock C(k = 3) = conv2d 1x1 @k\nunit u = conv2d 1x1 @3 -> relu\n"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("C(x: 1, k: 4)", "E211"),
        ("C(4)", "E211"),
        ("C(k: 1, k: 2)", "E211"),
        ("leakyrelu(0.1)", "E202"),
        ("leakyrelu(nope: 0.1)", "E202"),
        ("leakyrelu(slope: 0.1, slope: 0.2)", "E203"),
        ("u(nope: 1)", "E202"),
        ("u(3)", "E202"),
        ("missing(k: 1)", "E201"),
    ],
)
def test_settings_that_do_not_fit_are_told(value, code):
    assert [d.code for d in incdsl.check(net(f"B(f: {value})", BLOCKS))] == [code]


@pytest.mark.parametrize(
    "value", ["C(k: 4)", "C", "leakyrelu(slope: 0.1)", "u(width: 5)", "conv2d(kernel: 3, width: 4)"]
)
def test_settings_that_fit(value):
    assert incdsl.check(net(f"B(f: {value})", BLOCKS)) == []


def test_an_op_where_a_number_belongs_is_called_by_its_name():
    (found,) = incdsl.check(net("conv2d 3x3 @4 (stride: 2, padding: scale)"))
    assert found.message() == "`padding` of `conv2d` needs a whole number, not `scale`"
