"""Which parts of a net run beside each other: a schedule for devices with streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Lane:
    """Where a node runs: in which fork, counted over the net, and on which of its streams.

    Stream 0 is the one on which the fork begins. Forks do not nest.
    """

    fork: int
    stream: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """The nodes that run in forks; all others run in order, on the stream that the forks begin on."""

    streams: int
    """How many streams a fork has at most."""
    lanes: Mapping[str, Lane] = field(default_factory=dict)
    """By node."""
