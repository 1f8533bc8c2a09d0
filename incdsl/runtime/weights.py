"""Evaluates weight expressions: in the reals for checkpoints, in a prime field for proofs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from incdsl.ir.weight_expr import (
    BiasOf,
    Composed,
    Enlarged,
    Folded,
    Kept,
    Merged,
    Normalized,
    Scaled,
    WeightExpr,
    WeightOf,
)

Layer = dict[str, Tensor]

PRIME = (1 << 19) - 1
"""Products of residues stay below 2³⁸; a float64 holds sums of 2¹⁵ of them."""


class Algebra(Protocol):
    """Numbers in which weights are computed."""

    def layer(self, path: str) -> Layer:
        """The tensors of a module of the training net."""

    def affine(self, path: str, eps: float) -> tuple[Tensor, Tensor]:
        """Scale and shift of a batch norm in evaluation."""

    def number(self, value: float) -> float:
        """A constant of the net."""

    def reduced(self, tensor: Tensor) -> Tensor:
        """The canonical form of a result."""


class Reals:
    """float64, with the tensors of a state_dict."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._layers: dict[str, Layer] = {}
        for key, tensor in state.items():
            path, _, name = key.rpartition(".")
            self._layers.setdefault(path, {})[name] = tensor.double()

    def layer(self, path: str) -> Layer:
        """The tensors of a module."""
        return self._layers[path]

    def affine(self, path: str, eps: float) -> tuple[Tensor, Tensor]:
        """Scale and shift of a batch norm."""
        norm = self._layers[path]
        scale = norm["weight"] / torch.sqrt(norm["running_var"] + eps)
        return scale, norm["bias"] - norm["running_mean"] * scale

    def number(self, value: float) -> float:
        """The number itself."""
        return value

    def reduced(self, tensor: Tensor) -> Tensor:
        """Nothing to do."""
        return tensor


class Field:
    """Residues of a prime in float64, drawn for each tensor of the training net; batch norms are any affine maps."""

    def __init__(self, shapes: Mapping[str, Mapping[str, tuple[int, ...]]], trial: int) -> None:
        self._shapes = shapes
        self._trial = trial

    def layer(self, path: str) -> Layer:
        """Residues in the shapes of a module's tensors."""
        return {name: self.residues(f"{path}.{name}", shape) for name, shape in self._shapes[path].items()}

    def affine(self, path: str, eps: float) -> tuple[Tensor, Tensor]:
        """Any scale, and any shift."""
        shape = self._shapes[path]["weight"]
        return self.residues(f"{path}:scale:{eps!r}", shape), self.residues(f"{path}:shift:{eps!r}", shape)

    def number(self, value: float) -> float:
        """A residue of its own for every number, but 0 and 1 themselves."""
        if value in (0, 1):
            return float(value)
        return float(self.residues(f"number:{value!r}", (1,)).item())

    def reduced(self, tensor: Tensor) -> Tensor:
        """The remainder."""
        return torch.remainder(tensor, PRIME)

    def residues(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Residues that depend on the name and the trial alone."""
        seed = int.from_bytes(hashlib.sha256(f"{self._trial} {name}".encode()).digest()[:8], "big") >> 1
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(0, PRIME, shape, generator=generator).double()


def evaluate(expr: WeightExpr, algebra: Algebra) -> Layer:
    """The tensors that an expression stands for."""
    match expr:
        case Kept(prefix=prefix):
            return algebra.layer(prefix)
        case Merged(parts=parts):
            return _merged([evaluate(part, algebra) for part in parts])
        case Folded(layer=inner, norm=norm, eps=eps):
            return _folded(evaluate(inner, algebra), *algebra.affine(norm, eps), algebra)
        case Scaled(layer=inner, factor=factor):
            number = algebra.number(factor)
            return {name: algebra.reduced(t * number) for name, t in evaluate(inner, algebra).items()}
        case Normalized(layer=inner, scale=scale, shift=shift):
            return _normalized(evaluate(inner, algebra), scale, shift, algebra)
        case Enlarged(layer=inner, kernel=kernel):
            layer = evaluate(inner, algebra)
            height, width = ((k - s) // 2 for k, s in zip(kernel, layer["weight"].shape[2:], strict=True))
            return {**layer, "weight": F.pad(layer["weight"], (width, width, height, height))}
        case Composed(inner=first, outer=second):
            return _composed(evaluate(first, algebra), evaluate(second, algebra), algebra)
        case WeightOf(layer=inner):
            return {"weight": evaluate(inner, algebra)["weight"]}
        case BiasOf(layer=inner):
            return {"bias": evaluate(inner, algebra)["bias"]}


def _folded(layer: Layer, scale: Tensor, shift: Tensor, algebra: Algebra) -> Layer:
    weight = layer["weight"]
    by_output = scale.view(-1, *[1] * (weight.dim() - 1))
    bias = algebra.reduced(layer["bias"] * scale) + shift if "bias" in layer else shift
    return {"weight": algebra.reduced(weight * by_output), "bias": algebra.reduced(bias)}


def _merged(layers: list[Layer]) -> Layer:
    merged = {"weight": torch.cat([layer["weight"] for layer in layers])}
    if any("bias" in layer for layer in layers):
        biases = [layer.get("bias", layer["weight"].new_zeros(len(layer["weight"]))) for layer in layers]
        merged["bias"] = torch.cat(biases)
    return merged


def _composed(inner: Layer, outer: Layer, algebra: Algebra) -> Layer:
    weight, rim = outer["weight"], [size - 1 for size in outer["weight"].shape[2:]]
    full = F.conv2d(inner["weight"].transpose(0, 1), weight.flip(2, 3), padding=rim).transpose(0, 1)
    layer = {"weight": algebra.reduced(full)}
    if "bias" in inner or "bias" in outer:
        passed = inner.get("bias", weight.new_zeros(weight.shape[1])).view(-1, 1, 1)
        layer["bias"] = algebra.reduced(algebra.reduced(weight * passed).sum((1, 2, 3)) + outer.get("bias", 0.0))
    return layer


def _normalized(layer: Layer, scale: tuple[float, ...], shift: tuple[float, ...], algebra: Algebra) -> Layer:
    weight = layer["weight"]
    scales, shifts = (
        torch.tensor([algebra.number(v) for v in values], dtype=torch.float64).view(-1, 1, 1)
        for values in (scale, shift)
    )
    bias = algebra.reduced(weight * shifts).sum((1, 2, 3)) + layer.get("bias", 0.0)
    return {"weight": algebra.reduced(weight * scales), "bias": algebra.reduced(bias)}
