"""What is wrong in a figure, below it: the code, the message, the lines with their shapes, what helps."""

from __future__ import annotations

from collections.abc import Sequence

from incdsl.diagnostics import Diagnostic
from incdsl.drawing import measures as m
from incdsl.drawing.marks import Box, Run, Sheet

_MOST = 6
"""So many errors are told in full."""
_NARROWEST = 620.0


def write_notes(sheet: Sheet, problems: Sequence[Diagnostic], margin: float) -> None:
    """Add notes about these errors at the foot of a sheet, which grows."""
    if not problems:
        return
    sheet.width = max(sheet.width, _NARROWEST + 2 * margin)
    right = sheet.width - margin
    y = sheet.height + 2
    for problem in problems[:_MOST]:
        sheet.line([(margin, y), (right, y)], 1, "rule")
        y = _note(sheet, problem, margin, right, y + 20)
    if len(problems) > _MOST:
        more = f"and {len(problems) - _MOST} more"
        sheet.write(margin, y + 6, Run(more, "second", ink="second"))
        y += 16
    sheet.height = y + 8


def _note(sheet: Sheet, problem: Diagnostic, left: float, right: float, y: float) -> float:
    indent = m.advance(problem.code, "name") + 8
    for i, line in enumerate(wrapped(problem.message().replace("`", ""), "name", right - left - indent)):
        runs = [Run(problem.code, "name", ink="wrong"), Run(line, "name", 8)] if not i else [Run(line, "name")]
        sheet.write(left if not i else left + indent, y, *runs)
        y += 16
    if " > " in problem.path:
        sheet.write(
            left + indent, y, Run(m.shortened(problem.path, "second", right - left - indent), "second", ink="second")
        )
        y += 18
    rows = problem.rows()
    for row in rows:
        number = row.span.source.text.count("\n", 0, row.span.start) + 1
        band = Box("band", left - 6, y - 13, right - left + 12, 19) if row.remark else None
        if band:
            sheet.boxes.append(band)
        ink = "wrong" if row.remark else "ink"
        shape = row.shape.strip("[]").replace(", ", " × ")
        room = right - left - 30 - m.advance(shape, "shape") - 16
        code = " ".join(row.span.text.split())
        sheet.write(left, y, Run(str(number), "note", ink="second"))
        sheet.write(left + 22, y, Run(m.shortened(code, "code", room), "code"))
        sheet.write(right, y, Run(shape, "shape", ink=ink), anchor="end")  # type: ignore[arg-type]
        y += 19
        if row.remark:
            sheet.write(left + 22, y, Run(m.shortened(row.remark, "code", right - left - 22), "code", ink="wrong"))
            y += 19
    if not rows and problem.span is not None:
        number = problem.span.source.text.count("\n", 0, problem.span.start) + 1
        line = problem.span.source.text.split("\n")[number - 1].strip()
        sheet.write(left, y, Run(str(number), "note", ink="second"))
        sheet.write(left + 22, y, Run(m.shortened(line, "code", right - left - 22), "code"))
        y += 17
        if problem.label():
            sheet.write(
                left + 22,
                y,
                Run(m.shortened(problem.label().replace("`", ""), "second", right - left - 22), "second", ink="wrong"),
            )
            y += 17
    if problem.help():
        for i, line in enumerate(wrapped(problem.help().replace("`", ""), "text", right - left - 36)):
            sheet.write(
                left if not i else left + 36,
                y,
                *([Run("help", "name"), Run(line, "text", 8)] if not i else [Run(line)]),
            )
            y += 16
    return y


def wrapped(text: str, role: m.Role, room: float) -> list[str]:
    """A text in lines no wider than the room."""
    lines: list[str] = []
    for word in text.split():
        if lines and m.advance(f"{lines[-1]} {word}", role) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(m.shortened(word, role, room))
    return lines
