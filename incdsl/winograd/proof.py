"""The identity behind a scheme, checked without rounding: in fractions, or in the field of a prime."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

from incdsl.winograd.axis import Matrix

Exact: TypeAlias = Sequence[Sequence[Fraction | int]]
"""Rows of fractions, or of residues."""


def mismatch(at: Exact, g: Exact, bt: Exact, prime: int | None = None) -> tuple[int, int, int] | None:
    """Where Aᵀ[(G g) · (Bᵀ d)] is not the filter y[i] = Σ g[k] · d[i + k]; None if they are one function.

    Both sides are linear in g and in d, so they are equal if they are for each tap alone and each input alone:
    Σ_j Aᵀ[i, j] · G[j, k] · Bᵀ[j, e] must be 1 where e = i + k, and 0 elsewhere.

    Args:
        at: `[outputs, size]`.
        g: `[size, taps]`.
        bt: `[size, size]`.
        prime: compare remainders of this prime; the matrices are then `residues`.

    Returns:
        The first output i, tap k and input e whose coefficient is wrong.
    """
    taps, size = len(g[0]), len(bt)
    for i, row in enumerate(at):
        for k in range(taps):
            weights = [row[j] * g[j][k] for j in range(size)]
            for e in range(size):
                wrong = sum(weights[j] * bt[j][e] for j in range(size)) - (e == i + k)
                if wrong if prime is None else wrong % prime:
                    return i, k, e
    return None


def residues(matrix: Matrix, prime: int) -> list[list[int]]:
    """A matrix in the field of a prime.

    Raises:
        ValueError: if the prime divides a denominator.
    """
    return [[each.numerator * pow(each.denominator, -1, prime) % prime for each in row] for row in matrix]
