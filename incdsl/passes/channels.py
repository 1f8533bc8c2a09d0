"""How many channels a value has, in the symbols of a class that reads it."""

from __future__ import annotations

from incdsl.ir.graph import Input, Instance, Node
from incdsl.passes.view import View, lifted


def channels(view: View, node: Node, instance: Instance) -> int | None:
    """Of a value that a class reads or makes; None where a constructor argument may change it, and no symbol tells.

    Inside of the class it is the expression that stands in the spec. From outside it is a number.
    """
    parts = [_told(view, each, instance) for each in view.sources[node.name]]
    return None if None in parts or not parts else sum(part for part in parts if part is not None)


def _told(view: View, source: Node, instance: Instance) -> int | None:
    """The channels of a step that decides them: as written, or their number if that never changes."""
    if isinstance(source.op, Input):
        number: int | None = view.fixed(source.op.shape.channels, source)
        return number
    inside = view.stands_in(source, instance)
    settings = vars(lifted(source.op, source.instance, instance) if inside else source.op)
    values = [settings[name] for name in ("width", "channels", "stop", "start") if name in settings]
    if not inside:
        values = [view.fixed(value, source) for value in values]
    if None in values:
        return None
    count, *start = values
    whole: int = count - start[0] if start else count
    return whole
