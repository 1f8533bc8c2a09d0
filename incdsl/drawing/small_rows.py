"""A block in small whose values cross: its cells in rows and columns, and lines that go where no cell is.

A cell stands below all that it reads, and goes on with the column of the first value whose column it can. A line turns
right above its reader, or right below where it comes from; where cells are in the way of both, it passes beside a
column. Where it crosses another it has a gap. There is no figure where two values would run along each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from incdsl.drawing.lanes import colour
from incdsl.drawing.marks import Box, Point, Small
from incdsl.drawing.picture import Body, Cell, Door, Join, Split, Thing, Value
from incdsl.drawing.routes import bridged

_PORTS, _BETWEEN = 3.0, 2.4
_ROOM, _LANE = 2.4, 1.4
"""The height of a corridor between two rows in which one line turns, and what each more adds."""
_ENTRY, _BAR = 2.4, 2.2
_GAP = 1.6
"""What is left out of a line where it crosses another."""
MOST = 40
"""How many cells a small figure may have."""

Size = Callable[[Thing], tuple[float, float, float]]
Draw = Callable[[Thing, float, float], float]


@dataclass(eq=False, slots=True)
class _Place:
    """A cell in its row and column; `ins` and `outs` are its doors, from the line of the column."""

    cell: Cell
    row: int
    column: int
    ins: list[float]
    outs: list[float]
    left: float
    right: float
    height: float


@dataclass(eq=False, slots=True)
class _Way:
    """A value on its way from a door to a door: the rows below which it turns, and the gutter that it takes."""

    value: Value
    source: _Place
    target: _Place
    start: float
    end: float
    rows: tuple[int, ...] = ()
    gutter: int | None = None
    """The column at whose right side it goes down between two turns; −1 is left of all."""


@dataclass(eq=False, slots=True)
class Rows:
    """The cells of a body, placed. `size` is that of a thing with one line through it."""

    body: Body
    size: Size
    places: dict[Cell, _Place] = field(default_factory=dict)
    columns: list[list[_Place]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for cell in self.body.cells:
            self._place(cell, 1 + max((self.places[value.cell].row for value in cell.reads), default=-1))
        leaving = [value for value in dict.fromkeys(self.body.outputs) if value in value.cell.gives]
        last = max((place.row for place in self.places.values()), default=0)
        for value in leaving if len(leaving) > 1 else []:
            self._place(Cell(Door(), [value]), last + 1)

    def _place(self, cell: Cell, row: int) -> None:
        place = self._measured(cell, row, *self._column_of(cell, row))
        self.places[cell] = place
        if place.column == len(self.columns):
            self.columns.append([])
        self.columns[place.column].append(place)

    def _column_of(self, cell: Cell, row: int) -> tuple[int, int]:
        """Its column, and the door on the line of that.

        It is the column of the first value which is the last there, else one that is free again, or a new one.
        """
        for i, value in enumerate(cell.reads):
            above = self.places[value.cell]
            if self.columns[above.column][-1] is above:
                return above.column, i
        free = (i for i, column in enumerate(self.columns) if cell.reads and column[-1].row < row - 1)
        return next(free, len(self.columns)), 0

    def _measured(self, cell: Cell, row: int, column: int, kept: int) -> _Place:
        ins = [(i - kept) * _PORTS for i in range(len(cell.reads))]
        outs = [i * _PORTS for i in range(len(cell.gives))]
        doors = (0.0, *ins, *outs)
        before, behind = _PORTS / 2 - min(doors), _PORTS / 2 + max(doors)
        if isinstance(cell.thing, Door | Join | Split):
            height = _ENTRY if isinstance(cell.thing, Door) else _BAR
            return _Place(cell, row, column, ins, outs, before, behind, height)
        left, right, height = self.size(cell.thing)
        return _Place(cell, row, column, ins, outs, max(left, before), max(right, behind), height)

    def drawn(self, small: Small, draw: Draw) -> bool:
        """Put it into a figure, from its upper left corner on, and say whether that can be done."""
        if all(isinstance(cell.thing, Door) for cell in self.places):
            return False
        ways = [way for place in self.places.values() for way in self._ways_to(place)]
        lines, gutters, small.width = self._across(ways)
        for upwards in (False, True):
            tops, levels, small.height = self._down(ways, lines, gutters, upwards)
            found = [(way.value, _points(way, lines, gutters, tops, levels)) for way in ways]
            if not _meet(found):
                break
        else:
            return False
        numbers = {value: i for i, (value, _) in enumerate(found)}
        across = sorted(
            (a[1], min(a[0], b[0]), max(a[0], b[0]), numbers[value])
            for value, points in found
            for a, b in pairwise(points)
            if a[1] == b[1]
        )
        for value, points in found:
            small.lines += map(tuple, bridged(list(points), across, numbers[value], _GAP))
        for place in self.places.values():
            self._mark(small, place, lines[place.column], tops[place.row], draw)
        return True

    def _ways_to(self, target: _Place) -> list[_Way]:
        """How values come to a cell."""
        ways = []
        for value, end in zip(target.cell.reads, target.ins, strict=True):
            source = self.places[value.cell]
            way = _Way(value, source, target, source.outs[value.cell.gives.index(value)], end)
            ways.append(way)
            from_free, to_free = (self._is_free(each.column, source.row, target.row) for each in (source, target))
            if source.column == target.column and from_free and abs(way.start - way.end) < 0.01:
                continue
            if from_free:
                way.rows = (target.row - 1,)
            elif to_free:
                way.rows = (source.row,)
            else:
                way.rows = (source.row, target.row - 1)
                way.gutter = source.column - (target.column < source.column)
        return ways

    def _is_free(self, column: int, above: int, below: int) -> bool:
        """Whether no cell of a column stands between two rows."""
        return not any(above < place.row < below for place in self.columns[column])

    def _across(self, ways: list[_Way]) -> tuple[list[float], dict[tuple[int, Value], float], float]:
        """The lines of columns, of values in gutters, and the width of all."""
        passing: dict[int, list[Value]] = defaultdict(list)
        for way in ways:
            if way.gutter is not None and way.value not in passing[way.gutter]:
                passing[way.gutter].append(way.value)
        lines, gutters, edge = [], {}, 0.0
        for i in range(-1, len(self.columns)):
            if i >= 0:
                lines.append(edge + max(place.left for place in self.columns[i]))
                edge = lines[-1] + max(place.right for place in self.columns[i])
            for value in passing[i]:
                edge += _LANE
                gutters[i, value] = edge
            edge += _LANE if passing[i] and i < 0 else _BETWEEN if 0 <= i < len(self.columns) - 1 else 0.0
        return lines, gutters, round(edge, 2)

    def _down(
        self, ways: list[_Way], lines: list[float], gutters: dict[tuple[int, Value], float], upwards: bool
    ) -> tuple[list[float], dict[tuple[int, Value], float], float]:
        """Where rows begin, the heights at which values turn below them, and the height of all.

        Lanes are counted from above, or `upwards`.
        """
        turning: dict[int, dict[Value, list[float]]] = defaultdict(lambda: defaultdict(list))
        for way in ways:
            for row, ends in zip(way.rows, _turns(way, lines, gutters), strict=True):
                turning[row][way.value] += ends
        top, tops, levels = 0.0, [], {}
        last = max(place.row for place in self.places.values())
        for row in range(last + 1):
            tops.append(top)
            spans = [(min(ends), max(ends)) for ends in turning[row].values()]
            lanes = colour(spans)
            lanes = [max(lanes) - lane for lane in lanes] if upwards else lanes
            top += max(place.height for place in self.places.values() if place.row == row)
            for value, lane in zip(turning[row], lanes, strict=True):
                levels[row, value] = top + _ROOM / 2 + _LANE * lane
            top += _ROOM + _LANE * max(lanes, default=0) if row < last else 0.0
        return tops, levels, round(top, 2)

    def _mark(self, small: Small, place: _Place, x: float, y: float, draw: Draw) -> None:
        thing = place.cell.thing
        if isinstance(thing, Door):
            small.lines.append(((x, y), (x, y + place.height)))
        elif isinstance(thing, Join | Split):
            filled = isinstance(thing, Join) and thing.word in ("concat", "reduce")
            bar = Box("bar", x - place.left, y, place.left + place.right, place.height, thing.path)
            (small.bars if filled else small.hollow).append(bar)
        elif len(place.ins) > 1 or len(place.outs) > 1:
            small.hollow.append(Box("box", x - place.left, y, place.left + place.right, place.height, thing.path))
        else:
            draw(thing, x, y)


def _points(
    way: _Way, lines: list[float], gutters: dict[tuple[int, Value], float], tops: list[float],
    levels: dict[tuple[int, Value], float],
) -> tuple[Point, ...]:  # fmt: skip
    """All corners of a way."""
    points: list[Point] = [(lines[way.source.column] + way.start, tops[way.source.row] + way.source.height)]
    for row, (_, end) in zip(way.rows, _turns(way, lines, gutters), strict=True):
        points += [(points[-1][0], levels[row, way.value]), (end, levels[row, way.value])]
    return (*points, (lines[way.target.column] + way.end, tops[way.target.row]))


def _turns(way: _Way, lines: list[float], gutters: dict[tuple[int, Value], float]) -> list[tuple[float, float]]:
    """From where to where a way runs across, at each of its turns."""
    start, end = lines[way.source.column] + way.start, lines[way.target.column] + way.end
    if way.gutter is None:
        return [(start, end)] * len(way.rows)
    gutter = gutters[way.gutter, way.value]
    return [(start, gutter), (gutter, end)]


def _meet(ways: list[tuple[Value, tuple[Point, ...]]]) -> bool:
    """Whether two values go down along each other."""
    down = [(value, a[0], a[1], b[1]) for value, points in ways for a, b in pairwise(points) if a[0] == b[0]]
    return any(
        one is not other and abs(x - at) < 0.5 and top < end and start < bottom
        for (one, x, top, bottom), (other, at, start, end) in combinations(down, 2)
    )
