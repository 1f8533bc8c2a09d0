"""What changed in few words, in the middle between two nets, with lines to all the places where it did."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from incdsl.analysis.told import Line
from incdsl.drawing import measures as m
from incdsl.drawing.lanes import nested
from incdsl.drawing.marks import Anchor, Badge, Ink, Line as Stroked, Run, Sheet, Sign
from incdsl.drawing.notes import wrapped

ROOM = 208.0
"""How wide a remark is at most."""
_LEADING = 15.0
BETWEEN = 14.0
"""The least room between two remarks."""
_MOST = 4
"""So many changes of one place are told; the list in words has all."""
_LANE = 10.0
_CLEAR = 3.5
"""Between a box and its sign."""


@dataclass(eq=False, slots=True)
class Remark:
    """What changed in one way, and where: each place is the point at the edge of a box that a line leads to."""

    lines: tuple[Line, ...]
    sign: Sign
    changes: list[int]
    places: int = 0
    """In how many blocks, or other steps; 1 where the lines tell all of it."""
    blocks: int = 0
    """How many blocks it is about; 0 for steps."""
    points: list[tuple[float, float]] = field(default_factory=list)
    text: list[Run] = field(default_factory=list)
    top: float = 0

    @property
    def height(self) -> float:
        """How high it is."""
        return _LEADING * len(self.text)

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return self.top + self.height

    @property
    def width(self) -> float:
        """How wide it is."""
        return max((run.width for run in self.text), default=0)

    @property
    def start(self) -> float:
        """Where its line begins: at the height of its place, if that is beside the text."""
        if len(self.points) == 1:
            return min(max(self.points[0][1], self.top + 5), self.bottom - 5)
        return self.top + self.height / 2

    @property
    def wanted(self) -> float:
        """Where its middle should be: at its place, or amid all of them."""
        ys = [y for _, y in self.points]
        return (min(ys) + max(ys)) / 2 if ys else 0

    @property
    def strays(self) -> float:
        """How far it is from its place, if that is only one."""
        return abs(self.start - self.points[0][1]) if len(self.points) == 1 else 0

    @property
    def is_straight(self) -> bool:
        """Whether its line is one without corners."""
        return len(self.points) == 1 and self.points[0][1] == self.start


def composed(remark: Remark, room: float = ROOM) -> list[Run]:
    """The text of a remark, a run to a line."""
    found: list[Run] = []
    for line in remark.lines[:_MOST]:
        ink: Ink = "wrong" if line.mark == "removed" else "accent"
        sign = {"added": "+ ", "removed": "− "}.get(line.mark, "") if len(remark.lines) > 1 else ""
        name, words = _headed(line)
        found += [Run(text, "name", ink=ink) for text in wrapped(sign + name, "name", room)[:2]]
        for each in words:
            found += [Run(text, "text") for text in wrapped(typeset(each), "text", room)[:3]]
    if len(remark.lines) > _MOST:
        found.append(Run(f"and {len(remark.lines) - _MOST} more changes", "second", ink="second"))
    several = max(remark.places, 1)
    params, macs = (several * sum(getattr(line, cost) for line in remark.lines) for cost in ("params", "macs"))
    if remark.places > 1:
        found.append(Run(f"in {remark.places} places", "second", ink="second"))
    costs = typeset(Line("changed", "", (), params, macs).costs)
    return [*found, *(Run(text, "second", ink="second") for text in wrapped(costs, "second", room + 40))]


def _headed(line: Line) -> tuple[str, tuple[str, ...]]:
    """What stands above a change, and the rest: an op without a name of its own is known by its settings."""
    op = line.name.partition("#")[0]
    if line.mark in ("added", "removed") and line.words and line.words[0].split(" ")[0].rstrip(",") == op:
        return typeset(line.words[0]), line.words[1:]
    return line.name, line.words


def typeset(text: str) -> str:
    """Words with the signs of print: `3×3`, `→`, `−`."""
    text = re.sub(r"\b(\d+)x(?=\d+\b)", r"\1×", text.replace("->", "→").replace(">=", "≥"))
    return re.sub(r"(?<![\w.])-(?=\d)", "−", re.sub(r"(?<![^\d] )(?<![^ \d])x (?=\d)", "× ", text))


def settle(remarks: Sequence[Remark], ceiling: float) -> list[Remark]:
    """Give remarks their places, in order: as near as can be to what they are about, none on another.

    Those of one place move least: of remarks that touch, the weighted mean of what they want is kept.
    """
    order = sorted(remarks, key=lambda each: each.wanted)
    groups: list[tuple[float, float, list[Remark]]] = []  # the wanted top, less all above; its weight
    above = 0.0
    for each in order:
        own, weight = each.wanted - each.height / 2 - above, 1.0 if len(each.points) == 1 else 0.1
        members = [each]
        while groups and groups[-1][0] > own:
            top, other, others = groups.pop()
            own, weight = (own * weight + top * other) / (weight + other), weight + other
            members = [*others, *members]
        groups.append((own, weight, members))
        above += each.height + BETWEEN
    above = 0.0
    for top, _, members in groups:
        for each in members:
            each.top = max(top, ceiling) + above
            above += each.height + BETWEEN
    return order


@dataclass(eq=False, slots=True)
class Channel:
    """Remarks at one side of the middle: those of the right net stand left of its boxes, their lines turn in lanes."""

    remarks: list[Remark]
    towards: int
    """1 where boxes are at the right of the remarks, -1 where they are at the left."""
    _lanes: dict[Remark, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        turning = [each for each in self.remarks if each.points and not each.is_straight]
        spans = [(min(ys), max(ys)) for ys in ([*(y for _, y in each.points), each.start] for each in turning)]
        self._lanes = dict(zip(turning, nested(spans), strict=True))

    @property
    def aside(self) -> float:
        """From the net to the text."""
        return 2 * m.BADGE + _CLEAR + 18 + _LANE * (1 + max(self._lanes.values(), default=0)) + 6

    @property
    def width(self) -> float:
        """The room for text, lanes and signs."""
        return self.aside + max(each.width for each in self.remarks) if self.remarks else 0

    def beside(self, other: Channel) -> float:
        """The room for both channels: text of one may stand above that of the other, and not in its lanes."""
        if not (self.remarks and other.remarks):
            return max(self.width, other.width) + 12
        room = max(self.width + other.aside, other.width + self.aside) + 12
        i = j = 0
        while i < len(self.remarks) and j < len(other.remarks):  # both are in order, and none lies on another
            one, two = self.remarks[i], other.remarks[j]
            if one.top < two.bottom + 6 and two.top < one.bottom + 6:
                room = max(room, self.aside + one.width + 24 + two.width + other.aside)
            i, j = (i + 1, j) if one.bottom < two.bottom else (i, j + 1)
        return room

    def move(self, dx: float, dy: float) -> None:
        """Put all remarks and their places elsewhere."""
        for each in self.remarks:
            each.points = [(x + dx, y + dy) for x, y in each.points]
            each.top += dy

    def draw(self, sheet: Sheet, edge: float) -> None:
        """Draw all; `edge` is that of the net."""
        near = edge - self.towards * (2 * m.BADGE + _CLEAR + 10)
        text = edge - self.towards * self.aside
        anchor: Anchor = "end" if self.towards > 0 else "start"
        lane = {each: near - self.towards * _LANE * at for each, at in self._lanes.items()}
        level: list[tuple[float, float, float, Remark]] = []
        for each in self.remarks:
            kind = _kind(each)
            start = text + self.towards * 6
            for x, y in each.points:
                middle = x - self.towards * (m.BADGE + _CLEAR)
                stop = middle - self.towards * m.BADGE
                begin = lane.get(each, start)
                level.append((y, min(begin, stop), max(begin, stop), each))
                sheet.line([(begin, y), (stop, y)], 1, kind)
                sheet.badges.append(Badge(middle, y, each.sign))
            if each in lane:
                level.append((each.start, min(start, lane[each]), max(start, lane[each]), each))
                sheet.line([(start, each.start), (lane[each], each.start)], 1, kind)
            for i, run in enumerate(each.text):
                sheet.write(text, each.top + _LEADING * i + 11, run, anchor=anchor)
        level.sort(key=lambda line: line[0])
        heights = [y for y, *_ in level]
        for each, x in lane.items():
            kind = _kind(each)
            ys = [each.start, *(y for _, y in each.points)]
            near_it = level[bisect_left(heights, min(ys)) : bisect_right(heights, max(ys))]
            crossing = [y for y, x0, x1, other in near_it if other is not each and x0 < x < x1]
            for top, bottom in _pieces(min(ys), max(ys), crossing):
                sheet.line([(x, top), (x, bottom)], 1, kind)


def _kind(remark: Remark) -> Stroked:
    return "gone" if remark.sign == "removed" else "leader"


def _pieces(top: float, bottom: float, crossing: Iterable[float]) -> Iterable[tuple[float, float]]:
    """A vertical line with gaps where others cross it."""
    cuts = [y for y in crossing if top + 1 < y < bottom - 1]
    ends = [top, *(end for y in cuts for end in (y - m.BRIDGE / 2, y + m.BRIDGE / 2)), bottom]
    for start, stop in list(pairwise(ends))[::2]:
        if stop > start:
            yield start, stop


def listed(sheet: Sheet, remarks: Sequence[Remark], left: float, right: float, y: float) -> float:
    """Remarks with their numbers in columns below a figure; where they end."""
    count = max(1, int((right - left + 24) // (ROOM + 64)))
    wide = (right - left + 24) / count
    ends = [y] * count
    for i, each in enumerate(remarks):
        at = min(range(count), key=lambda k: ends[k])
        start = left + at * wide
        badge = Badge(0, 0, each.sign, str(i + 1))
        sheet.badges.append(Badge(start + badge.half, ends[at] + 7, each.sign, str(i + 1)))
        for j, run in enumerate(each.text):
            sheet.write(start + 36, ends[at] + _LEADING * j + 11, run)
        ends[at] += max(each.height, _LEADING) + BETWEEN
    return max(ends)
