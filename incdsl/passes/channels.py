"""How many channels a value has, in the symbols of a class that reads it."""

from __future__ import annotations

from typing import Any

from incdsl.ir.graph import Input, Instance, Node
from incdsl.ops.base import ShapeError
from incdsl.ops.gpu import Part
from incdsl.ops.merge import Concat, Slice
from incdsl.passes.view import View, lifted
from incdsl.values import Shape
from incdsl.values.num import Num, expression

_PROBE = "channels that flow in"


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
    if "width" in op.settings:
        return _told(view, node, instance, "width")
    if _passes(view, node):
        found = (channels(view, each, instance) for each in operands)
        return next((each for each in found if each is not None), None)
    return None


def _told(view: View, node: Node, instance: Instance, setting: str) -> int | None:
    """A setting of a node: what is written, or its number if that is outside of the class and never changes."""
    if view.stands_in(node, instance):
        value: int = vars(lifted(node.op, node.instance, instance))[setting]
        return value
    return _fixed(view, node, vars(node.op)[setting])


def _fixed(view: View, node: Node, value: Any) -> int | None:
    found: int | None = view.fixed(value, node)
    return found


def _passes(view: View, node: Node) -> bool:
    """Whether an op hands on as many channels as flow in, however many these are."""
    shapes = [view.shapes[name] for name in view.graph.operands(node.name)]
    if not shapes:
        return False
    try:
        shape = node.op.infer(*map(_probed, shapes))
    except ShapeError:
        return False
    return expression(shape.channels) == expression(_probed(shapes[0]).channels)


def _probed(shape: Shape) -> Shape:
    return shape.with_channels(Num.symbol(int(shape.channels), _PROBE))
