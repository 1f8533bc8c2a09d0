"""`incdsl compare`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from incdsl.analysis.difference import Pair, aligned
from incdsl.analysis.profile import Profile, profile
from incdsl.analysis.table import By, Row, record, rows
from incdsl.cli.options import colourful, fail, limit_option, root_option, show
from incdsl.cli.subject import Subject, subject
from incdsl.cli.summary_ import in_bytes
from incdsl.compiler import describe_sizes, in_giga
from incdsl.diagnostics import CompileError
from incdsl.diagnostics.render import printable

if TYPE_CHECKING:
    from rich.table import Table

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MARKS = {"same": " ", "changed": "~", "removed": "-", "added": "+"}
_STYLES = {"same": "dim", "changed": None, "removed": "red", "added": "green"}
_NOTES = (
    "Counted at the nominal size for one image, in evaluation, without auxiliary heads; % are against A.",
    "MACs are those of convolutions and linear layers. Activations are float32: all values of the net,",
    "then the most that live at once, each freed after its last reader. Depth is the longest chain of",
    "convolutions and linear layers; the receptive field is in pixels of the input. Narrowest is the",
    "smallest C·H·W that all paths pass while there is a grid; above x 1.00 a later value is wider.",
)


@dataclass(frozen=True, slots=True)
class _Measure:
    """A line of the table: its text, and the number that ratios are made of; `cost` says that less is better."""

    title: str
    text: Callable[[Subject, Profile], str]
    number: Callable[[Profile], Fraction | int | None] = lambda _: None
    cost: bool = False


@click.command("compare")
@click.argument("subjects", nargs=-1, required=True, metavar="A B [C…]")
@click.option("--by", type=click.Choice(["block", "layer", "op"]), help="Show the rows of two nets side by side, too.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@limit_option
@root_option
def command(subjects: tuple[str, ...], by: By | None, form: str, max_steps: int, root: Path | None) -> None:
    """Set nets side by side: A, B, … are SPEC[::NET], or SPEC::STEPS@[C, H, W].

    STEPS is a chain of steps on an input: 'specs/v3.inc::InceptionA(pool: 32)@[192, 35, 35]'. Without a spec it
    uses ops alone: '::conv2d 5x5 @64@[64, 35, 35]'. NET may give parameters and another size, 'NET(classes: 10)',
    'NET@[3, 151, 151]'.
    """
    if not 2 <= len(subjects) <= len(_LETTERS):
        raise click.UsageError("compare two nets or more")
    if by and len(subjects) != 2:
        raise click.UsageError("--by sets the rows of two nets side by side, not of more")
    if sum(text.partition("::")[0].partition("@")[0] == "-" for text in subjects) > 1:
        raise click.UsageError("standard input is one spec: name the others by their files")
    try:
        found = [subject(text, max_steps, root) for text in subjects]
    except CompileError as error:
        fail(error)
    for each in found:
        show(each.done.warnings, "human")
    profiles = [profile(each.done.net, each.done.cost) for each in found]
    pairs = _pairs(found, by) if by else []
    if form == "json":
        click.echo(json.dumps(_document(found, profiles, pairs if by else None), indent=2))
    else:
        _print(found, profiles, pairs)


def _pairs(found: list[Subject], by: By) -> list[Pair]:
    sides = []
    for each in found:
        table = rows(each.done.net, each.done.cost, by)
        for row in table:
            row.name = each.name(row.name) or row.kind
        sides.append(table)
    return aligned(sides[0], sides[1], (found[0].done.net.graph, found[1].done.net.graph))


# The table


def _print(found: list[Subject], profiles: list[Profile], pairs: list[Pair]) -> None:
    from rich.console import Console
    from rich.markup import escape

    terminal = sys.stdout.isatty()
    console = Console(
        width=None if terminal else 1000, highlight=False, no_color=not colourful(sys.stdout), soft_wrap=not terminal
    )
    for letter, each in zip(_LETTERS, found, strict=False):
        console.print(f"[bold]{letter}[/]  {escape(printable(each.title))}")
    console.print(_totals(found, profiles))
    if pairs:
        console.print(_side_by_side(pairs))
    for note in _NOTES:
        console.print(note, style="dim")


def _totals(found: list[Subject], profiles: list[Profile]) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    drawn.add_column("", no_wrap=True)
    for letter, _ in zip(_LETTERS, found, strict=False):
        drawn.add_column(letter, justify="right", no_wrap=True)
        if letter != "A":
            drawn.add_column("", justify="right", no_wrap=True)
    for measure in _MEASURES:
        texts = [measure.text(*one) for one in zip(found, profiles, strict=True)]
        if not any(texts):
            continue
        cells = [escape(texts[0])]
        for text, one in zip(texts[1:], profiles[1:], strict=True):
            cells += [escape(text), _ratio(measure.number(profiles[0]), measure.number(one), measure.cost)]
        drawn.add_row(measure.title, *cells)
    return drawn


def _side_by_side(pairs: list[Pair]) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    drawn.add_column("", no_wrap=True)
    drawn.add_column("step", no_wrap=True)
    for title in ("output", "params A", "B", "", "MMACs A", "B", ""):
        drawn.add_column(title, justify="right", no_wrap=True)
    for pair in pairs:
        there = [row for row in (pair.left, pair.right) if row]
        names = " | ".join(dict.fromkeys(row.name for row in there))
        params = _beside(pair, lambda row: row.params, lambda n: f"{n:,}")
        macs = _beside(pair, lambda row: row.macs, lambda n: f"{n / 1e6:,.1f}")
        drawn.add_row(_MARKS[pair.mark], escape(names), _shapes(there), *params, *macs, style=_STYLES[pair.mark])
    return drawn


def _shapes(there: list[Row]) -> str:
    """`32 -> 64 x 35 x 35` where only the channels differ."""
    (first, _, grid), (last, _, other) = (row.shape.partition(" ") for row in (there[0], there[-1]))
    if (first, grid) == (last, other):
        return there[0].shape
    return f"{first} -> {there[-1].shape}" if grid == other else f"{there[0].shape} -> {there[-1].shape}"


def _beside(pair: Pair, number: Callable[[Row], int | None], text: Callable[[int], str]) -> list[str]:
    """One number of both rows, and how much it changed."""
    left, right = (None if row is None else number(row) for row in (pair.left, pair.right))
    both = pair.left is not None and pair.right is not None and left != right
    return ["" if not n else text(n) for n in (left, right)] + [_ratio(left, right, cost=True) if both else ""]


def _ratio(first: Fraction | int | None, other: Fraction | int | None, cost: bool) -> str:
    """How much larger the second number is, for people: `-28.0 %`, and `x 12.5` from ten times on."""
    if first is None or other is None:
        return ""
    if first == other:
        return "[dim]=[/]"
    if not first:
        return ""
    style = ("green" if other < first else "red") if cost else "bold"
    return f"[{style}]{_change(Fraction(other) / first)}[/]"


def _change(ratio: Fraction) -> str:
    change = float(ratio - 1)
    if change >= 9:
        return f"x {float(ratio):,.1f}"
    return f"{100 * change:+.1f} %"


def _giga(macs: int | None) -> str:
    return "?" if macs is None else f"{in_giga(macs)} (= {in_giga(2 * macs)})"


def _megabytes(numbers: int | None) -> str:
    return in_bytes(numbers) if numbers != 0 else "0"


def _field(one: Profile) -> str:
    texts = [str(int(size)) for size in one.field]
    return texts[0] if texts[0] == texts[1] else " x ".join(texts)


def _training(one: Profile) -> int | None:
    return one.train_params if one.train_params != one.params else None


def _live(one: Profile) -> int | None:
    return None if one.peak is None else one.peak.numbers


def _narrow(one: Profile) -> int | None:
    return None if one.narrowest is None else one.narrowest.numbers


def _place(each: Subject, one: Profile) -> str:
    """Where a net is narrowest: the path of the node, or what it does."""
    if one.narrowest is None:
        return ""
    node = one.narrowest.node
    return printable(each.name(node.path) or each.name(node.instance.path) or node.op.word)


def _sizes(each: Subject) -> str:
    axes = list(each.done.net.conditions.nominal)
    return describe_sizes(each.done, axes).partition(";")[0].partition(" (")[0] if axes else ""


_MEASURES = (
    _Measure("output", lambda _, one: ", ".join(one.outputs)),
    _Measure("parameters", lambda _, one: f"{one.params:,}", lambda one: one.params, cost=True),
    _Measure("  with aux heads", lambda _, one: f"{one.train_params:,}" if _training(one) else "", _training, True),
    _Measure("GMACs (= GFLOPs)", lambda _, one: _giga(one.macs), lambda one: one.macs, cost=True),
    _Measure("activations", lambda _, one: _megabytes(one.activations), lambda one: one.activations, cost=True),
    _Measure("  live at once", lambda _, one: _megabytes(_live(one)), _live, cost=True),
    _Measure("receptive field", lambda _, one: _field(one), lambda one: max(one.field)),
    _Measure("depth", lambda _, one: str(one.depth), lambda one: one.depth),
    _Measure("convolutions", lambda _, one: str(one.convolutions), lambda one: one.convolutions),
    _Measure("narrowest", lambda _, one: "?" if one.narrowest is None else f"{_narrow(one):,}", _narrow),
    _Measure("  at", _place),
    _Measure("  wider after", lambda _, one: f"x {float(one.narrowest.widens):.2f}" if one.narrowest else ""),
    _Measure("legal sizes", lambda each, _: _sizes(each)),
)


# The document


def _document(found: list[Subject], profiles: list[Profile], pairs: list[Pair] | None) -> dict[str, Any]:
    compared = [_described(*one) for one in zip(found, profiles, strict=True)]
    document: dict[str, Any] = {"version": 1, "compared": compared}
    if pairs is not None:
        document["rows"] = [
            {"mark": pair.mark, "a": pair.left and record(pair.left), "b": pair.right and record(pair.right)}
            for pair in pairs
        ]
    return document


def _described(each: Subject, one: Profile) -> dict[str, Any]:
    narrowest = one.narrowest and {
        "numbers": one.narrowest.numbers,
        "at": _place(each, one),
        "wider_after": float(one.narrowest.widens),
    }
    return {
        "subject": each.title,
        "net": each.done.net.name,
        "outputs": list(one.outputs),
        "params": one.params,
        "train_params": one.train_params,
        "macs": one.macs,
        "activations": one.activations,
        "live_activations": _live(one),
        "receptive_field": [int(size) for size in one.field],
        "depth": one.depth,
        "convolutions": one.convolutions,
        "narrowest": narrowest,
        "legal_sizes": {axis: str(sizes) for axis, sizes in each.done.sizes.evaluation.items()},
    }
