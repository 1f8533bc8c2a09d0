"""Units with a factorized part: each factor has a name, however the use is labelled."""

import re

import pytest

import incdsl
from tests.nets import problems, spec

UNITS = """unit u = conv: conv2d (bias: false) -> bn: conv2d 7x7 @8 as 1x7, 7x1 -> relu
unit w = relu -> conv2d 3x3 @4 as 1x3, 3x1
unit z = relu -> conv2d 3x3 @4 as { | 1x3 | 3x1 }
"""


@pytest.mark.parametrize(
    ("chain", "names"),
    [
        ("c, b: u 3x3 @4", ["c", "b_1", "b_2"]),
        ("u 3x3 @4", ["conv", "bn_1", "bn_2"]),
        ("w", ["y_1", "y_2"]),
        ("k: w", ["k_1", "k_2"]),
        ("w -> w", ["y_1_1", "y_1_2", "y_2_1", "y_2_2"]),
        ("k: z", ["k_a", "k_b"]),
    ],
)
def test_factors_of_units_are_named(chain, names):
    assert re.findall(r"self\.(\w+) = nn\.Conv2d", incdsl.compile(spec(chain, UNITS))) == names


@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        ("a, b, c: conv2d 3x3 @4 as 1x3, 3x1", "3 labels for 2 factors"),
        ("a, b: conv2d 3x3 @4 as 1x3, 3x1, 1x1", "2 labels for 3 factors"),
        ("a, b, c: conv2d 3x3 @4 as { | 1x3 | 3x1 }", "3 labels for 2 factors"),
    ],
)
def test_each_factor_takes_a_label_or_none_does(chain, reason):
    (found,) = incdsl.check(spec(chain))
    assert (found.code, reason in found.message()) == ("E215", True)


PRE = """unit pre = norm: batchnorm -> relu -> conv: conv2d (bias: false)
unit act = relu -> conv2d
unit slow = leakyrelu 0.2 -> batchnorm
"""
LATE = "unit late = relu -> two -> conv2d 1x1 @4\nunit two = conv2d 1x1 @4 -> relu\n"


@pytest.mark.parametrize(
    ("chain", "written"),
    [
        ("a: pre 3x3/2 @6 half", ["nn.BatchNorm2d(in_channels)", "Pre(3, 6, 3, stride=2, padding=1)"]),
        ("n, c: pre 1x1 @5", ["self.n = nn.BatchNorm2d(3)", "self.c = nn.Conv2d(3, 5, 1, bias=False)"]),
        ("c: act 3x3 @5", ["self.c = nn.Conv2d(3, 5, 3, padding=1)", "self.c(F.relu(x))"]),
        ("c: pre 5x5 @5 as 3x3, 3x3", ["self.c_1 = Pre(3, 3, 3, padding=1)", "self.c_2 = Pre(3, 5, 3, padding=1)"]),
        ("c: slow (slope: 0.3)", ["F.leaky_relu(x, 0.3)"]),
    ],
)
def test_the_first_op_with_a_kernel_takes_what_a_use_says(chain, written):
    text = incdsl.compile(spec(chain, PRE, "[3, 32, 32]"))
    assert [each for each in written if each not in text] == []


def test_what_stands_before_it_are_ops():
    """The first of `late` takes what uses say, since a unit is between it and the convolution."""
    (found,) = incdsl.check(spec("late 3x3 @4", LATE))
    assert found.code == "E205"


def test_settings_of_a_use_are_those_of_that_op():
    codes = [each.code for each in incdsl.check(spec("pre 3x3 @4 (eps: 1e-3)", PRE))]
    assert codes == ["E202"]


@pytest.mark.parametrize(
    ("chain", "blamed"),
    [
        ("train: norm", [("E207", "train")]),
        ("train: norm -> half: norm", [("E207", "train"), ("E207", "half")]),
        ("a, half: pair 3x3 @4", [("E207", "half")]),
        ("a: norm -> a: norm", [("E206", "a")]),
        ("a: norm -> b, a: pair 3x3 @4", [("E206", "a")]),
        ("train: act 3x3 @4", [("E207", "train")]),
        ("1: outer", [("E207", "1")]),
        ("train: norm times 2", [("E207", "train")]),
    ],
)
def test_a_label_that_cannot_be_is_blamed_where_a_use_says_it(chain, blamed):
    units = "unit norm = batchnorm\nunit pair = conv2d -> batchnorm\nunit act = conv2d -> relu\n"
    found = problems(spec(chain, units + "unit outer = relu -> inner\nunit inner = conv2d 1x1 @4 -> relu\n"))
    assert [(each.code, each.span.text) for each in found] == blamed
