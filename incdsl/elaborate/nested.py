"""A net as a step of another: its parameters as arguments, and what may flow into it."""

from __future__ import annotations

from typing import Any

from incdsl.diagnostics.names import WrongArguments
from incdsl.diagnostics.shapes import ChannelsDoNotFit
from incdsl.elaborate.arguments import argument, by_name, default, wrong_argument
from incdsl.elaborate.face import Entry
from incdsl.elaborate.resolve import Definition
from incdsl.elaborate.scope import One, Poisoned, Problem, Scope, Value
from incdsl.elaborate.tools import Tools
from incdsl.elaborate.use import Use
from incdsl.elaborate.variant import Interface
from incdsl.syntax import tree
from incdsl.values import Image


def net_arguments(definition: Definition, interface: Interface, use: Use, tools: Tools) -> dict[str, Any]:
    """A value for each parameter of a net that is a step."""
    values: dict[str, Any] = {}
    for arg in use.call.args:
        if isinstance(arg, tree.Error):
            raise Poisoned
        if arg.name is None or arg.name.text not in interface:
            raise Problem(wrong_argument(definition.name, arg, interface, use.scope))
        if arg.name.text in values:
            raise Problem(WrongArguments(span=arg.span, reason=f"`{arg.name.text}` is given twice"))
        param, _ = interface[arg.name.text]
        values[arg.name.text] = argument(param, arg.value, definition.name, use.scope, tools.evaluate)
    known = Scope(use.scope.instance, use.scope.title, definition.names)
    for name, (param, names) in interface.items():
        known.declared[name] = param
        if name in values:
            known.params[name] = values[name]
            continue
        if param.default is None:
            reason = f"`{definition.name}` needs `{name}`"
            raise Problem(WrongArguments(span=use.span, reason=reason, hint=by_name(definition.name, [name])))
        known.names = names
        known.params[name] = values[name] = default(param, known, tools.evaluate)
    return values


def check_inputs(entries: list[Entry], flows: tuple[One, ...], scope: Scope, use: Use, tools: Tools) -> None:
    """Hold what flows into a net to the channels that it states; another size than its own is as good."""
    for entry, flow in zip(entries, flows, strict=True):
        assert isinstance(flow, Value)
        item, dims = entry.item, entry.dims
        channels = _whole(dims[0], entry.scope, use, tools)
        tools.evaluate.pin(entry.scope, channels)
        if len(dims) != (3 if isinstance(flow.shape, Image) else 1) or int(channels) != int(flow.shape.channels):
            shown, stated = tools.conditions.show(flow.shape), item.dims.span.text
            reason = f"`{use.word}` reads {stated} as `{item.name.text}`, but {shown} flows in"
            raise Problem(ChannelsDoNotFit(span=use.call.name.span, reason=reason))
        if isinstance(flow.shape, Image):
            scope.exact &= not entry.resizes(scope, tools.evaluate)
            for axis, dim, extent in zip("HW", dims[1:], (flow.shape.height, flow.shape.width), strict=True):
                if entry.is_free(dim) or entry.base:
                    scope.axes = {**scope.axes, axis: extent}
                if not entry.is_free(dim) and tools.conditions.size(extent) != _whole(dim, entry.scope, use, tools):
                    scope.exact = False


def _whole(dim: tree.Expr, scope: Scope, use: Use, tools: Tools) -> int:
    """The extent of an input, as the arguments of the use give it."""
    number = tools.evaluate.number(dim, scope)
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        reason = f"`{use.word}` reads an input with `{dim.span.text}`, which is no whole number of at least 1 here"
        raise Problem(WrongArguments(span=use.span, reason=reason))
    return number
