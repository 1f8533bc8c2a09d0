"""Measures for each convolution of a net by which scheme of Winograd's it is fastest on this CPU, or that none is."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from incdsl.compiler import Compilation
from incdsl.ops.cpu import PackedConv2d
from incdsl.ops.meaning import whole
from incdsl.passes.rules.use_winograd import DIRECT
from incdsl.runtime.kernels.layer import WinogradConv2d, is_built
from incdsl.runtime.ways import Measured
from incdsl.winograd import Scheme, schemes

COLD = 1 << 24
"""Numbers that are read between calls, so that filters come from memory as they do in a net: 64 MiB."""


def schemes_measured(done: Compilation, sizes: Mapping[str, int], batch: int, rounds: int) -> Iterator[Measured]:
    """The convolutions of a form that may be Winograd's, each timed alone by each scheme and by oneDNN.

    Layers of equal shapes are timed once; where there is no kernel, there is nothing to measure.
    """
    graph, shapes = done.net.graph, done.net.graph.shapes()
    known: dict[object, Mapping[str, float]] = {}
    for node in graph:
        op = node.op
        if not isinstance(op, PackedConv2d):
            continue
        found = [each for each in schemes() if _fits(op, each) and is_built(torch.float32, each.name)]
        if not found:
            continue
        grid = shapes[graph.operands(node.name)[0]].at(sizes)
        alike = (grid, int(op.width), whole(op.kernel), whole(op.padding), bool(op.bias), bool(op.relu))
        if alike not in known:
            known[alike] = _timed(op, (batch, *grid), found, rounds)
        yield Measured(node.path, known[alike])


def _fits(op: PackedConv2d, scheme: Scheme) -> bool:
    plain = whole(op.stride) == whole(op.dilation) == (1, 1) and int(op.groups) == 1
    return plain and whole(op.kernel) == scheme.taps


def _timed(op: PackedConv2d, shape: Sequence[int], found: Sequence[Scheme], rounds: int) -> dict[str, float]:
    """Median seconds by each scheme, and as the convolution that it is."""
    x = torch.randn(*shape).to(memory_format=torch.channels_last)
    width, relu = int(op.width), bool(op.relu)
    where, padding, bias = (int(shape[1]), width, whole(op.kernel)), whole(op.padding), bool(op.bias)
    active = width if relu else 0
    layers = {
        each.name: WinogradConv2d(*where, padding=padding, bias=bias, scheme=each.name, active=active) for each in found
    }
    with torch.no_grad():
        calls: dict[str, Callable[[], object]] = {name: partial(layer, x) for name, layer in layers.items()}
        calls[DIRECT] = _packed(nn.Conv2d(*where, padding=padding, bias=bias), x, relu)
        cold = torch.zeros(COLD)
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(rounds + 1):
            for name, call in calls.items():
                cold.add_(1)
                x.add_(0)  # what flows in was written just before
                started = time.perf_counter()
                call()
                times[name].append(time.perf_counter() - started)
    return {name: statistics.median(taken[1:]) for name, taken in times.items()}


def _packed(conv: nn.Conv2d, x: Tensor, relu: bool) -> Callable[[], object]:
    """A call of oneDNN as a deployed module makes it; PyTorch's own where there is no oneDNN."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return lambda: F.relu(conv(x)) if relu else conv(x)
    conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    where = (conv.padding, conv.stride, conv.dilation, conv.groups)
    packed = torch.ops.mkldnn._reorder_convolution_weight(conv.weight, *where, x.shape)
    after = "relu" if relu else "none"
    return lambda: torch.ops.mkldnn._convolution_pointwise(x, packed, conv.bias, *where, after, [], "")
