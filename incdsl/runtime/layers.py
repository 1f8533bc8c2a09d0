"""How long each module of a net takes: the net as it is written, run step by step on the device at hand."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn


def layer_times(module: nn.Module, images: list[Tensor], rounds: int) -> dict[str, float]:
    """The median milliseconds of each module in evaluation, by its path, in the order in which they run.

    A module's time is that of what is inside of it, too. Function calls have no module, and are not told. On a GPU the
    stream is waited for before and behind every module, so that times are a little longer than they are together.
    """
    on_gpu = images[0].is_cuda if images else False
    started: dict[str, float] = {}
    taken: dict[str, list[float]] = defaultdict(list)

    def now() -> float:
        if on_gpu:
            torch.cuda.synchronize()
        return time.perf_counter()

    def before(path: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            started[path] = now()

        return hook

    def after(path: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            taken[path].append(now() - started[path])

        return hook

    with ExitStack() as stack, torch.no_grad():
        for path, each in module.named_modules():
            if path and not isinstance(each, nn.ModuleList | nn.ModuleDict):
                stack.callback(each.register_forward_pre_hook(before(path)).remove)
                stack.callback(each.register_forward_hook(after(path)).remove)
        for _ in range(rounds + 2):
            module(*images)
    return {path: round(1000 * statistics.median(times[2:]), 4) for path, times in taken.items() if len(times) > 2}
