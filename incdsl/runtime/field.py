"""Runs a graph on residues of a prime: exact at any depth, so that two graphs of one function agree to the last bit.

Convolutions, pools and sums are what they are, an average is a sum times the inverse of its divisor. A batch norm is
any affine map. ReLU is max(x, c) for one residue c: a fixed map that keeps order, as ReLU does. Whatever else is not
linear is some fixed map, the same in both graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from incdsl.ir.graph import Graph, Node
from incdsl.ops import Op, activation, dense, deployed, merge, norm, window
from incdsl.ops.base import Window
from incdsl.runtime.weights import PRIME, Field, Layer

FLOOR = float(PRIME // 2)
MAX_TERMS = 1 << 15
"""Products of residues in one sum that a float64 holds exactly."""


class NotInterpreted(Exception):
    """An op that has no meaning in the field."""


def run(graph: Graph, layers: Callable[[Node], Layer], field: Field, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """The outputs of a net on residues; `layers` gives the tensors of its nodes.

    Raises:
        NotInterpreted: if the net holds an op of which nothing is known.
    """
    values: dict[str, Tensor] = {node: inputs[name] for name, node in graph.inputs.items()}
    needed = graph.needed_by(list(graph.outputs.values()))
    for node in graph:
        if node.name in needed and graph.operands(node.name):
            operands = [values[name] for name in graph.operands(node.name)]
            rule = _RULES.get(type(node.op))
            if rule is None:
                raise NotInterpreted(node.op.word)
            layer = layers(node) if node.op.owns_parameters() else {}
            values[node.name] = rule(node.op, operands, layer, field)
    return [values[node] for node in graph.outputs.values()]


def _conv(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    weight, groups = layer["weight"], int(op.groups)
    settings = {name: tuple(map(int, getattr(op, name))) for name in ("stride", "padding", "dilation")}
    step = max(1, MAX_TERMS // (weight.shape[2] * weight.shape[3])) if groups == 1 else weight.shape[1]
    total: Tensor | float = 0.0
    for start in range(0, weight.shape[1], step):
        part = x[0][:, start : start + step] if groups == 1 else x[0]
        total = total + field.reduced(F.conv2d(part, weight[:, start : start + step], None, groups=groups, **settings))
    return _biased(field.reduced(torch.as_tensor(total)), layer, field)


def _packed(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    y = _conv(op, x, layer, field)
    return y.clamp(min=FLOOR) if op.relu else y


def _linear(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    weight = layer["weight"]
    total: Tensor | float = 0.0
    for start in range(0, weight.shape[1], MAX_TERMS):
        stop = start + MAX_TERMS
        total = total + field.reduced(x[0][:, start:stop] @ weight[:, start:stop].T)
    return _biased(field.reduced(torch.as_tensor(total)), layer, field)


def _biased(y: Tensor, layer: Layer, field: Field) -> Tensor:
    return field.reduced(y + _by_channel(layer["bias"], y)) if "bias" in layer else y


def _by_channel(values: Tensor, like: Tensor) -> Tensor:
    return values.view(-1, *[1] * (like.dim() - 2))


def _affine(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    return field.reduced(field.reduced(x[0] * _by_channel(layer["scale"], x[0])) + _by_channel(layer["shift"], x[0]))


def _floor(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    floor = torch.zeros(x[0].shape[1], dtype=torch.float64)
    floor[: int(op.active)] = FLOOR
    return torch.maximum(x[0], _by_channel(floor, x[0]))


def _maxpool(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    kernel, stride, padding, dilation = (
        tuple(map(int, getattr(op, name))) for name in ("kernel", "stride", "padding", "dilation")
    )
    return F.max_pool2d(x[0], kernel, stride, padding, dilation, bool(op.ceil))


def _avgpool(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    kernel, stride, padding = (tuple(map(int, getattr(op, name))) for name in ("kernel", "stride", "padding"))
    sums = F.avg_pool2d(x[0], kernel, stride, padding, bool(op.ceil), divisor_override=1)
    counted = bool(op.count_include_pad)
    rows, columns = (
        _cells(each, size, out, counted)
        for each, size, out in zip(op.windows(), x[0].shape[2:], sums.shape[2:], strict=True)
    )
    inverse = [[pow(r * c, -1, PRIME) for c in columns] for r in rows]
    return field.reduced(field.reduced(sums) * torch.tensor(inverse, dtype=torch.float64))


def _cells(each: Window, size: int, out: int, counted: bool) -> list[int]:
    """How many cells each window divides by along one axis: a window that is cut off at the end divides by less."""
    found = []
    for position in range(out):
        start = position * each.stride - each.padding
        stop = min(start + each.kernel, size + each.padding)
        found.append(stop - start if counted else min(stop, size) - max(start, 0))
    return found


def _mean(x: Tensor, field: Field) -> Tensor:
    return field.reduced(field.reduced(x.sum((2, 3))) * pow(x.shape[2] * x.shape[3], -1, PRIME))


def _gap(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    return _mean(x[0], field)[:, :, None, None]


def _adaptive(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    rows, columns = (
        [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
        for size, count in zip(x[0].shape[2:], map(int, op.size), strict=True)
    )
    means = [[_mean(x[0][:, :, a:b, c:d], field) for c, d in columns] for a, b in rows]
    return torch.stack([torch.stack(row, -1) for row in means], -2)


def _concat(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    return torch.cat(list(x), 1)


def _add(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    total = x[0]
    for other in x[1:]:
        total = field.reduced(total + other)
    return total


def _mul(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    product = x[0]
    for other in x[1:]:
        product = field.reduced(product * other)
    return product


def _normalize(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    scale, shift = (
        torch.tensor([field.number(float(v)) for v in values], dtype=torch.float64) for values in (op.scale, op.shift)
    )
    return field.reduced(field.reduced(x[0] * _by_channel(scale, x[0])) + _by_channel(shift, x[0]))


def _fixed(op: Op, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    """Some map of each residue by itself, the same for the same op and settings."""
    a, b = field.residues(f"map:{type(op).__name__}:{op.model_dump()}", (2,))
    return field.reduced(field.reduced(field.reduced(x[0] * x[0]) * a) + b)


def _fixed_above(op: Op, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    """Such a map to what ReLU leaves alone."""
    return _fixed(op, x, layer, field).clamp(min=FLOOR)


def _across(function: Callable[[Any, Tensor], Tensor]) -> Callable[..., Tensor]:
    """A map of several values to one, computed in floats and taken back to residues: the same for the same input."""

    def rule(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
        y = torch.floor(torch.frac(function(op, (x[0] / PRIME).contiguous()) * 1e6).abs() * PRIME)
        if "weight" in layer:
            y = field.reduced(y * _by_channel(layer["weight"], y))
        return _biased(y, layer, field)

    return rule


def _prelu(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    return torch.where(x[0] < FLOOR, field.reduced(x[0] * _by_channel(layer["weight"], x[0])), x[0])


def _layer_norm(op: Any, x: Tensor) -> Tensor:
    return F.layer_norm(x.movedim(1, -1), x.shape[1:2], eps=float(op.eps)).movedim(-1, 1)


def _group_norm(op: Any, x: Tensor) -> Tensor:
    # PyTorch wants more than one value in all of a batch, though none of its images reads another.
    return F.group_norm(torch.cat((x, x)), int(op.groups), eps=float(op.eps))[:1]


def _upsample(op: Any, x: Sequence[Tensor], layer: Layer, field: Field) -> Tensor:
    return torch.floor(F.interpolate(x[0], scale_factor=int(op.factor), mode=op.mode))


_RULES: dict[type[Op], Callable[..., Tensor]] = {
    window.Conv2d: _conv,
    window.MaxPool2d: _maxpool,
    window.AvgPool2d: _avgpool,
    window.AdaptiveAvgPool2d: _adaptive,
    window.GlobalAvgPool: _gap,
    window.Upsample: _upsample,
    dense.Linear: _linear,
    dense.Flatten: lambda op, x, *_: x[0].flatten(1),
    dense.Dropout: lambda op, x, *_: x[0],
    dense.Identity: lambda op, x, *_: x[0],
    dense.Scale: lambda op, x, _, field: field.reduced(x[0] * field.number(float(op.factor))),
    merge.Concat: _concat,
    merge.Add: _add,
    merge.Mul: _mul,
    merge.Slice: lambda op, x, *_: x[0][:, int(op.start) : int(op.stop)],
    merge.ChannelShuffle: lambda op, x, *_: F.channel_shuffle(x[0], int(op.groups)),
    norm.BatchNorm2d: _affine,
    norm.LayerScale: lambda op, x, layer, field: field.reduced(x[0] * _by_channel(layer["gamma"], x[0])),
    norm.Normalize: _normalize,
    norm.GroupNorm: _across(_group_norm),
    norm.LayerNorm: _across(_layer_norm),
    norm.LocalResponseNorm: _across(lambda op, x: F.local_response_norm(x, int(op.size))),
    activation.Softmax: _across(lambda op, x: torch.softmax(x, 1)),
    activation.ReLU: lambda op, x, *_: x[0].clamp(min=FLOOR),
    activation.ReLU6: lambda op, x, *_: x[0].clamp(min=FLOOR, max=FLOOR + PRIME // 4),
    activation.PReLU: _prelu,
    deployed.ChannelBias: lambda op, x, layer, field: _biased(x[0], layer, field),
    deployed.ActivationFloor: _floor,
    deployed.PackedConv2d: _packed,
    activation.LeakyReLU: _fixed,
    activation.GELU: _fixed,
    activation.SiLU: _fixed,
    activation.Sigmoid: _fixed_above,
    activation.Tanh: _fixed,
    activation.Hardsigmoid: _fixed_above,
    activation.Hardswish: _fixed,
}
