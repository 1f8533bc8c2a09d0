"""Convolutions with fewer multiplications, as exact fractions: y = Aᵀ[(G g) · (Bᵀ d)]."""

from incdsl.winograd.axis import Axis, Matrix
from incdsl.winograd.bounds import relative_bound, roundings, typical_growth, worst_growth
from incdsl.winograd.proof import mismatch, residues
from incdsl.winograd.scheme import Scheme, scheme_named, schemes

__all__ = [
    "Axis", "Matrix", "Scheme", "mismatch", "relative_bound", "residues", "roundings", "scheme_named", "schemes",
    "typical_growth", "worst_growth",
]  # fmt: skip
