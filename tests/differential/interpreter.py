"""Computes a net from its graph with `torch.nn.functional`, as PyTorch's documentation describes the ops.

It reads the structure alone: nodes, operands, fields of ops, and the module's state_dict by key. No shape rule, no
lowering and no generated code takes part.
"""

import torch
from torch.nn import functional as F


def interpret(graph, inputs, state):
    """The value of every node, by name; inputs in order, tensors by their keys."""
    known = dict(zip(graph.inputs.values(), inputs, strict=True))
    for node in graph:
        if node.name not in known:
            operands = [known[name] for name in graph.operands(node.name)]
            own = {key.removeprefix(f"{node.path}."): t for key, t in state.items() if key.startswith(f"{node.path}.")}
            known[node.name] = MEANING[node.op.word](node.op, own, *operands)
    return known


def pair(value):
    return int(value[0]), int(value[1])


def conv2d(op, own, x):
    stride, padding, dilation = pair(op.stride), pair(op.padding), pair(op.dilation)
    return F.conv2d(x, own["weight"], own["bias"] if op.bias else None, stride, padding, dilation, int(op.groups))


def maxpool(op, own, x):
    return F.max_pool2d(x, pair(op.kernel), pair(op.stride), pair(op.padding), pair(op.dilation), ceil_mode=op.ceil)


def avgpool(op, own, x):
    """The sum of each window over how many cells it counts, which PyTorch's pool of ones tells."""
    return F.avg_pool2d(
        x, pair(op.kernel), pair(op.stride), pair(op.padding), ceil_mode=op.ceil, count_include_pad=op.count_include_pad
    )


def batchnorm(op, own, x):
    along = [1, -1] + [1] * (x.dim() - 2)
    mean, var, weight, bias = (own[k].reshape(along) for k in ("running_mean", "running_var", "weight", "bias"))
    return (x - mean) / (var + op.eps).sqrt() * weight + bias


def layernorm(op, own, x):
    """Over the channels of every position."""
    along = [1, -1] + [1] * (x.dim() - 2)
    mean = x.mean(1, keepdim=True)
    var = (x - mean).square().mean(1, keepdim=True)
    return (x - mean) / (var + op.eps).sqrt() * own["weight"].reshape(along) + own["bias"].reshape(along)


def groupnorm(op, own, x):
    """Over all numbers of a group of channels."""
    groups = x.reshape(len(x), int(op.groups), -1)
    mean = groups.mean(2, keepdim=True)
    var = (groups - mean).square().mean(2, keepdim=True)
    along = [1, -1] + [1] * (x.dim() - 2)
    normal = ((groups - mean) / (var + op.eps).sqrt()).reshape(x.shape)
    return normal * own["weight"].reshape(along) + own["bias"].reshape(along)


def lrn(op, own, x):
    """Channels from `size // 2` below to `(size - 1) // 2` above, zeros outside."""
    size = int(op.size)
    squares = F.pad(x.square(), (0, 0, 0, 0, size // 2, (size - 1) // 2))
    total = sum(squares[:, i : i + x.shape[1]] for i in range(size))
    return x / (op.k + op.alpha * total / size) ** op.beta


def prelu(op, own, x):
    slopes = own["weight"].reshape([1, -1] + [1] * (x.dim() - 2))
    return torch.where(x > 0, x, x * slopes)


def normalize(op, own, x):
    scale, shift = (torch.tensor(v, dtype=x.dtype).reshape(1, -1, 1, 1) for v in (op.scale, op.shift))
    return x * scale + shift


def channelshuffle(op, own, x):
    """Channel i of the output is number `i // groups` of group `i % groups`."""
    groups, channels = int(op.groups), x.shape[1]
    return x[:, [(i % groups) * (channels // groups) + i // groups for i in range(channels)]]


def upsample(op, own, x):
    if op.mode == "nearest":
        return x.repeat_interleave(int(op.factor), 2).repeat_interleave(int(op.factor), 3)
    return F.interpolate(x, scale_factor=int(op.factor), mode="bilinear", align_corners=False)


def joined(combine):
    """Rails agree in everything, or are one number for each channel."""

    def meaning(op, own, *rails):
        result = rails[0]
        for rail in rails[1:]:
            assert rail.shape == result.shape or (combine is torch.mul and 1 in (*rail.shape[-1:], *result.shape[-1:]))
            result = combine(result, rail)
        return result

    return meaning


MEANING = {
    "conv2d": conv2d,
    "maxpool": maxpool,
    "avgpool": avgpool,
    "batchnorm": batchnorm,
    "layernorm": layernorm,
    "groupnorm": groupnorm,
    "lrn": lrn,
    "prelu": prelu,
    "normalize": normalize,
    "channelshuffle": channelshuffle,
    "upsample": upsample,
    "layerscale": lambda op, own, x: x * own["gamma"].reshape(1, -1, 1, 1),
    "concat": lambda op, own, *rails: torch.cat(rails, 1),
    "add": joined(torch.add),
    "mul": joined(torch.mul),
    "slice": lambda op, own, x: x.narrow(1, int(op.start), int(op.stop) - int(op.start)),
    "gap": lambda op, own, x: F.adaptive_avg_pool2d(x, 1),
    "adaptiveavgpool": lambda op, own, x: F.adaptive_avg_pool2d(x, pair(op.size)),
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
