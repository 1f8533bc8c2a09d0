"""Rows and columns: where the cells of a body stand whose values cross, and where the doors of each are.

A cell stands below all that it reads. It goes on with the column of the first value whose column it can, so that chains
are straight; else it takes a column near it that is free again, or a new one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from incdsl.drawing import measures as m
from incdsl.drawing.manner import Manner
from incdsl.drawing.marks import Run
from incdsl.drawing.picture import Block, Body, Cell, Door, Join, Split, Thing, Value

if TYPE_CHECKING:
    from incdsl.drawing.board import Board
    from incdsl.drawing.layout import Layout

_PORTS, _WRONG_PORTS = 40, 66
"""How far apart the rails of a merge land, and where it prints the grid of each."""
_DOORS = 60
_NEAR = 4
"""A cell takes a column that is free again if it is so near."""


@dataclass(eq=False, slots=True)
class Exit(Thing):
    """Where values leave the body, with their names; several stand side by side if they come from one block."""

    names: list[str] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Place:
    """A cell in its row and column, with its doors as offsets from the line of the column."""

    cell: Cell
    row: int
    column: Column
    ins: list[float] = field(default_factory=list)
    outs: list[float] = field(default_factory=list)
    left: float = 0
    right: float = 0
    height: float = 0
    number: int = 0
    """Which of its column it is."""


@dataclass(eq=False, slots=True)
class Column:
    """Cells below one another, whose line is at `x`; `children` were put beside it for what its cells give."""

    places: list[Place] = field(default_factory=list)
    children: int = 0
    index: int = 0
    x: float = 0


class Grid:
    """The cells of a body in their rows and columns, with the room that each needs."""

    def __init__(self, layout: Layout, body: Body, manner: Manner, *, nested: bool) -> None:
        self._layout = layout
        self._manner = manner
        self._nested = nested
        self.places: dict[Cell, Place] = {}
        self.columns: list[Column] = []
        self.cells = _with_ends(body)
        told = [value for cell in self.cells for value in cell.gives[:-1] if self.is_told(value)]
        widths = [sum(run.width for run in self.label(value)) for value in told]
        self._doors = max([_DOORS, *(width + 2 * m.SHAPE_OFFSET + 8 for width in widths)])
        """How far apart the doors of a block are: what is written beside one fits."""
        self._place()

    def _place(self) -> None:
        rows: dict[Cell, int] = {}
        for cell in self.cells:
            rows[cell] = 1 + max((rows[value.cell] for value in cell.reads), default=-1)
        last = max(rows.values(), default=0)
        bottoms: dict[Column, Place] = {}
        for cell in self.cells:
            if isinstance(cell.thing, Exit):
                rows[cell] = last if last > rows[cell.reads[0].cell] else rows[cell]
            column, inherited = self._column_of(cell, rows[cell], bottoms)
            place = Place(cell, rows[cell], column)
            self._measure(place, inherited)
            place.number = len(column.places)
            column.places.append(place)
            bottoms[column] = place
            self.places[cell] = place
        for i, column in enumerate(self.columns):
            column.index = i
        self.rows = last + 1
        """How many there are."""

    def _column_of(self, cell: Cell, row: int, bottoms: dict[Column, Place]) -> tuple[Column, int | None]:
        """The column of what a cell reads, if that is still at its end; one near it that is free again, or a new
        one."""
        for i, value in enumerate(cell.reads):
            place = self.places[value.cell]
            if bottoms.get(place.column) is place:
                return place.column, i
        made = Column()
        if not cell.reads:
            self.columns.append(made)
            return made, None
        parent = self.places[cell.reads[0].cell].column
        at = next(i for i, column in enumerate(self.columns) if column is parent)
        for column in self.columns[at + 1 : at + 1 + _NEAR]:
            if bottoms[column].row < row:
                return column, None
        parent.children += 1
        self.columns.insert(at + parent.children, made)
        return made, None

    def _measure(self, place: Place, inherited: int | None) -> None:
        thing, cell = place.cell.thing, place.cell
        layout, manner = self._layout, self._manner
        if isinstance(thing, Door | Exit):
            names = thing.names if isinstance(thing, Exit) else [thing.name]
            place.ins, place.outs, place.height = self._ends(place, len(names)), [0.0], 18.0
            for name, at in zip(names, place.ins, strict=True):
                half = m.advance(name, "name") / 2 + 4
                place.left = max(place.left, (8.0 if self._nested else half) - at)
                place.right = max(place.right, (12 + 2 * half if self._nested else half) + at)
        elif isinstance(thing, Join | Split):
            count = max(1, len(cell.reads) if isinstance(thing, Join) else len(cell.gives))
            kept = (inherited or 0) if isinstance(thing, Join) else (count - 1) / 2
            apart = ports_apart(cell)
            ports = [(i - kept) * apart for i in range(count)]
            place.ins, place.outs = (ports, [0.0]) if isinstance(thing, Join) else ([0.0], ports)
            around = apart / 2 + 2
            place.left, place.right, place.height = around - min(ports), around + max(ports), m.BAR
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
                source = self.places[cell.reads[0].cell] if cell.reads else place
                if len(cell.reads) > 1 and source.column is place.column and _alive(source.cell) == cell.reads:
                    place.ins = [source.outs[source.cell.gives.index(value)] for value in cell.reads]
                    place.outs = list(place.ins) if alike and all(live) else place.outs
                if isinstance(thing, Block):
                    doors = (0.0, *place.ins, *place.outs)
                    place.left = max(place.left, 24 - min(doors)) if min(doors) else place.left
                    place.right = max(place.right, 24 + max(doors)) if max(doors) else place.right
        labels = [self.label(value) for value in cell.gives if self.is_told(value)]
        reach = max((sum(run.width for run in runs) for runs in labels), default=0)
        if labels:
            outs = max(place.outs, default=0)
            place.right = max(place.right, outs + 4 + m.SHAPE_OFFSET + reach)

    def _ends(self, place: Place, count: int) -> list[float]:
        """Where values leave: below the doors that they come from, if they do."""
        reads = place.cell.reads
        if count < 2 or not reads:
            return [0.0] * count
        source = self.places[reads[0].cell]
        doors = [source.outs[source.cell.gives.index(value)] for value in reads]
        apart = len(set(doors)) == count
        return doors if apart and source.column is place.column else self._spread(count, 0)

    def _spread(self, count: int, kept: float) -> list[float]:
        """Doors side by side, that of index `kept` on the line of the column."""
        return [(i - kept) * self._doors for i in range(count)] if count > 1 else [0.0] * count

    def _inner_board(self, thing: Thing) -> Board | None:
        manner = self._manner
        if isinstance(thing, Block) and manner.opens(thing) and thing.inside and not thing.inside.spine:
            return self._layout.panels.board(thing, manner.inside())
        return None

    def _inner_outputs(self, thing: Thing, cell: Cell) -> list[Value]:
        inside = thing.inside.outputs if isinstance(thing, Block) and thing.inside else []
        return inside[: len(cell.gives)]

    def is_told(self, value: Value) -> bool:
        """Whether a shape is written: where values enter, are read again or leave, and where the grid changes."""
        cell = value.cell
        if value.shape is None or not (value.readers or value.outputs):
            return False
        if isinstance(cell.thing, Split):
            return value.readers > 1 and bool(value.name)
        before = cell.reads[0].grid if cell.reads else None
        return len(cell.gives) > 1 or value.readers > 1 or bool(value.outputs) or before != value.grid

    def label(self, value: Value) -> list[Run]:
        """What is written beside a value where it begins: its name if it is read again, and its shape."""
        named = value.name and value.readers > 1 and not isinstance(value.cell.thing, Door)
        runs = [Run(value.name, "second", ink="second")] if named else []
        return [*runs, Run(str(value.shape), "shape", 6 if named else 0, about=value.node)]


def ports_apart(cell: Cell) -> int:
    """How far apart the doors of a merge or a split are."""
    return _WRONG_PORTS if cell.wrong else _PORTS


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
        cell = exits.setdefault(value if alone else value.cell, Cell(Exit()))
        assert isinstance(cell.thing, Exit)
        cell.thing.names.append(name)
        cell.reads.append(value)
    cells += exits.values()
    return cells


def _alive(cell: Cell) -> list[Value]:
    """The values of a cell that something reads, or that leave the body."""
    return [value for value in cell.gives if value.readers or value.outputs]
