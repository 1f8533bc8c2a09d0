"""Times calls side by side: every round runs all of them, so that what disturbs one disturbs the others."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb

Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A median of ratios taken round by round, with the limits of its 95% confidence interval."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


REST = 0.03
"""Seconds of silence before each turn."""
COUNTED = 3
"""Calls of a turn that are timed, behind one that is not."""


def in_turns(calls: Mapping[str, Call], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call in each round, the median of a few in a row; the order turns from round to round.

    A turn begins with a rest and a call that is not counted: threads of one library's pool spin for a while after its
    last call, and slow down whoever comes next.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turned in _orders(list(calls), rounds):
        for name in turned:
            time.sleep(REST)
            taken = []
            for _ in range(1 + COUNTED):
                started = time.perf_counter()
                calls[name]()
                taken.append(time.perf_counter() - started)
            times[name].append(statistics.median(taken[1:]))
    return times


def _orders(names: list[str], rounds: int) -> Iterator[list[str]]:
    for i in range(rounds):
        yield names[i % len(names) :] + names[: i % len(names)]


def interleaved(calls: Mapping[str, Call], rounds: int, synchronize: Call | None = None) -> dict[str, list[float]]:
    """Seconds of each call in each round; the order turns from round to round. Warm the calls before.

    For calls that use the same threads; others disturb each other (`in_turns`).
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turned in _orders(list(calls), rounds):
        for name in turned:
            if synchronize:
                synchronize()
            started = time.perf_counter()
            calls[name]()
            if synchronize:
                synchronize()
            times[name].append(time.perf_counter() - started)
    return times


def ratio(base: Sequence[float], other: Sequence[float]) -> Ratio:
    """How many times faster `other` is than `base`, from the rounds of one run."""
    ratios = sorted(b / o for b, o in zip(base, other, strict=True))
    low, high = median_interval(len(ratios))
    return Ratio(statistics.median(ratios), ratios[low], ratios[high])


def median_interval(count: int, level: float = 0.95) -> tuple[int, int]:
    """Indices of the order statistics between which the median lies at this level, by the binomial distribution."""
    tail, k = 0.0, 0
    while k < count // 2 and tail + comb(count, k) / 2**count <= (1 - level) / 2:
        tail += comb(count, k) / 2**count
        k += 1
    return max(k - 1, 0), min(count - k, count - 1)
