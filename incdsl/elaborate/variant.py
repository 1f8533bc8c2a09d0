"""Nets that are made of other nets: the line from a variant to the net that is written out, and its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from incdsl.diagnostics import CompileError, Sink
from incdsl.diagnostics.limits import TooDeep
from incdsl.diagnostics.names import Recursion
from incdsl.diagnostics.reuse import NotANet
from incdsl.elaborate.names import Definition, Names
from incdsl.syntax import tree

MAX_VARIANTS = 64


def lineage(net: Definition, sink: Sink) -> tuple[Definition, ...]:
    """A net, the one that it varies, and so on to the one that is written out.

    Raises:
        CompileError: if a net varies itself, or what is no net.
    """
    line = [net]
    while variant := _net(line[-1]).variant:
        base = line[-1].names.net(variant.base.text)
        if base is None:
            nets = [name for name in line[-1].names if line[-1].names.net(name)]
            close = get_close_matches(variant.base.text, nets, 1)
            suggestion = close[0] if close else ""
            sink.add(NotANet(span=variant.base.span, name=variant.base.text, suggestion=suggestion))
            raise CompileError(tuple(sink))
        if len(line) > MAX_VARIANTS:
            sink.add(TooDeep(span=variant.base.span, what="variants", limit=MAX_VARIANTS))
            raise CompileError(tuple(sink))
        if base in line:
            chain = (*(each.name for each in line[line.index(base) :]), base.name)
            sink.add(Recursion(span=variant.base.span, chain=chain, variants=True))
            raise CompileError(tuple(sink))
        line.append(base)
    return tuple(line)


Interface = dict[str, tuple[tree.Param, Names]]
"""The parameters of a net, and what names mean in their defaults."""


def interfaces(line: Sequence[Definition]) -> list[Interface]:
    """The parameters of each net of a line: its own, and those of the net that it varies and gives no value."""
    found: list[Interface] = []
    for definition in reversed(line):
        net = _net(definition)
        params = {param.name: (param, definition.names) for param in net.params}
        if net.variant:
            given = {arg.name for arg in net.variant.args}
            for name, param in found[-1].items():
                if name not in given:
                    params.setdefault(name, param)
        found.append(params)
    return found[::-1]


def _net(definition: Definition) -> tree.Net:
    assert isinstance(definition.tree, tree.Net)
    return definition.tree
