"""The remarks of a figure of two nets: where the same changed there is one, and each change is told once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from incdsl.analysis.changes import Mark
from incdsl.analysis.told import Line, line_of, sums, whole
from incdsl.drawing.change import Side, everything
from incdsl.drawing.marks import Point, Sign
from incdsl.drawing.picture import Block, Step, Thing
from incdsl.drawing.remarks import Remark, composed

_RUN = 3
"""So many things in a row that only one side has are one remark."""
_SIGNS: dict[Mark, Sign] = {"changed": "changed", "added": "added", "removed": "removed", "moved": "moved"}


class Collected:
    """Collects remarks, thing by thing."""

    def __init__(self, sides: tuple[Side, Side]) -> None:
        self.remarks: list[Remark] = []
        self._sides = sides
        self._changes = sides[0].changes
        self._shared: dict[tuple[tuple[Line, ...], Sign], Remark] = {}
        """Those that others may join, by what they say."""
        self._told: set[int] = set()
        self._homes = [_homes(side) for side in sides]

    def add(self, old: Thing | None, new: Thing | None, point: Point | None = None, *, alone: bool = False) -> bool:
        """Tell what became of a thing; with a point, a line leads there. Whether there was anything to tell.

        What stands `alone`, without a partner, has a remark of its own; others share one with what changed alike.
        """
        found = [*(self._lines(0, old) if old else ()), *(self._lines(1, new) if new else ())]
        if not found:
            return False
        thing = new or old
        lines = tuple(line for line, _ in found)
        marks = {line.mark for line in lines}
        only = _SIGNS.get(next(iter(marks)), "changed") if len(marks) == 1 else "changed"
        own = self._sides[1].sign(self._sides[1].of(new)) if new else "removed"
        is_whole = alone or only in ("changed", "moved", own) or isinstance(thing, Step)
        sign: Sign = "removed" if new is None else only if is_whole else "changed"
        one = isinstance(thing, Block) and len(lines) == 1 and lines[0].name == thing.name
        places = thing.times if isinstance(thing, Block) and not one else 1
        blocks = thing.times if isinstance(thing, Block) else 0
        made = Remark(lines, sign, [i for _, i in found], places, blocks, [point] if point else [])
        self._put(made, merge=not alone)
        return True

    def _put(self, remark: Remark, *, merge: bool) -> None:
        other = self._shared.setdefault((remark.lines, remark.sign), remark) if merge else remark
        if other is remark:
            self.remarks.append(remark)
            return
        other.points += remark.points
        other.places += remark.places
        other.changes += remark.changes

    def _lines(self, which: int, thing: Thing) -> Iterator[tuple[Line, int]]:
        """What is told of a thing: a block that one side alone has in one line, ops of one box as one.

        Of a thing of the first net that is what is gone; the rest is told where it is now.
        """
        side = self._sides[which]
        own = side.of(thing)
        found = [i for i in side.told(own) if i not in self._told]
        if which == 0:
            found = [i for i in found if self._changes[i].mark == "removed"]
        self._told.update(found)
        if isinstance(thing, Block) and side.sign(own) in ("added", "removed") and len(found) > 1:
            yield replace(whole([self._changes[i] for i in found]), name=thing.name), found[0]
            return
        homes = self._homes[which]
        several = isinstance(thing, Block) and thing.times > 1
        kept: set[tuple[Mark, str, tuple[str, ...]]] = set()
        for (_, mark), some in groupby(found, key=lambda i: (homes.get(i, str(i)), self._changes[i].mark)):
            group = list(some)
            lines = [line_of(self._changes[i], fields=False) for i in group]
            if mark in ("added", "removed"):
                words = (", ".join(word for line in lines for word in line.words),)
                lines = [Line(mark, lines[0].name, words, *sums([self._changes[i] for i in group]))]
            for line, i in zip(lines, group, strict=False):
                key = (line.mark, line.name, line.words)
                if not several or key not in kept:
                    kept.add(key)
                    yield line, i

    def finish(self) -> None:
        """Join what stands in a row, tell what no box stands for, and set the text of all."""
        for sign in ("added", "removed"):
            is_run = [each.sign == sign and all(line.mark == sign for line in each.lines) for each in self.remarks]
            joined: list[Remark] = []
            for same, some in groupby(zip(self.remarks, is_run, strict=True), key=lambda pair: pair[1]):
                run = [each for each, _ in some]
                joined += [_joined(run, sign)] if same and len(run) >= _RUN else run
            self.remarks = joined
        for i, change in enumerate(self._changes):
            if change.mark in _SIGNS and i not in self._told:
                self._put(Remark((line_of(change),), _SIGNS[change.mark], [i], 1), merge=True)
        for each in self.remarks:
            each.text = composed(each)


def _joined(run: list[Remark], sign: Mark) -> Remark:
    """Things in a row that only one side has, as one remark."""
    lines = [line for each in run for line in each.lines]
    counts = ((sum(each.blocks for each in run), "block"), (sum(not each.blocks for each in run), "step"))
    words = ", ".join(f"{count} {what}{'s' * (count > 1)}" for count, what in counts if count)
    line = Line(sign, sign, (words,), sum(each.params for each in lines), sum(each.macs for each in lines))
    changes, points = [i for each in run for i in each.changes], [point for each in run for point in each.points]
    return Remark((line,), _SIGNS[sign], changes, points=points)


def _homes(side: Side) -> dict[int, str]:
    """The box of each change."""
    steps = (thing for thing in everything(side.part.body) if isinstance(thing, Step))
    return {i: thing.path for thing in steps for i in side.of(thing)}
