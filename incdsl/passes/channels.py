"""How many channels a value has, in the symbols of a class that reads it."""

from __future__ import annotations

from typing import Any

from incdsl.ir.graph import Input, Instance, Node
from incdsl.ops.base import ShapeError
from incdsl.ops.gpu import Part
from incdsl.ops.merge import Concat, Joining, Slice
from incdsl.passes.view import View, lifted
from incdsl.values.num import Num, expression


def channels(view: View, node: Node, instance: Instance) -> int | None:
    """Of a value that a class reads or makes; None where a constructor argument may change it, and no symbol tells.

    Inside of the class it is the expression that stands in the spec. From outside it is a number.
    """
    op, operands = node.op, [view.graph[name] for name in view.graph.operands(node.name)]
    if isinstance(op, Concat):
        parts = [channels(view, each, instance) for each in operands]
        return None if None in parts else sum(part for part in parts if part is not None)
    if isinstance(op, Slice | Part):
        start, stop = (_told(view, node, instance, name) for name in ("start", "stop"))
        return None if start is None or stop is None else stop - start
    if isinstance(op, Input):
        return _fixed(view, node, op.shape.channels)
    for setting in ("width", "channels"):
        if setting in op.settings:
            return _told(view, node, instance, setting)
    found = (channels(view, each, instance) for each in _passing(view, node, operands))
    return next((each for each in found if each is not None), None)


def _told(view: View, node: Node, instance: Instance, setting: str) -> int | None:
    """A setting of a node: what is written, or its number if that is outside of the class and never changes."""
    if view.stands_in(node, instance):
        value: int = vars(lifted(node.op, node.instance, instance))[setting]
        return value
    return _fixed(view, node, vars(node.op)[setting])


def _fixed(view: View, node: Node, value: Any) -> int | None:
    found: int | None = view.fixed(value, node)
    return found


def _passing(view: View, node: Node, operands: list[Node]) -> list[Node]:
    """The operands that an op hands on as many channels of as flow in, however many these are."""
    shapes = [view.shapes[each.name] for each in operands]
    probed = [
        shape.with_channels(Num.symbol(int(shape.channels), f"channels of operand {i}"))
        for i, shape in enumerate(shapes)
    ]
    try:
        made = expression(node.op.infer(*probed).channels) if probed else None
    except ShapeError:
        return []
    alike = [each for each, shape in zip(operands, probed, strict=True) if expression(shape.channels) == made]
    return operands if alike and isinstance(node.op, Joining) else alike
