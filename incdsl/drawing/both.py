"""Two nets on one canvas: what changed from the first to the second has a sign and a remark, all else is quiet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

from incdsl.analysis.changes import Change
from incdsl.analysis.told import Line, line_of, sums, whole
from incdsl.drawing import measures as m
from incdsl.drawing.beside import FIRST, Strand, aligned, boarded, gathered, place, rows_of
from incdsl.drawing.change import Side, everything
from incdsl.drawing.figure import Title, title_width, write_title
from incdsl.drawing.folding import fold
from incdsl.drawing.manner import Manner
from incdsl.drawing.marks import Badge, Box, Run, Sheet, Sign
from incdsl.drawing.miniature import miniature
from incdsl.drawing.notes import wrapped
from incdsl.drawing.painted import Painted
from incdsl.drawing.part import Part
from incdsl.drawing.picture import Block, Body, Cell, Join, Parallel, Split, Step, Thing
from incdsl.drawing.remarks import Channel, Remark, composed, listed, settle, typeset
from incdsl.drawing.themes import Theme
from incdsl.drawing.things import values

_WIDEST = 1500.0
"""Nets whose values cross stand below one another if they are wider together."""
_APART = 64.0
"""Between nets that have no remarks between them."""
_HEAD = 37.0
_RUN = 3
"""So many things in a row that only one side has are one remark."""
_LEGEND: tuple[tuple[Sign, str], ...] = (
    ("changed", "changed"), ("added", "added"), ("removed", "removed"), ("moved", "moved"),
)  # fmt: skip
_WORDS: dict[Sign, str] = {sign: word for sign, word in _LEGEND}


@dataclass(frozen=True, slots=True)
class Said:
    """What stands around the two nets: what each is called, sums as rows of a table, and lines below."""

    names: tuple[str, str]
    sources: tuple[str, str]
    sums: tuple[tuple[str, str, str, str], ...]
    """What, in the first net, in the second, and how much more."""
    below: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Both(Painted):
    """A figure of two nets and what changed. Notebooks show it; `svg` is its text, `save` writes it."""

    parts: tuple[Part, Part]
    changes: Sequence[Change]
    said: Said
    depth: int = 0
    look: Theme = "light"
    name: str = "diff"

    @property
    def title(self) -> str:
        """The two nets."""
        first, second = self.said.names
        return f"{first} beside {second}" if first != second else f"{first}, before and after"

    @property
    def description(self) -> str:
        """How much changed, in a sentence."""
        marks = Counter(change.mark for change in self.changes)
        told = [f"{marks[sign]} {word}" for sign, word in _LEGEND if sign and marks[sign]]  # type: ignore[index]
        return f"Parts: {', '.join(told)}; {marks['same'] + marks['follows']} as before." if told else "Nothing changed."

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
        self._changes = both.changes
        first, second = both.parts
        self.sides = Side(first, both.changes, "before"), Side(second, both.changes, "after")
        for part in both.parts:
            fold(part.body)
        self._leaves = [self._homes(side) for side in self.sides]
        self._remarks: list[Remark] = []
        self._sheet = Sheet()
        self._direct: set[str] = set()
        self._columns: tuple[float, float, float] | None = None
        """The right edge of the first net's blocks, both edges of the second's."""

    def drawn(self) -> Sheet:
        """The sheet."""
        sheet, said = self._sheet, self._both.said
        write_title(sheet, Title(self._both.title, ""), m.MARGIN_OF_NETS)
        top = m.SUBTITLE + _HEAD
        rows = [rows_of(side) for side in self.sides]
        old, new = rows
        if old is None or new is None or not (old and new):
            foot = self._apart(top)
        else:
            foot = self._abreast(top, (old, new))
        sheet.width = max(sheet.width, title_width(Title(self._both.title, "")) + 2 * m.MARGIN_OF_NETS, 420)
        self._legend()
        sheet.height = self._sums(said, foot + 18)
        return sheet

    # Two spines

    def _abreast(self, top: float, rows: tuple[list, list]) -> float:  # type: ignore[type-arg]
        """Two columns whose rows are aligned, with remarks between them."""
        sides = self.sides
        pairs = aligned(*sides, *rows)
        gathered(sides, rows, pairs)
        strands = tuple(Strand(side, own, self._manner(side)) for side, own in zip(sides, rows, strict=True))
        place(strands, pairs)  # type: ignore[arg-type]
        for strand in strands:
            strand.draw()
        before, after = strands
        self._remark_rows(before, after, pairs)
        for strand in strands:
            self._sign(strand.side, strand.sheet, direct=self._direct)
        gone = settle([each for each in self._remarks if each.sign == "removed"], 8)
        other = settle([each for each in self._remarks if each.sign != "removed" and each.points], 8)
        left, right = Channel(gone, -1), Channel(other, 1)
        start = m.MARGIN_OF_NETS
        edge = start + before.sheet.width
        middle = max(left.beside(right), 28 + self._widest_sum)
        at = edge + middle
        for remarks, dx in ((gone, start), (other, at)):
            for each in remarks:
                each.points = [(x + dx, y + top) for x, y in each.points]
                each.top += top
        sheet = self._sheet
        sheet.take(before.sheet, start, top, "a.")
        sheet.take(after.sheet, at, top, "b.")
        left.draw(sheet, edge)
        right.draw(sheet, at)
        sheet.width = at + after.sheet.width + m.MARGIN_OF_NETS
        self._head(0, start, before.x + before.half, top)
        self._head(1, at + after.x - after.half, 2 * after.half, top)
        self._columns = (start + before.x + before.half, at + after.x - after.half, at + after.x + after.half)
        foot = top + max(each.sheet.height for each in strands)
        foot = max([foot, *(each.top + each.height + 8 for each in self._remarks if each.points)])
        rest = [each for each in self._remarks if not each.points and each.sign != "removed"]
        return self._list(rest, foot) if rest else foot

    def _remark_rows(self, before: Strand, after: Strand, pairs: list[tuple[int, int]]) -> None:
        """One remark for all rows in which the same changed, and for those in a row that one side alone has."""
        told: set[int] = set()
        partner = dict((j, i) for i, j in pairs)
        paired = dict(pairs)
        heads = [head for row in before.rows for head in row.value.heads]
        for j, row in enumerate(after.rows):
            i = partner.get(j)
            was = before.rows[i].thing if i is not None else None
            self._unit((was, row.thing), after.edges(row), told, alone=i is None)
            for head in row.value.heads:
                own = set(self.sides[1].of(head))
                was = next((old for old in heads if own & set(self.sides[0].of(old))), None)
                self._unit((was, head), self._edges_of(after, head), told, alone=was is None)
        for i, row in enumerate(before.rows):
            if i not in paired:
                self._unit((row.thing, None), before.edges(row), told, alone=True)
            for head in row.value.heads:
                self._unit((head, None), self._edges_of(before, head), told, alone=True)
        self._join_runs()
        self._leftover(told)
        for each in self._remarks:
            each.text = composed(each)

    def _edges_of(self, strand: Strand, head: Block) -> tuple[float, float, float]:
        """The left and right edge of a head; one right of the line is reached where it leaves that."""
        box = next(box for box in strand.sheet.boxes if box.path == head.path)
        return min(box.x, strand.x), box.right, (box.y + box.bottom) / 2

    def _unit(
        self, things: tuple[Thing | None, Thing | None], edges: tuple[float, float, float], told: set[int], *, alone: bool
    ) -> None:  # fmt: skip
        """Add what changed in one row."""
        old, new = things
        found: list[tuple[Line, int]] = []
        if old is not None:
            found += self._lines(0, old, told, gone=True)
        if new is not None:
            found += self._lines(1, new, told, gone=False)
        if not found:
            return
        side = 1 if new is not None else 0
        changes = [i for _, i in found]
        lines = tuple(line for line, _ in found)
        thing = new if new is not None else old
        assert thing is not None
        marks = {line.mark for line in lines}
        only = next(iter(marks)) if len(marks) == 1 else "changed"
        whole_one = alone or only in ("changed", "moved") or isinstance(thing, Step)
        sign: Sign = only if whole_one and only in _WORDS else "changed"  # type: ignore[assignment]
        if side == 0:
            sign = "removed"
        if isinstance(thing, Step | Block):
            self._direct.add(f"{side} {thing.path}")
        left, right, y = edges
        point = (right if side == 0 else left, y)
        if side == 0 and not isinstance(thing, Step | Block):  # signs of its boxes stand at their right
            point = (right + m.BADGE + 2, y)
        one = isinstance(thing, Block) and len(lines) == 1 and lines[0].name == thing.name
        times = thing.times if isinstance(thing, Block) and not one else 1
        self._add(Remark(lines, sign, changes, times, isinstance(thing, Block), [point]), merge=not alone)

    def _add(self, remark: Remark, *, merge: bool) -> None:
        for other in self._remarks if merge else ():
            if (other.lines, other.sign) == (remark.lines, remark.sign):
                other.points += remark.points
                other.places += remark.places
                other.changes += remark.changes
                return
        self._remarks.append(remark)

    def _lines(self, side: int, thing: Thing, told: set[int], *, gone: bool) -> Iterator[tuple[Line, int]]:
        """What is told of a thing: a block that one side alone has in one line, ops of one box as one."""
        own = self.sides[side]
        found = [i for i in own.told(own.of(thing)) if i not in told]
        if gone:
            found = [i for i in found if self._changes[i].mark == "removed"]
        told.update(found)
        everywhere = own.sign(own.of(thing))
        if isinstance(thing, Block) and everywhere in ("added", "removed") and len(found) > 1:
            yield replace(whole([self._changes[i] for i in found]), name=thing.name), found[0]
            return
        homes = self._leaves[side]
        several = thing.times if isinstance(thing, Block) else 1
        kept: set[tuple[str, str, tuple[str, ...]]] = set()
        for (_, mark), some in groupby(found, key=lambda i: (homes.get(i, str(i)), self._changes[i].mark)):
            group = list(some)
            lines = [line_of(self._changes[i]) for i in group]
            if mark in ("added", "removed"):
                words = (", ".join(word for line in lines for word in line.words),)
                lines = [Line(mark, lines[0].name, words, *sums([self._changes[i] for i in group]))]
            for line, i in zip(lines, group, strict=False):
                key = (line.mark, line.name, line.words)
                if several == 1 or key not in kept:
                    kept.add(key)
                    yield line, i

    def _homes(self, side: Side) -> dict[int, str]:
        """The box of each change."""
        return {i: thing.path for thing in everything(side.part.body) if isinstance(thing, Step) for i in side.of(thing)}

    def _join_runs(self) -> None:
        """Many things in a row that one side alone has are one remark, and so are alike ones that touch."""
        for sign in ("added", "removed"):
            run: list[Remark] = []
            for each in [*self._remarks, None]:
                same = each is not None and each.sign == sign and all(line.mark == sign for line in each.lines)
                if same and each is not None:
                    run.append(each)
                    continue
                if len(run) >= _RUN:
                    self._joined(run, sign)  # type: ignore[arg-type]
                run = []

    def _joined(self, run: list[Remark], sign: Sign) -> None:
        lines = [line for each in run for line in each.lines]
        blocks = sum(each.is_block for each in run)
        counts = ((blocks, "block"), (len(run) - blocks, "step"))
        words = ", ".join(f"{count} {what}{'s' * (count > 1)}" for count, what in counts if count)
        line = Line(sign, _WORDS[sign], (words,), sum(e.params for e in lines), sum(e.macs for e in lines))  # type: ignore[arg-type]
        changes = [i for each in run for i in each.changes]
        made = Remark((line,), sign, changes, points=[point for each in run for point in each.points])
        self._remarks[self._remarks.index(run[0])] = made
        self._remarks = [each for each in self._remarks if each not in run[1:]]

    def _leftover(self, told: set[int]) -> None:
        """What changed where no box is."""
        rest = [i for i, change in enumerate(self._changes) if change.mark not in ("same", "follows") and i not in told]
        for i in rest:
            line = line_of(self._changes[i])
            self._add(Remark((line,), line.mark if line.mark in _WORDS else "changed", [i], 1), merge=True)  # type: ignore[arg-type]

    # Nets whose values cross

    def _apart(self, top: float) -> float:
        """Each net by itself, its boxes numbered; remarks stand below."""
        sheets = []
        for side in self.sides:
            rows = rows_of(side)
            if rows is None:
                sheets.append(boarded(side, self._manner(side)))
                continue
            strand = Strand(side, rows, self._manner(side))
            at = FIRST
            for i in range(len(rows)):
                at = strand.below(i, at)
            strand.draw()
            sheets.append(strand.sheet)
        self._remark_boxes()
        for each in self._remarks:
            each.text = composed(each)
        numbers = {i: str(k + 1) for k, each in enumerate(self._remarks) for i in each.changes}
        for side, own in zip(self.sides, sheets, strict=True):
            self._sign(side, own, numbers=numbers)
        start, sheet = m.MARGIN_OF_NETS, self._sheet
        first, second = sheets
        beside = first.width + second.width + _APART <= _WIDEST
        x, y = (start + first.width + _APART, top) if beside else (start, top + first.height + 56)
        sheet.take(first, start, top, "a.")
        sheet.take(second, x, y, "b.")
        self._head(0, start, max(first.width, 160), top)
        self._head(1, x, max(second.width, 160), y)
        sheet.width = max(start + first.width, x + second.width) + m.MARGIN_OF_NETS
        return self._list(self._remarks, max(top + first.height, y + second.height))

    def _remark_boxes(self) -> None:
        """One remark for all boxes in which the same changed."""
        told: set[int] = set()
        for side in (1, 0):
            for thing in self._outermost(self.sides[side]):
                found = list(self._lines(side, thing, told, gone=side == 0))
                if found:
                    lines = tuple(line for line, _ in found)
                    marks = {line.mark for line in lines}
                    only = next(iter(marks)) if len(marks) == 1 else "changed"
                    sign: Sign = only if only in _WORDS else "changed"  # type: ignore[assignment]
                    times = thing.times if isinstance(thing, Block) else 1
                    self._add(Remark(lines, sign, [i for _, i in found], times), merge=True)
        self._leftover(told)

    def _outermost(self, side: Side) -> Iterator[Thing]:
        """The things of a net that have boxes, without what is inside of blocks."""
        for thing in everything(side.part.body, deep=False):
            if not isinstance(thing, Parallel | Split):
                yield thing

    def _list(self, remarks: list[Remark], foot: float) -> float:
        left, right = m.MARGIN_OF_NETS, max(self._sheet.width, 560) - m.MARGIN_OF_NETS
        self._sheet.width = right + m.MARGIN_OF_NETS
        return listed(self._sheet, remarks, left, right, foot + 12)

    # What both have

    def _manner(self, side: Side) -> Manner:
        """Blocks in which something changed are opened, as deep as is asked."""
        opened: set[str] = set()
        level: list[Body] = [side.part.body]
        for _ in range(self._both.depth):
            blocks = [
                thing for body in level for thing in everything(body, deep=False)
                if isinstance(thing, Block) and side.sign(side.of(thing)) == "changed"
            ]  # fmt: skip
            opened |= {block.path for block in blocks}
            level = [block.inside for block in blocks if block.inside]
        return Manner(True, opened=frozenset(opened), dense=True)

    def _sign(self, side: Side, sheet: Sheet, *, direct: set[str] = frozenset(), numbers: dict[int, str] | None = None) -> None:  # type: ignore[assignment]  # fmt: skip
        """Give boxes their signs; the first net has only those of what is gone."""
        number = 0 if side.side == "before" else 1
        signs = side.signs()
        changes = {thing.path: side.told(side.of(thing)) for thing in everything(side.part.body)}
        shown: dict[str, Sign] = {}
        for path, sign in signs.items():
            loud = number == 1 or sign in ("same", "removed")
            shown[path] = sign if loud else ""
        boxes: dict[int, Box] = {}
        for layer in (sheet.panels, sheet.boxes):
            for i, box in enumerate(layer):
                if box.path:
                    layer[i] = boxes[id(box)] = replace(box, sign=shown.get(box.path, "same"))
        sheet.words = [
            replace(words, within=boxes.get(id(words.within), words.within)) if words.within else words
            for words in sheet.words
        ]
        for box in boxes.values():
            sign = box.sign
            if sign in ("", "same") or f"{number} {box.path}" in direct:
                continue
            told = changes.get(box.path.removesuffix("/split"), [])
            text = numbers.get(told[0], "") if numbers and told else ""
            badge = Badge(0, 0, sign, text)
            bar = box.shape in ("bar", "thin", "hollow")
            at = (box.right, (box.y + box.bottom) / 2) if bar else (box.right + 5 - badge.half, box.y - 1)
            sheet.badges.append(Badge(*at, sign, text))
        self._sign_miniatures(side, sheet, shown, signs)

    def _sign_miniatures(self, side: Side, sheet: Sheet, shown: dict[str, Sign], signs: dict[str, Sign]) -> None:
        blocks = {thing.path: thing for thing in everything(side.part.body) if isinstance(thing, Block)}
        for i, each in enumerate(sheet.miniatures):
            sheet.miniatures[i] = replace(each, quiet=signs.get(each.path) == "same")
            figure = miniature(blocks[each.path].inside) if signs.get(each.path) == "changed" else None
            for box in (*figure.marks.filled, *figure.marks.hollow, *figure.marks.bars) if figure else ():
                sign = signs.get(box.path, "same")
                if sign == "same" or (side.side == "before" and sign not in ("removed", "changed")):
                    continue
                k = each.scale
                at = each.x + box.x * k, each.y + box.y * k
                fill = "bar" if box in (figure.marks.bars if figure else ()) else "paper"
                sheet.over.append(Box("small", *at, box.width * k, box.height * k, fill=fill, sign=sign))  # type: ignore[arg-type]

    def _head(self, at: int, left: float, width: float, top: float) -> None:
        """What a net is called, above it."""
        sheet, said = self._sheet, self._both.said
        name = m.shortened(said.names[at], "name", width)
        room = width + 64 - m.advance(name, "name") - 8
        source = said.sources[at]
        runs = [Run(name, "name")]
        if source and room > 24:
            runs.append(Run(m.shortened(source, "second", room), "second", 8, "second"))
        sheet.write(left, top - 8, *runs)
        sheet.width = max(sheet.width, left + sum(run.width for run in runs) + m.MARGIN_OF_NETS)
        sheet.line([(left, top), (left + width, top)], 1, "rule")

    def _legend(self) -> None:
        """What the signs mean that the figure has."""
        used = {badge.sign for badge in self._sheet.badges}
        x, y = float(m.MARGIN_OF_NETS), m.SUBTITLE + 4.0
        for sign, word in _LEGEND:
            if sign in used:
                self._sheet.badges.append(Badge(x + m.BADGE, y - 3.6, sign))
                self._sheet.write(x + 2 * m.BADGE + 5, y, Run(word, "second", ink="second"))
                x += 2 * m.BADGE + 5 + m.advance(word, "second") + 16
        self._sheet.write(x, y, Run("grey: as before" if used else "nothing changed", "second", ink="second"))
        self._sheet.width = max(self._sheet.width, x + 130 + m.MARGIN_OF_NETS)

    @property
    def _widest_sum(self) -> float:
        """The room for what sums are of."""
        return max((m.advance(row[0].strip(), "second") for row in self._both.said.sums), default=0)

    def _sums(self, said: Said, y: float) -> float:
        """What both cost as a whole, and what follows from the change."""
        sheet = self._sheet
        left, right = float(m.MARGIN_OF_NETS), sheet.width - m.MARGIN_OF_NETS
        sheet.line([(left, y), (right, y)], 1, "rule")
        more = max((m.advance(typeset(row[3]), "second") for row in said.sums), default=0)
        y += 6
        third = (right - left) / 3
        first, second, last = self._columns or (left + third, right - third, right)
        last = max(last, second + more + 80)
        sheet.width = max(sheet.width, last + left)
        for what, was, now, change in said.sums:
            y += 17
            texts = (typeset(was) or "–", first - left), (typeset(now) or "–", last - second - more - 12)
            was, now = (m.shortened(text, "text", room) for text, room in texts)
            sheet.write(first, y, Run(was), anchor="end")
            sheet.write((first + second) / 2, y, Run(what.strip(), "second", ink="second"), anchor="middle")
            sheet.write(last - more - 12, y, Run(now), anchor="end")
            sheet.write(last, y, Run(typeset(change), "second", ink="second"), anchor="end")
        y += 10
        if said.below:
            sheet.line([(left, y), (right, y)], 1, "rule")
            y += 4
        for text in said.below:
            for line in wrapped(typeset(text), "second", right - left):
                y += 15
                sheet.write(left, y, Run(line, "second", ink="second"))
        return y + 16


