"""Two nets beside each other, row by row: what belongs together stands at one height."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from incdsl.drawing.board import Board
from incdsl.drawing.change import Side
from incdsl.drawing.figure import Column, enter, leave
from incdsl.drawing.layout import Layout
from incdsl.drawing.manner import Extent, Manner
from incdsl.drawing.marks import Sheet
from incdsl.drawing.picture import Block, Face, Parallel, Step, Thing, Value

_LEAST_GATHERED = 2
"""So many plain steps in a row that are the same are one pill."""
_ENTRY = 31.0
FIRST = 62.0
"""Where the first row begins."""


@dataclass(eq=False, slots=True)
class Row:
    """A thing of a spine, the value behind it, and where it stands once it is drawn."""

    thing: Thing
    value: Value
    top: float = 0
    extent: Extent = field(default_factory=lambda: Extent(0, 0, 0, 0, 0))

    @property
    def middle(self) -> float:
        """The middle of its height."""
        return self.top + self.extent.height / 2


def rows_of(side: Side) -> list[Row] | None:
    """The rows of a net that is one spine."""
    spine = side.part.body.spine
    return None if spine is None else [Row(thing, value) for thing, value in spine]


def aligned(before: Side, after: Side, old: Sequence[Row], new: Sequence[Row]) -> list[tuple[int, int]]:
    """The rows that belong together: those that share most parts, as many as can stand in one order on both sides."""
    home = {i: k for k, row in enumerate(new) for i in after.of(row.thing)}
    found: list[tuple[int, int]] = []
    for k, row in enumerate(old):
        shared = Counter(home[i] for i in before.of(row.thing) if i in home)
        found += [(k, max(shared, key=lambda j: (shared[j], -j)))] if shared else []
    return _increasing(found)


def _increasing(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs whose second numbers grow, too."""
    tails: list[int] = []
    at: list[int] = []
    back: list[int] = []
    for i, (_, second) in enumerate(pairs):
        place = bisect_left(tails, second)
        back.append(at[place - 1] if place else -1)
        if place == len(tails):
            tails.append(second)
            at.append(i)
        tails[place], at[place] = second, i
    chain: list[tuple[int, int]] = []
    i = at[-1] if at else -1
    while i >= 0:
        chain.append(pairs[i])
        i = back[i]
    return chain[::-1]


def gathered(sides: tuple[Side, Side], rows: tuple[list[Row], list[Row]], pairs: list[tuple[int, int]]) -> None:
    """Make pills of plain steps in a row that are the same on both sides, and count the rows anew."""
    runs: list[list[tuple[int, int]]] = []
    for i, j in pairs:
        alike = all(_is_quiet(side, row) for side, row in zip(sides, (rows[0][i], rows[1][j]), strict=True))
        group = rows[1][j].thing.group
        last = runs[-1][-1] if runs and runs[-1] else None
        goes_on = last == (i - 1, j - 1) and not _ends(rows, (i - 1, j - 1)) and rows[1][j - 1].thing.group == group
        if not alike:
            runs.append([])
        elif goes_on:
            runs[-1].append((i, j))
        else:
            runs.append([(i, j)])
    gone: list[set[int]] = [set(), set()]
    for run in runs:
        if len(run) < _LEAST_GATHERED:
            continue
        for k, own in enumerate(rows):
            members = [own[pair[k]] for pair in run]
            own[run[0][k]] = Row(_pill([row.thing for row in members], own), members[-1].value)
            gone[k] |= {pair[k] for pair in run[1:]}
    kept = [[i for i in range(len(own)) if i not in gone[k]] for k, own in enumerate(rows)]
    places = [{old: new for new, old in enumerate(each)} for each in kept]
    pairs[:] = [(places[0][i], places[1][j]) for i, j in pairs if i in places[0] and j in places[1]]
    for own, keep in zip(rows, kept, strict=True):
        own[:] = [own[i] for i in keep]


def _is_quiet(side: Side, row: Row) -> bool:
    return isinstance(row.thing, Step) and not side.told(side.of(row.thing))


def _ends(rows: tuple[list[Row], list[Row]], pair: tuple[int, int]) -> bool:
    values = [rows[k][i].value for k, i in enumerate(pair)]
    return any(value.heads or value.outputs for value in values)


def _pill(things: list[Thing], rows: list[Row]) -> Step:
    group = things[0].group.lstrip("=")
    whole = sum(row.thing.group.lstrip("=") == group for row in rows) == len(things) and group
    words = ", ".join(thing.face.word for thing in things if isinstance(thing, Step))
    if all(isinstance(thing, Step) and thing.face == Face(thing.face.word) for thing in things) and len(words) < 24:
        word = words
    else:
        word = f"{group}, {len(things)} steps" if whole else f"{len(things)} steps"
    visits = tuple(visit for thing in things for visit in thing.visits)
    title = "\n".join(thing.title for thing in things)
    return Step(things[0].path, things[0].group, title, visits=visits, face=Face(word))


class Strand:
    """One net as a column, drawn on a sheet of its own."""

    def __init__(self, side: Side, rows: list[Row], manner: Manner, extra: Sequence[float] = ()) -> None:
        self.side, self.rows, self._manner = side, rows, manner
        body = side.part.body
        self._value = body.inputs[0]
        spine = body.spine
        assert spine is not None
        spine.parts[:], spine.values[:] = [row.thing for row in rows], [row.value for row in rows]
        self.sheet = Sheet()
        self.layout = Layout(self.sheet, body, manner)
        self._spine = spine
        extent = self.layout.sequence_extent(spine, manner)
        half = self.layout.boxes.block_width / 2
        self.left, self.right = max(half, extent.left), max(half, extent.right, extent.end)
        self.x = self.left
        before = spine.entering
        for row in rows:
            row.extent = self.layout.extent(row.thing, manner)
        self.start = self.x - max([half, *(row.extent.start for row in rows)])
        self.end = self.x + max([half, *(row.extent.end for row in rows)])
        """The edges of its boxes, without heads."""
        self._rooms: list[float] = []
        for row in rows:
            self._rooms.append(self.layout.room(row.thing, before, row.value, manner))
            before = row.value
        self._rooms = [a + b for a, b in zip_longest(self._rooms, extra, fillvalue=0.0)]

    def below(self, i: int, top: float) -> float:
        """Where what follows a row may begin, if that stands there."""
        self.rows[i].top = top
        return top + self.rows[i].extent.height + (self._rooms[i] if i < len(self.rows) - 1 else 0)

    def make_room(self, needed: Mapping[float, float]) -> list[float]:
        """What more room each row needs behind it, so that there is so much at the middles of rows as is needed."""
        wanted = [needed.get(row.middle, 0.0) for row in self.rows]
        found = []
        for i in range(len(self.rows) - 1):
            known = (self.rows[i].extent.height + self.rows[i + 1].extent.height) / 2 + self._rooms[i]
            found.append(max(0.0, (wanted[i] + wanted[i + 1]) / 2 - known))
        return [*found, 0.0] if self.rows else []

    def draw(self) -> None:
        """Draw all rows where they stand."""
        sheet, layout, manner = self.sheet, self.layout, self._manner
        column = Column("", self._spine, self.left, self.right, self.x)
        first = self.rows[0].top if self.rows else FIRST
        enter(sheet, layout, self._value, column, _ENTRY, first)
        before, end = self._value, first
        for i, row in enumerate(self.rows):
            end = layout.draw(row.thing, self.x, row.top, before, manner)
            if i < len(self.rows) - 1:
                after = self.rows[i + 1]
                entering = self._spine.entering if i == 0 else before
                layout.between(row.thing, after.thing, self.x, end, after.top - end, entering, row.value, manner)
            before = row.value
        column.end = end
        sheet.height = max(end + 40, leave(sheet, layout, column, None, before, 0, manner))
        sheet.width = max([self.x + self.right, *(words.left + words.width for words in sheet.words)])

    def edges(self, row: Row) -> tuple[float, float, float]:
        """The left and right edge of what stands in a row, and its middle."""
        thing, extent = row.thing, row.extent
        boxed = isinstance(thing, Step | Block | Parallel)
        left, right = (extent.start, extent.end) if boxed else (extent.left, extent.right)
        stacked = 3.5 if isinstance(thing, Block) and thing.times > 1 else 0
        return self.x - left, self.x + right + stacked, row.middle

    def edges_of_head(self, head: Block) -> tuple[float, float, float]:
        """The same of an auxiliary head; one right of the line is reached where it leaves that."""
        box = next(box for box in self.sheet.boxes if box.path == head.path)
        return min(box.x, self.x), box.right, (box.y + box.bottom) / 2


def place(strands: tuple[Strand, Strand], pairs: Sequence[tuple[int, int]]) -> None:
    """Give rows their heights: pairs stand side by side, what only one side has takes the room between them."""
    at = [FIRST, FIRST]
    done = [0, 0]
    for pair in (*pairs, (len(strands[0].rows), len(strands[1].rows))):
        for k, strand in enumerate(strands):
            while done[k] < pair[k]:
                at[k] = strand.below(done[k], at[k])
                done[k] += 1
        top = max(at)
        for k, strand in enumerate(strands):
            if done[k] < len(strand.rows):
                at[k] = strand.below(done[k], top)
                done[k] += 1


def boarded(side: Side, manner: Manner) -> Sheet:
    """A net whose values cross, on a sheet of its own."""
    sheet = Sheet()
    layout = Layout(sheet, side.part.body, manner)
    board = Board(layout, side.part.body, manner, nested=False)
    board.draw(0, 16, None)
    sheet.height = board.height + 22 + 16
    sheet.width = max([board.width, *(words.left + words.width for words in sheet.words)])
    return sheet
