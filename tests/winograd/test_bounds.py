"""What matrices say about rounding."""

from fractions import Fraction
from math import isclose, sqrt

import pytest

from incdsl.winograd import Axis, Scheme, relative_bound, roundings, scheme_named, schemes, typical_growth, worst_growth
from tests.process import ROOT

ALONE = Axis(1, 1, ())


def test_an_axis_that_is_left_alone_loses_nothing():
    scheme = Scheme(ALONE, ALONE)
    assert worst_growth(scheme) == typical_growth(scheme) == 1
    assert roundings(scheme, 5) == 8  # a weight, a product and four sums and one for a zero to begin with, the bias


def test_the_growth_of_the_smallest_scheme_by_hand():
    """F(2, 3) at 0, 1, -1, infinity: rows of Bᵀ have two entries of 1, rows of G have 1-norms 1, 3/2, 3/2, 1."""
    scheme = scheme_named("F(2x2,3x3)")
    assert worst_growth(scheme) == Fraction(2 + 3 + 3, 3) ** 2
    squares = 2 * 1 + 2 * 2 * Fraction(3, 4)  # each of the two outputs: a point of G alone, and the pair
    assert isclose(typical_growth(scheme), sqrt(squares / 3) ** 2)


@pytest.mark.parametrize("scheme", schemes(higher_order=True), ids=str)
def test_what_is_typical_is_less_than_the_worst(scheme):
    assert 1 < typical_growth(scheme) < worst_growth(scheme)


@pytest.mark.parametrize(("lower", "higher"), [("F(4x4,3x3)", "F(6x6,3x3)"), ("F(1x4,1x7)", "F(1x6,1x7)")])
def test_a_higher_order_loses_more(lower, higher):
    """Three to four times as much; this is why it is asked for."""
    growth = typical_growth(scheme_named(higher)) / typical_growth(scheme_named(lower))
    assert 3 < growth < 4.1


def test_both_ways_round_lose_the_same():
    assert worst_growth(scheme_named("F(1x4,1x7)")) == worst_growth(scheme_named("F(4x1,7x1)"))


def test_the_points_of_f43_are_better_than_the_usual_ones():
    usual = Axis(4, 3, tuple(map(Fraction, (0, 1, -1, 2, -2))))
    assert typical_growth(scheme_named("F(4x4,3x3)")) < typical_growth(Scheme(usual, usual)) / 1.5


def test_the_bound_grows_with_the_channels_and_the_unit():
    scheme = scheme_named("F(4x4,3x3)")
    assert roundings(scheme, 7) == roundings(scheme, 6) + 1
    bound = relative_bound(scheme, 6, 2.0**-24)
    assert bound > roundings(scheme, 6) * 2.0**-24
    assert isclose(relative_bound(scheme, 6, 2.0**-53), bound * 2.0**-29, rel_tol=1e-4)


def test_the_page_shows_what_is_computed():
    """The table of docs/winograd.md, line by line."""
    page = (ROOT / "docs" / "winograd.md").read_text(encoding="utf-8")
    for scheme in schemes(higher_order=True):
        memory = scheme.size / (scheme.taps[0] * scheme.taps[1])
        growth = f"{float(worst_growth(scheme)):.0f} | {typical_growth(scheme):.1f}"
        assert f"| {scheme} | {float(scheme.saving):.2f} | {memory:.2f} | {growth} |" in page
