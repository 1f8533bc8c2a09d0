"""Every scheme is the filter that it stands for, in fractions and in the certificate's field; no slip gets through."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, strategies as st

from incdsl.winograd import Axis, mismatch, residues, scheme_named, schemes

PRIME = (1 << 19) - 1
"""That of `incdsl.runtime.field`, which needs PyTorch; `test_weights` compares the two."""
SCHEMES = schemes(higher_order=True)
AXES = list(dict.fromkeys(axis for scheme in SCHEMES for axis in (scheme.vertical, scheme.horizontal)))


def named(axis):
    return f"F({axis.outputs},{axis.taps})"


@pytest.mark.parametrize("axis", AXES, ids=named)
def test_the_identity_holds_in_fractions(axis):
    assert mismatch(axis.at, axis.g, axis.bt) is None


@pytest.mark.parametrize("axis", AXES, ids=named)
def test_the_identity_holds_in_the_field(axis):
    assert mismatch(*(residues(each, PRIME) for each in (axis.at, axis.g, axis.bt)), PRIME) is None


def test_a_prime_that_divides_a_denominator_is_refused():
    with pytest.raises(ValueError, match="not invertible"):
        residues(scheme_named("F(4x4,3x3)").vertical.bt, 2)


@pytest.mark.thorough
@pytest.mark.parametrize("axis", AXES, ids=named)
@pytest.mark.parametrize("changed", [0, 1, 2], ids=["A", "G", "B"])
@pytest.mark.parametrize("prime", [None, PRIME], ids=["fractions", "field"])
def test_every_wrong_entry_is_noticed(axis, changed, prime):
    """Each entry with the other sign, left out, and one larger."""
    matrices = axis.at, axis.g, axis.bt
    exact = [residues(each, prime) for each in matrices] if prime else matrices
    count = 0
    for i, row in enumerate(exact[changed]):
        for j, entry in enumerate(row):
            for wrong in {-entry, entry * 0, entry + 1} - {entry}:
                mutant = list(exact)
                mutant[changed] = [*exact[changed][:i], [*row[:j], wrong, *row[j + 1 :]], *exact[changed][i + 1 :]]
                assert mismatch(*mutant, prime) is not None, (i, j, wrong)
                count += 1
    assert count >= len(exact[changed]) * len(exact[changed][0])


def test_the_mismatch_is_where_the_slip_is():
    axis = scheme_named("F(2x2,3x3)").vertical
    wrong = (axis.at[0], tuple(-each for each in axis.at[1]))
    assert mismatch(wrong, axis.g, axis.bt) == (1, 0, 1)


def test_two_axes_are_the_filter_of_two_axes():
    """F(2x2, 3x3) written out: one equation for each output, tap and input."""
    axis = scheme_named("F(2x2,3x3)").vertical
    m, r, n = range(axis.outputs), range(axis.taps), range(axis.size)
    for i, j, k, q, e, f in product(m, m, r, r, n, n):
        total = sum(
            axis.at[i][a] * axis.at[j][b] * axis.g[a][k] * axis.g[b][q] * axis.bt[a][e] * axis.bt[b][f]
            for a, b in product(n, n)
        )
        assert total == (e == i + k and f == j + q)


@given(st.integers(1, 5), st.integers(1, 5), st.data())
def test_any_points_do(outputs, taps, data):
    count = outputs + taps - 2
    fractions = st.fractions(min_value=-4, max_value=4, max_denominator=8)
    points = data.draw(st.lists(fractions, min_size=count, max_size=count, unique=True))
    axis = Axis(outputs, taps, tuple(points))
    assert mismatch(axis.at, axis.g, axis.bt) is None


@pytest.mark.parametrize("points", [(0, 1), (0, 1, 1), (0, 1, -1, 2)])
def test_points_must_differ_and_be_enough(points):
    with pytest.raises(ValueError, match="needs 3 different points"):
        Axis(2, 3, tuple(map(Fraction, points)))


@pytest.mark.parametrize("axis", [axis for axis in AXES if axis.points], ids=named)
def test_rows_of_a_pair_share_their_sums(axis):
    """What the kernel relies on: it reads the row of p, and takes that of -p to be the same with odd signs turned."""
    for j in range(1, axis.size - 1, 2):
        assert [entry * (-1) ** e for e, entry in enumerate(axis.bt[j])] == list(axis.bt[j + 1])
        assert [row[j] * (-1) ** i for i, row in enumerate(axis.at)] == [row[j + 1] for row in axis.at]


def test_the_schemes():
    assert [scheme.name for scheme in schemes()] == [
        "F(2x2,3x3)", "F(4x4,3x3)", "F(4x4,5x5)", "F(1x4,1x7)", "F(4x1,7x1)", "F(1x4,1x3)", "F(4x1,3x1)",
    ]  # fmt: skip
    assert [scheme.name for scheme in SCHEMES[len(schemes()) :]] == ["F(6x6,3x3)", "F(1x6,1x7)", "F(6x1,7x1)"]
    assert [float(scheme.saving) for scheme in schemes()] == [2.25, 4, 6.25, 2.8, 2.8, 2, 2]
    assert all(scheme_named(scheme.name) == scheme for scheme in SCHEMES)
    with pytest.raises(ValueError, match="no scheme F"):
        scheme_named("F(3x3,3x3)")
