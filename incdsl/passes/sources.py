"""Which steps decide how many channels a value has."""

from __future__ import annotations

from incdsl.ir.graph import Graph, Input, Node
from incdsl.ops.base import ShapeError
from incdsl.ops.gpu import Part
from incdsl.ops.merge import Concat, Slice
from incdsl.values.num import Num, expression

_MOST = 64
"""A value of more steps is not known: what is joined again and again would have more and more."""


def sources(graph: Graph) -> dict[str, tuple[Node, ...]]:
    """For each value the steps whose channels, one after the other, are its own; nothing where that is not known."""
    found: dict[str, tuple[Node, ...]] = {}
    for node in graph:
        if isinstance(node.op, Input | Slice | Part) or not {"width", "channels"}.isdisjoint(node.op.settings):
            found[node.name] = (node,)
            continue
        read = [found[name] for name in graph.operands(node.name)]
        if isinstance(node.op, Concat):
            found[node.name] = sum(read, ()) if all(read) and sum(map(len, read)) <= _MOST else ()
        else:
            i = _handed_on(graph, node)
            found[node.name] = read[i] if i is not None else ()
    return found


def _handed_on(graph: Graph, node: Node) -> int | None:
    """The operand that an op gives as many channels as, however many these are; None if there is no such one."""
    shapes = [graph.shapes()[name] for name in graph.operands(node.name)]
    probed = [shape.with_channels(Num.symbol(int(shape.channels), f"operand {i}")) for i, shape in enumerate(shapes)]
    try:
        made = expression(node.op.infer(*probed).channels)
    except ShapeError:
        return None
    return next((i for i, shape in enumerate(probed) if expression(shape.channels) == made), None)
