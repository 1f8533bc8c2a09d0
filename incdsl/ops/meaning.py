"""What ops are given to say what they compute: PyTorch itself, and a prime field. Neither is imported here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from incdsl.ops.base import Op

Torch: TypeAlias = Any
"""The module `torch`, which whoever runs an op hands in: ops are read where PyTorch is not installed."""
Values: TypeAlias = Any
"""A `torch.Tensor` of numbers; images are `[N, C, H, W]`, vectors `[N, C]`."""
Own: TypeAlias = Mapping[str, Values]
"""The tensors of one node, by the names that `Op.tensors` gives them."""


class PrimeField(Protocol):
    """Residues of a prime, kept in float64: sums and products are exact at any depth.

    Two graphs that are one function agree on residues to the last bit, if every op keeps to one rule: what is linear is
    what it is, and whatever else is some fixed map, the same wherever the op stands.
    """

    torch: Torch
    prime: int
    floor: int
    """The residue below which ReLU raises what it reads."""

    def reduced(self, values: Values) -> Values:
        """The remainders of whole numbers below 2⁵³."""

    def number(self, value: float) -> float:
        """The residue that stands for a constant of the net; 0 and 1 are themselves."""

    def inverse(self, number: int) -> int:
        """What a number divides by: `x · inverse(n)` is x / n."""

    def bilinear(self, function: Callable[[Values, Values], Values], left: Values, right: Values, terms: int) -> Values:
        """A sum of products, such as a convolution, reduced; each sum has at most `terms` products, below 2²⁴."""

    def affine(self, own: Own, eps: float) -> tuple[Values, Values]:
        """Scale and shift of a batch norm with these tensors."""

    def rectified(self, values: Values) -> Values:
        """max(x, floor): a fixed map that keeps order, as ReLU does."""

    def fixed(self, op: Op, values: Values) -> Values:
        """Some map of each residue by itself, the same for the same op and settings."""

    def across(self, values: Values, function: Callable[[Values], Values]) -> Values:
        """A map of several values to one, such as a norm, computed in floats and taken back to residues."""


def by_channel(values: Values, like: Values) -> Values:
    """One number for each channel, in a shape that goes with an image or a vector."""
    return values.reshape(-1, *[1] * (like.dim() - 2))


def whole(pair: tuple[int, int]) -> tuple[int, int]:
    """A setting of both axes in plain numbers, as PyTorch takes it."""
    return int(pair[0]), int(pair[1])
