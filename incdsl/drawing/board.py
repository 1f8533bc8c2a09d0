"""Bodies whose values cross: cells in rows and columns, and lines that go where no cell is.

Between two rows runs a corridor, beside each column a gutter; neither ever holds a box. A value leaves its cell
downwards. If it goes on in its column it goes straight on; else it turns in the corridor below, and if its reader is
further down, it takes the gutter beside its column to the corridor above the reader. So no line meets a box but its
own two, whatever the graph. Lanes in corridors and gutters are given out by interval colouring.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from incdsl.drawing import measures as m
from incdsl.drawing.lanes import colour
from incdsl.drawing.manner import Manner
from incdsl.drawing.marks import Arrow, Box, Dot, Ink, Point, Run
from incdsl.drawing.picture import Block, Body, Cell, Door, Join, Sequence, Split, Thing, Value
from incdsl.drawing.routes import branches, bridged, plain
from incdsl.drawing.things import first_box, last_box

if TYPE_CHECKING:
    from incdsl.drawing.layout import Layout

_PORTS = 40
_DOORS = 60
_RADIUS = 6
_NEAR = 4
"""A cell takes a column that is free again if it is so near."""
_ROOM = 13
"""Above and below the lanes of a corridor."""


@dataclass(eq=False, slots=True)
class _Exit(Thing):
    """Where values leave the body, with their names; several stand side by side if they come from one block."""

    names: list[str] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class _Place:
    """A cell in its row and column, with its doors as offsets from the line of the column."""

    cell: Cell
    row: int
    column: _Column
    ins: list[float] = field(default_factory=list)
    outs: list[float] = field(default_factory=list)
    left: float = 0
    right: float = 0
    height: float = 0


@dataclass(eq=False, slots=True)
class _Column:
    places: list[_Place] = field(default_factory=list)
    children: int = 0
    index: int = 0
    x: float = 0


_Lane: TypeAlias = "tuple[int, Value, int | None]"
"""A lane in a corridor: the row above it, its value, and the gutter that it comes from."""


@dataclass(eq=False, slots=True)
class _Edge:
    """A value on its way to one reader. `gutter` is the index of the column whose gutter, at its right, it takes."""

    value: Value
    source: _Place
    port: int
    target: _Place
    door: int
    straight: bool = False
    gutter: int | None = None

    @property
    def corridors(self) -> tuple[int, int]:
        """The corridor below the source and that above the target, by the rows above them."""
        return self.source.row, self.target.row - 1


class Board:
    """A body with all of its cells and lines in place, relative to its own left edge and top."""

    def __init__(self, layout: Layout, body: Body, manner: Manner, *, nested: bool) -> None:
        self._layout = layout
        self._manner = manner
        self._nested = nested
        self._places: dict[Cell, _Place] = {}
        self._columns: list[_Column] = []
        self._edges: list[_Edge] = []
        cells = _with_ends(body)
        told = [value for cell in cells for value in cell.gives[:-1] if self._is_told(value)]
        widths = [sum(run.width for run in self._label(value)) for value in told]
        self._doors = max([_DOORS, *(width + 2 * m.SHAPE_OFFSET + 8 for width in widths)])
        """How far apart the doors of a block are: what is written beside one fits."""
        self._place(cells)
        self._connect(cells)
        self._set_gutters()
        self._set_corridors()
        ins = [self._x(self._places[value.cell], 0, out=True) for value in body.inputs]
        exits = {
            value: place.column.x + at
            for place in self._places.values()
            if isinstance(place.cell.thing, _Exit)
            for value, at in zip(place.cell.reads, place.ins, strict=True)
        }
        self.line = ins[0] if len(ins) == 1 else self.width / 2
        """Where the line of the whole runs, from its left edge: into the only input if it has one."""
        self.ins = [x - self.line for x in ins]
        self._turns = len(ins) == len(exits) == 1
        self.outs = {value: 0.0 if self._turns else x - self.line for value, x in exits.items()}

    # Rows and columns

    def _place(self, cells: list[Cell]) -> None:
        rows: dict[Cell, int] = {}
        for cell in cells:
            rows[cell] = 1 + max((rows[value.cell] for value in cell.reads), default=-1)
        last = max(rows.values(), default=0)
        bottoms: dict[_Column, _Place] = {}
        for cell in cells:
            if isinstance(cell.thing, _Exit):
                rows[cell] = last if last > rows[cell.reads[0].cell] else rows[cell]
            column, inherited = self._column_of(cell, rows[cell], bottoms)
            place = _Place(cell, rows[cell], column)
            self._measure(place, inherited)
            column.places.append(place)
            bottoms[column] = place
            self._places[cell] = place
        for i, column in enumerate(self._columns):
            column.index = i
        self._rows = last + 1

    def _column_of(self, cell: Cell, row: int, bottoms: dict[_Column, _Place]) -> tuple[_Column, int | None]:
        """The column of what a cell reads, if that is still at its end; one near it that is free again, or a new
        one."""
        for i, value in enumerate(cell.reads):
            place = self._places[value.cell]
            if bottoms.get(place.column) is place:
                return place.column, i
        made = _Column()
        if not cell.reads:
            self._columns.append(made)
            return made, None
        parent = self._places[cell.reads[0].cell].column
        at = next(i for i, column in enumerate(self._columns) if column is parent)
        for column in self._columns[at + 1 : at + 1 + _NEAR]:
            if bottoms[column].row < row:
                return column, None
        parent.children += 1
        self._columns.insert(at + parent.children, made)
        return made, None

    def _measure(self, place: _Place, inherited: int | None) -> None:
        thing, cell = place.cell.thing, place.cell
        layout, manner = self._layout, self._manner
        if isinstance(thing, Door | _Exit):
            names = thing.names if isinstance(thing, _Exit) else [thing.name]
            place.ins, place.outs, place.height = self._ends(place, len(names)), [0.0], 18.0
            for name, at in zip(names, place.ins, strict=True):
                half = m.advance(name, "name") / 2 + 4
                place.left = max(place.left, (8.0 if self._nested else half) - at)
                place.right = max(place.right, (12 + 2 * half if self._nested else half) + at)
        elif isinstance(thing, Join | Split):
            count = max(1, len(cell.reads) if isinstance(thing, Join) else len(cell.gives))
            kept = (inherited or 0) if isinstance(thing, Join) else (count - 1) / 2
            ports = [(i - kept) * _PORTS for i in range(count)]
            place.ins, place.outs = (ports, [0.0]) if isinstance(thing, Join) else ([0.0], ports)
            place.left, place.right, place.height = 22 - min(ports), 22 + max(ports), m.BAR
        else:
            extent = layout.extent(thing, manner)
            place.left, place.right, place.height = extent.left, extent.right, extent.height
            board = self._inner_board(thing)
            if board is not None:
                place.ins = list(board.ins)
                place.outs = [board.outs.get(value, 0.0) for value in self._inner_outputs(thing, cell)]
                place.ins += [0.0] * (len(cell.reads) - len(place.ins))
                place.outs += [0.0] * (len(cell.gives) - len(place.outs))
            else:
                kept = float(inherited or 0)
                place.ins = self._spread(len(cell.reads), kept)
                alike = len(cell.gives) == len(cell.reads)
                live = [value.readers > 0 or bool(value.outputs) for value in cell.gives]
                spread = self._spread(sum(live), kept if alike else (sum(live) - 1) / 2)
                doors_of = iter(spread)
                place.outs = [next(doors_of) if each else 0.0 for each in live]
                source = self._places[cell.reads[0].cell] if cell.reads else place
                if len(cell.reads) > 1 and source.column is place.column and _alive(source.cell) == cell.reads:
                    place.ins = [source.outs[source.cell.gives.index(value)] for value in cell.reads]
                    place.outs = list(place.ins) if alike and all(live) else place.outs
                if isinstance(thing, Block):
                    doors = (0.0, *place.ins, *place.outs)
                    place.left = max(place.left, 24 - min(doors)) if min(doors) else place.left
                    place.right = max(place.right, 24 + max(doors)) if max(doors) else place.right
        labels = [self._label(value) for value in cell.gives if self._is_told(value)]
        reach = max((sum(run.width for run in runs) for runs in labels), default=0)
        if labels:
            outs = max(place.outs, default=0)
            place.right = max(place.right, outs + 4 + m.SHAPE_OFFSET + reach)

    def _ends(self, place: _Place, count: int) -> list[float]:
        """Where values leave: below the doors that they come from, if they do."""
        reads = place.cell.reads
        if count < 2 or not reads:
            return [0.0] * count
        source = self._places[reads[0].cell]
        doors = [source.outs[source.cell.gives.index(value)] for value in reads]
        apart = len(set(doors)) == count
        return doors if apart and source.column is place.column else self._spread(count, 0)

    def _spread(self, count: int, kept: float) -> list[float]:
        """Doors side by side, that of index `kept` on the line of the column."""
        return [(i - kept) * self._doors for i in range(count)] if count > 1 else [0.0] * count

    def _inner_board(self, thing: Thing) -> Board | None:
        manner = self._manner
        if (
            isinstance(thing, Block)
            and self._layout.panels.is_open(thing, manner)
            and thing.inside
            and not thing.inside.spine
        ):
            return self._layout.panels.board(thing, manner.inside())
        return None

    def _inner_outputs(self, thing: Thing, cell: Cell) -> list[Value]:
        inside = thing.inside.outputs if isinstance(thing, Block) and thing.inside else []
        return inside[: len(cell.gives)]

    def _is_told(self, value: Value) -> bool:
        """Whether a shape is written: where values enter, are read again or leave, and where the grid changes."""
        cell = value.cell
        if value.shape is None or not (value.readers or value.outputs):
            return False
        if isinstance(cell.thing, Split):
            return value.readers > 1 and bool(value.name)
        before = cell.reads[0].grid if cell.reads else None
        return len(cell.gives) > 1 or value.readers > 1 or bool(value.outputs) or before != value.grid

    def _label(self, value: Value) -> list[Run]:
        """What is written beside a value where it begins: its name if it is read again, and its shape."""
        named = value.name and value.readers > 1 and not isinstance(value.cell.thing, Door)
        runs = [Run(value.name, "second", ink="second")] if named else []
        return [*runs, Run(str(value.shape), "shape", 6 if named else 0)]

    # Lines

    def _connect(self, cells: list[Cell]) -> None:
        for cell in cells:
            target = self._places[cell]
            for door, value in enumerate(cell.reads):
                source = self._places[value.cell]
                port = value.cell.gives.index(value)
                edge = _Edge(value, source, port, target, door)
                same = source.column is target.column and abs(source.outs[port] - target.ins[door]) < 0.01
                below = source.column.places.index(source) + 1
                edge.straight = same and source.column.places[below] is target
                if not edge.straight and target.row > source.row + 1:
                    edge.gutter = self._gutter(source, target)
                self._edges.append(edge)
        self._keep_apart()

    def _keep_apart(self) -> None:
        """Lead a value through a gutter where its line and another's would meet above and below one door.

        Values that go to the next row have lanes in the middle of the corridor, between those that come from a gutter
        and those that go to one, so only two of them can meet.
        """
        entered: dict[tuple[int, _Column], list[tuple[float, Value]]] = defaultdict(list)
        direct = [edge for edge in self._edges if not edge.straight and edge.gutter is None]
        for edge in direct:
            offset = edge.target.ins[edge.door]
            entered[edge.source.row, edge.target.column].append((offset, edge.value))
        for edge in direct:
            offset = edge.source.outs[edge.port]
            others = entered[edge.source.row, edge.source.column]
            if any(value is not edge.value and abs(at - offset) < m.CIRCLE for at, value in others):
                for same in direct:
                    if same.value is edge.value:
                        same.gutter = self._gutter(same.source, same.target)

    def _gutter(self, source: _Place, target: _Place) -> int:
        """The gutter on the side of the source where the target is; the first one is left of all columns."""
        at = source.column.index
        return at - 1 if target.column.index < at else at

    def _set_gutters(self) -> None:
        """Lanes in gutters, and with their number the columns' places."""
        spans: dict[int, dict[Value, list[int]]] = defaultdict(dict)
        for edge in self._edges:
            if edge.gutter is not None:
                spans[edge.gutter].setdefault(edge.value, []).extend(edge.corridors)
        self._gutter_lanes: dict[tuple[int, Value], int] = {}
        widths: dict[int, int] = {}
        for gutter, values in spans.items():
            lanes = colour([(min(rows), max(rows)) for rows in values.values()])
            for value, lane in zip(values, lanes, strict=True):
                self._gutter_lanes[gutter, value] = lane
            widths[gutter] = 1 + max(lanes)
        x = 0.0
        self._gutter_x: dict[int, float] = {-1: 0.0}
        if -1 in widths:
            x += m.LANE * widths[-1]
        for i, column in enumerate(self._columns):
            column.x = x + max(place.left for place in column.places)
            x = column.x + max(place.right for place in column.places)
            self._gutter_x[i] = x + 16
            lanes_here = widths.get(i, 0)
            if i < len(self._columns) - 1 or lanes_here:
                x += 16 + max(m.LANE * lanes_here + 4, m.GAP_OF_RAILS - 16)
        self.width = x

    def _lane_x(self, edge: _Edge) -> float:
        assert edge.gutter is not None
        return self._gutter_x[edge.gutter] + m.LANE * self._gutter_lanes[edge.gutter, edge.value]

    def _x(self, place: _Place, port: int, *, out: bool) -> float:
        return place.column.x + (place.outs if out else place.ins)[port]

    def _set_corridors(self) -> None:
        """Lanes in corridors, and with their number the rows' places."""
        spans: dict[tuple[int, int], dict[_Lane, list[float]]] = defaultdict(dict)
        direct = {edge.value for edge in self._edges if not edge.straight and edge.gutter is None}
        for edge in self._edges:
            if edge.straight:
                continue
            start, end = self._x(edge.source, edge.port, out=True), self._x(edge.target, edge.door, out=False)
            first, last = edge.corridors
            own: _Lane = (first, edge.value, None)
            zone = 1 if edge.value in direct else 0
            if edge.gutter is None:
                spans[first, zone].setdefault(own, []).extend((start, end))
            else:
                lane = self._lane_x(edge)
                spans[first, zone].setdefault(own, []).extend((start, lane))
                spans[last, 2].setdefault((last, edge.value, edge.gutter), []).extend((lane, end))
        self._corridor_lanes: dict[_Lane, int] = {}
        counts: dict[int, int] = {}
        for row, zone in sorted(spans):
            found = spans[row, zone]
            lanes = colour([(min(xs) - 8, max(xs) + 8) for xs in found.values()])
            before = counts.get(row, 0)
            self._corridor_lanes.update(zip(found, (before + lane for lane in lanes), strict=True))
            counts[row] = before + 1 + max(lanes)
        y = 0.0
        heights = [0.0] * self._rows
        for place in self._places.values():
            heights[place.row] = max(heights[place.row], place.height)
        self._tops, self._lanes_y = [], []
        for row in range(self._rows):
            self._tops.append(y)
            y += heights[row]
            room = _ROOM * 2 if self._manner.is_net or row in counts else m.GAP_WITH_SHAPE
            self._lanes_y.append(y + room * 0.72)
            y += room + m.LANE * counts.get(row, 0) if row < self._rows - 1 else 0
        self.height = y

    # Drawing

    def draw(self, left: float, top: float, panel: Box | None) -> None:
        """Put everything onto the sheet; in a panel, lines come from its top and go to its bottom."""
        routes = [(edge, self._route(edge, left, top)) for edge in self._edges]
        self._draw_lines(routes)
        for place in self._places.values():
            self._draw_place(place, left, top, panel)

    def _route(self, edge: _Edge, left: float, top: float) -> list[Point]:
        start = left + self._x(edge.source, edge.port, out=True)
        end = left + self._x(edge.target, edge.door, out=False)
        y0 = top + self._tops[edge.source.row] + edge.source.height
        y1 = top + self._tops[edge.target.row]
        if edge.straight:
            return [(start, y0), (start, y1)]
        first, last = edge.corridors
        level = top + self._lanes_y[first] + m.LANE * self._corridor_lanes[first, edge.value, None]
        if edge.gutter is None:
            return plain([(start, y0), (start, level), (end, level), (end, y1)])
        lane = left + self._lane_x(edge)
        other = top + self._lanes_y[last] + m.LANE * self._corridor_lanes[last, edge.value, edge.gutter]
        return plain([(start, y0), (start, level), (lane, level), (lane, other), (end, other), (end, y1)])

    def _draw_lines(self, routes: list[tuple[_Edge, list[Point]]]) -> None:
        sheet = self._layout.sheet
        flat: dict[Value, list[tuple[float, float, float]]] = defaultdict(list)
        for edge, points in routes:
            for a, b in itertools.pairwise(points):
                if a[1] == b[1]:
                    flat[edge.value].append((a[1], min(a[0], b[0]), max(a[0], b[0])))
        across = sorted((y, x0, x1, i) for i, spans in enumerate(flat.values()) for y, x0, x1 in set(spans))
        order = {value: i for i, value in enumerate(flat)}
        for edge, points in routes:
            value, head = edge.value, isinstance(edge.target.cell.thing, Block) and edge.target.cell.thing.head
            kind = "head" if head or value.shape is None else "value"
            width = 1.5 if kind == "head" else m.thickness(value.channels)
            joins = (
                _end(edge.source.cell.thing, edge.port, top=False),
                _end(edge.target.cell.thing, edge.door, top=True),
            )
            for piece in bridged(points, across, order.get(value, -1)):
                sheet.line(piece, width, kind, _RADIUS, joins)  # type: ignore[arg-type]
        sheet.dots += [Dot(x, y) for x, y in branches([(edge.value, points) for edge, points in routes])]

    def _draw_place(self, place: _Place, left: float, top: float, panel: Box | None) -> None:
        layout, sheet, cell = self._layout, self._layout.sheet, place.cell
        thing, x, y = cell.thing, left + place.column.x, top + self._tops[place.row]
        if isinstance(thing, Door):
            self._draw_end(place, thing.name, cell.gives[0], x, y, panel)
        elif isinstance(thing, _Exit):
            for name, value, at in zip(thing.names, cell.reads, place.ins, strict=True):
                self._draw_end(place, name, value, x + at, y, panel)
        elif isinstance(thing, Join | Split):
            self._draw_bar(place, x, y)
        elif isinstance(thing, Block) and not layout.panels.is_open(thing, self._manner):
            half, ports = layout.boxes.block_width / 2, (0.0, *place.ins, *place.outs)
            start = x - max(half, 24 - min(ports) if min(ports) else 0)
            end = x + max(half, 24 + max(ports) if max(ports) else 0)
            layout.boxes.closed(thing, start, y, end - start, place.height)
        else:
            entering = cell.reads[0] if cell.reads else cell.gives[0]
            layout.draw(thing, x, y, entering, self._manner)
        if isinstance(thing, Sequence):
            layout.trail(thing, x, y + place.height)
        for value, port in zip(cell.gives, place.outs, strict=False):
            if self._is_told(value) and not (isinstance(thing, Door) and self._nested):
                at = x + port + m.thickness(value.channels) / 2 + m.SHAPE_OFFSET
                sheet.write(at, y + place.height + 11, *self._label(value))

    def _draw_end(self, place: _Place, name: str, value: Value, x: float, y: float, panel: Box | None) -> None:
        """An input or an output: its name at the end of the line; in a panel the line goes on to the border."""
        sheet = self._layout.sheet
        enters = isinstance(place.cell.thing, Door)
        width = m.thickness(value.channels)
        if panel is None:
            sheet.write(x, y + (12 if enters else 14), Run(name, "name"), anchor="middle")
            if not enters:
                sheet.arrows.append(Arrow(x, y + 2, "down", max(4, width * 0.8)))
            return
        if enters:
            sheet.line([(x, panel.y), (x, y + place.height)], width, joins=(panel.path, ""))
        else:
            out = x - place.column.x + self.line if self._turns else x
            level = panel.bottom - 12
            points = plain([(x, y), (x, level), (out, level), (out, panel.bottom)])
            sheet.line(points, width, radius=_RADIUS, joins=("", panel.path))
        sheet.write(x + width / 2 + m.SHAPE_OFFSET, y + 13, Run(name, "note", ink="second"))

    def _draw_bar(self, place: _Place, x: float, y: float) -> None:
        sheet, thing = self._layout.sheet, place.cell.thing
        ports = place.ins if isinstance(thing, Join) else place.outs
        filled = isinstance(thing, Join) and thing.word in ("concat", "reduce")
        wrong = isinstance(thing, Join) and (bool(thing.mistakes) or not thing.known)
        shape = "missing" if wrong else "bar" if filled else "hollow"
        start, width = x + min(ports) - 20, max(ports) - min(ports) + 40
        box = Box(
            shape, start, y, width, m.BAR, thing.path, thing.title, "bar" if filled and not wrong else "paper",  # type: ignore[arg-type]
        )  # fmt: skip
        sheet.boxes.append(box)
        if isinstance(thing, Split) or filled or wrong:
            values = place.cell.reads if isinstance(thing, Join) else place.cell.gives
            for i, (value, port) in enumerate(zip(values, ports, strict=False)):
                text = (value.grid if wrong and place.cell.wrong else "") or str(value.channels or "?")
                ink: Ink = "wrong" if i in place.cell.wrong else "ink" if wrong or not filled else "paper"
                role: m.Role = "shape" if wrong else "bar"
                run = Run(m.shortened(text, role, _PORTS - 2), role, ink=ink)
                sheet.write(x + port, y + 14, run, anchor="middle", within=box)
            return
        assert isinstance(thing, Join)
        self._layout.boxes.sign(thing.word, start + width / 2, y + m.BAR / 2)


def _with_ends(body: Body) -> list[Cell]:
    """The cells, and those that outputs and heads need."""
    cells = list(body.cells)
    for cell in body.cells:
        for value in cell.gives:
            for head in value.heads:
                cells.append(Cell(head, [value]))
    exits: dict[object, Cell] = {}
    for value in dict.fromkeys(body.outputs):
        if value not in value.cell.gives:
            continue  # it leaves a sequence that goes on
        name = ", ".join(value.outputs) or ("" if body.is_net else value.name)
        alone = len(value.cell.gives) < 2 or value.readers > 0
        cell = exits.setdefault(value if alone else value.cell, Cell(_Exit()))
        assert isinstance(cell.thing, _Exit)
        cell.thing.names.append(name)
        cell.reads.append(value)
    cells += exits.values()
    return cells


def _alive(cell: Cell) -> list[Value]:
    """The values of a cell that something reads, or that leave the body."""
    return [value for value in cell.gives if value.readers or value.outputs]


def _end(thing: Thing, port: int, *, top: bool) -> str:
    """The box at which a line ends."""
    if isinstance(thing, Door | _Exit):
        return ""
    return first_box(thing) if top else last_box(thing)
