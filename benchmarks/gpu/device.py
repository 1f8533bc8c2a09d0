"""A device: its clock, its memory, and the kernels that it is given. The CPU stands in where there is no GPU."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import DeviceType
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile

Call = Callable[[Tensor], Any]

BURST = 0.01
"""Seconds that calls in a row take together, if one is shorter; at most `MOST` calls."""
MOST = 20


class Device:
    """`cuda` or `cpu`, by its name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_cuda = name == "cuda"

    def synchronize(self) -> None:
        """Wait until all that was launched has run."""
        if self.is_cuda:
            torch.cuda.synchronize()

    def seconds(self, call: Call, inputs: Sequence[Tensor], count: int) -> float:
        """Of one call, on average of `count` in a row, each with the next input; by events of the device."""
        self.synchronize()
        if not self.is_cuda:
            began = time.perf_counter()
            _repeat(call, inputs, count)
            return (time.perf_counter() - began) / count
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        _repeat(call, inputs, count)
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1000 / count

    def kernels(self, call: Call, image: Tensor) -> int | None:
        """How many kernels one call launches, copies between memories apart; None on the CPU, which has none."""
        if not self.is_cuda:
            return None
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
            call(image)
            self.synchronize()
        return sum(map(is_kernel, seen.events()))

    def forget_peak(self) -> int:
        """Begin to look for the peak of memory; bytes in use now."""
        if not self.is_cuda:
            return 0
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()

    def peak(self) -> int | None:
        """The most bytes in use at once since `forget_peak`; None on the CPU, where nobody counts them."""
        return torch.cuda.max_memory_allocated() if self.is_cuda else None


def is_kernel(event: FunctionEvent) -> bool:
    """Whether an event of the profiler is a kernel: no copy, and no named range, which it shows on the device too."""
    if event.device_type != DeviceType.CUDA or event.is_user_annotation:
        return False
    return not event.name.startswith(("Memcpy", "Memset"))


def interleaved(
    device: Device, calls: Mapping[str, tuple[Call, Sequence[Tensor]]], rounds: int, over: Callable[[], bool]
) -> dict[str, list[float]]:
    """Seconds of one call of each, round by round, in turning order; no round begins once it is `over`."""
    bursts = {}
    for name, (call, inputs) in calls.items():
        once = device.seconds(call, inputs, 2)
        bursts[name] = max(1, min(MOST, round(BURST / once)))
    names = list(calls)
    times: dict[str, list[float]] = {name: [] for name in names}
    for i in range(rounds):
        if over():
            break
        start = i % max(len(names), 1)
        for name in names[start:] + names[:start]:
            times[name].append(device.seconds(*calls[name], bursts[name]))
    return times


def _repeat(call: Call, inputs: Sequence[Tensor], count: int) -> None:
    for i in range(count):
        call(inputs[i % len(inputs)])
