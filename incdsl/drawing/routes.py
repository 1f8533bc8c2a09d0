"""Lines as rows of points: without needless ones, in pieces where others cross, and where those of one value part."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable

from incdsl.drawing import measures as m
from incdsl.drawing.marks import Point
from incdsl.drawing.picture import Value


def plain(points: list[Point]) -> list[Point]:
    """A line without points on the way."""
    kept = [points[0]]
    for point in points[1:]:
        if abs(point[0] - kept[-1][0]) < 0.01 and abs(point[1] - kept[-1][1]) < 0.01:
            continue
        if len(kept) > 1 and any(
            abs(kept[-2][axis] - kept[-1][axis]) < 0.01 and abs(kept[-1][axis] - point[axis]) < 0.01 for axis in (0, 1)
        ):
            kept[-1] = point
            continue
        kept.append(point)
    return kept


def bridged(
    points: list[Point], across: list[tuple[float, float, float, int]], own: int, gap: float = m.BRIDGE
) -> Iterable[list[Point]]:
    """A line in pieces: it has gaps where it crosses the level lines of other values.

    `across` are those lines in their order: the height, from where to where, and the number of the value.
    """
    pieces: list[list[Point]] = [[points[0]]]
    for a, b in itertools.pairwise(points):
        if a[0] == b[0] and a[1] < b[1]:
            low, high = bisect_right(across, (a[1] + 0.01,)), bisect_left(across, (b[1] - 0.01,))
            levels = sorted({y for y, x0, x1, i in across[low:high] if i != own and x0 + 0.01 < a[0] < x1 - 0.01})
            for y in levels:
                if y - gap / 2 > pieces[-1][-1][1] + gap / 8 and y + gap / 2 < b[1] - gap / 8:
                    pieces[-1].append((a[0], y - gap / 2))
                    pieces.append([(a[0], y + gap / 2)])
        pieces[-1].append(b)
    return pieces


def branches(routes: list[tuple[Value, list[Point]]]) -> list[Point]:
    """Where lines of one value part."""
    lines: dict[Value, list[list[Point]]] = defaultdict(list)
    for value, points in routes:
        lines[value].append(points)
    found: dict[Point, None] = {}
    for several in lines.values():
        first = several[0]
        for other in several[1:]:
            point = _parting(first, other)
            if point:
                found[point] = None
            first = other
    return list(found)


def _parting(a: list[Point], b: list[Point]) -> Point | None:
    """The last point that two lines from one port have in common."""
    at = a[0]
    for i in range(1, min(len(a), len(b))):
        if a[i] == b[i]:
            at = a[i]
            continue
        p, q = a[i], b[i]
        for axis in (0, 1):
            if p[1 - axis] == q[1 - axis] == at[1 - axis] and (p[axis] - at[axis]) * (q[axis] - at[axis]) > 0:
                near = min((p, q), key=lambda point: abs(point[axis] - at[axis]))
                return near
        return at if at != a[0] else None
    return None
