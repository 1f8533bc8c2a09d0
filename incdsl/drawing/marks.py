"""What a figure is made of once everything has a place: boxes, lines and words, by what they are, not how they look.

Coordinates are in pixels, from the upper left corner. `incdsl.drawing.paint` gives marks their looks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from incdsl.drawing.measures import BADGE, Role, advance

Shape = Literal[
    "box", "coarser", "finer", "pill", "block", "head", "panel", "bar", "thin", "hollow", "missing", "band", "share",
    "small",
]  # fmt: skip
"""What a box is. `coarser` and `finer` are trapezoids whose wide side faces the finer grid."""
Fill = Literal["paper", "pool", "plain", "block", "bar", "wrong", "tint", "rest"]
Line = Literal["value", "head", "wrong", "bracket", "rule", "leader", "gone", "stack", "sign", "cross"]
Sign = Literal["", "same", "changed", "added", "removed", "moved"]
"""What became of a box, where a figure says so; what is the same is quiet."""
Ink = Literal["ink", "second", "paper", "wrong", "faded", "accent"]
Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, or a shape in one. `path` is its identity; boxes without one are parts of others or no steps."""

    shape: Shape
    x: float
    y: float
    width: float
    height: float
    path: str = ""
    title: str = ""
    fill: Fill = "paper"
    heat: int | None = None
    """The step of the heat scale, from 0."""
    wrong: bool = False
    faded: bool = False
    sign: Sign = ""

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Stroke:
    """Lines of one kind and width: each a row of points, with corners of a radius. `joins` are its two ends."""

    paths: tuple[tuple[Point, ...], ...]
    kind: Line = "value"
    width: float = 1
    radius: float = 0
    joins: tuple[str, str] = ("", "")
    """The boxes, by their paths, from which and to which a value flows; empty where that is no box."""


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text in one role, and the room before it."""

    text: str
    role: Role = "text"
    before: float = 0
    ink: Ink = "ink"
    about: str = ""
    """The node whose shape it is."""

    @property
    def width(self) -> float:
        """How wide it is by the table."""
        return self.before + advance(self.text, self.role)


@dataclass(frozen=True, slots=True)
class Words:
    """Pieces of text on one line, whose baseline is at `y`."""

    x: float
    y: float
    runs: tuple[Run, ...]
    anchor: Anchor = "start"
    within: Box | None = None
    """The box that it stands in."""

    @property
    def width(self) -> float:
        """How wide it is by the table."""
        return sum(run.width for run in self.runs)

    @property
    def left(self) -> float:
        """Where it begins."""
        return self.x - {"start": 0, "middle": self.width / 2, "end": self.width}[self.anchor]


@dataclass(frozen=True, slots=True)
class Arrow:
    """A triangle that shows where a line leads, by its tip."""

    x: float
    y: float
    towards: Literal["up", "down", "left", "right"]
    size: float = 4


@dataclass(frozen=True, slots=True)
class Dot:
    """Where a value is read again."""

    x: float
    y: float
    radius: float = 2.6


@dataclass(frozen=True, slots=True)
class Miniature:
    """A small figure of a block, kept once."""

    key: str
    x: float
    y: float
    scale: float = 1
    light: bool = False
    """Whether it stands on a dark step of the heat scale."""
    path: str = ""
    """The block that it is of."""
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Badge:
    """A sign in a circle, by its middle; with a number that a note has, too."""

    x: float
    y: float
    sign: Sign
    number: str = ""

    @property
    def half(self) -> float:
        """Half of its width."""
        return BADGE + (advance(self.number, "note") + 3) / 2 if self.number else BADGE


@dataclass(slots=True)
class Small:
    """The marks of a miniature: lines, and bars and boxes by how they are filled."""

    width: float
    height: float
    lines: list[tuple[Point, ...]] = field(default_factory=list)
    filled: list[Box] = field(default_factory=list)
    hollow: list[Box] = field(default_factory=list)
    bars: list[Box] = field(default_factory=list)


@dataclass(slots=True)
class Sheet:
    """All marks of a figure, in layers: lines lie below boxes, and words above both."""

    width: float = 0
    height: float = 0
    strokes: list[Stroke] = field(default_factory=list)
    panels: list[Box] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    signs: list[Stroke] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    miniatures: list[Miniature] = field(default_factory=list)
    small: dict[str, Small] = field(default_factory=dict)
    over: list[Box] = field(default_factory=list)
    """Boxes of miniatures that are not like the others."""
    badges: list[Badge] = field(default_factory=list)

    def line(
        self,
        points: list[Point],
        width: float,
        kind: Line = "value",
        radius: float = 0,
        joins: tuple[str, str] = ("", ""),
    ) -> None:
        """Add one line."""
        self.strokes.append(Stroke((tuple(points),), kind, width, radius, joins))

    def write(
        self, x: float, y: float, *runs: Run, anchor: Anchor = "start", within: Box | None = None
    ) -> None:  # fmt: skip
        """Add text."""
        self.words.append(Words(x, y, tuple(run for run in runs if run.text), anchor, within))

    def take(self, other: Sheet, dx: float, dy: float, prefix: str) -> None:
        """Put the marks of another sheet onto this one; their paths and names begin with a prefix then."""

        def of(path: str) -> str:
            return f"{prefix}{path}" if path else ""

        def moved(box: Box) -> Box:
            return replace(box, x=box.x + dx, y=box.y + dy, path=of(box.path))

        def led(stroke: Stroke) -> Stroke:
            paths = tuple(tuple((x + dx, y + dy) for x, y in points) for points in stroke.paths)
            return replace(stroke, paths=paths, joins=(of(stroke.joins[0]), of(stroke.joins[1])))

        boxes = {id(box): moved(box) for box in (*other.panels, *other.boxes)}
        self.panels += [boxes[id(box)] for box in other.panels]
        self.boxes += [boxes[id(box)] for box in other.boxes]
        self.over += map(moved, other.over)
        self.strokes += map(led, other.strokes)
        self.signs += map(led, other.signs)
        self.arrows += [replace(each, x=each.x + dx, y=each.y + dy) for each in other.arrows]
        self.dots += [replace(each, x=each.x + dx, y=each.y + dy) for each in other.dots]
        self.badges += [replace(each, x=each.x + dx, y=each.y + dy) for each in other.badges]
        for words in other.words:
            within = boxes.get(id(words.within)) if words.within else None
            self.words.append(replace(words, x=words.x + dx, y=words.y + dy, within=within))
        for each in other.miniatures:
            self.miniatures.append(replace(each, x=each.x + dx, y=each.y + dy, key=of(each.key), path=of(each.path)))
        self.small |= {of(key): small for key, small in other.small.items()}
