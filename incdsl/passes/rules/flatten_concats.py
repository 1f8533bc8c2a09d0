"""Concats of concats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.merge import Concat
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A concat, and those that it reads."""

    outer: Node
    inner: tuple[Node, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.outer.name, *(each.name for each in self.inner))


@final
class FlattenConcats(Rule[Site]):
    """concat(a, concat(b, c), d) = concat(a, b, c, d).

    The inner concat must have no other reader and must not leave the net: its channels are then copied once, not twice.
    Exact to the last bit.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition(
            "only reader",
            lambda view, s: all(set(view.readers[each.name]) <= set(s.nodes) for each in s.inner),
            "the inner concat has another reader",
        ),
        Condition(
            "inner value",
            lambda view, s: not any(e.name in view.ends for e in s.inner),
            "the inner concat leaves the net",
        ),
        Condition(
            "one class",
            lambda _, s: all(each.instance is s.outer.instance for each in s.inner),
            "the concats are in different classes",
        ),
    )
    exact = True
    training = True

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        """All inner concats that fit, together; then each that does not, to be told."""
        if not isinstance(node.op, Concat):
            return
        read = [view.graph[name] for name in dict.fromkeys(view.graph.operands(node.name))]
        pairs = [Site(node, (each,)) for each in read if isinstance(each.op, Concat)]
        fitting = [pair for pair in pairs if self.allows(view, pair)]
        if fitting:
            yield Site(node, tuple(inner for pair in fitting for inner in pair.inner))
        yield from (pair for pair in pairs if pair not in fitting)

    def rewrite(self, view: View, site: Site) -> Edit:
        inside = {each.name for each in site.inner}
        operands = [
            part
            for name in view.graph.operands(site.outer.name)
            for part in (view.graph.operands(name) if name in inside else (name,))
        ]
        edit = view.edit(at=site.outer)
        edit.replace(site.outer.name, edit.remake(site.outer, operands=operands))
        return edit

    def describe(self, view: View, site: Site) -> str:
        return f"{len(site.inner) + 1} concats as one"
