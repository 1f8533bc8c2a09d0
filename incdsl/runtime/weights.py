"""Evaluates weight expressions: in the reals for checkpoints, in a prime field for proofs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from incdsl.diagnostics import CompilerBug
from incdsl.ir.weight_expr import (
    BiasOf,
    Channels,
    Composed,
    Enlarged,
    Folded,
    IdentityOf,
    Kept,
    Merged,
    Normalized,
    Prenormed,
    Scaled,
    Summed,
    Transposed,
    Unscaled,
    Unshifted,
    WeightExpr,
    WeightOf,
    parts,
)

Layer = dict[str, Tensor]


class Numbers(Protocol):
    """What weights are computed in."""

    def inverse_root(self, values: Tensor, eps: float) -> Tensor:
        """1/√(x + ε), or what stands for it."""

    def number(self, value: float) -> float:
        """A constant of the net."""

    def reduced(self, tensor: Tensor) -> Tensor:
        """The canonical form of a result."""


class Algebra(Numbers, Protocol):
    """Numbers, with the tensors of the training net."""

    def layer(self, path: str) -> Layer:
        """The tensors of a module."""


class Reals:
    """float64, with the tensors of a state_dict."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._layers: dict[str, Layer] = {}
        for key, tensor in state.items():
            path, _, name = key.rpartition(".")
            self._layers.setdefault(path, {})[name] = tensor.double()
            self._layers[key] = {"": tensor.double()}  # a parameter of a class itself

    def layer(self, path: str) -> Layer:
        """The tensors of a module."""
        return self._layers[path]

    def inverse_root(self, values: Tensor, eps: float) -> Tensor:
        """1/√(x + ε)."""
        return 1 / torch.sqrt(values + eps)

    def number(self, value: float) -> float:
        """The number itself."""
        return value

    def reduced(self, tensor: Tensor) -> Tensor:
        """Nothing to do."""
        return tensor


def affine(norm: Mapping[str, Tensor], eps: float, algebra: Numbers) -> tuple[Tensor, Tensor]:
    """Scale and shift of a batch norm in evaluation: γ/√(σ² + ε), and β − μ times that."""
    scale = algebra.reduced(norm["weight"] * algebra.inverse_root(norm["running_var"], eps))
    return scale, algebra.reduced(norm["bias"] - algebra.reduced(norm["running_mean"] * scale))


def evaluate(expr: WeightExpr, algebra: Algebra) -> Layer:
    """The tensors that an expression stands for."""
    if isinstance(expr, Kept):
        return algebra.layer(expr.prefix)
    layers = [evaluate(part, algebra) for part in parts(expr)]
    match expr:
        case Folded(eps=eps):
            return _folded(layers[0], *affine(layers[1], eps, algebra), algebra)
        case Prenormed(eps=eps):
            return _normalized(layers[0], *affine(layers[1], eps, algebra), algebra)
        case Merged():
            return _merged(layers)
        case Summed():
            return _summed(layers, algebra)
        case Composed():
            return _composed(layers[0], layers[1], algebra)
    return _changed(expr, layers[0], algebra)


def _changed(expr: WeightExpr, layer: Layer, algebra: Algebra) -> Layer:
    """What an expression makes of one layer."""
    match expr:
        case Channels(start=start, stop=stop):
            return {name: tensor[start:stop] for name, tensor in layer.items() if tensor.dim()}
        case Unscaled():
            return {**layer, "weight": torch.ones_like(layer["running_var"])}
        case Unshifted():
            return {**layer, "bias": torch.zeros_like(layer["running_var"])}
        case Scaled(factor=factor):
            number = algebra.number(factor)
            return {name: algebra.reduced(t * number) for name, t in layer.items()}
        case Normalized(scale=scale, shift=shift):
            scales, shifts = (
                torch.tensor([algebra.number(v) for v in values], dtype=torch.float64) for values in (scale, shift)
            )
            return _normalized(layer, scales, shifts, algebra)
        case Enlarged(kernel=kernel):
            height, width = ((k - s) // 2 for k, s in zip(kernel, layer["weight"].shape[2:], strict=True))
            return {**layer, "weight": F.pad(layer["weight"], (width, width, height, height))}
        case IdentityOf():
            filters, inputs = layer["weight"].shape[:2]
            square = torch.eye(inputs, dtype=torch.float64).repeat(filters // inputs, 1)
            return {"weight": square.view(filters, inputs, 1, 1)}
        case Transposed(groups=groups):
            weight = layer["weight"]
            return {**layer, "weight": weight.view(groups, -1, *weight.shape[1:]).transpose(1, 2).flatten(0, 1)}
        case WeightOf():
            return {"weight": layer["weight"]}
        case BiasOf():
            return {"bias": layer["bias"]}
    raise CompilerBug(f"{type(expr).__name__} is not evaluated")


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


def _summed(layers: list[Layer], algebra: Algebra) -> Layer:
    summed = {"weight": algebra.reduced(torch.stack([layer["weight"] for layer in layers]).sum(0))}
    if biases := [layer["bias"] for layer in layers if "bias" in layer]:
        summed["bias"] = algebra.reduced(torch.stack(biases).sum(0))
    return summed


def _composed(inner: Layer, outer: Layer, algebra: Algebra) -> Layer:
    weight, rim = outer["weight"], [size - 1 for size in outer["weight"].shape[2:]]
    full = F.conv2d(inner["weight"].transpose(0, 1), weight.flip(2, 3), padding=rim).transpose(0, 1)
    layer = {"weight": algebra.reduced(full)}
    if "bias" in inner or "bias" in outer:
        passed = inner.get("bias", weight.new_zeros(weight.shape[1])).view(-1, 1, 1)
        layer["bias"] = algebra.reduced(algebra.reduced(weight * passed).sum((1, 2, 3)) + outer.get("bias", 0.0))
    return layer


def _normalized(layer: Layer, scale: Tensor, shift: Tensor, algebra: Algebra) -> Layer:
    weight = layer["weight"]
    scales, shifts = (_by_input(values, weight) for values in (scale, shift))
    bias = algebra.reduced(weight * shifts).sum((1, 2, 3)) + layer.get("bias", 0.0)
    return {"weight": algebra.reduced(weight * scales), "bias": algebra.reduced(bias)}


def _by_input(values: Tensor, weight: Tensor) -> Tensor:
    """A number for each channel that flows in, for each filter those of its group."""
    groups = values.view(-1, weight.shape[1])
    return groups.repeat_interleave(len(weight) // len(groups), 0)[:, :, None, None]
