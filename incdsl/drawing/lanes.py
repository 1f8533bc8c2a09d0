"""Lanes for lines that run side by side: interval colouring, so that no two share a place."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush


def colour(spans: Sequence[tuple[float, float]]) -> list[int]:
    """A lane for each span, counted from 0, such that spans that touch have different ones.

    They are given out in order of the spans' beginnings, the first free one each: no more than ever overlap at once.
    """
    lanes = [0] * len(spans)
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    count = 0
    for i in sorted(range(len(spans)), key=lambda i: (spans[i][0], i)):
        start, end = spans[i]
        while busy and busy[0][0] < start:
            heappush(free, heappop(busy)[1])
        if free:
            lane = heappop(free)
        else:
            lane, count = count, count + 1
        lanes[i] = lane
        heappush(busy, (end, lane))
    return lanes
