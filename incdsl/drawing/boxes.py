"""The boxes of steps and blocks, and what is printed in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from incdsl.drawing import measures as m
from incdsl.drawing.heat import Heat
from incdsl.drawing.marks import Box, Ink, Miniature, Run, Sheet, Stroke
from incdsl.drawing.miniature import Figure, miniature
from incdsl.drawing.picture import Block, Step


class Boxes:
    """Draws the boxes of one figure: steps are as wide as the widest needs, and so are blocks."""

    def __init__(self, sheet: Sheet, heat: Heat | None, steps: list[Step], blocks: list[Block]) -> None:
        self._sheet = sheet
        self._heat = heat
        self._miniatures: dict[object, tuple[str, Figure] | None] = {}
        self._kinds = Counter[str]()
        widest = max((self._content(step) for step in steps), default=0)
        self.step_width = max(m.STEP_LEAST, m.up_to_grid(widest + 2 * m.PADDING))
        if heat and blocks:
            self.step_width = max(self.step_width, m.BLOCK_WIDTH)
        self.block_width = float(m.BLOCK_WIDTH)
        for block in blocks:
            small = self._small(block)
            lines = [m.advance(block.name, "name"), m.advance(block.kind, "second") + (20 if block.times > 1 else 0)]
            wanted = max(lines) + 2 * m.PADDING + (small[1].width + 6 if small else 0)
            self.block_width = max(self.block_width, min(m.BLOCK_WIDEST, m.up_to_grid(wanted)))

    def height(self, block: Block) -> float:
        """How high the box of a block is."""
        return m.BLOCK_HEIGHT + m.BLOCK_LINE * max(0, len(self._settings(block)) - 1)

    def step(self, step: Step, x: float, y: float) -> None:
        """The box of a step, and what stands in it."""
        width, height = self.step_width, m.STEP_HEIGHT
        shape = (
            "coarser" if step.change < 0 else "finer" if step.change > 0 else "pill" if step.form == "plain" else "box"
        )
        fill = {"pool": "pool", "scale": "pool", "plain": "plain"}.get(step.form, "paper")
        heat = self._heat.step(step) if self._heat else None
        box = Box(
            shape, x - width / 2, y, width, height, step.path, step.title, "paper" if self._heat else fill,  # type: ignore[arg-type]
            heat, bool(step.mistakes), not step.known and not step.mistakes,
        )  # fmt: skip
        self._sheet.boxes.append(box)
        slant = m.SLANT / 2 + 1.5 if step.change else 0
        face, base = step.face, y + height / 2 + 4.3
        ink: Ink = "faded" if box.faded else "ink"
        left = [Run(face.word, ink=ink), Run(face.kernel, "name", m.SPACE if face.word and face.kernel else 0, ink)]
        left += [Run(face.suffix, ink=ink)]
        cost = self._heat.text(step) if self._heat else ""
        start, end = box.x + m.PADDING + slant, box.right - m.PADDING - slant
        if self._heat and (cost or face.right):
            left += [Run(face.right, before=8, ink=ink)]
            self._sheet.write(start, base, *left, within=box)
            if cost:
                self._sheet.write(end, base, Run(cost, "shape"), anchor="end", within=box)
        elif face.right:
            room = width - 2 * (m.PADDING + slant) - m.advance(face.right, "text") - m.BETWEEN_WORDS
            self._sheet.write(start, base, *_fitting(left, room), within=box)
            self._sheet.write(end, base, Run(face.right, ink=ink), anchor="end", within=box)
        else:
            self._sheet.write(x, base, *_fitting(left, width - 2 * m.PADDING), anchor="middle", within=box)

    def _content(self, step: Step) -> float:
        """How wide the words of a step are, with the room between them."""
        face = step.face
        left = m.advance(face.word, "text") + m.advance(face.kernel, "name") + m.advance(face.suffix, "text")
        left += m.SPACE if face.word and face.kernel else 0
        slant = m.SLANT + 3 if step.change else 0
        if self._heat:
            cost = m.advance(self._heat.text(step), "shape")
            left += (8 + m.advance(face.right, "text")) if face.right else 0
            return left + slant + (m.BETWEEN_WORDS + cost if cost else 0)
        right = m.BETWEEN_WORDS + m.advance(face.right, "text") if face.right else 0
        return min(left + right + slant, 220)

    def _settings(self, block: Block) -> list[str]:
        """The settings of a block in at most two lines; the tooltip has all."""
        if self._heat and not block.head:
            return [self._heat.text(block)]
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

    def closed(self, block: Block, left: float, y: float, width: float, height: float) -> float:
        """The box of a block."""
        heat = self._heat.step(block) if self._heat and not block.head else None
        if block.times > 1:
            right, bottom = left + width + m.STACKED - 1, y + height + m.STACKED - 1
            points = [(left + 7, bottom), (right, bottom), (right, y + 6)]
            self._sheet.signs.append(Stroke((tuple(points),), "stack", 1, 3.5))
        fill = "paper" if block.head or (self._heat and heat is None) else "block"
        box = Box(
            "head" if block.head else "block", left, y, width, height, block.path, block.title, fill,  # type: ignore[arg-type]
            heat, bool(block.mistakes), not block.known and not block.mistakes,
        )  # fmt: skip
        self._sheet.boxes.append(box)
        dark = heat is not None and heat >= 5
        small = self._small(block)
        room = width - 2 * m.PADDING
        if small:
            key, figure = small
            room -= figure.width + 6
            self._sheet.small.setdefault(key, figure.marks)
            at, middle = box.right - 9 - figure.width, y + (height - figure.height) / 2
            self._sheet.miniatures.append(Miniature(key, at, middle, figure.scale, dark, block.path))
        start = left + m.PADDING
        ink: Ink = "faded" if box.faded else "ink"
        second: Ink = "ink" if heat is not None else "faded" if box.faded else "second"
        self._sheet.write(start, y + 19, Run(m.shortened(block.name, "name", room), "name", ink=ink), within=box)
        times = Run(f"×{block.times}", "times", 5) if block.times > 1 else Run("")
        kind = m.shortened(block.kind, "second", room - times.width)
        base = y + 34
        if kind or times.text:
            self._sheet.write(start, base, Run(kind, "second", ink=second), times, within=box)
            base += m.BLOCK_LINE
        for line in self._settings(block):
            if line:
                self._sheet.write(start, base, Run(m.shortened(line, "second", room), "second", ink=second), within=box)
            base += m.BLOCK_LINE
        return y + height

    def sign(self, word: str, x: float, y: float) -> None:
        """The sign of a sum or a product."""
        if word == "add":
            paths = (((x - 4.5, y), (x + 4.5, y)), ((x, y - 4.5), (x, y + 4.5)))
        else:
            paths = (((x - 3.4, y - 3.4), (x + 3.4, y + 3.4)), ((x - 3.4, y + 3.4), (x + 3.4, y - 3.4)))
        self._sheet.signs.append(Stroke(paths, "sign", 1.4))


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


def _fitting(runs: list[Run], room: float) -> list[Run]:
    """Pieces of text that fit: the longest one is shortened if need be."""
    over = sum(run.width for run in runs) - room
    if over <= 0:
        return runs
    longest = max(runs, key=lambda run: run.width)
    short = m.shortened(longest.text, longest.role, longest.width - longest.before - over)
    return [replace(run, text=short) if run is longest else run for run in runs]
