"""The schemes as C++: matrices that are constants of the kernel, written from their fractions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from importlib.resources import files

from incdsl.winograd.axis import Axis, Matrix
from incdsl.winograd.scheme import Scheme

_EXACT = 1 << 24
"""Whole numbers below it, over a power of two, are floats."""
_INCLUDE = '#include "winograd_matrices.h"\n'


def kernel_source(schemes: Sequence[Scheme]) -> str:
    """The kernel as one file, with the matrices of these schemes in place of its header."""
    text = files(__package__).joinpath("winograd.cpp").read_text(encoding="utf-8")
    return text.replace(_INCLUDE, matrices_header(schemes))


def matrices_header(schemes: Sequence[Scheme]) -> str:
    """`Matrices<outputs, taps>` with Aᵀ and Bᵀ for each axis, and `AllSchemes`. G is needed for weights only.

    Raises:
        ValueError: if the points of an axis do not come in pairs, or if a float does not hold a matrix exactly.
    """
    axes = dict.fromkeys(axis for scheme in schemes for axis in (scheme.vertical, scheme.horizontal))
    names = ", ".join(f"Tile<{_axis(each.vertical)}, {_axis(each.horizontal)}>" for each in schemes)
    return "\n".join([
        "// Written from the fractions of incdsl.winograd.",
        "template <int outputs, int taps> struct Matrices;",
        *map(_matrices, axes),
        "template <int outputs, int taps> struct Axis;",
        "template <class Y, class X> struct Tile {};",
        "template <class... Tiles> struct Schemes {};",
        f"using AllSchemes = Schemes<{names}>;",
        "",
    ])  # fmt: skip


def _axis(axis: Axis) -> str:
    return f"Axis<{axis.outputs}, {axis.taps}>"


def _matrices(axis: Axis) -> str:
    zero_and_pairs = [sum(pair) for pair in zip(axis.points[1::2], axis.points[2::2], strict=True)]
    if any(zero_and_pairs) or any(axis.points[:1]):
        raise ValueError(f"the kernel wants the points 0, p, -p, q, -q, …, not {axis.points}")
    head = f"template <> struct Matrices<{axis.outputs}, {axis.taps}> {{"
    return f"{head}\n{_constant('AT', axis.at)}\n{_constant('BT', axis.bt)}\n}};"


def _constant(name: str, matrix: Matrix) -> str:
    if any(Fraction(float(each)) != each or abs(each.numerator) >= _EXACT for row in matrix for each in row):
        raise ValueError(f"a float does not hold {name} exactly")
    rows = ", ".join("{" + ", ".join(str(float(each)) for each in row) + "}" for row in matrix)
    return f"    static constexpr Real {name}[{len(matrix)}][{len(matrix[0])}] = {{{rows}}};"
