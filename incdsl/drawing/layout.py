"""Where things go: each answers how far it reaches left and right of its line and how high it is, then is drawn.

Both are one pass over the things, so layout is linear. Nothing is known of a thing from outside but its extent.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import NamedTuple

from incdsl.drawing import measures as m
from incdsl.drawing.board import Board, lay_out
from incdsl.drawing.heat import Heat
from incdsl.drawing.marks import Arrow, Box, Dot, Ink, Miniature, Point, Run, Sheet, Stroke
from incdsl.drawing.miniature import Figure, miniature
from incdsl.drawing.names import together
from incdsl.drawing.picture import (
    Block,
    Body,
    Bracket,
    Join,
    Parallel,
    Rail,
    Sequence,
    Step,
    Thing,
    Value,
)
from incdsl.drawing.describe import in_units
from incdsl.drawing.reduce import leaves


class Extent(NamedTuple):
    """How far a thing reaches left and right of its line, and its height; its boxes alone reach from `start` to `end`."""

    left: float
    right: float
    height: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Manner:
    """How a figure is drawn: a net has more air than a block, and its shapes are whole."""

    is_net: bool
    depth: int = 0
    """So many levels of blocks are opened."""
    heat: Heat | None = None
    folds: bool = True
    names: bool = False
    """Whether rails are named."""

    def inside(self) -> Manner:
        """The manner of what stands inside a panel."""
        return Manner(False, self.depth - 1, self.heat, self.folds)

    @property
    def gap(self) -> float:
        """Between the steps of a chain."""
        return m.GAP_OF_NETS if self.is_net else m.GAP_OF_STEPS


class Layout:
    """Lays out the things of one figure on one sheet."""

    def __init__(self, sheet: Sheet, bodies: list[Body], manner: Manner) -> None:
        self.sheet = sheet
        self.heat = manner.heat
        self._extents: dict[Thing, Extent] = {}
        self._miniatures: dict[object, tuple[str, Figure] | None] = {}
        self._kinds = Counter[str]()
        steps, blocks = seen(bodies, manner)
        widest = max((self._content(step) for step in steps), default=0)
        self.step_width = max(m.STEP_LEAST, m.up_to_grid(widest + 2 * m.PADDING))
        if self.heat:
            self.step_width = max(self.step_width, m.BLOCK_WIDTH if blocks else 0)
        self.block_width = float(m.BLOCK_WIDTH)
        for block in blocks:
            small = self._small(block)
            lines = [m.advance(block.name, "name"), m.advance(block.kind, "second") + (20 if block.times > 1 else 0)]
            wanted = max(lines) + 2 * m.PADDING + (small[1].width + 6 if small else 0)
            self.block_width = max(self.block_width, min(m.BLOCK_WIDEST, m.up_to_grid(wanted)))
        self._boards: dict[Thing, Board] = {}
        self.work = 0
        """How many things were looked at: layout is linear."""

    # Extents

    def extent(self, thing: Thing, manner: Manner) -> Extent:
        """How much room a thing needs."""
        known = self._extents.get(thing)
        if known is None:
            self.work += 1
            known = self._extents[thing] = self._measured(thing, manner)
        return known

    def _measured(self, thing: Thing, manner: Manner) -> Extent:
        match thing:
            case Step():
                half = self.step_width / 2
                return Extent(half, half, m.STEP_HEIGHT, half, half)
            case Block():
                return self._of_block(thing, manner)
            case Bracket():
                inner = self.sequence_extent(thing.inside, manner, m.GAP_OF_FACTORS if thing.joined else None)
                label = max(m.BRACKET, 13 + m.advance(thing.label, "second"))
                return inner._replace(left=max(inner.left, inner.start + label))
            case Parallel():
                return self._of_parallel(thing, manner)
            case Sequence():
                return self.sequence_extent(thing, manner)
        return Extent(20, 20, m.BAR, 20, 20)

    def sequence_extent(self, sequence: Sequence, manner: Manner, gap: float | None = None) -> Extent:
        """The room of things one after another, without what is written behind the last."""
        left = right = start = end = height = 0.0
        before = sequence.entering
        for i, (part, value) in enumerate(sequence):
            each = self.extent(part, manner)
            left, right = max(left, each.left), max(right, each.right)
            start, end = max(start, each.start), max(end, each.end)
            height += each.height
            if i < len(sequence.parts) - 1:
                height += self.gap(part, before, value, manner) if gap is None else gap
                right = max(right, self._reach_of_label(part, before, value, manner))
                left = max(left, self._reach_of_taps(value))
                right = max(right, self._reach_of_heads(value, each))
            before = value
        return Extent(left, right, height, start, end)

    def gap(self, part: Thing, before: Value | None, value: Value, manner: Manner) -> float:
        """The room behind a thing: more where a shape, a word or a tap has to fit."""
        if value.heads:
            return max(manner.gap, m.GAP_WITH_SHAPE + sum(self._head_height(head) + 12 for head in value.heads))
        if value.outputs or self.label(part, before, value, manner) or _is_filled(part):
            return max(manner.gap, m.GAP_WITH_SHAPE)
        return manner.gap

    def _reach_of_heads(self, value: Value, extent: Extent) -> float:
        return extent.end + 24 + self.block_width if value.heads else 0

    def _head_height(self, head: Block) -> float:
        return self.extent(head, Manner(True)).height

    def label(self, part: Thing | None, before: Value | None, value: Value, manner: Manner) -> str:
        """What is written beside the line of a value: its shape in a net, its grid in a block, where that changed."""
        if value.shape is None:
            return ""
        if part is None or before is None:
            return str(value.shape)
        if before.grid == value.grid or before.shape is None:
            return ""
        return str(value.shape) if manner.is_net else value.grid

    def _reach_of_label(self, part: Thing, before: Value | None, value: Value, manner: Manner) -> float:
        text = self.label(part, before, value, manner)
        return m.thickness(value.channels) / 2 + m.SHAPE_OFFSET + m.advance(text, "shape") if text else 0

    def _reach_of_taps(self, value: Value) -> float:
        return 34 + m.advance(", ".join(value.outputs), "name") if value.outputs else 0

    def _of_block(self, block: Block, manner: Manner) -> Extent:
        if self.is_open(block, manner):
            return self._of_panel(block, manner)
        half = self.block_width / 2
        height = m.BLOCK_HEIGHT + m.BLOCK_LINE * max(0, len(self._settings(block)) - 1)
        return Extent(half, half + (m.STACKED if block.times > 1 else 0), height, half, half)

    def is_open(self, block: Block, manner: Manner) -> bool:
        """Whether a block is drawn with its inside."""
        return manner.depth > 0 and block.inside is not None and not block.head

    def _of_panel(self, block: Block, manner: Manner) -> Extent:
        assert block.inside is not None
        inner = manner.inside()
        spine = block.inside.spine
        if spine is not None:
            content = self.sequence_extent(spine, inner)
            left, right, height = content.left, content.right, content.height
            start, value = block.inside.inputs[0], spine.values[-1] if spine.values else None
            right = max(right, self._exit_reach(value or start))
        else:
            board = self.board(block, block.inside, inner)
            left, right, height = board.line, board.width - board.line, board.height
        left, right = left + m.PANEL_PADDING, right + m.PANEL_PADDING
        if spine is not None:  # what stands at either side of the line in the head
            line = m.thickness(block.inside.inputs[0].channels) / 2
            left = max(left, 24 + line + sum(run.width for run in self._panel_head(block)))
            right = max(right, 24 + line + m.advance(self._panel_costs(block), "second"))
        return Extent(left, right, m.PANEL_HEAD + height + m.PANEL_FOOT, left, right)

    def _exit_reach(self, value: Value) -> float:
        return m.thickness(value.channels) / 2 + m.SHAPE_OFFSET + m.advance(value.grid, "shape")

    def board(self, block: Thing, body: Body, manner: Manner) -> Board:
        """The layout of a body that is not one sequence."""
        known = self._boards.get(block)
        if known is None:
            known = self._boards[block] = lay_out(self, body, manner, nested=True)
        return known

    def rails(self, parallel: Parallel, manner: Manner) -> tuple[list[float], list[Extent], Extent]:
        """Where the rails of a parallel stand, from the line of the first; their extents; the extent of all."""
        extents = [self._rail(rail, manner, parallel.thin) for rail in parallel.rails]
        gap = m.GAP_OF_PARALLEL_FACTORS if parallel.thin else m.GAP_OF_RAILS
        steps = [a.right + gap + b.left for a, b in zip(extents, extents[1:], strict=False)]
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

    def _of_parallel(self, parallel: Parallel, manner: Manner) -> Extent:
        return self.rails(parallel, manner)[2]

    def _rail(self, rail: Rail, manner: Manner, thin: bool) -> Extent:
        inner = Manner(False, manner.depth, manner.heat, manner.folds)
        found = self.sequence_extent(rail.inside, inner) if rail.inside.parts else Extent(14, 14, 0, 20, 20)
        if rail.inside.parts:
            found = found._replace(right=max(found.right, self._tail_reach(rail, inner)))
        if manner.names and rail.name and not thin:
            half = m.advance(rail.name, "note") / 2 + 2
            found = found._replace(left=max(found.left, half), right=max(found.right, half))
        return found

    def _tail_label(self, rail: Rail, manner: Manner) -> str:
        values = [rail.entering, *rail.inside.values]
        return self.label(rail.inside.parts[-1], values[-2], values[-1], manner) if rail.inside.parts else ""

    def _tail_reach(self, rail: Rail, manner: Manner) -> float:
        text = self._tail_label(rail, manner)
        return m.thickness(rail.leaving.channels) / 2 + m.SHAPE_OFFSET + m.advance(text, "shape") if text else 0

    def _tail(self, parallel: Parallel, manner: Manner) -> float:
        if parallel.thin:
            return 14
        inner = Manner(False, manner.depth)
        labelled = any(self._tail_label(rail, inner) for rail in parallel.rails)
        wrong = any(rail.wrong for rail in parallel.rails)
        return 34 if wrong else m.TAIL_WITH_SHAPE if labelled else m.TAIL

    def _fork(self, parallel: Parallel, manner: Manner) -> float:
        if parallel.shares:
            return m.BAR + m.TAIL
        named = manner.names and any(rail.name for rail in parallel.rails) and not parallel.thin
        return m.FORK_WITH_NAMES if named else m.FORK

    # Drawing

    def draw(self, thing: Thing, x: float, y: float, entering: Value, manner: Manner) -> float:
        """Draw a thing whose line is at x and whose top is at y; where it ends."""
        self.work += 1
        match thing:
            case Step():
                self.step(thing, x, y)
            case Block():
                return self.block(thing, x, y, manner)
            case Bracket():
                return self._bracket(thing, x, y, entering, manner)
            case Parallel():
                return self._parallel(thing, x, y, entering, manner)
            case Sequence():
                return self.sequence(thing, x, y, entering, manner)
        return y + self.extent(thing, manner).height

    def sequence(
        self, sequence: Sequence, x: float, y: float, entering: Value, manner: Manner, gap: float | None = None
    ) -> float:
        """Draw things one after another, with the lines between them; where the last one ends."""
        before = sequence.entering
        last = len(sequence.parts) - 1
        for i, (part, value) in enumerate(sequence):
            y = self.draw(part, x, y, before or entering, manner)
            if i < last:
                room = self.gap(part, before, value, manner) if gap is None else gap
                self.between(part, sequence.parts[i + 1], x, y, room, before, value, manner)
                y += room
            before = value
        return y

    def between(
        self, part: Thing, after: Thing, x: float, y: float, room: float, before: Value | None, value: Value,
        manner: Manner,
    ) -> None:  # fmt: skip
        """The line from one thing to the next, with what is written beside it and what leaves it."""
        joins = (last_box(part), first_box(after))
        self.flow([(x, y), (x, y + room)], value, part, joins=joins)
        self.beside(self.label(part, before, value, manner), x, y + min(room, 26) / 2, value)
        if _is_filled(part):
            self.word(part, x, y + min(room, 26) / 2, value)
        self.taps(value, x, y + min(room, 26) / 2)
        self.heads_beside(value, part, x, y, manner)

    def flow(
        self, points: list[Point], value: Value, part: Thing | None = None, radius: float = 0,
        joins: tuple[str, str] = ("", ""),
    ) -> None:  # fmt: skip
        """The line of a value: dashed where it is unknown, and in the colour of errors behind the thing to blame."""
        if value.shape is not None:
            self.sheet.line(points, m.thickness(value.channels), "value", radius, joins)
        else:
            blamed = part is not None and any(each.mistakes for each in leaves([part])[-1:])
            self.sheet.line(points, 1.5, "wrong" if blamed else "head", radius, joins)

    def beside(self, text: str, x: float, middle: float, value: Value) -> None:
        """A shape at the right of a line."""
        if text:
            at = x + m.thickness(value.channels) / 2 + m.SHAPE_OFFSET
            self.sheet.write(at, middle + 3.7, Run(text, "shape"))

    def word(self, part: Thing, x: float, middle: float, value: Value) -> None:
        """The word of a merge at the left of its line."""
        word = part.word if isinstance(part, Parallel | Join) else ""
        at = x - m.thickness(value.channels) / 2 - m.SHAPE_OFFSET
        if word in ("concat", "reduce") and not value.outputs:
            self.sheet.write(at, middle + 3.7, Run(word, "second", ink="second"), anchor="end")

    def trail(self, sequence: Sequence, x: float, y: float) -> None:
        """The word of a merge behind which nothing follows here."""
        if sequence.parts and _is_filled(sequence.parts[-1]):
            self.word(sequence.parts[-1], x, y + 11, sequence.values[-1])

    def taps(self, value: Value, x: float, y: float) -> None:
        """An output that leaves a line that goes on."""
        if value.outputs:
            names = ", ".join(value.outputs)
            self.sheet.line([(x, y), (x - 20, y)], m.thickness(value.channels))
            self.sheet.arrows.append(Arrow(x - 26, y, "left"))
            self.sheet.dots.append(Dot(x, y))
            self.sheet.write(x - 30, y + 4.2, Run(names, "name"), anchor="end")

    def heads_beside(self, value: Value, part: Thing, x: float, y: float, manner: Manner) -> None:
        """Auxiliary heads at the right of a line that goes on."""
        at = y + m.GAP_WITH_SHAPE
        left = x + self.extent(part, manner).end + 24
        for head in value.heads:
            height = self._head_height(head)
            line = at + height / 2
            self.sheet.line([(x, line), (left, line)], 1.5, "head", 0, ("", head.path))
            self.sheet.dots.append(Dot(x, line))
            self.block(head, left + self.block_width / 2, at, Manner(True))
            at += height + 12

    def step(self, step: Step, x: float, y: float) -> None:
        """The box of a step, and what stands in it."""
        width, height = self.step_width, m.STEP_HEIGHT
        shape = "coarser" if step.change < 0 else "finer" if step.change > 0 else "pill" if step.form == "plain" else "box"
        fill = {"pool": "pool", "scale": "pool", "plain": "plain"}.get(step.form, "paper")
        heat = self.heat.step(step) if self.heat else None
        box = Box(
            shape, x - width / 2, y, width, height, step.path, step.title, "paper" if self.heat else fill,  # type: ignore[arg-type]
            heat, bool(step.mistakes), not step.known and not step.mistakes,
        )  # fmt: skip
        self.sheet.boxes.append(box)
        slant = m.SLANT / 2 + 1.5 if step.change else 0
        face, base = step.face, y + height / 2 + 4.3
        ink: Ink = "faded" if box.faded else "ink"
        left = [Run(face.word, ink=ink), Run(face.kernel, "name", m.SPACE if face.word and face.kernel else 0, ink)]
        left += [Run(face.suffix, ink=ink)]
        cost = self.heat.text(step) if self.heat else ""
        start, end = box.x + m.PADDING + slant, box.right - m.PADDING - slant
        if self.heat and (cost or face.right):
            left += [Run(face.right, before=8, ink=ink)]
            self.sheet.write(start, base, *left, within=box)
            if cost:
                self.sheet.write(end, base, Run(cost, "shape"), anchor="end", within=box)
        elif face.right:
            room = width - 2 * (m.PADDING + slant) - m.advance(face.right, "text") - m.BETWEEN_WORDS
            self.sheet.write(start, base, *_fitting(left, room), within=box)
            self.sheet.write(end, base, Run(face.right, ink=ink), anchor="end", within=box)
        else:
            self.sheet.write(x, base, *_fitting(left, width - 2 * m.PADDING), anchor="middle", within=box)

    def _content(self, step: Step) -> float:
        """How wide the words of a step are, with the room between them."""
        face = step.face
        left = m.advance(face.word, "text") + m.advance(face.kernel, "name") + m.advance(face.suffix, "text")
        left += m.SPACE if face.word and face.kernel else 0
        slant = m.SLANT + 3 if step.change else 0
        if self.heat:
            cost = m.advance(self.heat.text(step), "shape")
            left += (8 + m.advance(face.right, "text")) if face.right else 0
            return left + slant + (m.BETWEEN_WORDS + cost if cost else 0)
        right = m.BETWEEN_WORDS + m.advance(face.right, "text") if face.right else 0
        return min(left + right + slant, 220)

    def _settings(self, block: Block) -> list[str]:
        """The settings of a block in at most two lines; the tooltip has all."""
        if self.heat and not block.head:
            return [self.heat.text(block)]
        small = self._small(block)
        room = self.block_width - 2 * m.PADDING - (small[1].width + 6 if small else 0)
        return _in_lines(block.settings.split(", ") if block.settings else [], room)

    def _small(self, block: Block) -> tuple[str, Figure] | None:
        """The miniature of a block and the name under which it is kept."""
        kind = block.key[:2] if isinstance(block.key, tuple) else block.path
        known = (kind, block.key[3] if isinstance(block.key, tuple) else "")
        if known not in self._miniatures:
            found = miniature(block.inside)
            self._kinds[block.kind or "head"] += found is not None
            number = self._kinds[block.kind or "head"]
            name = f"{block.kind or 'head'}{f'-{number}' if number > 1 else ''}"
            self._miniatures[known] = (name, found) if found else None
        return self._miniatures[known]

    def block(self, block: Block, x: float, y: float, manner: Manner) -> float:
        """A block as a box with its miniature, or opened as a panel."""
        if self.is_open(block, manner):
            return self._panel(block, x, y, manner)
        return self.closed(block, x - self.block_width / 2, y, self.block_width, self.extent(block, manner).height)

    def closed(self, block: Block, left: float, y: float, width: float, height: float) -> float:
        """The box of a block."""
        heat = self.heat.step(block) if self.heat and not block.head else None
        if block.times > 1:
            right, bottom = left + width + m.STACKED - 1, y + height + m.STACKED - 1
            points = [(left + 7, bottom), (right, bottom), (right, y + 6)]
            self.sheet.signs.append(Stroke((tuple(points),), "stack", 1, 3.5))
        fill = "paper" if block.head or (self.heat and heat is None) else "block"
        box = Box(
            "head" if block.head else "block", left, y, width, height, block.path, block.title, fill,  # type: ignore[arg-type]
            heat, bool(block.mistakes), not block.known and not block.mistakes,
        )  # fmt: skip
        self.sheet.boxes.append(box)
        dark = heat is not None and heat >= 5
        small = self._small(block)
        room = width - 2 * m.PADDING
        if small:
            key, figure = small
            room -= figure.width + 6
            self.sheet.small.setdefault(key, figure.marks)
            at, middle = box.right - 9 - figure.width, y + (height - figure.height) / 2
            self.sheet.miniatures.append(Miniature(key, at, middle, figure.scale, dark))
        start = left + m.PADDING
        ink: Ink = "faded" if box.faded else "ink"
        second: Ink = "ink" if heat is not None else "faded" if box.faded else "second"
        self.sheet.write(start, y + 19, Run(m.shortened(block.name, "name", room), "name", ink=ink), within=box)
        times = Run(f"×{block.times}", "times", 5) if block.times > 1 else Run("")
        kind = m.shortened(block.kind, "second", room - times.width)
        base = y + 34
        if kind or times.text:
            self.sheet.write(start, base, Run(kind, "second", ink=second), times, within=box)
            base += m.BLOCK_LINE
        for line in self._settings(block):
            if line:
                self.sheet.write(start, base, Run(m.shortened(line, "second", room), "second", ink=second), within=box)
            base += m.BLOCK_LINE
        return y + height

    def _panel_head(self, block: Block) -> list[Run]:
        runs = [Run(block.name, "name"), Run(block.kind, "second", 8, "second")]
        if block.times > 1:
            runs.append(Run(f"×{block.times}", "times", 5))
        return [*runs, Run(block.settings, "second", 8, "second")] if block.settings else runs

    def _panel_costs(self, block: Block) -> str:
        texts = [f"{block.cost.params:,} params"] if block.cost.params else []
        texts += [f"{in_units(block.cost.macs, places=1)} MACs"] if block.cost.macs else []
        return " · ".join(texts)

    def _panel(self, block: Block, x: float, y: float, manner: Manner) -> float:
        assert block.inside is not None
        size, inner = self.extent(block, manner), manner.inside()
        box = Box(
            "panel", x - size.left, y, size.left + size.right, size.height, block.path, block.title, "block",
            wrong=bool(block.mistakes),
        )  # fmt: skip
        self.sheet.panels.append(box)
        spine, body = block.inside.spine, block.inside
        top, bottom = y + m.PANEL_HEAD, y + size.height
        if spine is None:
            board = self.board(block, body, inner)
            self._write_head(block, box, [x + each for each in board.ins])
            board.draw(self, x - board.line, top, box)
            return bottom
        self._write_head(block, box, [x])
        value = body.inputs[0]
        first = spine.parts[0] if spine.parts else None
        self.flow([(x, y), (x, top)], value, joins=(block.path, first_box(first)))
        end = self.sequence(spine, x, top, value, inner)
        leaving = spine.values[-1] if spine.values else value
        last = spine.parts[-1] if spine.parts else None
        self.flow([(x, end), (x, bottom)], leaving, last, joins=(last_box(last), block.path))
        if last is not None and _is_filled(last):
            self.word(last, x, end + m.PANEL_FOOT / 2, leaving)
        return bottom

    def _write_head(self, block: Block, box: Box, lines: list[float]) -> None:
        """What a panel is, at its top, where no line passes; what finds no room there the tooltip tells."""
        runs, base = self._panel_head(block), box.y + 21
        width = sum(run.width for run in runs)
        start, end = box.x + 14, box.right - 14
        for line in sorted(lines):
            if start - 8 < line < start + width + 8:
                start = line + 10
        if start + width > end:
            start, runs = box.x + 14, runs[:1]
            width = runs[0].width
        if not any(start - 4 < line < start + width + 4 for line in lines):
            self.sheet.write(start, base, *runs, within=box)
        costs = Run(self._panel_costs(block), "second", ink="second")
        for line in sorted(lines, reverse=True):
            if end - costs.width - 8 < line < end + 8:
                end = line - 10
        if end - costs.width > start + width + 16:
            self.sheet.write(end, base, costs, anchor="end", within=box)

    def _bracket(self, bracket: Bracket, x: float, y: float, entering: Value, manner: Manner) -> float:
        gap = m.GAP_OF_FACTORS if bracket.joined else None
        end = self.sequence(bracket.inside, x, y, entering, manner, gap)
        edge = x - self.extent(bracket, manner).start - 5
        points = [(edge, y + 1), (edge - 4, y + 1), (edge - 4, end - 1), (edge, end - 1)]
        self.sheet.signs.append(Stroke((tuple(points),), "bracket"))
        label = Run(bracket.label, "second", ink="second")
        self.sheet.write(edge - 8, (y + end) / 2 + 3.7, label, anchor="end")
        return end

    def _parallel(self, parallel: Parallel, x: float, y: float, entering: Value, manner: Manner) -> float:
        at, extents, size = self.rails(parallel, manner)
        start = x - at[-1] / 2
        lines = [start + each for each in at]
        fork, tail = self._fork(parallel, manner), self._tail(parallel, manner)
        top, bar = y + fork, y + size.height - (m.THIN_BAR if parallel.thin else m.BAR)
        width, names = m.thickness(entering.channels), manner.names and not parallel.thin
        inner = Manner(False, manner.depth, manner.heat, manner.folds)
        cores = (lines[0] - extents[0].start, lines[-1] + extents[-1].end)
        if parallel.shares:
            self._shares(parallel, lines, y, cores)
        for i, (rail, line) in enumerate(zip(parallel.rails, lines, strict=True)):
            first = rail.inside.parts[0] if rail.inside.parts else None
            target = first_box(first) if first else parallel.path
            if parallel.shares:
                points = [(line, y + m.BAR), (line, top if first else bar)]
                self.flow(points, rail.entering, joins=(f"{parallel.path}/split", target))
            else:
                level = top - 16
                foot = top if first else bar
                points = [(x, y), (x, level), (line, level), (line, foot)] if abs(line - x) > 0.01 else [(x, y), (x, foot)]
                self.flow(points, entering, None, m.FORK_RADIUS, ("", target))
            if names and rail.name:
                self._rail_name(rail.name, line, x, (top - 16 if not parallel.shares else top) - width / 2 - 7, width)
            if first:
                end = self.sequence(rail.inside, line, top, rail.entering, inner)
                self._land(rail, line, end, bar, tail, inner, parallel)
            elif rail.wrong:
                self._cross(line, bar - 15)
        self._bar(parallel, lines, bar, cores)
        return y + size.height

    def _rail_name(self, name: str, line: float, trunk: float, y: float, width: float) -> None:
        run = Run(name, "note", ink="second")
        if abs(line - trunk) < m.advance(name, "note") / 2 + width:
            self.sheet.write(max(line, trunk) + width / 2 + m.SHAPE_OFFSET, y, run)
        else:
            self.sheet.write(line, y, run, anchor="middle")

    def _land(
        self, rail: Rail, line: float, end: float, bar: float, tail: float, manner: Manner, parallel: Parallel
    ) -> None:
        """The end of a rail: its line down to the merge."""
        joins = (last_box(rail.inside.parts[-1]), parallel.path)
        if rail.wrong:
            self.sheet.line([(line, end), (line, bar - 16)], 1.5, "wrong", joins=(joins[0], ""))
            self._cross(line, bar - 15)
            return
        self.flow([(line, end), (line, bar)], rail.leaving, rail.inside.parts[-1], joins=joins)
        self.beside(self._tail_label(rail, manner), line, end + 13, rail.leaving)

    def _cross(self, x: float, y: float) -> None:
        for sign in (1, -1):
            self.sheet.signs.append(Stroke((((x - 4.5, y - 4.5 * sign), (x + 4.5, y + 4.5 * sign)),), "cross", 1.8))

    def _shares(self, parallel: Parallel, lines: list[float], y: float, cores: tuple[float, float]) -> None:
        box = Box(
            "hollow", cores[0], y, cores[1] - cores[0], m.BAR, f"{parallel.path}/split", f"{parallel.path}: split"
        )
        self.sheet.boxes.append(box)
        for share, line in zip(parallel.shares, lines, strict=True):
            self.sheet.write(line, y + 14, Run(str(share), "bar"), anchor="middle", within=box)

    def _bar(self, parallel: Parallel, lines: list[float], y: float, cores: tuple[float, float]) -> None:
        height = m.THIN_BAR if parallel.thin else m.BAR
        filled = parallel.word in ("concat", "reduce")
        wrong = bool(parallel.mistakes) or not parallel.known
        shape = "missing" if wrong else "thin" if parallel.thin else "bar" if filled else "hollow"
        box = Box(
            shape, cores[0], y, cores[1] - cores[0], height, parallel.path,  # type: ignore[arg-type]
            parallel.title, "bar" if filled and not wrong else "paper",
        )  # fmt: skip
        self.sheet.boxes.append(box)
        if parallel.thin:
            return
        if filled or wrong:
            for rail, line in zip(parallel.rails, lines, strict=True):
                value = rail.leaving
                text = (value.grid if wrong and parallel.word != "concat" else "") or str(value.channels or "?")
                text = value.grid or text if wrong and any(r.wrong for r in parallel.rails) else text
                ink: Ink = "wrong" if rail.wrong else "ink" if wrong else "paper"
                role = "shape" if wrong else "bar"
                self.sheet.write(line, y + 14, Run(text, role, ink=ink), anchor="middle", within=box)  # type: ignore[arg-type]
            return
        self.sign(parallel.word, (lines[0] + lines[-1]) / 2, y + height / 2)

    def sign(self, word: str, x: float, y: float) -> None:
        """The sign of a sum or a product."""
        if word == "add":
            paths = (((x - 4.5, y), (x + 4.5, y)), ((x, y - 4.5), (x, y + 4.5)))
        else:
            paths = (((x - 3.4, y - 3.4), (x + 3.4, y + 3.4)), ((x - 3.4, y + 3.4), (x + 3.4, y - 3.4)))
        self.sheet.signs.append(Stroke(paths, "sign", 1.4))


def folded(sequence: Sequence, manner: Manner) -> Sequence:
    """Neighbours of one definition and equal arguments as one block; inside of its rails, too."""
    made = Sequence(sequence.path, sequence.group, entering=sequence.entering)
    waiting: list[Block] = []

    def put() -> None:
        if waiting:
            made.parts[-1] = _fold(waiting)

    for part, value in sequence:
        if isinstance(part, Parallel):
            for rail in part.rails:
                rail.inside = folded(rail.inside, manner)
        joins = isinstance(part, Block) and waiting and part.key == waiting[0].key and part.key is not None
        before = made.values[-1] if made.values else None
        if joins and isinstance(part, Block) and before and not (before.outputs or before.heads) and not part.mistakes:
            waiting.append(part)
            made.values[-1] = value
            made.parts[-1] = part
            continue
        put()
        waiting = [part] if isinstance(part, Block) and not part.mistakes else []
        made.parts.append(part)
        made.values.append(value)
    put()
    return made


def _fold(blocks: list[Block]) -> Block:
    first = blocks[0]
    if len(blocks) == 1:
        return first
    cost = first.cost
    for block in blocks[1:]:
        cost = cost + block.cost
    title = "\n".join(block.title for block in blocks)
    return Block(
        first.path, first.group, title, cost, (), together([block.name for block in blocks]), first.kind,
        first.settings, len(blocks), first.key, first.inside,
    )  # fmt: skip


def seen(bodies: list[Body], manner: Manner) -> tuple[list[Step], list[Block]]:
    """The steps and the closed blocks that a figure shows."""
    steps: list[Step] = []
    blocks: list[Block] = []
    waiting = [(body, manner.depth) for body in bodies]
    while waiting:
        body, depth = waiting.pop()
        heads = [head for cell in body.cells for value in _values(cell.thing, cell.gives) for head in value.heads]
        for thing in (*leaves([cell.thing for cell in body.cells]), *heads):
            if isinstance(thing, Step):
                steps.append(thing)
            elif isinstance(thing, Block):
                if depth > 0 and thing.inside and not thing.head:
                    waiting.append((thing.inside, depth - 1))
                else:
                    blocks.append(thing)
    return steps, blocks


def _values(thing: Thing, gives: list[Value]) -> list[Value]:
    return thing.values if isinstance(thing, Sequence) else gives


def _in_lines(words: list[str], room: float) -> list[str]:
    """Settings in at most two lines; what does not fit is an ellipsis."""
    lines: list[str] = []
    for i, word in enumerate(words):
        joined = f"{lines[-1]}, {word}" if lines else word
        rest = ", …" if len(lines) == 2 and i < len(words) - 1 else ""
        if lines and m.advance(joined + rest, "second") <= room:
            lines[-1] = joined
        elif len(lines) < 2:
            lines.append(m.shortened(word, "second", room - (12 if lines else 0)))
        else:
            lines[-1] += ", …"
            break
    return lines


def first_box(thing: Thing | None) -> str:
    """The box at which a line into a thing ends; empty at a fork, whose lines go on by themselves."""
    while isinstance(thing, Sequence | Bracket):
        inside = thing.inside if isinstance(thing, Bracket) else thing
        thing = inside.parts[0] if inside.parts else None
    if isinstance(thing, Parallel):
        return f"{thing.path}/split" if thing.shares else ""
    return thing.path if thing else ""


def last_box(thing: Thing | None) -> str:
    """The box from which a line out of a thing comes."""
    while isinstance(thing, Sequence | Bracket):
        inside = thing.inside if isinstance(thing, Bracket) else thing
        thing = inside.parts[-1] if inside.parts else None
    return thing.path if thing else ""


def _is_filled(thing: Thing) -> bool:
    """Whether a thing ends with a bar whose word stands below it."""
    return isinstance(thing, Parallel) and thing.word in ("concat", "reduce") and not thing.thin


def _fitting(runs: list[Run], room: float) -> list[Run]:
    """Pieces of text that fit: the longest one is shortened if need be."""
    over = sum(run.width for run in runs) - room
    if over <= 0:
        return runs
    longest = max(runs, key=lambda run: run.width)
    short = m.shortened(longest.text, longest.role, longest.width - longest.before - over)
    return [replace(run, text=short) if run is longest else run for run in runs]
