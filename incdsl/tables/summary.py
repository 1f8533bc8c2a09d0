"""What a net costs, part by part, in every form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from incdsl.analysis.batch import two_images
from incdsl.analysis.table import By, Row, record, rows
from incdsl.compiler import Compilation, describe_sizes, in_flops, in_macs
from incdsl.subject import Subject
from incdsl.tables.sheet import Cell, Column, Line, Sheet, comma_separated, commented

if TYPE_CHECKING:
    from rich.console import Group

_BYTES = 4
"""A float32 number."""
_COLUMNS = (
    Column("step", is_name=True),
    Column("kind", drop=3),
    Column("output", right=True, drop=1),
    Column("params", right=True),
    Column("MACs", right=True),
    Column("share", right=True, drop=4),
    Column("", drop=6, only_drawn=True),
    Column("activations", right=True, drop=2),
    Column("sees", right=True, drop=5),
)
_NOTE = "MACs count convolutions and linear layers; `sees` is the receptive field in pixels of the input."


@dataclass(frozen=True, repr=False)
class Summary:
    """What each part of a net costs, at its nominal size and for one image.

    Printed, it is a table; notebooks show it as one, and rich draws it as wide as the terminal.
    """

    subject: Subject
    by: By = "block"

    def __repr__(self) -> str:
        return f"<Summary of {self.done.net.name}: {len(self.rows)} rows>"

    @property
    def done(self) -> Compilation:
        """The net and what is known of it."""
        return self.subject.done

    @cached_property
    def rows(self) -> list[Row]:
        """One for each block, layer or op, in the order in which the net runs."""
        found = rows(self.done.net, self.done.cost, self.by)
        for row in found:
            row.name = self.subject.name(row.name) or row.kind
        return found

    @property
    def sheet(self) -> Sheet:
        """The table."""
        return Sheet(_COLUMNS, tuple(map(self._line, self.rows)))

    def _line(self, row: Row) -> Line:
        total = self.done.cost.macs
        share = row.macs / total if row.macs and total and not row.training_only else 0
        cells = (
            Cell(row.name), Cell(row.kind), Cell(row.shape, stacked=True),
            Cell(f"{row.params:,}" if row.params else ""), Cell(_count(row.macs)),
            Cell(f"{share:.1%}" if share else ""), Cell(_bar(share)), Cell(in_bytes(row.activations)),
            Cell(row.sees, stacked=True),
        )  # fmt: skip
        return Line(cells, "dim" if row.training_only else "")

    @property
    def totals(self) -> list[str]:
        """What the whole net costs, the sizes that it takes, and what is counted: sentences below the table."""
        done, costs = self.done, self.done.cost
        lines = [f"{done.net.name}: {costs.deployed_params:,} parameters"]
        if costs.macs is not None:
            lines[0] += f", {in_macs(costs.macs)} (= {in_flops(costs.macs)})"
        if done.net.graph.heads:
            extra = (costs.train_macs or 0) - (costs.macs or 0)
            compute = f", {in_macs(extra)} more" if extra else ""
            lines[0] += f"; with aux heads {costs.params:,}{compute} (dim rows)"
        memory = [row.activations for row in self.rows if not row.training_only]
        if all(m is not None for m in memory):
            lines.append(f"activations of one image in float32: {in_bytes(sum(m or 0 for m in memory))}")
        axes = list(done.net.conditions.nominal)
        if axes:
            lines.append(f"legal sizes: {describe_sizes(done, axes)}")
        if done.lone_norms:
            lines.append(two_images(done.lone_norms))
        return [*lines, _NOTE]

    # Forms

    def __rich__(self) -> Group:
        """The table and what is below it, for `rich.print`."""
        from rich.console import Group
        from rich.text import Text

        return Group(self.sheet, *map(Text, self.totals))

    def __str__(self) -> str:
        from io import StringIO

        from rich.console import Console

        console = Console(file=StringIO(), width=self.sheet.width, no_color=True)
        with console.capture() as capture:
            console.print(self.sheet)
        return "\n".join([*(line.rstrip() for line in capture.get().splitlines()), "", *self.totals])

    def _repr_html_(self) -> str:
        """The table and what is below it, for a notebook."""
        return f"{self.sheet.html()}\n<p>{'<br>'.join(map(escape, self.totals))}</p>"

    def markdown(self) -> str:
        """The table as GitHub writes it, and a list of what is below it."""
        return "\n".join([self.sheet.markdown(), "", *(f"- {line.replace(' (dim rows)', '')}" for line in self.totals)])

    def latex(self) -> str:
        """The table for a paper, and comments with what is below it."""
        return "\n".join([self.sheet.latex(), commented(self.totals)])

    def csv(self) -> str:
        """The rows as comma-separated values, in plain numbers."""
        return comma_separated([record(row) for row in self.rows])

    def document(self) -> dict[str, Any]:
        """Everything in plain numbers, as `--format json` writes it."""
        costs, sizes = self.done.cost, self.done.sizes
        return {
            "version": 1,
            "net": self.done.net.name,
            "params": costs.params,
            "deployed_params": costs.deployed_params,
            "macs": costs.macs,
            "train_macs": costs.train_macs,
            "keys": costs.keys,
            "legal_sizes": {axis: str(legal) for axis, legal in sizes.evaluation.items()},
            "legal_training_sizes": {axis: str(legal) for axis, legal in sizes.training.items()},
            "rows": [record(row) for row in self.rows],
        }


def _count(number: int | None) -> str:
    if number is None:
        return "?"
    return f"{number / 1e6:,.1f} M" if number >= 5e4 else f"{number:,}" if number else ""


def in_bytes(numbers: int | None) -> str:
    """The memory of so many float32 numbers: `5.54 MB`; empty for none."""
    if numbers is None:
        return "?"
    size = numbers * _BYTES
    if size >= 1e5:
        return f"{size / 1e6:,.2f} MB"
    return f"{size / 1e3:,.2f} kB" if size else ""


def _bar(share: float) -> str:
    eighths = round(share * 8 * 24)
    return "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")
