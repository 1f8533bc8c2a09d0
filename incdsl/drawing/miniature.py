"""A block in small: its own rails, by the recursion that draws them large. Convolutions are filled, pools hollow.

Where values cross, `small_rows` places what the recursion draws.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from incdsl.drawing.marks import Box, Point, Small
from incdsl.drawing.picture import Block, Body, Bracket, Parallel, Sequence, Step, Thing
from incdsl.drawing.small_rows import MOST, Rows

WIDTH, HEIGHT = 5.5, 3.6
_GAP, _BETWEEN, _FACTORS = 2.2, 2.2, 0.8
_FORK, _INNER_FORK, _TAIL, _INNER_TAIL, _BAR, _INNER_BAR = 5.0, 3.0, 3.0, 2.0, 2.6, 2.2
_PILL = 1.6
_MOST_WIDE, _MOST_HIGH = 60.0, 40.0
_LEAST = 0.5
"""No miniature is smaller than this part of its size; what would be is left out."""
_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """A miniature, and how much smaller it is drawn."""

    marks: Small
    scale: float = 1

    @property
    def width(self) -> float:
        """As it is drawn."""
        return self.marks.width * self.scale

    @property
    def height(self) -> float:
        """As it is drawn."""
        return self.marks.height * self.scale


def miniature(body: Body | None) -> Figure | None:
    """The inside of a block in small; None where it would say nothing, or not fit."""
    if body is None:
        return None
    for deepest in (_DEEPEST, 1, 0):
        found = _drawn(body, deepest)
        if found is None:
            return None
        scale = min(1.0, _MOST_WIDE / found.width, _MOST_HIGH / found.height)
        if scale >= _LEAST:
            return Figure(found, round(scale, 3))
    return None


def _drawn(body: Body, deepest: int) -> Small | None:
    spine, pen = body.spine, _Pen(deepest)
    if spine is None:
        if len(body.cells) > MOST:
            return None
        rows = Rows(body, lambda thing: pen.size(thing, 0))
        done = rows.drawn(pen.small, lambda thing, x, y: pen.draw(thing, x, y, 0))
        return pen.small if done and pen.small.height else None
    if not spine.parts:
        return None
    left, right, height = pen.size(spine, 0)
    if not height:
        return None
    pen.draw(spine, left, 0, 0)
    small = pen.small
    small.width, small.height = round(left + right, 2), round(height, 2)
    return small


class _Pen:
    def __init__(self, deepest: int) -> None:
        self._deepest = deepest
        self.small = Small(0, 0)

    def _inside(self, thing: Thing, level: int) -> Sequence | None:
        """What a block is drawn as: its spine, unless that is too deep."""
        if isinstance(thing, Block) and thing.inside and level < self._deepest:
            spine = thing.inside.spine
            return spine if spine and spine.parts else None
        return None

    def size(self, thing: Thing, level: int, gap: float = _GAP) -> tuple[float, float, float]:
        """How far it reaches left and right of its line, and its height."""
        if isinstance(thing, Sequence):
            sizes = [self.size(part, level) for part in thing.parts]
            height = sum(size[2] for size in sizes) + gap * (len(sizes) - 1)
            return max(s[0] for s in sizes), max(s[1] for s in sizes), height
        if isinstance(thing, Bracket):
            return self.size(thing.inside, level, _FACTORS if thing.joined else _GAP)
        if isinstance(thing, Parallel):
            at, sizes = self._rails(thing, level)
            line = at[-1] / 2
            tallest = max((size[2] for size in sizes), default=0)
            fork, tail, bar = self._heights(thing, level)
            return line + sizes[0][0], at[-1] - line + sizes[-1][1], fork + tallest + tail + bar
        inside = self._inside(thing, level)
        if inside is not None:
            return self.size(inside, level + 1)
        plain = isinstance(thing, Step) and thing.form == "plain"
        return WIDTH / 2, WIDTH / 2, _PILL if plain else HEIGHT

    def _heights(self, thing: Parallel, level: int) -> tuple[float, float, float]:
        inner = level > 0 or thing.thin
        return (
            (_INNER_FORK, _INNER_TAIL, _INNER_BAR) if inner else (_FORK, _TAIL, _BAR)
        )  # fmt: skip

    def _rails(self, thing: Parallel, level: int) -> tuple[list[float], list[tuple[float, float, float]]]:
        sizes = [
            self.size(rail.inside, level + 1) if rail.inside.parts else (WIDTH / 2, WIDTH / 2, 0.0)
            for rail in thing.rails
        ]
        at = [0.0]
        steps = [a[1] + _BETWEEN + b[0] for a, b in itertools.pairwise(sizes)]
        if steps and max(steps) - min(steps) < 2:
            steps = [max(steps)] * len(steps)
        for step in steps:
            at.append(at[-1] + step)
        return at, sizes

    def draw(self, thing: Thing, x: float, y: float, level: int, gap: float = _GAP) -> float:
        """Draw it with its line at x; where it ends."""
        if isinstance(thing, Sequence):
            for i, part in enumerate(thing.parts):
                end = self.draw(part, x, y, level)
                if i < len(thing.parts) - 1:
                    self._line((x, end), (x, end + gap))
                y = end + gap
            return y - gap
        if isinstance(thing, Bracket):
            return self.draw(thing.inside, x, y, level, _FACTORS if thing.joined else _GAP)
        if isinstance(thing, Parallel):
            return self._parallel(thing, x, y, level)
        inside = self._inside(thing, level)
        if inside is not None:
            return self.draw(inside, x, y, level + 1)
        plain = isinstance(thing, Step) and thing.form == "plain"
        height = _PILL if plain else HEIGHT
        box = Box("box", x - WIDTH / 2, y, WIDTH, height, thing.path)
        filled = isinstance(thing, Step) and thing.form in ("convolution", "linear")
        (self.small.filled if filled or plain else self.small.hollow).append(box)
        if plain:
            self.small.filled[-1] = replace(box, x=x - 1.4, width=2.8)
        return y + height

    def _parallel(self, thing: Parallel, x: float, y: float, level: int) -> float:
        at, sizes = self._rails(thing, level)
        start = x - at[-1] / 2
        fork, tail, bar = self._heights(thing, level)
        foot = y + fork + max((size[2] for size in sizes), default=0) + tail
        for rail, offset in zip(thing.rails, at, strict=True):
            line, top = start + offset, y + fork
            level_of = top - 2.2
            end = top
            if rail.inside.parts:
                end = self.draw(rail.inside, line, top, level + 1)
            points = [(x, y), (x, level_of), (line, level_of), (line, top)]
            self._line(*(points if abs(line - x) > 0.01 else [(x, y), (x, top)]))
            self._line((line, end), (line, foot))
        edges = start - sizes[0][0], start + at[-1] + sizes[-1][1]
        kind = self.small.bars if thing.word in ("concat", "reduce") else self.small.hollow
        kind.append(Box("bar", edges[0], foot, edges[1] - edges[0], bar, thing.path))
        return foot + bar

    def _line(self, *points: Point) -> None:
        if points[0] != points[-1]:
            self.small.lines.append(points)
