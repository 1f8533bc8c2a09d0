"""Computes a net from its graph with `torch.nn.functional`, as PyTorch's documentation describes the ops.

It reads the structure alone: nodes, operands, fields of ops, and the module's state_dict by key. No shape rule, no
lowering and no generated code takes part, so that what the generated module computes can be compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from incdsl.ir.graph import Graph

Own = Mapping[str, Tensor]
"""The tensors of one node, by the last part of their keys."""


Meaning = Callable[..., Tensor]
"""Of an op's fields, its tensors and its operands."""


class Unknown(Exception):
    """An op that another package brings: its word."""


def interpret(graph: Graph, inputs: Sequence[Tensor], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The value of every node in evaluation, heads included, by name; inputs in order, tensors by their keys.

    Raises:
        Unknown: if there is an op that is not the language's own.
    """
    known = dict(zip(graph.inputs.values(), inputs, strict=True))
    tensors: dict[str, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        path, _, name = key.rpartition(".")
        tensors.setdefault(path, {})[name] = tensor
    for node in graph:
        if node.name in known:
            continue
        meaning = MEANING.get(node.op.word)
        if meaning is None:
            raise Unknown(node.op.word)
        operands = [known[name] for name in graph.operands(node.name)]
        known[node.name] = meaning(node.op, tensors.get(node.path, {}), *operands)
    return known


def _pair(value: Any) -> tuple[int, int]:
    return int(value[0]), int(value[1])


def _conv2d(op: Any, own: Own, x: Tensor) -> Tensor:
    stride, padding, dilation = _pair(op.stride), _pair(op.padding), _pair(op.dilation)
    return F.conv2d(x, own["weight"], own["bias"] if op.bias else None, stride, padding, dilation, int(op.groups))


def _maxpool(op: Any, own: Own, x: Tensor) -> Tensor:
    return F.max_pool2d(x, _pair(op.kernel), _pair(op.stride), _pair(op.padding), _pair(op.dilation), ceil_mode=op.ceil)


def _avgpool(op: Any, own: Own, x: Tensor) -> Tensor:
    """The sum of each window over how many cells it counts, which PyTorch's pool of ones tells."""
    return F.avg_pool2d(
        x,
        _pair(op.kernel),
        _pair(op.stride),
        _pair(op.padding),
        ceil_mode=op.ceil,
        count_include_pad=op.count_include_pad,
    )


def _batchnorm(op: Any, own: Own, x: Tensor) -> Tensor:
    along = [1, -1] + [1] * (x.dim() - 2)
    mean, var, weight, bias = (own[k].reshape(along) for k in ("running_mean", "running_var", "weight", "bias"))
    return (x - mean) / (var + float(op.eps)).sqrt() * weight + bias


def _layernorm(op: Any, own: Own, x: Tensor) -> Tensor:
    """Over the channels of every position."""
    along = [1, -1] + [1] * (x.dim() - 2)
    mean = x.mean(1, keepdim=True)
    var = (x - mean).square().mean(1, keepdim=True)
    return (x - mean) / (var + float(op.eps)).sqrt() * own["weight"].reshape(along) + own["bias"].reshape(along)


def _groupnorm(op: Any, own: Own, x: Tensor) -> Tensor:
    """Over all numbers of a group of channels."""
    groups = x.reshape(len(x), int(op.groups), -1)
    mean = groups.mean(2, keepdim=True)
    var = (groups - mean).square().mean(2, keepdim=True)
    along = [1, -1] + [1] * (x.dim() - 2)
    normal = ((groups - mean) / (var + float(op.eps)).sqrt()).reshape(x.shape)
    return normal * own["weight"].reshape(along) + own["bias"].reshape(along)


def _lrn(op: Any, own: Own, x: Tensor) -> Tensor:
    """Channels from `size // 2` below to `(size - 1) // 2` above, zeros outside."""
    size = int(op.size)
    squares = F.pad(x.square(), (0, 0, 0, 0, size // 2, (size - 1) // 2))
    total = sum(squares[:, i : i + x.shape[1]] for i in range(size))
    return x / (float(op.k) + float(op.alpha) * total / size) ** float(op.beta)


def _prelu(op: Any, own: Own, x: Tensor) -> Tensor:
    slopes = own["weight"].reshape([1, -1] + [1] * (x.dim() - 2))
    return torch.where(x > 0, x, x * slopes)


def _normalize(op: Any, own: Own, x: Tensor) -> Tensor:
    scale, shift = (torch.tensor(v, dtype=x.dtype).reshape(1, -1, 1, 1) for v in (op.scale, op.shift))
    return x * scale + shift


def _channelshuffle(op: Any, own: Own, x: Tensor) -> Tensor:
    """Channel i of the output is number `i // groups` of group `i % groups`."""
    groups, channels = int(op.groups), x.shape[1]
    return x[:, [(i % groups) * (channels // groups) + i // groups for i in range(channels)]]


def _upsample(op: Any, own: Own, x: Tensor) -> Tensor:
    if op.mode == "nearest":
        return x.repeat_interleave(int(op.factor), 2).repeat_interleave(int(op.factor), 3)
    return F.interpolate(x, scale_factor=int(op.factor), mode="bilinear", align_corners=False)


def _joined(combine: Callable[[Tensor, Tensor], Tensor]) -> Meaning:
    """Rails agree in everything, or are one number for each channel."""

    def meaning(op: Any, own: Own, *rails: Tensor) -> Tensor:
        result = rails[0]
        for rail in rails[1:]:
            assert rail.shape == result.shape or (combine is torch.mul and 1 in (*rail.shape[-1:], *result.shape[-1:]))
            result = combine(result, rail)
        return result

    return meaning


MEANING: dict[str, Meaning] = {
    "conv2d": _conv2d,
    "maxpool": _maxpool,
    "avgpool": _avgpool,
    "batchnorm": _batchnorm,
    "layernorm": _layernorm,
    "groupnorm": _groupnorm,
    "lrn": _lrn,
    "prelu": _prelu,
    "normalize": _normalize,
    "channelshuffle": _channelshuffle,
    "upsample": _upsample,
    "layerscale": lambda op, own, x: x * own["gamma"].reshape(1, -1, 1, 1),
    "concat": lambda op, own, *rails: torch.cat(rails, 1),
    "add": _joined(torch.add),
    "mul": _joined(torch.mul),
    "slice": lambda op, own, x: x.narrow(1, int(op.start), int(op.stop) - int(op.start)),
    "gap": lambda op, own, x: F.adaptive_avg_pool2d(x, 1),
    "adaptiveavgpool": lambda op, own, x: F.adaptive_avg_pool2d(x, _pair(op.size)),
    "flatten": lambda op, own, x: x.reshape(len(x), -1),
    "linear": lambda op, own, x: F.linear(x, own["weight"], own["bias"] if op.bias else None),
    "dropout": lambda op, own, x: F.dropout(x, op.p, training=False),
    "identity": lambda op, own, x: x,
    "scale": lambda op, own, x: x * op.factor,
    "relu": lambda op, own, x: x.clamp(min=0),
    "relu6": lambda op, own, x: x.clamp(0, 6),
    "leakyrelu": lambda op, own, x: F.leaky_relu(x, op.slope),
    "sigmoid": lambda op, own, x: 1 / (1 + (-x).exp()),
    "silu": lambda op, own, x: x / (1 + (-x).exp()),
    "gelu": lambda op, own, x: F.gelu(x, approximate=op.approximate),
    "tanh": lambda op, own, x: F.tanh(x),
    "hardswish": lambda op, own, x: x * (x + 3).clamp(0, 6) / 6,
    "hardsigmoid": lambda op, own, x: (x + 3).clamp(0, 6) / 6,
    "softmax": lambda op, own, x: F.softmax(x, dim=1),
}
