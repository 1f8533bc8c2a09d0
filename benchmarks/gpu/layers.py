"""Where the time of a module goes: each of its kernels, beside what it would take at the roofline."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.autograd import DeviceType
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile, record_function

from benchmarks.gpu.case import TYPES, Case
from benchmarks.gpu.device import Device
from benchmarks.gpu.results import Row
from benchmarks.gpu.roofline import Roofline

RUNS = 7
VIEWS = {"getitem", "split", "chunk", "view", "reshape", "flatten", "permute", "transpose"}
"""Functions that launch no kernel."""
_MARK = "layer:"


def layer_rows(case: Case, form: str, roof: Roofline) -> list[Row]:
    """A row for each kernel of a form, run eagerly in channels_last.

    Seconds are measured; bytes and FLOPs are those of the analysis, for the whole batch. Calls that it knows nothing of
    have none. Where a module makes another number of calls than the analysis says, they are one row together.
    """
    module = case.module(form, case.dtype, channels_last=True)
    inputs = [image.to(TYPES[case.dtype], memory_format=torch.channels_last) for image in case.images]
    spent = _by_module(call_seconds(module, inputs, case.device))
    rows = []
    known = _by_module((layer["module"], layer) for layer in case.net.layers(form))
    for path, layers in known.items():
        for group, seconds in _paired(layers, spent.pop(path, [])):
            rows.append(_row(group, seconds, case, roof))
    unknown = [{"name": path, "kind": "unknown", "seconds": sum(seconds)} for path, seconds in spent.items()]
    return rows + unknown


def call_seconds(module: nn.Module, inputs: list[Tensor], device: Device) -> Iterator[tuple[str, float]]:
    """The calls of a module in order, views left out: the path of the module that each runs in, and median seconds.

    They are the times of the kernels alone, without what lies between them; on a CPU those of the calls.
    """
    runner = _Recorded(fx.symbolic_trace(module))
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.is_cuda else [])]
    with torch.no_grad():
        for image in inputs:
            runner.run(image)
        with profile(activities=activities) as seen:
            for i in range(RUNS):
                runner.run(inputs[i % len(inputs)])
            device.synchronize()
    times = defaultdict(list)
    for event in seen.events():
        if event.name.startswith(_MARK) and event.device_type == DeviceType.CPU:
            micros = kernel_time(event) if device.is_cuda else event.cpu_time_total
            times[event.name.removeprefix(_MARK)].append(micros / 1e6)
    if device.is_cuda and not any(map(any, times.values())):
        raise RuntimeError("the profiler saw no kernels")
    for node in runner.module.graph.nodes:
        if node.name in times:
            yield _place(node), statistics.median(times[node.name])


def kernel_time(event: FunctionEvent) -> float:
    """Microseconds of the kernels that were launched in a range; the profiler shows the range itself as one, too."""
    own = sum(kernel.duration for kernel in event.kernels if not kernel.name.startswith(_MARK))
    return own + sum(map(kernel_time, event.cpu_children))


class _Recorded(fx.Interpreter):
    """Runs a graph call by call, each in a range that the profiler sees."""

    def run_node(self, n: fx.Node) -> Any:
        if not n.op.startswith("call") or _function(n) in VIEWS:
            return super().run_node(n)
        with record_function(_MARK + n.name):
            return super().run_node(n)


def _function(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else node.target.__name__


def _place(node: fx.Node) -> str:
    """The path of the innermost module that a call runs in."""
    return next(reversed(node.meta.get("nn_module_stack", {})), "")


def _by_module(pairs: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for path, value in pairs:
        found[path].append(value)
    return dict(found)


def _paired(layers: list[Row], seconds: list[float]) -> Iterator[tuple[list[Row], float]]:
    """The layers of one module with their times: each its own, or all together where the numbers of calls differ."""
    if len(layers) == len(seconds):
        yield from (([layer], each) for layer, each in zip(layers, seconds, strict=True))
    else:
        yield layers, sum(seconds)


def _row(layers: list[Row], seconds: float, case: Case, roof: Roofline) -> Row:
    size = TYPES[case.dtype].itemsize
    moved = size * sum(each["numbers"] * case.batch + each["weights"] for each in layers)
    flops = 2 * case.batch * sum(each["macs"] for each in layers)
    kinds = "+".join(kind for kind, _ in groupby(each["kind"] for each in layers))
    name = layers[0]["name"] if len(layers) == 1 else f"{layers[0]['module']}, {len(layers)} calls"
    share = roof.seconds(moved, flops) / seconds if seconds else None
    return {"name": name, "kind": kinds, "seconds": seconds, "bytes": moved, "flops": flops, "share": share}
