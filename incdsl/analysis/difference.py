"""How two nets differ: their rows side by side, by name and order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from incdsl.analysis.table import Row
from incdsl.ir.graph import Graph

Mark = Literal["same", "changed", "removed", "added"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of the first net beside that of the second; one of them is nothing where only the other net has it."""

    left: Row | None
    right: Row | None
    mark: Mark


def aligned(left: Sequence[Row], right: Sequence[Row], graphs: tuple[Graph, Graph]) -> list[Pair]:
    """Every row once, in order: rows of one name face each other, between those rows of one kind.

    Two rows are the same if they hold the same ops with the same settings, wired alike, and cost the same.
    """
    pairs = []
    for one, other in _matched(left, right, lambda row: row.name, lambda row: row.kind):
        if one is None or other is None:
            pairs.append(Pair(one, other, "removed" if one else "added"))
        else:
            same = _content(one, graphs[0]) == _content(other, graphs[1])
            pairs.append(Pair(one, other, "same" if same else "changed"))
    return pairs


def _matched(
    left: Sequence[Row], right: Sequence[Row], key: Any, *others: Any
) -> Iterator[tuple[Row | None, Row | None]]:
    """Pairs of equal keys, in one order for both; what lies between them is matched by the other keys in turn."""
    matcher = SequenceMatcher(None, [key(row) for row in left], [key(row) for row in right], autojunk=False)
    for step, start, stop, first, last in matcher.get_opcodes():
        mine, theirs = left[start:stop], right[first:last]
        if step == "equal":
            yield from zip(mine, theirs, strict=True)
        elif others and mine and theirs:
            yield from _matched(mine, theirs, *others)
        else:
            yield from ((row, None) for row in mine)
            yield from ((None, row) for row in theirs)


def _content(row: Row, graph: Graph) -> tuple[Any, ...]:
    """What a row computes and costs; operands are told by their places in the row, -1 for what flows in."""
    places = {each.node.name: i for i, each in enumerate(row.nodes)}
    ops = [(each.node.op, tuple(places.get(name, -1) for name in graph.operands(each.node.name))) for each in row.nodes]
    return row.shape, row.params, row.macs, row.activations, row.training_only, ops
