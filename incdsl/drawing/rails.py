"""Rails side by side, from their fork or split to their merge."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from incdsl.drawing import measures as m
from incdsl.drawing.manner import Extent, Manner
from incdsl.drawing.marks import Box, Ink, Run, Stroke
from incdsl.drawing.picture import Parallel, Rail, Value
from incdsl.drawing.things import first_box, last_box

if TYPE_CHECKING:
    from incdsl.drawing.layout import Layout


class Rails:
    """Lays out the parallels of one figure."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._sheet = layout.sheet

    def places(self, parallel: Parallel, manner: Manner) -> tuple[list[float], list[Extent], Extent]:
        """Where the rails of a parallel stand, from the line of the first; their extents; the extent of all."""
        extents = [self._rail(rail, manner, parallel.thin) for rail in parallel.rails]
        gap = m.GAP_OF_PARALLEL_FACTORS if parallel.thin else m.GAP_OF_RAILS
        steps = [a.right + gap + b.left for a, b in itertools.pairwise(extents)]
        if steps and max(steps) - min(steps) < m.ALIKE:
            steps = [max(steps)] * len(steps)
        at = [0.0]
        for step in steps:
            at.append(at[-1] + step)
        line = at[-1] / 2
        left, right = line + extents[0].left, at[-1] - line + extents[-1].right
        tallest = max(each.height for each in extents)
        height = self._fork(parallel, manner) + tallest + self._tail(parallel, manner)
        height += m.THIN_BAR if parallel.thin else m.BAR
        start, end = line + extents[0].start, at[-1] - line + extents[-1].end
        return at, extents, Extent(left, right, height, start, end)

    def _rail(self, rail: Rail, manner: Manner, thin: bool) -> Extent:
        inner = manner.of_rails()
        found = self._layout.sequence_extent(rail.inside, inner) if rail.inside.parts else Extent(14, 14, 0, 20, 20)
        if rail.inside.parts:
            found = found._replace(right=max(found.right, self._tail_reach(rail, inner)))
        if manner.names and rail.name and not thin:
            half = m.advance(rail.name, "note") / 2 + 2
            found = found._replace(left=max(found.left, half), right=max(found.right, half))
        return found

    def _tail_label(self, rail: Rail, manner: Manner) -> str:
        values = [rail.entering, *rail.inside.values]
        return self._layout.label(rail.inside.parts[-1], values[-2], values[-1], manner) if rail.inside.parts else ""

    def _tail_reach(self, rail: Rail, manner: Manner) -> float:
        text = self._tail_label(rail, manner)
        return m.thickness(rail.leaving.channels) / 2 + m.SHAPE_OFFSET + m.advance(text, "shape") if text else 0

    def _tail(self, parallel: Parallel, manner: Manner) -> float:
        if parallel.thin:
            return 14
        inner = manner.of_rails()
        labelled = any(self._tail_label(rail, inner) for rail in parallel.rails)
        wrong = any(rail.wrong for rail in parallel.rails)
        return 34 if wrong else m.TAIL_WITH_SHAPE if labelled else m.TAIL

    def _fork(self, parallel: Parallel, manner: Manner) -> float:
        if parallel.shares:
            return m.BAR + m.TAIL
        named = manner.names and any(rail.name for rail in parallel.rails) and not parallel.thin
        return m.FORK_WITH_NAMES if named else m.FORK

    def draw(self, parallel: Parallel, x: float, y: float, entering: Value, manner: Manner) -> float:
        """Draw rails with their fork and merge; where they end."""
        at, extents, size = self.places(parallel, manner)
        start = x - at[-1] / 2
        lines = [start + each for each in at]
        fork, tail = self._fork(parallel, manner), self._tail(parallel, manner)
        top, bar = y + fork, y + size.height - (m.THIN_BAR if parallel.thin else m.BAR)
        width, names = m.thickness(entering.channels), manner.names and not parallel.thin
        inner = manner.of_rails()
        cores = (lines[0] - extents[0].start, lines[-1] + extents[-1].end)
        if parallel.shares:
            self._shares(parallel, lines, y, cores)
        for _i, (rail, line) in enumerate(zip(parallel.rails, lines, strict=True)):
            first = rail.inside.parts[0] if rail.inside.parts else None
            target = first_box(first) if first else parallel.path
            if parallel.shares:
                points = [(line, y + m.BAR), (line, top if first else bar)]
                self._layout.flow(points, rail.entering, joins=(f"{parallel.path}/split", target))
            else:
                level = top - 16
                foot = top if first else bar
                points = (
                    [(x, y), (x, level), (line, level), (line, foot)] if abs(line - x) > 0.01 else [(x, y), (x, foot)]
                )
                self._layout.flow(points, entering, None, m.FORK_RADIUS, ("", target))
            if names and rail.name:
                self._rail_name(rail.name, line, line if parallel.shares else x, top - 16 - width / 2 - 7, width)
            if first:
                end = self._layout.sequence(rail.inside, line, top, rail.entering, inner)
                self._land(rail, line, end, bar, tail, inner, parallel)
            elif rail.wrong:
                self._cross(line, bar - 15)
        self._bar(parallel, lines, bar, cores)
        return y + size.height

    def _rail_name(self, name: str, line: float, trunk: float, y: float, width: float) -> None:
        run = Run(name, "note", ink="second")
        if abs(line - trunk) < m.advance(name, "note") / 2 + width:
            self._sheet.write(max(line, trunk) + width / 2 + m.SHAPE_OFFSET, y, run)
        else:
            self._sheet.write(line, y, run, anchor="middle")

    def _land(
        self, rail: Rail, line: float, end: float, bar: float, tail: float, manner: Manner, parallel: Parallel
    ) -> None:
        """The end of a rail: its line down to the merge."""
        joins = (last_box(rail.inside.parts[-1]), parallel.path)
        if rail.wrong:
            self._sheet.line([(line, end), (line, bar - 16)], 1.5, "wrong", joins=(joins[0], ""))
            self._cross(line, bar - 15)
            return
        self._layout.flow([(line, end), (line, bar)], rail.leaving, rail.inside.parts[-1], joins=joins)
        self._layout.beside(self._tail_label(rail, manner), line, end + 13, rail.leaving)

    def _cross(self, x: float, y: float) -> None:
        for sign in (1, -1):
            self._sheet.signs.append(Stroke((((x - 4.5, y - 4.5 * sign), (x + 4.5, y + 4.5 * sign)),), "cross", 1.8))

    def _shares(self, parallel: Parallel, lines: list[float], y: float, cores: tuple[float, float]) -> None:
        box = Box(
            "hollow", cores[0], y, cores[1] - cores[0], m.BAR, f"{parallel.path}/split", f"{parallel.path}: split"
        )
        self._sheet.boxes.append(box)
        for share, line in zip(parallel.shares, lines, strict=True):
            self._sheet.write(line, y + 14, Run(str(share), "bar"), anchor="middle", within=box)

    def _bar(self, parallel: Parallel, lines: list[float], y: float, cores: tuple[float, float]) -> None:
        height = m.THIN_BAR if parallel.thin else m.BAR
        filled = parallel.word in ("concat", "reduce")
        wrong = bool(parallel.mistakes) or not parallel.known
        shape = "missing" if wrong else "thin" if parallel.thin else "bar" if filled else "hollow"
        box = Box(
            shape, cores[0], y, cores[1] - cores[0], height, parallel.path,  # type: ignore[arg-type]
            parallel.title, "bar" if filled and not wrong else "paper",
        )  # fmt: skip
        self._sheet.boxes.append(box)
        if parallel.thin:
            return
        if filled or wrong:
            for rail, line in zip(parallel.rails, lines, strict=True):
                value = rail.leaving
                text = (value.grid if wrong and parallel.word != "concat" else "") or str(value.channels or "?")
                text = value.grid or text if wrong and any(r.wrong for r in parallel.rails) else text
                ink: Ink = "wrong" if rail.wrong else "ink" if wrong else "paper"
                role: m.Role = "shape" if wrong else "bar"
                apart = min((abs(line - other) for other in lines if other != line), default=box.width)
                text = m.shortened(text, role, min(apart - 4, 2 * (line - box.x), 2 * (box.right - line)))
                self._sheet.write(line, y + 14, Run(text, role, ink=ink), anchor="middle", within=box)
            return
        self._layout.boxes.sign(parallel.word, (lines[0] + lines[-1]) / 2, y + height / 2)
