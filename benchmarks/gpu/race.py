"""One cell: contenders are built and judged one by one, and those that are right are timed side by side."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from torch import Tensor

from benchmarks.gpu.case import Case
from benchmarks.gpu.deadline import Deadline
from benchmarks.gpu.device import Call, interleaved
from benchmarks.gpu.results import Results, Row

WARM_UP = 3
"""Calls before anything is judged or timed: what records what it does is recorded by then."""


class Racer(Protocol):
    """What a `Contender` and a `Trainer` have in common; they say what is what."""

    @property
    def name(self) -> str: ...

    @property
    def stage(self) -> int: ...

    @property
    def seconds(self) -> float: ...

    @property
    def lacks(self) -> Callable[[Case], str]: ...

    def inputs(self, case: Case) -> list[Tensor]: ...

    def call(self, case: Case) -> Call: ...

    def error(self, case: Case, result: Tensor) -> float: ...

    def apart(self, case: Case) -> float: ...

    def limit(self, case: Case) -> float: ...


class Refused(Exception):
    """Why a contender is not timed; `what` is the kind of its row."""

    def __init__(self, what: str, reason: str, **values: Any) -> None:
        super().__init__(reason)
        self.row: Row = {"what": what, "reason": reason, **values}


def race(
    kind: str, case: Case, racers: Sequence[Racer], rounds: int, stage: int, results: Results, deadline: Deadline
) -> None:  # fmt: skip
    """Write a row for each racer: `time` with its milliseconds, or `wrong`, `failed` or `skipped` with the reason.

    Those of other stages are there to compare with: they are not timed if none of this stage is left.
    """
    cell = {"kind": kind, "net": case.net.name, "dtype": case.dtype, "batch": case.batch, "stage": stage}
    ready: dict[str, tuple[Call, Sequence[Tensor]]] = {}
    facts: dict[str, Row] = {}
    for racer in racers:
        try:
            call, inputs, facts[racer.name] = _built(racer, case, f"{kind} {case.net.name} {racer.name}", deadline)
            ready[racer.name] = call, inputs
        except Refused as refusal:
            results.add(**refusal.row, **cell, name=racer.name)
    if not any(racer.name in ready for racer in racers if racer.stage == stage):
        return
    times = interleaved(case.device, ready, rounds, lambda: deadline.left() <= 0)
    for name, seconds in times.items():
        if len(seconds) < 2:
            results.add("skipped", **cell, name=name, reason="no time is left for two rounds")
        else:
            results.add("time", **cell, name=name, **_statistics(seconds, case.batch), **facts[name])


def _built(racer: Racer, case: Case, task: str, deadline: Deadline) -> tuple[Call, list[Tensor], Row]:
    """A call that is right, its inputs, and what was seen on the way.

    The first calls are on the first input and the one that is judged on the second: who does not look again is wrong.

    Raises:
        Refused: if it cannot be built, is wrong, or if there is no time.
    """
    reason = racer.lacks(case) or deadline.refuses(task, racer.seconds)
    if reason:
        raise Refused("skipped", reason)
    limit = racer.limit(case)
    began = deadline.left()
    with deadline.task(task):
        try:
            apart = racer.apart(case)
            inputs = racer.inputs(case)
            before = case.device.forget_peak()
            call = racer.call(case)
            for _ in range(WARM_UP):
                call(inputs[0])
            error = racer.error(case, call(inputs[1]))
            peak = case.device.peak()
            kernels = case.device.kernels(call, inputs[0])
        except Exception as problem:
            raise Refused("failed", said(problem)) from problem
    if apart <= 2 * limit:
        raise Refused("failed", f"two inputs are {apart:.1e} apart: the check sees no error of that size")
    if not error <= limit:
        raise Refused("wrong", f"{error:.1e} from float64, {limit:.0e} is allowed", error=error)
    memory = None if peak is None else peak - before
    return call, inputs, {"error": error, "kernels": kernels, "memory": memory, "built": began - deadline.left()}


def said(problem: Exception) -> str:
    """What a row says of an exception."""
    return f"{type(problem).__name__}: {problem}"[:400]


def _statistics(seconds: list[float], batch: int) -> Row:
    """The median and the quartiles around it, in milliseconds."""
    low, median, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return {
        "ms": 1000 * median,
        "low": 1000 * low,
        "high": 1000 * high,
        "rounds": len(seconds),
        "images_per_second": batch / median,
    }
