"""The matrices in the source of the kernel are the fractions that were proved."""

import re
from fractions import Fraction

import pytest

from incdsl.runtime.kernels.matrices import kernel_source, matrices_header
from incdsl.winograd import Axis, Scheme, schemes

ALONE = Axis(1, 1, ())
STRUCT = re.compile(r"struct Matrices<(\d+), (\d+)> \{\n.* AT.* = (.*);\n.* BT.* = (.*);\n\}")


def numbers(text):
    rows = text.strip("{}").split("}, {")
    return tuple(tuple(Fraction(float(each)) for each in row.split(", ")) for row in rows)


def test_they_are_the_fractions():
    having = schemes(higher_order=True)
    axes = {(axis.outputs, axis.taps): axis for each in having for axis in (each.vertical, each.horizontal)}
    found = STRUCT.findall(matrices_header(having))
    assert len(found) == len(axes) == 7
    for outputs, taps, at, bt in found:
        axis = axes[int(outputs), int(taps)]
        assert numbers(at) == axis.at
        assert numbers(bt) == axis.bt


def test_the_source_is_one_file():
    source = kernel_source(schemes())
    assert '#include "' not in source
    assert "Schemes<Tile<Axis<2, 3>, Axis<2, 3>>, Tile<Axis<4, 3>, Axis<4, 3>>" in source


@pytest.mark.parametrize(("points", "message"), [
    ((0, 1, -1, 2), "zip"), ((0, 1, -1, 2, 3), "wants the points"), ((1, -1, 2, -2, 0), "wants the points"),
    ((0, Fraction(1, 3), Fraction(-1, 3), 1, -1), "does not hold"),
    ((0, 1, -1, Fraction(4097, 4096), Fraction(-4097, 4096)), "does not hold"),
])  # fmt: skip
def test_what_the_kernel_cannot_compute_is_refused(points, message):
    """An odd number of points, pairs that are none, zero elsewhere; thirds, and numbers with more than 24 bits."""
    axis = Axis(len(points) - 1, 3, tuple(map(Fraction, points)))
    with pytest.raises(ValueError, match=message):
        matrices_header((Scheme(ALONE, axis),))
