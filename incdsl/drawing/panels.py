"""Opened blocks: a panel in the place of the box, with the inside of the block in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incdsl.drawing import measures as m
from incdsl.drawing.board import Board
from incdsl.drawing.describe import in_units
from incdsl.drawing.manner import Extent, Manner
from incdsl.drawing.marks import Box, Run
from incdsl.drawing.picture import Block, Parallel, Value
from incdsl.drawing.things import first_box, is_filled, last_box

if TYPE_CHECKING:
    from incdsl.drawing.layout import Layout


class Panels:
    """Lays out the opened blocks of one figure."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._sheet = layout.sheet
        self._boards: dict[Block, Board] = {}

    def extent(self, block: Block, manner: Manner) -> Extent:
        """The room of an opened block."""
        assert block.inside is not None
        inner = manner.inside()
        spine = block.inside.spine
        if spine is not None:
            content = self._layout.sequence_extent(spine, inner)
            left, right, height = content.left, content.right, content.height
            start, value = block.inside.inputs[0], spine.values[-1] if spine.values else None
            right = max(right, self._exit_reach(value or start))
        else:
            board = self.board(block, inner)
            left, right, height = board.line, board.width - board.line, board.height
        left, right = left + m.PANEL_PADDING, right + m.PANEL_PADDING
        if spine is not None:  # what stands at either side of the line in the head
            line = m.thickness(block.inside.inputs[0].channels) / 2
            left = max(left, 24 + line + sum(run.width for run in self._head(block)))
            right = max(right, 24 + line + m.advance(self._costs(block), "second"))
        return Extent(left, right, self._head_height(block) + height + m.PANEL_FOOT, left, right)

    def _head_height(self, block: Block) -> float:
        """The room above what stands inside: a fork brings some of its own."""
        spine = block.inside.spine if block.inside else None
        begins = spine is not None and spine.parts and not isinstance(spine.parts[0], Parallel)
        return m.PANEL_HEAD + 8 if begins else m.PANEL_HEAD

    def _exit_reach(self, value: Value) -> float:
        return m.thickness(value.channels) / 2 + m.SHAPE_OFFSET + m.advance(value.grid, "shape")

    def board(self, block: Block, manner: Manner) -> Board:
        """The layout of a body that is not one sequence."""
        known = self._boards.get(block)
        if known is None:
            assert block.inside is not None
            known = self._boards[block] = Board(self._layout, block.inside, manner, nested=True)
        return known

    def _head(self, block: Block) -> list[Run]:
        runs = [Run(block.name, "name"), Run(block.kind, "second", 8, "second")]
        if block.times > 1:
            runs.append(Run(f"×{block.times}", "times", 5))
        return [*runs, Run(block.settings, "second", 8, "second")] if block.settings else runs

    def _costs(self, block: Block) -> str:
        texts = [f"{block.cost.params:,} params"] if block.cost.params else []
        texts += [f"{in_units(block.cost.macs, places=1)} MACs"] if block.cost.macs else []
        return " · ".join(texts)

    def draw(self, block: Block, x: float, y: float, manner: Manner) -> float:
        """Draw an opened block; where it ends."""
        assert block.inside is not None
        size, inner = self._layout.extent(block, manner), manner.inside()
        box = Box(
            "panel", x - size.left, y, size.left + size.right, size.height, block.path, block.title, "block",
            wrong=bool(block.mistakes),
        )  # fmt: skip
        self._sheet.panels.append(box)
        spine, body = block.inside.spine, block.inside
        top, bottom = y + self._head_height(block), y + size.height
        if spine is None:
            board = self.board(block, inner)
            self._write_head(block, box, [x + each for each in board.ins])
            board.draw(x - board.line, top, box)
            return bottom
        self._write_head(block, box, [x])
        value = body.inputs[0]
        first = spine.parts[0] if spine.parts else None
        self._layout.flow([(x, y), (x, top)], value, joins=(block.path, first_box(first)))
        end = self._layout.sequence(spine, x, top, value, inner)
        leaving = spine.values[-1] if spine.values else value
        last = spine.parts[-1] if spine.parts else None
        self._layout.flow([(x, end), (x, bottom)], leaving, last, joins=(last_box(last), block.path))
        if last is not None and is_filled(last):
            self._layout.word(last, x, end + m.PANEL_FOOT / 2, leaving)
        return bottom

    def _write_head(self, block: Block, box: Box, lines: list[float]) -> None:
        """What a panel is, at its top, where no line passes; what finds no room there the tooltip tells."""
        runs, base = self._head(block), box.y + 21
        width = sum(run.width for run in runs)
        start, end = box.x + 14, box.right - 14
        for line in sorted(lines):
            if start - 8 < line < start + width + 8:
                start = line + 10
        if start + width > end:
            start, runs = box.x + 14, runs[:1]
            width = runs[0].width
        if not any(start - 4 < line < start + width + 4 for line in lines):
            self._sheet.write(start, base, *runs, within=box)
        costs = Run(self._costs(block), "second", ink="second")
        for line in sorted(lines, reverse=True):
            if end - costs.width - 8 < line < end + 8:
                end = line - 10
        if end - costs.width > start + width + 16:
            self._sheet.write(end, base, costs, anchor="end", within=box)
