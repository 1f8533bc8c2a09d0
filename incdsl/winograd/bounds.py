"""How much a scheme can lose to rounding, as its matrices tell.

Bᵀd, G g and Aᵀm add and subtract numbers that are larger than the result. What their sizes add up to, over what the
plain filter adds up, is the growth of the error: of its bound with 1-norms, of what to expect with 2-norms.
"""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

from incdsl.winograd.axis import Axis
from incdsl.winograd.scheme import Scheme


def worst_growth(scheme: Scheme) -> Fraction:
    """How many times larger the sum of absolute products can be than in the filter written out.

    Along one axis, max over i of Σ_j |Aᵀ[i, j]| · ‖G[j]‖₁ · ‖Bᵀ[j]‖₁, over the taps.
    """
    return _worst(scheme.vertical) * _worst(scheme.horizontal)


def typical_growth(scheme: Scheme) -> float:
    """The same for independent roundings of independent inputs and weights: what errors are like, not a bound.

    Along one axis, the root mean square over i of √(Σ_j Aᵀ[i, j]² · ‖G[j]‖₂² · ‖Bᵀ[j]‖₂²), over the root of the taps.
    """
    return sqrt(_typical_square(scheme.vertical) * _typical_square(scheme.horizontal))


def roundings(scheme: Scheme, channels: int) -> int:
    """Roundings on the longest way from an input and a weight to an output.

    Along each axis: a product and a sum for each of `size` inputs at most, and one to join a pair of points, into the
    tile and out of it; an entry of G and a sum for each tap. Then one for rounding a transformed weight, a product and
    a sum for each channel, and the bias.
    """
    axes = sum(2 * (axis.size + 1) + axis.taps + 1 for axis in (scheme.vertical, scheme.horizontal) if axis.points)
    return axes + 1 + (channels + 1) + 1


def relative_bound(scheme: Scheme, channels: int, unit: float) -> float:
    """γ = k·u / (1 − k·u) for k roundings: the error is at most γ times the sum of all absolute products.

    Args:
        scheme: what is computed.
        channels: input channels, over which products are summed in a row.
        unit: the unit roundoff u, 2⁻²⁴ in float32 and 2⁻⁵³ in float64.
    """
    total = roundings(scheme, channels) * unit
    return total / (1 - total)


def _worst(axis: Axis) -> Fraction:
    sums = [_sum_of_absolutes(g) * _sum_of_absolutes(b) for g, b in zip(axis.g, axis.bt, strict=True)]
    totals = [sum((abs(a) * each for a, each in zip(row, sums, strict=True)), Fraction(0)) for row in axis.at]
    return max(totals) / axis.taps


def _typical_square(axis: Axis) -> Fraction:
    squares = [_sum_of_squares(g) * _sum_of_squares(b) for g, b in zip(axis.g, axis.bt, strict=True)]
    total = sum((a * a * each for row in axis.at for a, each in zip(row, squares, strict=True)), Fraction(0))
    return total / (axis.outputs * axis.taps)


def _sum_of_absolutes(row: tuple[Fraction, ...]) -> Fraction:
    return sum((abs(each) for each in row), Fraction(0))


def _sum_of_squares(row: tuple[Fraction, ...]) -> Fraction:
    return sum((each * each for each in row), Fraction(0))
