"""Why the rails of a merge disagree, and what would mend it."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import NamedTuple

from incdsl.diagnostics import Diagnostic, Row
from incdsl.diagnostics.shapes import ChannelsDisagree, RailsDisagree
from incdsl.elaborate.scope import Value
from incdsl.ir.conditions import Conditions
from incdsl.ir.graph import Graph
from incdsl.ops import Op, PaddingError
from incdsl.source import Span
from incdsl.values import Extent, Image, Pair

MAX_ROWS = 16
"""Rails that a diagnostic shows."""
_PADDINGS: dict[str, Pair | str] = {
    "valid": "valid", "half": "half", "pad 1": Pair(1, 1), "pad 2": Pair(2, 2), "pad 3": Pair(3, 3),
}  # fmt: skip
"""What a rail that ends otherwise may have meant."""


class RailEnd(NamedTuple):
    """The end of one rail of a merge, where the rail was written, and how many nodes there were before it."""

    value: Value
    span: Span
    start: int


def rails_disagree(
    word: str, rails: list[RailEnd], graph: Graph, conditions: Conditions, span: Span
) -> Diagnostic:  # fmt: skip
    """Rails of different grids: if most agree, the others are odd, and their arithmetic is shown."""
    grids: list[object] = []
    for rail in rails:
        shape = rail.value.shape
        assert isinstance(shape, Image)
        grids.append((conditions.size(shape.height), conditions.size(shape.width)))
    counts = Counter(grids).most_common()
    blame = len(counts) == 1 or counts[0][1] > counts[1][1]
    usual = counts[0][0]
    if len(rails) == 2:
        return _two_disagree(word, rails, grids, graph, conditions, span)
    rows, advice, odd = [], "", 0
    for rail, grid in zip(rails, grids, strict=True):
        remark = ""
        if blame and grid != usual:
            odd += 1
        if blame and grid != usual and odd <= MAX_ROWS // 4:
            remark, fix = _explain(rail, usual, graph, conditions)
            if fix:
                agreeing = counts[0][1]
                advice = f"{_count(agreeing)} of {_count(len(rails))} rails are {_grid(usual)}; {fix}"
        rows.append(Row(rail.span, conditions.show(rail.value.shape), remark))
    return RailsDisagree(span=span, word=word, rails=_few(rows), advice=advice)


def _two_disagree(
    word: str, rails: list[RailEnd], grids: list[object], graph: Graph, conditions: Conditions, span: Span
) -> Diagnostic:  # fmt: skip
    """Of two rails none is the odd one: both computations are shown, and what would make either like the other."""
    rows, ways = [], []
    for rail, other, which in zip(rails, reversed(grids), ("first", "second"), strict=True):
        remark, fix = _explain(rail, other, graph, conditions, f"in the {which} rail")
        rows.append(Row(rail.span, conditions.show(rail.value.shape), remark))
        if fix:
            ways.append(f"for {_grid(other)} {fix}")
    return RailsDisagree(span=span, word=word, rails=tuple(rows), advice="; ".join(ways))


def channels_disagree(word: str, rails: list[RailEnd], conditions: Conditions, span: Span) -> Diagnostic:
    """Rails of different numbers of channels."""
    keys = [int(rail.value.shape.channels) for rail in rails]
    counts = Counter(keys).most_common()
    blame = len(counts) > 1 and counts[0][1] > counts[1][1]
    usual = counts[0][0]
    rows = [
        Row(
            rail.span,
            conditions.show(rail.value.shape),
            f"{key} channels, not {usual}" if blame and key != usual else "",
        )
        for rail, key in zip(rails, keys, strict=True)
    ]
    return ChannelsDisagree(span=span, word=word, rails=_few(rows))


def _explain(
    rail: RailEnd, usual: object, graph: Graph, conditions: Conditions, here: str = "here"
) -> tuple[str, str]:  # fmt: skip
    """What made the odd rail's grid, and the padding that would make it agree."""
    found = _grid_maker(rail, graph, conditions)
    if found is None:
        return "keeps height and width", ""
    name, sizes = found
    op, step = graph[name].op, graph[name].span
    windows = op.windows()
    if windows is None:
        return f"`{op.word}` changes the grid", ""
    assert isinstance(usual, tuple)
    results = [_swept(op, sizes, axis) for axis in (0, 1)]
    axis = 0 if results[0] != usual[0] else 1
    remark = windows[axis].arithmetic(sizes[axis] or 0)
    where = _where(step, rail.span, here)
    if _meets(_padded(op, None), sizes, usual):
        return remark, f"leave out the padding {where}"
    ceil = getattr(op, "ceil", None)
    if ceil is False and _meets(op.model_copy(update={"ceil": True}), sizes, usual):
        return remark, f"write `ceil` {where}"
    for word, padding in _PADDINGS.items():
        if _meets(_padded(op, padding), sizes, usual):
            return remark, f"write `{word}` {where}"
    if ceil:
        return remark, "`ceil` rounds up where convolutions round down"
    return remark, ""


def _where(step: Span, rail: Span, here: str) -> str:
    """A step as seen from a rail, which may only name the block that it stands in; `here` if it stands in the rail."""
    if step.source is not rail.source:
        return f"in line {step.line} of {step.source.name}"
    return here if rail.start <= step.start and step.end <= rail.end else f"in line {step.line}"


def _meets(op: Op | None, sizes: list[int | None], usual: object) -> bool:
    """Whether an op would make the grid that most rails have."""
    return op is not None and tuple(_swept(op, sizes, axis) for axis in (0, 1)) == usual


def _padded(op: Op, padding: Pair | str | None) -> Op | None:
    """The op with another padding, or as if none were written; None if it cannot have it."""
    field = type(op).sigils.get("padding", "")
    settings = {name: value for name, value in op if name != field}
    try:
        numbers = type(op).resolve_padding(settings if padding is None else {**settings, field: padding}, op.word)
    except PaddingError:
        return None
    return None if numbers is None else op.model_copy(update={field: numbers})


def _swept(op: Op, sizes: list[int | None], axis: int) -> int:
    """The size that an op with windows makes of one, along an axis."""
    windows = op.windows()
    assert windows is not None
    return windows[axis].over(Extent.fixed(sizes[axis] or 0)).offset


def _grid_maker(rail: RailEnd, graph: Graph, conditions: Conditions) -> tuple[str, list[int | None]] | None:
    """The last node of a rail that changes height or width, and the size that flows into it.

    Where none does, the last window that could. What stands before another merge is not looked at.
    """
    shapes, name, keeping = graph.shapes(), rail.value.node, None
    own = {node.name for node in islice(graph, rail.start, None)}
    while len(operands := graph.operands(name)) == 1 and name in own:
        before, after = shapes[operands[0]], shapes[name]
        if isinstance(before, Image) and isinstance(after, Image):
            sizes = [conditions.size(e) for e in (before.height, before.width)]
            if sizes != [conditions.size(e) for e in (after.height, after.width)]:
                return name, sizes
            if keeping is None and any(w.span > 1 for w in graph[name].op.windows() or ()):
                keeping = name, sizes
        name = operands[0]
    return keeping


def _few(rows: list[Row]) -> tuple[Row, ...]:
    """As many rows as people read, odd ones among them."""
    if len(rows) <= MAX_ROWS:
        return tuple(rows)
    odd = [row for row in rows if row.remark][: MAX_ROWS // 2]
    plain = [row for row in rows if not row.remark][: MAX_ROWS - len(odd)]
    return tuple(sorted([*odd, *plain], key=lambda row: row.span.start))


def _grid(grid: object) -> str:
    return "x".join(map(str, grid)) if isinstance(grid, tuple) else str(grid)


def _count(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[number] if number < len(words) else str(number)
