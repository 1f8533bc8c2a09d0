"""Chains and rails as lines: broken where their author broke them, and where they are too long."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from incdsl.formatter import lines
from incdsl.formatter.lines import Line
from incdsl.formatter.sheet import INDENT, Sheet
from incdsl.syntax import tree


class Chains:
    """Adds lines to `lines`; tokens that are not given a line of their own stand on the last one."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self.lines: list[Line] = []

    def start(self, line: Line) -> None:
        """Begin a line; the one before it ends there."""
        self.end(line.first)
        self.lines.append(line)

    def end(self, stop: int) -> None:
        """End the last line in front of a token, unless it has ended."""
        if self.lines and self.lines[-1].kept is None:
            self.lines[-1].stop = stop

    def chain(self, chain: tree.Chain, arrows: int) -> None:
        """A chain that begins on the last line; `arrows` is where lines that start with `->` are indented to."""
        part: list[tree.Step] = []
        for step in chain.steps:
            if part and self._sheet.starts_line(self._arrow(step)):
                self._part(part, arrows)
                self.start(lines.arrow(self._arrow(step), arrows))
                part = []
            part.append(step)
        self._part(part, arrows)

    def _arrow(self, step: tree.Step) -> int:
        """The token in front of a step that is not the first of its chain."""
        return self._sheet.first(step) - 1

    def _part(self, steps: Sequence[tree.Step], arrows: int) -> None:
        """Steps between which the author did not break the line."""
        sheet = self._sheet
        first, stop = sheet.first(steps[0]), sheet.stop(steps[-1])
        if sheet.fits(first, stop, self._column(first), self.lines[-1].more):
            return
        merges = [merge for step in steps for merge in _merges(step)]
        tall = [merge for merge in merges if not sheet.flat(sheet.first(merge), sheet.stop(merge))]
        if not tall and len(merges) == 1:
            tall = merges
        fits = bool(tall) and self._fits_around(tall, first, stop)
        if len(steps) > 1 and not fits:
            self._part(steps[:1], arrows)
            for step in steps[1:]:
                self.start(lines.arrow(self._arrow(step), arrows))
                self._part([step], arrows)
            return
        for step in steps:
            self._step(step, frozenset(tall if fits else merges))

    def _fits_around(self, tall: Sequence[tree.Merge], first: int, stop: int) -> bool:
        """Whether all but the rails of some merges fits into the lines that are left then."""
        sheet, line, column = self._sheet, self.lines[-1], self._column(first)
        for merge in tall:
            if not sheet.fits(first, sheet.first(merge.rails[0]), column, line.more):
                return False
            first, column = sheet.stop(merge) - 1, line.base
        return sheet.fits(first, stop, column, lines.closing(first, line).more)

    def _step(self, step: tree.Step, tall: Collection[tree.Merge]) -> None:
        """A step that takes several lines."""
        lower = any(atom in tall or isinstance(atom, tree.Group) for atom in _choices(step))
        for atom in _choices(step):
            word = self._sheet.first(atom) - 1
            if atom is not step.atom and (lower or self._sheet.starts_line(word)):
                self.start(lines.loose(word, self.lines[-1]))
            if isinstance(atom, tree.Merge) and atom in tall:
                self._rails(atom)
            elif isinstance(atom, tree.Group):
                self.chain(atom.chain, self.lines[-1].base + INDENT)

    def _rails(self, merge: tree.Merge) -> None:
        """Rails under each other."""
        opened = self.lines[-1]
        for each in merge.rails:
            self.start(lines.rail(self._sheet.first(each), opened.base + INDENT))
            self.chain(each.chain, opened.base + 2 * INDENT)
        self.start(lines.closing(self._sheet.stop(merge) - 1, opened))

    def _column(self, i: int) -> int:
        """Where a token of the last line begins."""
        line = self.lines[-1]
        if i == line.first:
            return line.indent
        return line.indent + self._sheet.width(line.first, i) + self._sheet.blanks[i]


def _choices(step: tree.Step) -> Iterator[tree.Atom]:
    """What a step does, whichever choice is made; `else` stands in front of all but the first."""
    following: tree.Step | None = step
    while following:
        yield following.atom
        following = following.repeat.other if isinstance(following.repeat, tree.When) else None


def _merges(step: tree.Step) -> Iterator[tree.Merge]:
    return (atom for atom in _choices(step) if isinstance(atom, tree.Merge))
