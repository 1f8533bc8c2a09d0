"""Measures how each layer of a net is fastest on the device at hand.

That is step by step, as one call of cuDNN or cuBLAS, or as a kernel of ours, cut up in one of several ways.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from incdsl.compiler import Compilation
from incdsl.ir.graph import Node
from incdsl.ops.gpu import BiasedAvgPool2d, FlooredConv2d, FusedConv2d, SplitConv2d
from incdsl.ops.meaning import whole
from incdsl.ops.window import Conv2d
from incdsl.passes.rules.use_products import is_product
from incdsl.passes.ways import KERNEL, way
from incdsl.runtime.bench import interleaved
from incdsl.runtime.carried import kernels

Call = Callable[[], Tensor | tuple[Tensor, ...]]
REPEATED = 20
"""Calls in one graph, so that launching it does not count."""


@dataclass(frozen=True)
class Measured:
    """The median seconds of each way of a layer."""

    path: str
    seconds: Mapping[str, float]


def measured(
    done: Compilation, sizes: Mapping[str, int], batch: int, dtype: torch.dtype, device: str, rounds: int
) -> Iterator[Measured]:
    """The layers of a form for a GPU that can run in several ways, each timed alone on random numbers.

    Layers of equal shapes are timed once.
    """
    graph, shapes = done.net.graph, done.net.graph.shapes()
    known: dict[object, Mapping[str, float]] = {}
    for node in graph:
        if not isinstance(node.op, FusedConv2d | FlooredConv2d | SplitConv2d | BiasedAvgPool2d):
            continue
        grids = tuple(shapes[name].at(sizes) for name in graph.operands(node.name))
        alike = (type(node.op), tuple((name, str(getattr(node.op, name))) for name in node.op.settings), grids)
        if alike not in known:
            images = [
                torch.randn(batch, *grid, device=device).to(dtype, memory_format=torch.channels_last) for grid in grids
            ]
            known[alike] = _timed(_ways(node, images), rounds, device)
        yield Measured(node.path, known[alike])


def fastest(found: list[Measured], done: Compilation) -> dict[str, str]:
    """The way of each layer; places of one class have one, the fastest for all of them together."""
    instances = {node.path: node for node in done.net.graph if node.path}
    totals: dict[object, dict[str, float]] = {}
    for each in found:
        place = _place(instances[each.path])
        before = totals.get(place, dict.fromkeys(each.seconds, 0.0))
        totals[place] = {way: total + each.seconds[way] for way, total in before.items() if way in each.seconds}
    best = {place: min(total, key=lambda way: total[way]) for place, total in totals.items() if total}
    places = {each.path: _place(instances[each.path]) for each in found}
    return {path: best[place] for path, place in places.items() if place in best}


def _place(node: Node) -> object:
    """Where it stands in the class of its block: units are looked through."""
    instance, label = node.instance, node.label
    while instance.kind in ("unit", "sequence") and instance.parent:
        instance, label = instance.parent, f"{instance.label}.{label}"
    return (instance.word, label) if instance.parent else node.path


def _ways(node: Node, images: list[Tensor]) -> dict[str, Call]:
    """Calls of the ways of a layer, all with the same random weights."""
    if isinstance(node.op, BiasedAvgPool2d):
        return _ways_of_pool(node.op, images[0])
    assert isinstance(node.op, Conv2d)
    adds = isinstance(node.op, FusedConv2d) and node.op.residual
    return _ways_of_convolution(node.op, images[0], images[1] if adds else None)


def _ways_of_pool(op: BiasedAvgPool2d, x: Tensor) -> dict[str, Call]:
    bias = torch.randn(x.shape[1], device=x.device, dtype=x.dtype)
    size, stride, padding, counted = whole(op.kernel), whole(op.stride), whole(op.padding), bool(op.count_include_pad)

    def plain() -> Tensor:
        y = F.avg_pool2d(x, size, stride, padding, False, counted)
        return F.relu(y + bias.view(-1, 1, 1), inplace=True)

    def kernel(config: kernels.PoolConfig) -> Tensor:
        return kernels.average_pool(
            x, size, bias, stride=stride, padding=padding, count_include_pad=counted, active=x.shape[1], config=config
        )

    return {"plain": plain, **{way(KERNEL, config): partial(kernel, config) for config in kernels.POOL_CONFIGS}}


def _ways_of_convolution(op: Conv2d, x: Tensor, added: Tensor | None) -> dict[str, Call]:
    width, groups = int(op.width), int(op.groups)
    stride, padding, dilation = whole(op.stride), whole(op.padding), whole(op.dilation)
    weight = torch.randn(width, x.shape[1] // groups, *whole(op.kernel), device=x.device, dtype=x.dtype)
    weight = weight.to(memory_format=torch.channels_last)
    bias = torch.randn(width, device=x.device, dtype=x.dtype)
    active = int(op.active) if isinstance(op, FlooredConv2d | SplitConv2d) else width
    floor = torch.full((width, 1, 1), -torch.inf, device=x.device, dtype=x.dtype)
    floor[:active] = 0
    taps = weight.shape[2] * weight.shape[3]

    def plain() -> Tensor | tuple[Tensor, ...]:
        y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
        y = y if added is None else y + added
        y = F.relu(y, inplace=True) if active == width else torch.maximum(y, floor)
        if not isinstance(op, SplitConv2d):
            return y
        parts: tuple[Tensor, ...] = y.split([int(each) for each in op.widths], 1)  # type: ignore[no-untyped-call]
        return tuple(part.contiguous(memory_format=torch.channels_last) for part in parts)  # as those do that read them

    def fused() -> Tensor:
        if added is None:
            return torch.cudnn_convolution_relu(x, weight, bias, stride, padding, dilation, groups)
        return torch.cudnn_convolution_add_relu(x, weight, added, 1.0, bias, stride, padding, dilation, groups)

    def product() -> Tensor:
        pixels = x.permute(0, 2, 3, 1)
        y = torch._addmm_activation(bias, pixels.reshape(-1, x.shape[1]), weight.flatten(1).mT)
        return y.view(*pixels.shape[:3], width).permute(0, 3, 1, 2)

    def kernel(config: kernels.ConvConfig) -> Tensor | tuple[Tensor, ...]:
        how: Any = {"stride": stride, "padding": padding, "active": active, "config": config}
        if isinstance(op, SplitConv2d):
            return kernels.convolve_split(x, weight, bias, [int(each) for each in op.widths], **how)
        return kernels.convolve(x, weight, bias, **how)

    ways: dict[str, Call] = {"plain": plain}
    if isinstance(op, FusedConv2d):
        if x.is_cuda:
            ways["fused"] = fused
        if is_product(op):
            ways["product"] = product
    if added is None and groups == 1 and max(dilation) == 1:
        configs = kernels.conv_configs(x.shape[1], x.element_size(), taps)
        ways |= {way(KERNEL, config): partial(kernel, config) for config in configs}
    return ways


def _timed(ways: Mapping[str, Call], rounds: int, device: str) -> dict[str, float]:
    """Median seconds of one call of each, cuDNN's kernels tried first; one that fails is left out."""
    calls: dict[str, Callable[[], object]] = {}
    with torch.no_grad(), _tried():
        for way, call in ways.items():
            try:
                calls[way] = _repeated(call, device)
            except Exception:  # cuDNN has no such call, or Triton no such kernel on this device: errors of all kinds
                continue
        synchronize = torch.cuda.synchronize if device.startswith("cuda") else None
        times = interleaved(calls, rounds, synchronize)
    return {way: statistics.median(times[way]) / REPEATED for way in ways if way in times}


@contextmanager
def _tried() -> Iterator[None]:
    """Let cuDNN try its kernels, as a module does before it captures a call."""
    cudnn = torch.backends.cudnn
    before, cudnn.benchmark = cudnn.benchmark, not cudnn.deterministic
    try:
        yield
    finally:
        cudnn.benchmark = before


def _repeated(call: Call, device: str) -> Callable[[], object]:
    """Many calls in one: on a GPU a CUDA graph of them."""
    call()
    if not device.startswith("cuda"):
        return lambda: [call() for _ in range(REPEATED)]
    torch.cuda.synchronize()
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    with torch.cuda.stream(side):
        call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(REPEATED):
            call()
    return graph.replay
