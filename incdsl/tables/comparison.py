"""Nets side by side, in every form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from textwrap import fill
from typing import TYPE_CHECKING, Any

from incdsl.analysis.difference import Pair, aligned
from incdsl.analysis.profile import Profile, profile
from incdsl.analysis.table import By, Row, record
from incdsl.compiler import describe_sizes, in_giga
from incdsl.diagnostics.render import printable
from incdsl.subject import Subject
from incdsl.tables.sheet import Cell, Column, Line, Sheet, comma_separated, commented
from incdsl.tables.summary import Summary, in_bytes

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MARKS = {"same": " ", "changed": "~", "removed": "-", "added": "+"}
_STYLES = {"same": "dim", "changed": "", "removed": "red", "added": "green"}
_BESIDE = (
    Column(""), Column("step", is_name=True), Column("output", right=True, drop=1),
    Column("params A", right=True), Column("B", right=True), Column("", right=True, drop=4),
    Column("MMACs A", right=True, drop=2), Column("B", right=True, drop=2), Column("", right=True, drop=3),
)  # fmt: skip
_NOTE = (
    "Counted at the nominal size for one image, in evaluation, without auxiliary heads; % are against A. "
    "MACs are those of convolutions and linear layers. Activations are float32: all values of the net, "
    "then the most that live at once, each freed after its last reader. Depth is the longest chain of "
    "convolutions and linear layers; the receptive field is in pixels of the input. Narrowest is the "
    "smallest C·H·W that all paths pass while there is a grid; above x 1.00 a later value is wider."
)


@dataclass(frozen=True, slots=True)
class _Measure:
    """A line of the table: its text, and the number that ratios are made of; `cost` says that less is better."""

    title: str
    text: Callable[[Subject, Profile], str]
    number: Callable[[Profile], Fraction | int | None] = lambda _: None
    cost: bool = False
    breaks: bool = False
    """Whether its text is words, which may stand on several lines."""


class Comparison:
    """Nets side by side: what they cost as a whole and, of two nets, row by row where `by` says what a row is."""

    def __init__(self, subjects: Sequence[Subject], by: By | None = None) -> None:
        self.subjects = list(subjects)
        self.by = by
        self.profiles = [profile(each.done.net, each.done.cost) for each in subjects]

    @cached_property
    def pairs(self) -> list[Pair]:
        """The rows of two nets, those that belong together side by side."""
        if self.by is None:
            return []
        first, other = (Summary(each, self.by).rows for each in self.subjects)
        return aligned(first, other, (self.subjects[0].done.net.graph, self.subjects[1].done.net.graph))

    # Tables

    @property
    def titles(self) -> list[str]:
        """What each letter stands for."""
        return [f"{letter}  {printable(each.title)}" for letter, each in zip(LETTERS, self.subjects, strict=False)]

    def totals(self, of: Sequence[int]) -> Sheet:
        """A line for each measure of these nets, and how much more it is than that of the first net of all."""
        columns = [Column("")]
        for i in of:
            columns.append(Column(LETTERS[i], right=True))
            columns += [Column("", right=True, drop=1)] if i else []
        lines = [Line((Cell(each.title), *self._cells(each, of))) for each in _MEASURES if self._texts(each, of)]
        return Sheet(tuple(columns), tuple(lines))

    def _texts(self, measure: _Measure, of: Sequence[int]) -> list[str]:
        """What a measure says of these nets; nothing if it says nothing."""
        texts = [measure.text(self.subjects[i], self.profiles[i]) for i in of]
        return texts if any(texts) else []

    def _cells(self, measure: _Measure, of: Sequence[int]) -> list[Cell]:
        cells = []
        for i, text in zip(of, self._texts(measure, of), strict=True):
            cells.append(Cell(text, breaks=measure.breaks))
            if i:
                first, own = measure.number(self.profiles[0]), measure.number(self.profiles[i])
                cells.append(_ratio(first, own, measure.cost))
        return cells

    def _groups(self, width: int) -> list[Sheet]:
        """Tables of as many nets as a width allows."""
        groups, left = [], list(range(len(self.subjects)))
        while left:
            count = len(left)
            while count > 1 and self.totals(left[:count]).fitted(width).width > width:
                count -= 1
            groups.append(self.totals(left[:count]))
            left = left[count:]
        return groups

    @property
    def beside(self) -> Sheet:
        """The rows side by side."""
        return Sheet(_BESIDE, tuple(map(_line, self.pairs)))

    # Forms

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The tables that fit the console, and what is counted."""
        from rich.text import Text

        for title in self.titles:
            yield Text(title)
        for sheet in self._groups(options.max_width):
            yield Text()
            yield sheet
        if self.pairs:
            yield Text()
            yield self.beside
        yield Text()
        yield Text(fill(_NOTE, min(options.max_width, 100)), style="dim")

    def markdown(self) -> str:
        """The tables as GitHub writes them."""
        titles = [f"- {title}" for title in self.titles]
        sheets = [self.totals(range(len(self.subjects))), *([self.beside] if self.pairs else [])]
        return "\n\n".join(["\n".join(titles), *(sheet.markdown() for sheet in sheets), _NOTE])

    def latex(self) -> str:
        """The tables for a paper, and comments with what the letters stand for and what is counted."""
        sheets = [self.totals(range(len(self.subjects))), *([self.beside] if self.pairs else [])]
        return "\n\n".join(
            [commented(self.titles), *(sheet.latex() for sheet in sheets), commented([fill(_NOTE, 110)])]
        )

    def csv(self) -> str:
        """One line for each net, or for each pair of rows, in plain numbers."""
        if self.by is None:
            return comma_separated([_flat(_described(*one)) for one in zip(self.subjects, self.profiles, strict=True)])
        return comma_separated([
            {"mark": pair.mark, **_side("a", pair.left), **_side("b", pair.right)} for pair in self.pairs
        ])  # fmt: skip

    def document(self) -> dict[str, Any]:
        """Everything in plain numbers, as `--format json` writes it."""
        compared = [_described(*one) for one in zip(self.subjects, self.profiles, strict=True)]
        document: dict[str, Any] = {"version": 1, "compared": compared}
        if self.by is not None:
            document["rows"] = [
                {"mark": pair.mark, "a": pair.left and record(pair.left), "b": pair.right and record(pair.right)}
                for pair in self.pairs
            ]
        return document


def _line(pair: Pair) -> Line:
    there = [row for row in (pair.left, pair.right) if row]
    names = " | ".join(dict.fromkeys(row.name for row in there))
    params = _two(pair, lambda row: row.params, lambda n: f"{n:,}")
    macs = _two(pair, lambda row: row.macs, lambda n: f"{n / 1e6:,.1f}")
    cells = (Cell(_MARKS[pair.mark]), Cell(names), Cell(_shapes(there)), *params, *macs)
    return Line(cells, _STYLES[pair.mark])


def _shapes(there: list[Row]) -> str:
    """`32 -> 64 x 35 x 35` where only the channels differ."""
    (first, _, grid), (last, _, other) = (row.shape.partition(" ") for row in (there[0], there[-1]))
    if (first, grid) == (last, other):
        return there[0].shape
    alike = grid == other and "," not in grid
    return f"{first} -> {there[-1].shape}" if alike else f"{there[0].shape} -> {there[-1].shape}"


def _two(pair: Pair, number: Callable[[Row], int | None], text: Callable[[int], str]) -> list[Cell]:
    """One number of both rows, and how much it changed."""
    left, right = (None if row is None else number(row) for row in (pair.left, pair.right))
    both = pair.left is not None and pair.right is not None and left != right
    change = _ratio(left, right, cost=True) if both else Cell("")
    return [*(Cell("" if not n else text(n)) for n in (left, right)), change]


def _ratio(first: Fraction | int | None, other: Fraction | int | None, cost: bool) -> Cell:
    """How much larger the second number is, for people: `-28.0 %`, and `x 12.5` from ten times on."""
    if first is None or other is None:
        return Cell("")
    if first == other:
        return Cell("=", "dim")
    if not first:
        return Cell("")
    style = ("green" if other < first else "red") if cost else "bold"
    return Cell(_change(Fraction(other) / first), style)


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
    _Measure("output", lambda _, one: ", ".join(one.outputs), breaks=True),
    _Measure("parameters", lambda _, one: f"{one.params:,}", lambda one: one.params, cost=True),
    _Measure("  with aux heads", lambda _, one: f"{one.train_params:,}" if _training(one) else "", _training, True),
    _Measure("GMACs (= GFLOPs)", lambda _, one: _giga(one.macs), lambda one: one.macs, cost=True),
    _Measure("activations", lambda _, one: _megabytes(one.activations), lambda one: one.activations, cost=True),
    _Measure("  live at once", lambda _, one: _megabytes(_live(one)), _live, cost=True),
    _Measure("receptive field", lambda _, one: _field(one), lambda one: max(one.field)),
    _Measure("depth", lambda _, one: str(one.depth), lambda one: one.depth),
    _Measure("convolutions", lambda _, one: str(one.convolutions), lambda one: one.convolutions),
    _Measure("narrowest", lambda _, one: "?" if one.narrowest is None else f"{_narrow(one):,}", _narrow),
    _Measure("  at", _place, breaks=True),
    _Measure("  wider after", lambda _, one: f"x {float(one.narrowest.widens):.2f}" if one.narrowest else ""),
    _Measure("legal sizes", lambda each, _: _sizes(each), breaks=True),
)


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


def _flat(described: dict[str, Any]) -> dict[str, Any]:
    """What is said of a net in single values."""
    narrowest = described.pop("narrowest") or dict.fromkeys(("numbers", "at", "wider_after"))
    flat = {**described, **{f"narrowest_{name}": value for name, value in narrowest.items()}}
    flat["outputs"] = "; ".join(flat["outputs"])
    flat["receptive_field"] = " x ".join(map(str, flat["receptive_field"]))
    flat["legal_sizes"] = "; ".join(f"{axis} {sizes}" for axis, sizes in flat["legal_sizes"].items())
    return flat


def _side(letter: str, row: Row | None) -> dict[str, Any]:
    known = record(row) if row else dict.fromkeys(record(Row("", "")))
    return {f"{letter}_{name}": value for name, value in known.items()}
