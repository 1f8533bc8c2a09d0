"""F(m, r): m outputs of a filter with r taps, by m + r − 1 multiplications; one axis of a convolution."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from math import prod
from typing import TypeAlias

Matrix: TypeAlias = tuple[tuple[Fraction, ...], ...]
"""Rows of exact numbers."""

_ZERO, _ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True)
class Axis:
    """The filter y[i] = Σ g[k] · d[i + k] for i < m, k < r, by interpolation (Toom and Cook; Winograd).

    Transposed, the filter is the product of two polynomials with m and r coefficients. A product of degree m + r − 2 is
    known from its values at m + r − 1 points, and each value is one multiplication. The points are `points`, and
    infinity, where the value of a polynomial is its leading coefficient.

    F(1, 1), which has no points but infinity, leaves its axis alone.
    """

    outputs: int
    taps: int
    points: tuple[Fraction, ...]

    def __post_init__(self) -> None:
        """Check the points.

        Raises:
            ValueError: if there are not m + r − 2 of them, or if two are equal.
        """
        if len(set(self.points)) != len(self.points) or len(self.points) != self.size - 1:
            raise ValueError(f"F({self.outputs}, {self.taps}) needs {self.size - 1} different points")

    @property
    def size(self) -> int:
        """What a tile reads, and the multiplications it takes: m + r − 1."""
        return self.outputs + self.taps - 1

    @cached_property
    def at(self) -> Matrix:
        """Aᵀ, `[m, size]`: from the products to the outputs. Column j has the powers of point j."""
        return tuple(tuple(_value(i, point, self.outputs) for point in self._all_points) for i in range(self.outputs))

    @cached_property
    def g(self) -> Matrix:
        """G, `[size, r]`: from the taps to the factors, the values of a polynomial over Lagrange's denominators."""
        return tuple(
            tuple(_value(k, point, self.taps) / self._denominator(point) for k in range(self.taps))
            for point in self._all_points
        )

    @cached_property
    def bt(self) -> Matrix:
        """Bᵀ, `[size, size]`: from a tile to the factors. Row j has the coefficients of Π (x − other points)."""
        rows = [_coefficients(self._others(point)) for point in self._all_points]
        return tuple((*row, *[_ZERO] * (self.size - len(row))) for row in rows)

    @property
    def _all_points(self) -> tuple[Fraction | None, ...]:
        """The points, and infinity, which is None."""
        return (*self.points, None)

    def _others(self, point: Fraction | None) -> list[Fraction]:
        return [other for other in self.points if other != point]

    def _denominator(self, point: Fraction | None) -> Fraction:
        return _ONE if point is None else prod((point - other for other in self._others(point)), start=_ONE)


def paired(outputs: int, taps: int, *magnitudes: str) -> Axis:
    """F(m, r) at 0, ±p, ±q, … and infinity: rows of p and −p share their sums, which halves the work.

    Points in this order are what the kernel relies on.
    """
    pairs = [(Fraction(each), -Fraction(each)) for each in magnitudes]
    return Axis(outputs, taps, (_ZERO, *(point for pair in pairs for point in pair)))


def _value(power: int, point: Fraction | None, terms: int) -> Fraction:
    """x^power at a point; at infinity only the last of the terms is left."""
    if point is None:
        return _ONE if power == terms - 1 else _ZERO
    return point**power


def _coefficients(roots: list[Fraction]) -> tuple[Fraction, ...]:
    """Π (x − root), its coefficients from the constant term on."""

    def times(polynomial: tuple[Fraction, ...], root: Fraction) -> tuple[Fraction, ...]:
        raised, scaled = (_ZERO, *polynomial), (*(root * each for each in polynomial), _ZERO)
        return tuple(a - b for a, b in zip(raised, scaled, strict=True))

    return reduce(times, roots, (_ONE,))
