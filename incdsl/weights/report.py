"""The correspondence for people: a table of layers."""

from __future__ import annotations

from collections.abc import Iterator

from incdsl.weights.match import Correspondence, Origin, Pair


def table(found: Correspondence) -> Iterator[str]:
    """The lines of the table: what each layer of the net comes from, and why; layers of the same name are one line."""
    same = [pair for pair in found.pairs if pair.origin.source == pair.key]
    rows = [row for pair in found.pairs if (row := _row(pair)) and pair.origin.source != pair.key]
    rows = list(dict.fromkeys(rows))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if same:
        yield f"{len(same)} tensors have the same name on both sides"
    filled = [pair for pair in found.pairs if pair.origin.fill is not None]
    for what in dict.fromkeys((pair.origin.fill, pair.reason) for pair in filled):
        count = sum((pair.origin.fill, pair.reason) == what for pair in filled)
        yield f"{count} tensors are filled with {what[0]:g}: {what[1]}"
    for key in found.unused:
        yield f"not used: {key}"
    yield f"{len(found.pairs)} tensors, each with its only possible origin"


def _row(pair: Pair) -> tuple[str, ...] | None:
    if pair.origin.fill is not None:
        return None
    source = pair.origin.source
    cut = max(source.rfind("."), source.rfind("/"))
    return pair.key.rpartition(".")[0], f"<- {source[:cut] if cut > 0 else source}", _how(pair.origin), pair.reason


def _how(origin: Origin) -> str:
    return f"permute {','.join(map(str, origin.permute))}" if origin.permute else ""
