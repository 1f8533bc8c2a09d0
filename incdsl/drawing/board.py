"""Bodies whose values cross: cells in rows and columns, and lines that go where no cell is.

Between two rows runs a corridor, beside each column a gutter; neither ever holds a box. A value leaves its cell
downwards. If it goes on in its column it goes straight on; else it turns in the corridor below, and if its reader is
further down, it takes the gutter beside its column to the corridor above the reader. So no line meets a box but its
own two, whatever the graph.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from incdsl.drawing import measures as m
from incdsl.drawing.grid import Column, Exit, Grid, Place, ports_apart
from incdsl.drawing.lanes import colour, nested
from incdsl.drawing.manner import Manner
from incdsl.drawing.marks import Arrow, Box, Dot, Ink, Point, Run
from incdsl.drawing.picture import Block, Body, Door, Join, Sequence, Split, Thing, Value
from incdsl.drawing.routes import branches, bridged, plain
from incdsl.drawing.things import first_box, last_box

if TYPE_CHECKING:
    from incdsl.drawing.layout import Layout

_RADIUS = 6
_ROOM = 13
"""Above and below the lanes of a corridor."""


_Lane: TypeAlias = "tuple[int, Value, int | None]"
"""A lane in a corridor: the row above it, its value, and the gutter that it comes from."""


@dataclass(eq=False, slots=True)
class _Edge:
    """A value on its way to one reader. `gutter` is the index of the column whose gutter, at its right, it takes."""

    value: Value
    source: Place
    port: int
    target: Place
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
        self._grid = Grid(layout, body, manner, nested=nested)
        self._places, self._columns = self._grid.places, self._grid.columns
        self._edges: list[_Edge] = []
        self._connect()
        self._set_gutters()
        self._set_corridors()
        ins = [self._x(self._places[value.cell], 0, out=True) for value in body.inputs]
        exits = {
            value: place.column.x + at
            for place in self._places.values()
            if isinstance(place.cell.thing, Exit)
            for value, at in zip(place.cell.reads, place.ins, strict=True)
        }
        self.line = ins[0] if len(ins) == 1 else self.width / 2
        """Where the line of the whole runs, from its left edge: into the only input if it has one."""
        self.ins = [x - self.line for x in ins]
        self._turns = len(ins) == len(exits) == 1
        self.outs = {value: 0.0 if self._turns else x - self.line for value, x in exits.items()}

    # Lines

    def _connect(self) -> None:
        for cell in self._grid.cells:
            target = self._places[cell]
            for door, value in enumerate(cell.reads):
                source = self._places[value.cell]
                port = value.cell.gives.index(value)
                edge = _Edge(value, source, port, target, door)
                same = source.column is target.column and abs(source.outs[port] - target.ins[door]) < 0.01
                below = source.number + 1
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
        entered: dict[tuple[int, Column], list[tuple[float, Value]]] = defaultdict(list)
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

    def _gutter(self, source: Place, target: Place) -> int:
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
            lanes = nested([(min(rows), max(rows)) for rows in values.values()])
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

    def _x(self, place: Place, port: int, *, out: bool) -> float:
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
        heights = [0.0] * self._grid.rows
        for place in self._places.values():
            heights[place.row] = max(heights[place.row], place.height)
        self._tops, self._lanes_y = [], []
        for row in range(self._grid.rows):
            self._tops.append(y)
            y += heights[row]
            room = _ROOM * 2 if self._manner.is_net or row in counts else m.GAP_WITH_SHAPE
            self._lanes_y.append(y + room * 0.72)
            y += room + m.LANE * counts.get(row, 0) if row < self._grid.rows - 1 else 0
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

    def _draw_place(self, place: Place, left: float, top: float, panel: Box | None) -> None:
        layout, sheet, cell = self._layout, self._layout.sheet, place.cell
        thing, x, y = cell.thing, left + place.column.x, top + self._tops[place.row]
        if isinstance(thing, Door):
            self._draw_end(place, thing.name, cell.gives[0], x, y, panel)
        elif isinstance(thing, Exit):
            for name, value, at in zip(thing.names, cell.reads, place.ins, strict=True):
                self._draw_end(place, name, value, x + at, y, panel)
        elif isinstance(thing, Join | Split):
            self._draw_bar(place, x, y)
        elif isinstance(thing, Block) and not self._manner.opens(thing):
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
            if self._grid.is_told(value) and not (isinstance(thing, Door) and self._nested):
                at = x + port + m.thickness(value.channels) / 2 + m.SHAPE_OFFSET
                sheet.write(at, y + place.height + 11, *self._grid.label(value))

    def _draw_end(self, place: Place, name: str, value: Value, x: float, y: float, panel: Box | None) -> None:
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

    def _draw_bar(self, place: Place, x: float, y: float) -> None:
        sheet, thing = self._layout.sheet, place.cell.thing
        ports = place.ins if isinstance(thing, Join) else place.outs
        filled = isinstance(thing, Join) and thing.word in ("concat", "reduce")
        wrong = isinstance(thing, Join) and (bool(thing.mistakes) or not thing.known)
        shape = "missing" if wrong else "bar" if filled else "hollow"
        apart = ports_apart(place.cell)
        start, width = x + min(ports) - apart / 2, max(ports) - min(ports) + apart
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
                run = Run(m.shortened(text, role, apart - 2), role, ink=ink)
                sheet.write(x + port, y + 14, run, anchor="middle", within=box)
            return
        assert isinstance(thing, Join)
        self._layout.boxes.sign(thing.word, start + width / 2, y + m.BAR / 2)


def _end(thing: Thing, port: int, *, top: bool) -> str:
    """The box at which a line ends."""
    if isinstance(thing, Door | Exit):
        return ""
    return first_box(thing) if top else last_box(thing)
