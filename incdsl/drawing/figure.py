"""Whole figures: a block alone as the paper draws it, a net in columns, a body whose values cross."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from incdsl.drawing import measures as m
from incdsl.drawing.board import Board
from incdsl.drawing.heat import WORDS, Heat
from incdsl.drawing.layout import Layout
from incdsl.drawing.manner import Manner
from incdsl.drawing.marks import Arrow, Box, Run, Sheet
from incdsl.drawing.picture import Block, Body, Cost, Sequence, Value
from incdsl.drawing.things import first_box, last_box

_LEGEND = 380
"""What the scale of heat needs beside its words."""


@dataclass(frozen=True, slots=True)
class Title:
    """What stands above a figure."""

    text: str
    second: str


@dataclass(eq=False, slots=True)
class Column:
    """A bound value of a net: its things, or a part of them where a column is too long for the page."""

    name: str
    sequence: Sequence = field(default_factory=Sequence)
    left: float = 0
    right: float = 0
    x: float = 0
    end: float = 0

    @property
    def heads(self) -> list[Block]:
        """The auxiliary heads of its last value, which stand below it."""
        return self.sequence.values[-1].heads if self.sequence.values else []

    @property
    def cost(self) -> Cost:
        """What its things cost together."""
        total = Cost()
        for part in self.sequence.parts:
            total = total + part.cost
        return total


def block_figure(body: Body, title: Title, manner: Manner) -> tuple[Sheet, Layout]:
    """A block alone: its input at the top, its rails side by side, its output at the bottom."""
    sheet = Sheet()
    layout = Layout(sheet, body, manner)
    margin = m.MARGIN_OF_BLOCKS
    top = write_title(sheet, title, margin) + 21
    spine = body.spine
    if spine is None:
        return _board_figure(sheet, layout, body, manner, margin, top - 6), layout
    value = body.inputs[0]
    extent = layout.sequence_extent(spine, manner)
    label = str(value.shape or "")
    x = margin + extent.left
    y = top + m.ENTRY
    first = spine.parts[0] if spine.parts else None
    layout.flow([(x, top), (x, y)], value, joins=("", first_box(first)))
    layout.beside(label, x, top + 6.3, value)
    end = layout.sequence(spine, x, y, value, manner)
    leaving = spine.values[-1] if spine.values else value
    last = spine.parts[-1] if spine.parts else None
    right = max(extent.right, 24 + m.advance(label, "shape"))
    if leaving.shape is not None:
        layout.flow([(x, end), (x, end + 26)], leaving, last, joins=(last_box(last), ""))
        layout.beside(str(leaving.shape), x, end + 14.3, leaving)
        if last is not None:
            layout.word(last, x, end + 14.3, leaving)
        right = max(right, 24 + m.advance(str(leaving.shape), "shape"))
        end += 26
    sheet.width = max(title_width(title) + 2 * margin, x + right + margin)
    sheet.height = end + 14
    if manner.heat:
        sheet.width = max(sheet.width, _LEGEND + 2 * margin)
        sheet.height = legend(sheet, manner.heat, margin, end + 22)
    return sheet, layout


def net_figure(
    body: Body, title: Title, manner: Manner, totals: Cost, tallest: float | None = None
) -> tuple[Sheet, Layout]:  # fmt: skip
    """A net: a column for each bound value, and under it what it costs. Columns are no higher than `tallest`."""
    sheet = Sheet()
    layout = Layout(sheet, body, manner)
    margin = m.MARGIN_OF_NETS
    top = write_title(sheet, title, margin)
    spine = body.spine
    if spine is None:
        return _board_figure(sheet, layout, body, manner, margin, top + 16), layout
    columns = _columns(spine, layout, manner, tallest)
    several = len(columns) > 1
    if not several and not manner.names:  # its rails have names, as those of a block alone
        return net_figure(body, title, replace(manner, names=True), totals, tallest)
    if several and manner.names:
        manner = replace(manner, names=False)
    if several:
        top += 37
    _place_columns(columns, layout, manner, margin)
    entering = body.inputs[0]
    deepest = top
    for i, column in enumerate(columns):
        if several:
            start = column.x - column.left
            sheet.write(start, top - 8, Run(m.shortened(column.name, "name", column.left + column.right), "name"))
            sheet.line([(start, top), (column.x + column.right, top)], 1, "rule")
        y = top + (62 if i == 0 else 50)
        if i == 0:
            enter(sheet, layout, body.inputs[0], column, top + 31, y)
        end = layout.sequence(column.sequence, column.x, y, entering, manner)
        column.end = end
        if column.sequence.values:
            entering = column.sequence.values[-1]
        after = columns[i + 1] if i + 1 < len(columns) else None
        deepest = max(deepest, leave(sheet, layout, column, after, entering, top + 22, manner))
    sheet.width = max(columns[-1].x + columns[-1].right + margin, title_width(title) + 2 * margin)
    foot = deepest + 29
    foot = _sums(sheet, columns, totals, foot) if several and totals.params else deepest + 16
    if manner.heat:
        sheet.width = max(sheet.width, _LEGEND + 2 * margin)
        foot = legend(sheet, manner.heat, margin, foot)
    sheet.width = max(sheet.width, *(words.left + words.width + 8 for words in sheet.words))
    sheet.height = foot
    return sheet, layout


def _board_figure(sheet: Sheet, layout: Layout, body: Body, manner: Manner, margin: float, top: float) -> Sheet:
    board = Board(layout, body, manner, nested=False)
    board.draw(margin, top, None)
    foot = top + board.height + 22
    sheet.width = max(board.width, *(words.left + words.width - margin for words in sheet.words)) + 2 * margin
    sheet.height = foot
    if manner.heat:
        sheet.width = max(sheet.width, _LEGEND + 2 * margin)
        sheet.height = legend(sheet, manner.heat, margin, foot + 8)
    return sheet


def write_title(sheet: Sheet, title: Title, margin: float) -> float:
    """Write the title of a figure; where it ends."""
    sheet.write(margin, m.TITLE, Run(title.text, "title"))
    sheet.write(margin, m.SUBTITLE, Run(title.second, "second", ink="second"))
    return m.SUBTITLE


def title_width(title: Title) -> float:
    """How wide a title is."""
    return max(m.advance(title.text, "title"), m.advance(title.second, "second"))


def _columns(spine: Sequence, layout: Layout, manner: Manner, tallest: float | None) -> list[Column]:
    """One column for each bound value; an output goes on in the column of what it reads, unless a head leaves there."""
    columns: list[Column] = []
    before = spine.entering
    height, name = 0.0, ""
    for part, value in spine:
        own = part.group
        starts = not columns or (own != name and not (own.startswith("=") and not (before and before.heads)))
        size = layout.extent(part, manner).height + manner.gap
        if tallest and not starts and height + size > tallest:
            starts = True
        if starts:
            columns.append(Column(own.lstrip("="), Sequence(entering=before)))
            height = 0
        name = own
        columns[-1].sequence.parts.append(part)
        columns[-1].sequence.values.append(value)
        height += size
        before = value
    return columns or [Column("")]


def _place_columns(columns: list[Column], layout: Layout, manner: Manner, margin: float) -> None:
    at = margin
    half = layout.boxes.block_width / 2
    for column in columns:
        extent = layout.sequence_extent(column.sequence, manner)
        heads = [layout.extent(head, manner.of_head()) for head in column.heads]
        column.left = max([half, extent.left, *(head.left for head in heads)])
        column.right = max([half, extent.end, extent.right - 10, *(head.right for head in heads)])
        column.x = at + column.left
        at = column.x + column.right + m.GAP_OF_COLUMNS


def enter(sheet: Sheet, layout: Layout, value: Value, column: Column, y: float, end: float) -> None:
    """The input of the net: its name, and its shape on the line."""
    sheet.write(column.x, y, Run(value.name, "name"), anchor="middle")
    first = column.sequence.parts[0] if column.sequence.parts else None
    points = [(column.x, y + 5), (column.x, end)]
    layout.flow(points, value, joins=("", first_box(first)))
    layout.beside(str(value.shape or ""), column.x, (y + 5 + end) / 2, value)


def leave(
    sheet: Sheet, layout: Layout, column: Column, after: Column | None, value: Value, ceiling: float, manner: Manner
) -> float:
    """From the end of a column to the next one, or out of the net; how deep that reaches."""
    x, y = column.x, column.end
    width = m.thickness(value.channels)
    last = column.sequence.parts[-1] if column.sequence.parts else None
    deepest = y
    if after is not None:
        gutter = column.x + column.right + m.GAP_OF_COLUMNS / 2
        first = after.sequence.parts[0] if after.sequence.parts else None
        points = [(x, y), (x, y + 22), (gutter, y + 22), (gutter, ceiling), (after.x, ceiling), (after.x, ceiling + 28)]
        layout.flow(points, value, last, m.GUTTER_RADIUS, (last_box(last), first_box(first)))
        size = max(4.0, width * 0.7)
        sheet.arrows.append(Arrow(gutter, (y + ceiling) / 2 - size, "up", size))
        layout.beside(str(value.shape or ""), after.x, ceiling + 17.3, value)
        layout.taps(value, x, y + 8)
        deepest = y + 22
    elif column.sequence.parts:
        layout.flow([(x, y), (x, y + 26)], value, last, joins=(last_box(last), ""))
        layout.beside(str(value.shape or ""), x, y + 13, value)
        if last is not None and not value.heads:
            layout.word(last, x, y + 13, value, alone=True)
        sheet.write(x, y + 37, Run(", ".join(value.outputs), "name"), anchor="middle")
        deepest = y + 40
    return _heads(sheet, layout, column, value.heads, deepest, manner)


def _heads(sheet: Sheet, layout: Layout, column: Column, heads: list[Block], y: float, manner: Manner) -> float:
    """The auxiliary heads of the value at the end of a column, below it."""
    half = layout.boxes.block_width / 2
    lefts = [column.x - layout.extent(head, manner.of_head()).left for head in heads]
    for i, (head, left) in enumerate(zip(heads, lefts, strict=True)):
        top = y + 30
        if i == 0:
            points = [(column.x, y), (column.x, top)]
        else:
            side = min(lefts) - 8
            points = [(column.x, column.end + 22), (side, column.end + 22), (side, top + 29), (left, top + 29)]
        sheet.line(points, 1.5, "head", 0, ("", head.path))
        y = layout.block(head, column.x, top, manner.of_head())
    if lefts:
        several = "s" if len(lefts) > 1 else ""
        note = Run(f"auxiliary head{several}: training only", "note", ink="second")
        sheet.write(min(*lefts, column.x - half), y + 15, note)
        y += 15
    return y


def _sums(sheet: Sheet, columns: list[Column], totals: Cost, y: float) -> float:
    """What each column costs, with its share."""
    rows = [("params", [c.cost.params for c in columns], totals.params)]
    macs = [c.cost.macs for c in columns]
    if totals.macs and all(each is not None for each in macs):
        rows.append(("MACs", [each or 0 for each in macs], totals.macs))
    for i, column in enumerate(columns):
        left, width = column.x - column.left, layout_width(column)
        sheet.line([(left, y), (left + width, y)], 1, "rule")
        for j, (word, numbers, total) in enumerate(rows):
            base = y + 20 + 30 * j
            share = numbers[i] / total if total else 0
            sheet.write(left, base, Run(_in_row(numbers[i], numbers), "name"), Run(word, "second", 5, "second"))
            sheet.write(left + width, base, Run(_percent(share), "second", ink="second"), anchor="end")
            sheet.boxes.append(Box("share", left, base + 6, width, 3))
            if share > 0:
                sheet.boxes.append(Box("share", left, base + 6, max(1, min(1, share) * width), 3, fill="bar"))
    return y + 22 + 30 * len(rows)


def layout_width(column: Column) -> float:
    """How wide the sums of a column are: no wider than they read well."""
    return min(column.left + column.right, float(m.BLOCK_WIDEST))


def _in_row(number: int, row: list[int]) -> str:
    """A number in the unit of its row."""
    most = max(row)
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if most >= size / 2:
            return f"{number / size:.2f} {unit}"
    return str(number)


def _percent(share: float) -> str:
    percent = share * 100
    return f"{percent:.0f} %" if percent >= 2 else f"{percent:.1f} %" if percent else "0 %"


def legend(sheet: Sheet, heat: Heat, margin: float, y: float) -> float:
    """The scale of heat, with its numbers."""
    sheet.write(margin, y + 10, Run(WORDS[heat.measure], "note", ink="second"))
    if not heat.top:
        return y + 24
    each = 36.0
    room = sheet.width - 2 * margin - m.advance(WORDS[heat.measure], "note") - 40
    each = min(56.0, max(20.0, room / m.HEAT_STEPS))
    start = sheet.width - margin - each * m.HEAT_STEPS
    for i in range(m.HEAT_STEPS):
        sheet.boxes.append(Box("share", start + i * each, y, each, 12, heat=i))
    for i in range(m.HEAT_STEPS + 1):
        value = heat.top * i / m.HEAT_STEPS
        text = "0" if not i else heat.shown(value)
        last = i == m.HEAT_STEPS
        if not last and text.endswith(heat.shown(heat.top).partition(" ")[2]):
            text = text.partition(" ")[0]
        room = each - (
            m.advance(heat.shown(heat.top), "note") if i == m.HEAT_STEPS - 1 else m.advance(text, "note") / 2
        )
        if last or m.advance(text, "note") / 2 <= room - 4:
            anchor = "end" if last else "middle"
            sheet.write(start + i * each, y + 25, Run(text, "note", ink="second"), anchor=anchor)  # type: ignore[arg-type]
    return y + 40
