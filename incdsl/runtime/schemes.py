"""Measures for each convolution of a net by which scheme of Winograd's it is fastest on this CPU, or that none is.

Then, by the scheme that was chosen, how its work is best cut up.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from incdsl.compiler import Compilation
from incdsl.ir.graph import Node
from incdsl.ops.cpu import PackedConv2d
from incdsl.ops.meaning import whole
from incdsl.passes.ways import DIRECT, config_of, head_of, way
from incdsl.runtime.kernels.blocking import blockings
from incdsl.runtime.kernels.layer import WinogradConv2d, is_built
from incdsl.runtime.kernels.library import library_for
from incdsl.runtime.ways import Measured, fastest
from incdsl.winograd import schemes

COLD = 1 << 24
"""Numbers that are read between calls, so that filters come from memory as they do in a net: 64 MiB."""


def ways_measured(done: Compilation, sizes: Mapping[str, int], batch: int, rounds: int) -> dict[str, str]:
    """The fastest way of each convolution of a form that may be Winograd's, by its path: `incdsl.passes.ways`.

    Where there is no kernel, there is nothing to measure.
    """

    def with_blockings(node: Node, op: PackedConv2d) -> tuple[str, ...]:
        scheme = chosen.get(node.path, DIRECT)
        if scheme == DIRECT:
            return ()
        cuts = blockings(library_for(torch.float32, scheme).panel)
        return (scheme, *(way(scheme, each) for each in cuts))

    chosen = fastest(list(measured(done, sizes, batch, rounds, schemes_for)), done)
    return {**chosen, **fastest(list(measured(done, sizes, batch, rounds, with_blockings)), done)}


def schemes_for(node: Node, op: PackedConv2d) -> tuple[str, ...]:
    """The ways in which a convolution may run, each cut up by rule; nothing if that is one alone."""
    plain = whole(op.stride) == whole(op.dilation) == (1, 1) and int(op.groups) == 1
    found = [each.name for each in schemes() if plain and each.taps == whole(op.kernel)]
    found = [name for name in found if is_built(torch.float32, name)]
    return (*found, DIRECT) if found else ()


def measured(
    done: Compilation, sizes: Mapping[str, int], batch: int, rounds: int,
    ways_of: Callable[[Node, PackedConv2d], tuple[str, ...]],
) -> Iterator[Measured]:  # fmt: skip
    """The convolutions of a form that may run in several ways, each timed alone; once where shapes are equal."""
    graph, shapes = done.net.graph, done.net.graph.shapes()
    known: dict[object, Mapping[str, float]] = {}
    for node in graph:
        if not isinstance(op := node.op, PackedConv2d) or not (ways := ways_of(node, op)):
            continue
        grid = shapes[graph.operands(node.name)[0]].at(sizes)
        alike = (grid, int(op.width), whole(op.kernel), whole(op.padding), bool(op.bias), bool(op.relu), ways)
        if alike not in known:
            known[alike] = _timed(op, (batch, *grid), ways, rounds)
        yield Measured(node.path, known[alike])


def _timed(op: PackedConv2d, shape: Sequence[int], ways: Sequence[str], rounds: int) -> dict[str, float]:
    """Median seconds of each way."""
    x = torch.randn(*shape).to(memory_format=torch.channels_last)
    width, relu = int(op.width), bool(op.relu)
    where, padding, bias = (int(shape[1]), width, whole(op.kernel)), whole(op.padding), bool(op.bias)
    conv = nn.Conv2d(*where, padding=padding, bias=bias)

    def call_of(word: str) -> Callable[[], object]:
        if word == DIRECT:
            return _packed(conv, x, relu)
        how: dict[str, Any] = {"padding": padding, "bias": bias, "scheme": head_of(word), "blocking": config_of(word)}
        return partial(WinogradConv2d(*where, **how, active=width if relu else 0), x)

    with torch.no_grad():
        calls = {word: call_of(word) for word in ways}
        cold = torch.zeros(COLD)
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(rounds + 1):
            for name, call in calls.items():
                cold.sum()
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
