"""Two nets on one canvas: what changed from the first to the second has a sign and a remark, all else is quiet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from incdsl.analysis.changes import Change
from incdsl.drawing import measures as m
from incdsl.drawing.beside import FIRST, Row, Strand, aligned, boarded, gathered, place, rows_of
from incdsl.drawing.change import Side, everything
from incdsl.drawing.collected import Collected
from incdsl.drawing.figure import Title, title_width, write_title
from incdsl.drawing.folding import fold
from incdsl.drawing.manner import Manner
from incdsl.drawing.marks import Badge, Run, Sheet, Sign
from incdsl.drawing.notes import wrapped
from incdsl.drawing.painted import Painted
from incdsl.drawing.part import Part
from incdsl.drawing.picture import Block, Body, Split, Step, Thing
from incdsl.drawing.remarks import BETWEEN, Channel, Remark, listed, settle, typeset
from incdsl.drawing.signed import sign
from incdsl.drawing.themes import Theme

_WIDEST = 1500.0
"""Nets whose values cross stand below one another if they are wider together."""
_APART = 64.0
"""Between nets that have no remarks between them."""
_STRAY = 40.0
"""Remarks stand no further from their places, if more room for rows can help."""
_HEAD = 37.0
_LEGEND: tuple[Sign, ...] = ("changed", "added", "removed", "moved")


@dataclass(frozen=True, slots=True)
class Said:
    """What stands around the two nets: what each is called and where it is written, sums, and lines below."""

    names: tuple[str, str]
    sources: tuple[str, str]
    sums: tuple[tuple[str, str, str, str], ...]
    """What, in the first net, in the second, and how much more."""
    interface: tuple[str, ...]
    """What is different for those who call the net."""
    below: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Both(Painted):
    """A figure of two nets and what changed. Notebooks show it; `svg` is its text, `save` writes it.

    The ids of boxes are `inc-NAME-a.PATH` for the first net and `inc-NAME-b.PATH` for the second; NAME is `name`.
    """

    parts: tuple[Part, Part]
    changes: Sequence[Change]
    said: Said
    depth: int
    look: Theme
    name: str

    @property
    def title(self) -> str:
        """The two nets."""
        first, second = self.said.names
        return f"{first} beside {second}" if first != second else f"{first}, before and after"

    @property
    def description(self) -> str:
        """How much changed, in a sentence."""
        marks = Counter[str](change.mark for change in self.changes)
        told = [f"{marks[sign]} {sign}" for sign in _LEGEND if marks[sign]]
        parts = f"Parts: {', '.join(told)}; {marks['same'] + marks['follows']} as before." if told else ""
        callers = f"For callers: {'; '.join(self.said.interface)}." if self.said.interface else ""
        return " ".join(text for text in (parts, callers) if text) or "Nothing changed."

    @property
    def theme(self) -> Theme:
        """Light, dark, or what the reader prefers."""
        return self.look

    @cached_property
    def sheet(self) -> Sheet:
        """All marks of the figure, each in its place."""
        return _Canvas(self).drawn()

    def __repr__(self) -> str:
        return f"<Drawing of {self.title}>"


class _Canvas:
    """Makes the sheet of one figure."""

    def __init__(self, both: Both) -> None:
        self._both = both
        self._sheet = Sheet()
        first, second = both.parts
        self._sides = Side(first, both.changes, "before"), Side(second, both.changes, "after")
        for part in both.parts:
            fold(part.body)
        self._collected = Collected(self._sides)
        self._columns: tuple[float, float, float] | None = None
        """The right edge of the first net's boxes, both edges of the second's."""

    def drawn(self) -> Sheet:
        """The sheet."""
        sheet, title = self._sheet, Title(self._both.title, "")
        write_title(sheet, title, m.MARGIN_OF_NETS)
        top = m.SUBTITLE + _HEAD
        old, new = (rows_of(side) for side in self._sides)
        foot = self._abreast(top, (old, new)) if old and new else self._apart(top)
        sheet.width = max(sheet.width, title_width(title) + 2 * m.MARGIN_OF_NETS, 420)
        self._legend()
        sheet.height = self._sums(foot + 18)
        return sheet

    # Two spines

    def _abreast(self, top: float, rows: tuple[list[Row], list[Row]]) -> float:
        """Two columns whose rows are aligned, with remarks between them."""
        pairs = aligned(*self._sides, *rows)
        gathered(self._sides, rows, pairs)
        before, after, led = self._strands(rows, pairs)
        gone, others = self._settled()
        if max((each.strays for each in (*gone, *others)), default=0) > _STRAY:  # rows stand further apart, then
            needed = {each.points[0][1]: each.height + BETWEEN for each in (*gone, *others) if len(each.points) == 1}
            before, after, led = self._strands(rows, pairs, before.make_room(needed), after.make_room(needed))
            gone, others = self._settled()
        for strand, paths in zip((before, after), led, strict=True):
            sign(strand.side, strand.sheet, paths)
        left, right = Channel(gone, -1), Channel(others, 1)
        start = float(m.MARGIN_OF_NETS)
        edge = start + before.sheet.width
        at = edge + max(left.beside(right), 28 + self._widest_sum)
        for channel, dx in ((left, start), (right, at)):
            channel.move(dx, top)
        sheet = self._sheet
        sheet.take(before.sheet, start, top, "a.")
        sheet.take(after.sheet, at, top, "b.")
        left.draw(sheet, edge)
        right.draw(sheet, at)
        sheet.width = at + after.sheet.width + m.MARGIN_OF_NETS
        self._columns = (start + before.end, at + after.start, at + after.end)
        self._head(0, start + before.start, before.end - before.start, top)
        self._head(1, at + after.start, after.end - after.start, top)
        foot = top + max(before.sheet.height, after.sheet.height)
        foot = max([foot, *(each.top + each.height + 8 for each in (*gone, *others))])
        rest = [each for each in self._collected.remarks if not each.points]
        return listed(sheet, rest, start, max(sheet.width, 560) - start, foot + 12) if rest else foot

    def _strands(
        self, rows: tuple[list[Row], list[Row]], pairs: list[tuple[int, int]], old: Sequence[float] = (),
        new: Sequence[float] = (),
    ) -> tuple[Strand, Strand, tuple[set[str], set[str]]]:  # fmt: skip
        """Both nets, drawn with more room behind their rows, and the boxes to which remarks lead."""
        self._collected = Collected(self._sides)
        first, second = self._sides
        before = Strand(first, rows[0], self._manner(first), old)
        after = Strand(second, rows[1], self._manner(second), new)
        place((before, after), pairs)
        before.draw()
        after.draw()
        return before, after, self._tell(before, after, pairs)

    def _settled(self) -> tuple[list[Remark], list[Remark]]:
        """The remarks at the left, of what is gone, and those at the right."""
        placed = [each for each in self._collected.remarks if each.points]
        gone = [each.sign == "removed" for each in placed]
        sides = (
            [each for each, is_gone in zip(placed, gone, strict=True) if is_gone is left] for left in (True, False)
        )
        left, right = (settle(each, 8) for each in sides)
        return left, right

    def _tell(self, before: Strand, after: Strand, pairs: list[tuple[int, int]]) -> tuple[set[str], set[str]]:
        """Collect remarks row by row; the boxes to which their lines lead."""
        led: tuple[set[str], set[str]] = (set(), set())
        was, paired = {j: i for i, j in pairs}, {i for i, _ in pairs}
        heads = [head for row in before.rows for head in row.value.heads]

        def tell(old: Thing | None, new: Thing | None, edges: tuple[float, float, float]) -> None:
            which, thing = (1, new) if new else (0, old)
            left, right, y = edges
            boxed = isinstance(thing, Step | Block)
            away = 0 if boxed or which else m.BADGE + 2  # at the right of other things stand the signs of their boxes
            point = (left, y) if which else (right + away, y)
            if self._collected.add(old, new, point, alone=old is None or new is None) and boxed and thing:
                led[which].add(thing.path)

        for j, row in enumerate(after.rows):
            tell(before.rows[was[j]].thing if j in was else None, row.thing, after.edges(row))
            for head in row.value.heads:
                own = set(self._sides[1].of(head))
                partner = next((each for each in heads if own & set(self._sides[0].of(each))), None)
                tell(partner, head, after.edges_of_head(head))
        for i, row in enumerate(before.rows):
            if i not in paired:
                tell(row.thing, None, before.edges(row))
            for head in row.value.heads:
                tell(head, None, before.edges_of_head(head))
        self._collected.finish()
        return led

    # Nets whose values cross

    def _apart(self, top: float) -> float:
        """Each net by itself, its boxes numbered; remarks stand below."""
        first, second = (self._by_itself(side) for side in self._sides)
        for which in (1, 0):
            for thing in self._outermost(self._sides[which]):
                self._collected.add(None if which else thing, thing if which else None)
        self._collected.finish()
        remarks = self._collected.remarks
        numbers = {i: str(k + 1) for k, each in enumerate(remarks) for i in each.changes}
        for side, own in zip(self._sides, (first, second), strict=True):
            sign(side, own, numbers=numbers)
        start, sheet = float(m.MARGIN_OF_NETS), self._sheet
        beside = first.width + second.width + _APART <= _WIDEST
        x, y = (start + first.width + _APART, top) if beside else (start, top + first.height + 56)
        sheet.take(first, start, top, "a.")
        sheet.take(second, x, y, "b.")
        self._head(0, start, max(first.width, 160), top)
        self._head(1, x, max(second.width, 160), y)
        sheet.width = max(sheet.width, start + first.width + start, x + second.width + start)
        foot = max(top + first.height, y + second.height)
        return listed(sheet, remarks, start, max(sheet.width, 560) - start, foot + 12) if remarks else foot

    def _by_itself(self, side: Side) -> Sheet:
        rows, manner = rows_of(side), self._manner(side)
        if rows is None:
            return boarded(side, manner)
        strand = Strand(side, rows, manner)
        at = FIRST
        for i in range(len(rows)):
            at = strand.below(i, at)
        strand.draw()
        return strand.sheet

    def _outermost(self, side: Side) -> Iterator[Thing]:
        """The things of a net that have boxes, without what is inside of closed blocks."""
        opened = self._manner(side)
        waiting = [side.part.body]
        while waiting:
            for thing in everything(waiting.pop(), deep=False):
                if isinstance(thing, Block) and thing.inside and opened.opens(thing):
                    waiting.append(thing.inside)
                elif not isinstance(thing, Split):
                    yield thing

    # What both have

    def _manner(self, side: Side) -> Manner:
        """Blocks in which something changed are opened, as deep as is asked; a block that is all there is always is."""
        opened: set[str] = set()
        level: list[Body] = [side.part.body]
        alone = [row.thing for row in rows_of(side) or ()]
        for _ in range(self._both.depth + (len(alone) == 1 and isinstance(alone[0], Block))):
            blocks = [
                thing for body in level for thing in everything(body, deep=False)
                if isinstance(thing, Block) and not thing.head and side.sign(side.of(thing)) == "changed"
            ]  # fmt: skip
            opened |= {block.path for block in blocks}
            level = [block.inside for block in blocks if block.inside]
        return Manner(True, opened=frozenset(opened), dense=True)

    def _head(self, which: int, left: float, width: float, top: float) -> None:
        """What a net is called, above it."""
        sheet, said = self._sheet, self._both.said
        name = m.shortened(said.names[which], "name", max(width, 280))
        room = width + 64 - m.advance(name, "name") - 8
        runs = [Run(name, "name")]
        if said.sources[which] and room > 24:
            runs.append(Run(m.shortened(said.sources[which], "second", room), "second", 8, "second"))
        sheet.write(left, top - 8, *runs)
        sheet.width = max(sheet.width, left + max(width, sum(run.width for run in runs)) + m.MARGIN_OF_NETS)
        sheet.line([(left, top), (left + width, top)], 1, "rule")

    def _legend(self) -> None:
        """What the signs mean that the figure has."""
        sheet = self._sheet
        used = {badge.sign for badge in sheet.badges}
        x, y = float(m.MARGIN_OF_NETS), m.SUBTITLE + 4.0
        for each in _LEGEND:
            if each in used:
                sheet.badges.append(Badge(x + m.BADGE, y - 3.6, each))
                sheet.write(x + 2 * m.BADGE + 5, y, Run(each, "second", ink="second"))
                x += 2 * m.BADGE + 5 + m.advance(each, "second") + 16
        rest = "grey: as before" if used or self._both.said.interface else "nothing changed"
        sheet.write(x, y, Run(rest, "second", ink="second"))
        sheet.width = max(sheet.width, x + m.advance(rest, "second") + m.MARGIN_OF_NETS)

    @property
    def _widest_sum(self) -> float:
        """The room for what sums are of."""
        return max((m.advance(row[0].strip(), "second") for row in self._both.said.sums), default=0)

    def _sums(self, y: float) -> float:
        """What both cost as a whole, and what follows from the change; where that ends."""
        sheet, said, left = self._sheet, self._both.said, float(m.MARGIN_OF_NETS)
        more = max((m.advance(typeset(row[3]), "second") for row in said.sums), default=0)
        third = (sheet.width - 2 * left) / 3
        first, second, last = self._columns or (left + third, left + 2 * third, left + 3 * third)
        last = max(last, second + more + 80)
        sheet.width = max(sheet.width, last + left)
        right = sheet.width - left
        sheet.line([(left, y), (right, y)], 1, "rule")
        y += 6
        for what, was, now, change in said.sums:
            y += 17
            old = m.shortened(typeset(was) or "–", "text", first - left)
            label, centre = Run(what.strip(), "second", ink="second"), (first + second) / 2
            new = m.shortened(typeset(now) or "–", "text", last - more - 12 - (centre + label.width / 2 + 10))
            sheet.write(first, y, Run(old), anchor="end")
            sheet.write(centre, y, label, anchor="middle")
            sheet.write(last - more - 12, y, Run(new), anchor="end")
            sheet.write(last, y, Run(typeset(change), "second", ink="second"), anchor="end")
        y += 10
        below = (*said.interface, *said.below)
        if below:
            sheet.line([(left, y), (right, y)], 1, "rule")
            y += 4
        for text in below:
            for line in wrapped(typeset(text), "second", right - left):
                y += 15
                sheet.write(left, y, Run(line, "second", ink="second"))
        return y + 16
