"""The correspondence for people: a table of layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from incdsl.diagnostics.weights import listed
from incdsl.ir.net import Net
from incdsl.ops.window import Conv2d
from incdsl.weights.layers import is_tensorflow
from incdsl.weights.match import Correspondence, Origin


def table(found: Correspondence) -> Iterator[str]:
    """The lines of the table: what each layer of the net comes from, and why; layers of the same name are one line."""
    same = [pair for pair in found.pairs if pair.origin.source == pair.key]
    rows: dict[tuple[str, str, str], list[str]] = {}
    for pair in found.pairs:
        if pair.origin.source and pair.origin.source != pair.key:
            how = rows.setdefault((_layer(pair.key), f"<- {_layer(pair.origin.source)}", pair.reason), [])
            how.extend([_how(pair.origin)] if pair.origin.permute else [])
    lines = [(place, entry, ", ".join(dict.fromkeys(how)), why) for (place, entry, why), how in rows.items()]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
    if same:
        yield f"{len(same)} tensors have the same name on both sides"
    filled = [pair for pair in found.pairs if pair.origin.fill is not None]
    for what in dict.fromkeys((pair.origin.fill, pair.reason) for pair in filled):
        count = sum((pair.origin.fill, pair.reason) == what for pair in filled)
        yield f"{count} tensors are filled with {what[0]:g}: {what[1]}"
    yield from fresh_layers({pair.key: pair.origin for pair in found.pairs})
    for key in found.unused:
        yield f"not used: {key}"
    kept = sum(not pair.origin.fresh for pair in found.pairs)
    yield f"{kept} tensors, each with its only possible origin"


def fresh_layers(origins: Mapping[str, Origin]) -> Iterator[str]:
    """The layers that are not the checkpoint's, in a line; none if all are."""
    fresh = dict.fromkeys(_layer(key) for key, origin in origins.items() if origin.fresh)
    if fresh:
        yield f"as the module initializes them: {', '.join(fresh)}"


def padded_alike(found: Correspondence, net: Net) -> Iterator[str]:
    """Strided convolutions that pad both sides alike although TensorFlow trained them, in a line; none if none do.

    No weight shows it: TensorFlow's SAME pads the end more than the start, so such a net computes something else.
    """
    nodes = {node.path: node for node in net.graph if node.path}
    names = []
    for pair in found.pairs:
        node = nodes.get(_layer(pair.key))
        if node is None or not isinstance(node.op, Conv2d) or not pair.origin.source:
            continue
        if is_tensorflow(pair.origin.source) and any(w.stride > 1 and w.padding for w in node.op.windows()):
            names.append(node.path)
    if names:
        yield (
            f"{listed(list(dict.fromkeys(names)))}: a stride, padded alike on both sides; if TensorFlow's SAME was "
            "meant, the spec says `tfsame`"
        )


def _layer(key: str) -> str:
    """A name without its last word."""
    cut = max(key.rfind("."), key.rfind("/"))
    return key[:cut] if cut > 0 else key


def _how(origin: Origin) -> str:
    return f"permute {','.join(map(str, origin.permute))}"
