"""Nets that are made of other nets: the line from a variant to the net that is written out, and its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from incdsl.diagnostics.limits import TooDeep
from incdsl.diagnostics.names import Recursion
from incdsl.diagnostics.reuse import NotANet
from incdsl.elaborate.resolve import Definition, Names
from incdsl.elaborate.scope import Poisoned, Problem
from incdsl.syntax import tree

MAX_VARIANTS = 64


def lineage(net: Definition) -> tuple[Definition, ...]:
    """A net, the one that it varies, and so on to the one that is written out. Raises `Problem`."""
    line = [net]
    while variant := line[-1].net.variant:
        name, span = variant.base.text, variant.base.span
        if not name or name in line[-1].names.missing:
            raise Poisoned
        base = line[-1].names.net(name)
        if base is None:
            nets = [each for each in line[-1].names if line[-1].names.net(each)]
            close = get_close_matches(name, nets, 1)
            raise Problem(NotANet(span=span, name=name, suggestion=close[0] if close else ""))
        if len(line) > MAX_VARIANTS:
            raise Problem(TooDeep(span=span, what="variants", limit=MAX_VARIANTS))
        if base in line:
            chain = (*(each.name for each in line[line.index(base) :]), base.name)
            raise Problem(Recursion(span=span, chain=chain, variants=True))
        line.append(base)
    return tuple(line)


Interface = dict[str, tuple[tree.Param, Names]]
"""The parameters of a net, and what names mean in their defaults."""


def interfaces(line: Sequence[Definition]) -> list[Interface]:
    """The parameters of each net of a line: its own, and those of the net that it varies and gives no value."""
    found: list[Interface] = []
    for definition in reversed(line):
        net = definition.net
        params = {param.name.text: (param, definition.names) for param in net.params if param.name.text}
        if net.variant:
            given = {arg.name.text for arg in net.variant.args if isinstance(arg, tree.Arg) and arg.name}
            for name, param in found[-1].items():
                if name not in given:
                    params.setdefault(name, param)
        found.append(params)
    return found[::-1]
