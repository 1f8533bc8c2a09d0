"""Lanes for lines that run side by side, so that no two share a place."""

from __future__ import annotations

from bisect import bisect_left, insort
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


def nested(spans: Sequence[tuple[float, float]]) -> list[int]:
    """A lane for each span, counted from 0, such that spans that touch have different ones and short ones are inside.

    They are given out in order of length, the first free one each. Where spans lie in one another the outer ones have
    the higher lanes, so that lines that turn back at both ends do not cross.
    """
    lanes = [0] * len(spans)
    taken: list[list[tuple[float, float]]] = []
    for i in sorted(range(len(spans)), key=lambda i: (spans[i][1] - spans[i][0], spans[i][0], i)):
        lane = next((k for k, others in enumerate(taken) if _is_free(others, spans[i])), len(taken))
        if lane == len(taken):
            taken.append([])
        insort(taken[lane], spans[i])
        lanes[i] = lane
    return lanes


def _is_free(others: list[tuple[float, float]], span: tuple[float, float]) -> bool:
    """Whether a span touches none of these, which are in order and touch no other."""
    at = bisect_left(others, span)
    before = at == 0 or others[at - 1][1] < span[0]
    return before and (at == len(others) or others[at][0] > span[1])
