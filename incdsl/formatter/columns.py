"""Columns of a definition: what its assertions state, and the settings of uses that are the rows of a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from incdsl.formatter.lines import Line
from incdsl.formatter.sheet import WIDTH, Sheet
from incdsl.syntax import tree

GAP = 3
"""Blanks between the longest line and the column of assertions."""

_COLUMNS = 4
"""A table has at least so many settings in each row."""


class _Row(NamedTuple):
    line: Line
    use: tree.Call


def align(sheet: Sheet, found: Sequence[Line]) -> None:
    """Widen blanks, so that tables and assertions stand in columns. Lines stay within 120 columns."""
    made = [line for line in found if line.kept is None]
    _tables(sheet, made)
    _assertions(sheet, made)


def _assertions(sheet: Sheet, found: Sequence[Line]) -> None:
    """Assertions that end their lines in one column, past the lines of their chains, but for those behind rails.

    One that stands on the only line there is keeps to the step.
    """
    stated = {n: i for n, line in enumerate(found) if (i := _assertion(sheet, line)) is not None}
    longest = max((sheet.width(i, found[n].stop) for n, i in stated.items()), default=0)
    alone = {n for n, i in stated.items() if i == found[n].first}
    column, around = 0, _lines_of_chains(sheet, found, stated.keys())
    for n in around if len(around) > 1 else ():
        end = _end(sheet, found[n], stated.get(n, found[n].stop)) + GAP
        if end + longest <= WIDTH and alone.isdisjoint((n, n + 1)):
            column = max(column, end)
    for n, i in stated.items():
        line = found[n]
        if i == line.first:
            line.indent = max(min(column, WIDTH - sheet.width(i, line.stop)), line.indent)
        elif _end(sheet, line, i) < column:
            sheet.blanks[i] = column - _end(sheet, line, i)


def _assertion(sheet: Sheet, line: Line) -> int | None:
    """Where the assertion begins that ends a line."""
    i = next((i for i in range(line.stop - 1, line.first - 1, -1) if sheet.joints.get(i)), None)
    if i is None or sheet.joints[i] != "shape" or sheet.tokens[line.first].type == "RBRACE":
        return None
    return i


def _lines_of_chains(sheet: Sheet, found: Sequence[Line], stated: Set[int]) -> list[int]:
    """The lines of all chains that have some of the lines, as far as those of a chain follow each other."""
    chains: list[list[int]] = []
    for n, line in enumerate(found):
        if chains and (line.loose or sheet.tokens[line.first].type == "ARROW"):
            chains[-1].append(n)
        else:
            chains.append([n])
    return [n for chain in chains if not stated.isdisjoint(chain) for n in chain]


def _tables(sheet: Sheet, found: Iterable[Line]) -> None:
    """Settings under each other where a block is used several times, each use on a line of its own."""
    uses: dict[str, list[_Row]] = defaultdict(list)
    for line in found:
        step = sheet.steps.get(line.first) or sheet.steps.get(line.first + 1)
        if step and isinstance(step.atom, tree.Call) and sheet.stop(step.atom) <= line.stop:
            uses[step.atom.name.text].append(_Row(line, step.atom))
    for rows in uses.values():
        _table(sheet, rows)


def _table(sheet: Sheet, rows: Sequence[_Row]) -> None:
    """Numbers and names of a table, each column as wide as its widest."""
    columns = list(zip(*(_cells(sheet, row.use) for row in rows), strict=False))
    same = next((i for i, cells in enumerate(columns) if len({name for name, _ in cells}) > 1), len(columns))
    if len(rows) < 2 or same < _COLUMNS:
        return
    wider: dict[int, int] = {}
    for cells in columns[:same]:
        widest = max(len(sheet.tokens[i].text) for _, i in cells)
        wider |= {i: widest - len(sheet.tokens[i].text) for _, i in cells}
    if all(_width(sheet, row.line, wider) <= WIDTH for row in rows):
        for i, more in wider.items():
            sheet.blanks[i] += more


def _cells(sheet: Sheet, use: tree.Call) -> list[tuple[str, int]]:
    """The leading settings of a use that are one token each: what they are called, and where the token is."""
    cells: list[tuple[str, int]] = []
    for arg in use.args:
        if not (isinstance(arg, tree.Arg) and arg.name and isinstance(arg.value, tree.Number | tree.Variable)):
            break
        i = sheet.first(arg.value)
        if sheet.stop(arg.value) != i + 1:
            break
        cells.append((arg.name.text, i))
    return cells


def _width(sheet: Sheet, line: Line, wider: Mapping[int, int]) -> int:
    more = sum(columns for i, columns in wider.items() if line.first < i < line.stop)
    return line.indent + sheet.width(line.first, line.stop) + more


def _end(sheet: Sheet, line: Line, i: int) -> int:
    """The column behind the token in front of a token."""
    gaps = sum(sheet.blanks[line.first + 1 : i])
    return line.indent + gaps + sum(len(token.text) for token in sheet.tokens[line.first : i])
