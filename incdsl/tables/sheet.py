"""A table of texts, and its forms: columns go where there is no room, numbers are never cut."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_GAP = 2
"""Blanks between columns."""
_LEAST = 8
"""Letters of a name, fewer than which say nothing."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; those of the highest `drop` go first and together, those of 0 stay. A name may lose its beginning."""

    title: str
    right: bool = False
    drop: int = 0
    is_name: bool = False
    only_drawn: bool = False
    """Whether it is a drawing, which has no place in a document."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A text; words of one that `breaks` may stand on several lines, what commas part in one that is `stacked` does."""

    text: str
    style: str = ""
    breaks: bool = False
    stacked: bool = False

    @property
    def least(self) -> int:
        """The room that it needs."""
        return max(map(len, self.text.split(" ") if self.breaks else self.drawn.split("\n")))

    @property
    def drawn(self) -> str:
        """The text on a terminal."""
        return self.text.replace(", ", "\n") if self.stacked else self.text


@dataclass(frozen=True, slots=True)
class Line:
    """A row, all of it in one style if that has one."""

    cells: tuple[Cell, ...]
    style: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns, and rows of as many cells."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]

    @property
    def width(self) -> int:
        """The room that it needs."""
        return sum(max(widths) for widths in self._widths()) + _GAP * (len(self.columns) - 1)

    def _widths(self) -> list[list[int]]:
        """Of each column, the room that its title and its cells need."""
        return [
            [len(column.title), *(line.cells[i].least for line in self.lines)] for i, column in enumerate(self.columns)
        ]

    def without(self, index: int) -> Sheet:
        """The sheet without a column."""
        lines = [replace(line, cells=(*line.cells[:index], *line.cells[index + 1 :])) for line in self.lines]
        return Sheet((*self.columns[:index], *self.columns[index + 1 :]), tuple(lines))

    def fitted(self, width: int | None) -> Sheet:
        """The sheet within a width: without the columns that matter least, and at last with shorter names."""
        sheet = self
        while width is not None and sheet.width > width:
            drops = [column.drop for column in sheet.columns]
            if not any(drops):
                return sheet._shortened(sheet.width - width)
            for i in reversed([i for i, drop in enumerate(drops) if drop == max(drops)]):
                sheet = sheet.without(i)
        return sheet

    def _shortened(self, excess: int) -> Sheet:
        lines = list(self.lines)
        for i, column in enumerate(self.columns):
            if column.is_name:
                room = max(_LEAST, max(self._widths()[i]) - excess)
                lines = [
                    replace(line, cells=(*line.cells[:i], _cropped(line.cells[i], room), *line.cells[i + 1 :]))
                    for line in lines
                ]
        return Sheet(self.columns, tuple(lines))

    # Forms

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table that fits the console."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        sheet = self.fitted(options.max_width)
        drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, _GAP - 1, 0, 0), show_edge=False)
        for column, widths in zip(sheet.columns, sheet._widths(), strict=True):
            drawn.add_column(column.title, justify="right" if column.right else "left", min_width=max(widths))
        for line in sheet.lines:
            drawn.add_row(
                *[Text(c.drawn, style=c.style, no_wrap=not c.breaks, overflow="fold") for c in line.cells],
                style=line.style or None,
            )
        yield drawn

    def _documented(self) -> Sheet:
        """The sheet without what is only drawn."""
        sheet = self
        for i, column in reversed(list(enumerate(self.columns))):
            sheet = sheet.without(i) if column.only_drawn else sheet
        return sheet

    def markdown(self) -> str:
        """A table as GitHub writes it."""
        sheet = self._documented()
        rule = ["--:" if column.right else "---" for column in sheet.columns]
        rows = [[cell.text.replace("|", "\\|") for cell in line.cells] for line in sheet.lines]
        return "\n".join(f"| {' | '.join(row)} |" for row in ([c.title for c in sheet.columns], rule, *rows))

    def latex(self) -> str:
        """A table for a paper, of the package booktabs; everything in it escaped, names in typewriter."""
        sheet = self._documented()

        def row(texts: Iterable[str], is_head: bool = False) -> str:
            cells = [
                f"\\texttt{{{escaped(text)}}}" if column.is_name and text and not is_head else escaped(text)
                for column, text in zip(sheet.columns, texts, strict=True)
            ]
            return f"  {' & '.join(cells)} \\\\"

        columns = "".join("r" if column.right else "l" for column in sheet.columns)
        rows = [row(cell.text for cell in line.cells) for line in sheet.lines]
        head = row((column.title for column in sheet.columns), True)
        return "\n".join([
            f"\\begin{{tabular}}{{{columns}}}", "  \\toprule", head, "  \\midrule", *rows, "  \\bottomrule",
            "\\end{tabular}",
        ])  # fmt: skip

    def html(self) -> str:
        """A table for a notebook or a page, everything in it escaped."""
        sheet = self._documented()

        def row(tag: str, texts: Iterable[str], style: str = "") -> str:
            cells = [
                f'<{tag} style="text-align: {"right" if column.right else "left"}">{escape(text)}</{tag}>'
                for column, text in zip(sheet.columns, texts, strict=True)
            ]
            dim = ' style="opacity: 0.6"' if style == "dim" else ""
            return f"<tr{dim}>{''.join(cells)}</tr>"

        head = row("th", [column.title for column in sheet.columns])
        body = "\n".join(row("td", [cell.text for cell in line.cells], line.style) for line in sheet.lines)
        return f"<table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"


_TEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"}, "\\": r"\textbackslash{}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "…": r"\ldots{}", "·": r"\textperiodcentered{}", "−": "$-$", "×": r"$\times$", "–": "--", '"': "''",
    "≥": r"$\geq$", "≤": r"$\leq$",
}  # fmt: skip


def escaped(text: str) -> str:
    """A text for LaTeX in which nothing is a command; minus signs and arrows are what they look like."""
    parts = re.split(r"(^ +|->|(?<=[\dHW]) x (?=[\dHW])|(?<!\w)-(?=\d))", text)
    return "".join(_SIGNS.get(part) or "".join(_TEX.get(c, c) for c in part) for part in parts)


_SIGNS = {"->": r"$\rightarrow$", "-": "$-$", " x ": r" $\times$ ", "  ": r"\quad "}


def commented(lines: Iterable[str]) -> str:
    """Lines as comments of LaTeX, for what stands around a table."""
    return "\n".join(f"% {part}" for line in lines for part in line.splitlines())


def comma_separated(records: Sequence[Mapping[str, Any]]) -> str:
    """Records as lines of comma-separated values under their names; what is nothing is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]) if records else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def _cropped(cell: Cell, room: int) -> Cell:
    """The end of a name, which tells it from others."""
    return cell if len(cell.text) <= room else replace(cell, text=f"…{cell.text[1 - room :]}")
