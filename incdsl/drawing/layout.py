"""Where things go: each answers how far it reaches left and right of its line and how high it is, then is drawn.

Both are one pass over the things, so layout is linear. Nothing is known of a thing from outside but its extent.
"""

from __future__ import annotations

from incdsl.drawing import measures as m
from incdsl.drawing.boxes import Boxes
from incdsl.drawing.manner import Extent, Manner
from incdsl.drawing.marks import Arrow, Dot, Point, Run, Sheet, Stroke
from incdsl.drawing.panels import Panels
from incdsl.drawing.picture import Block, Body, Bracket, Join, Parallel, Sequence, Step, Thing, Value
from incdsl.drawing.rails import Rails
from incdsl.drawing.things import first_box, is_filled, last_box, leaves, seen


class Layout:
    """Lays out the things of one figure on one sheet."""

    def __init__(self, sheet: Sheet, body: Body, manner: Manner) -> None:
        self.sheet = sheet
        self.boxes = Boxes(sheet, manner.heat, *seen([body], manner))
        self.panels = Panels(self)
        self._rails = Rails(self)
        self._extents: dict[Thing, Extent] = {}
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
                half = self.boxes.step_width / 2
                return Extent(half, half, m.STEP_HEIGHT, half, half)
            case Block():
                return self._of_block(thing, manner)
            case Bracket():
                inner = self.sequence_extent(thing.inside, manner, m.GAP_OF_FACTORS if thing.joined else None)
                label = max(m.BRACKET, 13 + m.advance(thing.label, "second"))
                return inner._replace(left=max(inner.left, inner.start + label))
            case Parallel():
                return self._rails.places(thing, manner)[2]
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
                height += self.room(part, before, value, manner) if gap is None else gap
                right = max(right, self._reach_of_label(part, before, value, manner))
                left = max(left, self._reach_of_taps(value))
                right = max(right, self._reach_of_heads(value, each, manner))
            before = value
        return Extent(left, right, height, start, end)

    def room(self, part: Thing, before: Value | None, value: Value, manner: Manner) -> float:
        """The room behind a thing: more where a shape, a word or a tap has to fit."""
        if value.heads:
            heights = [self.extent(head, manner.of_head()).height for head in value.heads]
            return max(manner.gap, m.GAP_WITH_SHAPE + sum(height + 12 for height in heights))
        if value.outputs or self.label(part, before, value, manner) or is_filled(part):
            return max(manner.gap, m.GAP_WITH_SHAPE)
        return manner.gap

    def _reach_of_heads(self, value: Value, extent: Extent, manner: Manner) -> float:
        sizes = [self.extent(head, manner.of_head()) for head in value.heads]
        return extent.end + 24 + max(size.start + size.end for size in sizes) if sizes else 0

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
        if manner.opens(block):
            return self.panels.extent(block, manner)
        half = self.boxes.block_width / 2
        height = self.boxes.height(block)
        return Extent(half, half + (m.STACKED if block.times > 1 else 0), height, half, half)

    # Drawing

    def draw(self, thing: Thing, x: float, y: float, entering: Value, manner: Manner) -> float:
        """Draw a thing whose line is at x and whose top is at y; where it ends."""
        self.work += 1
        match thing:
            case Step():
                self.boxes.step(thing, x, y)
            case Block():
                return self.block(thing, x, y, manner)
            case Bracket():
                return self._bracket(thing, x, y, entering, manner)
            case Parallel():
                return self._rails.draw(thing, x, y, entering, manner)
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
                room = self.room(part, before, value, manner) if gap is None else gap
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
        if is_filled(part):
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
            self.sheet.write(at, middle + 3.7, Run(text, "shape", about=value.node))

    def word(self, part: Thing, x: float, middle: float, value: Value, *, alone: bool = False) -> None:
        """The word of a merge at the left of its line."""
        word = part.word if isinstance(part, Parallel | Join) else ""
        at = x - m.thickness(value.channels) / 2 - m.SHAPE_OFFSET
        if word in ("concat", "reduce") and (alone or not value.outputs):
            self.sheet.write(at, middle + 3.7, Run(word, "second", ink="second"), anchor="end")

    def trail(self, sequence: Sequence, x: float, y: float) -> None:
        """The word of a merge behind which nothing follows here."""
        if sequence.parts and is_filled(sequence.parts[-1]):
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
            size = self.extent(head, manner.of_head())
            line = at + size.height / 2
            self.sheet.line([(x, line), (left, line)], 1.5, "head", 0, ("", head.path))
            self.sheet.dots.append(Dot(x, line))
            self.block(head, left + size.start, at, manner.of_head())
            at += size.height + 12

    def block(self, block: Block, x: float, y: float, manner: Manner) -> float:
        """A block as a box with its miniature, or opened as a panel."""
        if manner.opens(block):
            return self.panels.draw(block, x, y, manner)
        return self.boxes.closed(
            block, x - self.boxes.block_width / 2, y, self.boxes.block_width, self.extent(block, manner).height
        )

    def _bracket(self, bracket: Bracket, x: float, y: float, entering: Value, manner: Manner) -> float:
        gap = m.GAP_OF_FACTORS if bracket.joined else None
        end = self.sequence(bracket.inside, x, y, entering, manner, gap)
        edge = x - self.extent(bracket, manner).start - 5
        points = [(edge, y + 1), (edge - 4, y + 1), (edge - 4, end - 1), (edge, end - 1)]
        self.sheet.signs.append(Stroke((tuple(points),), "bracket"))
        label = Run(bracket.label, "second", ink="second")
        self.sheet.write(edge - 8, (y + end) / 2 + 3.7, label, anchor="end")
        return end
