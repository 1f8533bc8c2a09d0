"""Times calls side by side: every round runs all of them, so that what disturbs one disturbs the others."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
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


def interleaved(calls: Mapping[str, Call], rounds: int, synchronize: Call | None = None) -> dict[str, list[float]]:
    """Seconds of each call in each round; the order turns from round to round. Warm the calls before."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for i in range(rounds):
        turned = names[i % len(names) :] + names[: i % len(names)]
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
