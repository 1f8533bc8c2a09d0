"""Units with a factorized part: each factor has a name, however the use is labelled."""

import re

import pytest

import incdsl
from tests.hostile.texts import net

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
    assert re.findall(r"self\.(\w+) = nn\.Conv2d", incdsl.compile(net(chain, UNITS))) == names
