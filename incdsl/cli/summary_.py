"""`incdsl summary`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from incdsl.analysis.batch import two_images
from incdsl.analysis.table import By, Row, record, rows
from incdsl.cli.options import checked, limit_option, params_option, root_option, set_option
from incdsl.compiler import Compilation, describe_sizes, in_giga

_BYTES = 4
"""A float32 number."""


@click.command("summary")
@click.argument("spec")
@click.option(
    "--by", type=click.Choice(["block", "layer", "op"]), default="block", show_default=True, help="What a row is."
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@set_option
@limit_option
@params_option
@root_option
def command(
    spec: str, by: By, form: str, settings: dict[str, Any], max_steps: int, max_params: int, root: Path | None
) -> None:
    """Show what each part of SPEC costs, at its nominal size and batch 1."""
    done = checked(spec, settings, max_steps, root, max_params)
    table = rows(done.net, done.cost, by)
    if form == "json":
        click.echo(json.dumps(_document(done, table), indent=2))
    else:
        _print(done, table)


def _document(done: Compilation, table: list[Row]) -> dict[str, Any]:
    return {
        "version": 1,
        "net": done.net.name,
        "params": done.cost.params,
        "deployed_params": done.cost.deployed_params,
        "macs": done.cost.macs,
        "train_macs": done.cost.train_macs,
        "keys": done.cost.keys,
        "legal_sizes": {axis: str(sizes) for axis, sizes in done.sizes.evaluation.items()},
        "legal_training_sizes": {axis: str(sizes) for axis, sizes in done.sizes.training.items()},
        "rows": [record(row) for row in table],
    }


def _print(done: Compilation, table: list[Row]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    total = done.cost.macs
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("step", "kind"):
        drawn.add_column(column, no_wrap=True)
    for column in ("output", "params", "MACs", "share"):
        drawn.add_column(column, justify="right", no_wrap=True)
    drawn.add_column("", no_wrap=True)
    for column in ("activations", "sees"):
        drawn.add_column(column, justify="right", no_wrap=True)
    for row in table:
        share = row.macs / total if row.macs and total and not row.training_only else 0
        style = "dim" if row.training_only else None
        drawn.add_row(
            escape(row.name), escape(row.kind), row.shape, f"{row.params:,}" if row.params else "",
            _count(row.macs), f"{share:.1%}" if share else "", _bar(share),
            in_bytes(row.activations), row.sees, style=style,
        )  # fmt: skip
    console = Console(width=None if sys.stdout.isatty() else 132, highlight=False)
    console.print(drawn)
    for line in _totals(done, table):
        console.print(escape(line))


def _totals(done: Compilation, table: list[Row]) -> list[str]:
    costs = done.cost
    lines = [f"{done.net.name}: {costs.deployed_params:,} parameters"]
    if costs.macs is not None:
        lines[0] += f", {in_giga(costs.macs)} GMACs (= {in_giga(2 * costs.macs)} GFLOPs)"
    if done.net.graph.heads:
        extra = (costs.train_macs or 0) - (costs.macs or 0)
        compute = f", {in_giga(extra)} GMACs more" if extra else ""
        lines[0] += f"; with aux heads {costs.params:,}{compute} (dim rows)"
    memory = [row.activations for row in table if not row.training_only]
    if all(m is not None for m in memory):
        lines.append(f"activations of one image in float32: {in_bytes(sum(m or 0 for m in memory))}")
    axes = list(done.net.conditions.nominal)
    if axes:
        lines.append(f"legal sizes: {describe_sizes(done, axes)}")
    if done.lone_norms:
        lines.append(two_images(done.lone_norms))
    lines.append("MACs count convolutions and linear layers; `sees` is the receptive field in pixels of the input.")
    return lines


def _count(number: int | None) -> str:
    if number is None:
        return "?"
    return f"{number / 1e6:,.1f} M" if number else ""


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
