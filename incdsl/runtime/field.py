"""Runs a graph on residues of a prime: exact at any depth, so that two graphs of one function agree to the last bit.

What stands for an op there is its own rule, `Op.on_residues`: convolutions, pools and sums are what they are, an
average is a sum times the inverse of its divisor, and whatever is not linear is some map, the same in both graphs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from incdsl.ir.graph import Graph, Node
from incdsl.ops import Op
from incdsl.ops.meaning import Own, PrimeField
from incdsl.runtime.weights import Layer, affine

PRIME = (1 << 19) - 1
"""Products of residues stay below 2³⁸; a float64 holds sums of 2¹⁵ of them."""
_EXACT = 1 << 53
_HALF = 1 << 10
"""Halves of a residue: products with one stay below 2²⁹."""


class NoFieldRule(Exception):
    """An op that does not say what stands for it in the field: its word."""


class Field:
    """Residues in float64, drawn for each tensor of the training net; it is what `PrimeField` promises to ops."""

    torch: Any = torch
    prime = PRIME
    floor = PRIME // 2

    def __init__(self, shapes: Mapping[str, Mapping[str, tuple[int, ...]]], trial: int) -> None:
        self._shapes = shapes
        self._trial = trial

    # What ops use

    def reduced(self, values: Tensor) -> Tensor:
        """The remainders."""
        return torch.remainder(values, PRIME)

    def number(self, value: float) -> float:
        """A residue of its own for every number, but 0 and 1 themselves."""
        if value in (0, 1):
            return float(value)
        return float(self.residues(f"number:{value!r}", (1,)).item())

    def inverse(self, number: int) -> int:
        """The residue that gives 1 when it is multiplied with the number."""
        return pow(number, -1, PRIME)

    def bilinear(self, function: Callable[[Tensor, Tensor], Tensor], left: Tensor, right: Tensor, terms: int) -> Tensor:
        """A sum of products; where a float64 would not hold it, the right factors are taken in two halves."""
        if terms * PRIME * PRIME < _EXACT:
            return self.reduced(function(left, right))
        if terms * PRIME * _HALF >= _EXACT:
            raise OverflowError(f"a sum of {terms:,} products of residues is not exact")
        high = torch.floor(right / _HALF)
        return self.reduced(
            self.reduced(function(left, high)) * _HALF + self.reduced(function(left, right - high * _HALF))
        )

    def affine(self, own: Own, eps: float) -> tuple[Tensor, Tensor]:
        """Scale and shift of a batch norm."""
        return affine(own, eps, self)

    def rectified(self, values: Tensor) -> Tensor:
        """max(x, floor)."""
        return values.clamp(min=self.floor)

    def fixed(self, op: Op, values: Tensor) -> Tensor:
        """A quadratic map for each op and its settings."""
        return self._square_map(f"map:{type(op).__module__}.{type(op).__name__}:{op.model_dump()}", values)

    def across(self, values: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Digits of what the function makes of the residues as fractions."""
        return torch.floor(torch.frac(function((values / PRIME).contiguous()) * 1e6).abs() * PRIME)

    # What weights are computed with

    def layer(self, path: str) -> Layer:
        """Residues in the shapes of a module's tensors."""
        return {name: self.residues(f"{path}.{name}", shape) for name, shape in self._shapes[path].items()}

    def inverse_root(self, values: Tensor, eps: float) -> Tensor:
        """A fixed map for each epsilon stands for 1/√(x + ε)."""
        return self._square_map(f"inverse root:{eps!r}", values)

    def residues(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Residues that depend on the name and the trial alone."""
        seed = int.from_bytes(hashlib.sha256(f"{self._trial} {name}".encode()).digest()[:8], "big") >> 1
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(0, PRIME, shape, generator=generator).double()

    def _square_map(self, name: str, values: Tensor) -> Tensor:
        a, b = self.residues(name, (2,))
        return self.reduced(self.reduced(self.reduced(values * values) * a) + b)


def run(graph: Graph, layers: Callable[[Node], Layer], field: PrimeField, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """The outputs of a net on residues; `layers` gives the tensors of its nodes.

    Raises:
        NoFieldRule: if there is an op without a rule.
    """
    values: dict[str, Tensor] = {node: inputs[name] for name, node in graph.inputs.items()}
    needed = graph.needed_by(list(graph.outputs.values()))
    for node in graph:
        if node.name in needed and graph.operands(node.name):
            operands = [values[name] for name in graph.operands(node.name)]
            own = layers(node) if node.op.owns_parameters() else {}
            value = node.op.on_residues(field, own, *operands)
            if value is None:
                raise NoFieldRule(node.op.word)
            values[node.name] = value
    return [values[node] for node in graph.outputs.values()]
