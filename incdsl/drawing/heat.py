"""Costs as heat: equal steps from 0 to a round number above the largest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from incdsl.drawing.describe import in_units
from incdsl.drawing.measures import HEAT_STEPS
from incdsl.drawing.picture import Cost, Thing

Measure = Literal["macs", "params", "activations", "time"]
WORDS: Mapping[Measure, str] = {
    "macs": "MACs of a step, one image",
    "params": "parameters of a step",
    "activations": "activations of a step, one image",
    "time": "measured time of a step",
}


@dataclass(frozen=True, slots=True)
class Heat:
    """What is shown as heat: the cost of each thing, and the top of the scale."""

    measure: Measure
    top: float
    times: Mapping[str, float]
    """Seconds by path, if times are shown."""

    def of(self, thing: Thing) -> float | None:
        """What a thing costs; None where that is not known."""
        if self.measure == "time":
            return self.times.get(thing.path)
        return cost_of(thing.cost, self.measure)

    def step(self, thing: Thing) -> int | None:
        """The step of the scale, from 0; None for what costs nothing."""
        cost = self.of(thing)
        if not cost or not self.top:
            return None
        return min(HEAT_STEPS - 1, int(cost / self.top * HEAT_STEPS))

    def text(self, thing: Thing) -> str:
        """What it costs, to be printed; empty for nothing."""
        cost = self.of(thing)
        return self.shown(cost) if cost else ""

    def shown(self, cost: float) -> str:
        """A cost with its unit: `312 M`, `0.29 M`, `41 µs`."""
        if self.measure == "time":
            return f"{cost * 1e3:.2f} ms" if cost >= 1e-3 else f"{cost * 1e6:.0f} µs"
        for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
            if cost >= size or (unit == "M" and self.top >= 5e6 and cost >= 5e4):
                number = cost / size
                return f"{number:.0f} {unit}" if number >= 10 else f"{number:.2g} {unit}"
        return in_units(int(cost)) if cost >= 1e3 else f"{cost:.0f}"


def cost_of(cost: Cost, measure: Measure) -> int | None:
    """One of the costs of a thing."""
    return cost.params if measure == "params" else cost.macs if measure == "macs" else cost.activations


def scaled(measure: Measure, things: Iterable[Thing], times: Mapping[str, float] | None = None) -> Heat:
    """The scale for these things."""
    known = times or {}
    found = Heat(measure, 0, known)
    most = max((found.of(thing) or 0 for thing in things), default=0)
    return Heat(measure, _round_above(most), known)


def _round_above(most: float) -> float:
    """A number of which seven equal parts are round, not below the most there is."""
    if most <= 0:
        return 0
    part = most / HEAT_STEPS
    size: float = 1
    while size * 10 <= part:
        size *= 10
    while size > part:
        size /= 10
    return next(k * size for k in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if k * size >= part) * HEAT_STEPS
