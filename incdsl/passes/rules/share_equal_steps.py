"""Steps that compute the same value, computed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Instance, Node
from incdsl.ops.dense import Dropout
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View, lifted
from incdsl.values.num import described


@dataclass(frozen=True, slots=True)
class Site:
    """A step, and an earlier one with the same op, settings and operands."""

    first: Node
    again: Node

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.again.name,)


@final
class ShareEqualSteps(Rule[Site]):
    """f(x), f(x) = y, y for y = f(x): the same op, the same settings in the symbols of their class, the same operands.

    Never for layers with tensors of their own, which training makes different, and never for random steps. Both must be
    steps of one class. Exact to the last bit; in training, gradients are added in another order.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition("no parameters", lambda _, s: not s.again.op.owns_parameters(), "each has tensors of its own"),
        Condition("not random", lambda _, s: not isinstance(s.again.op, Dropout), "each draws its own numbers"),
        Condition("one class", lambda v, s: _home(v, s.first) is _home(v, s.again), "their classes differ"),
    )
    exact = True
    training = True

    def found(self, view: View) -> Iterator[tuple[Node, Site]]:
        """Every step that repeats an earlier one; what reads two that are shared reads one."""
        met: dict[object, Node] = {}
        shared: dict[str, str] = {}
        for node in view.graph:
            operands = tuple(shared.get(name, name) for name in view.graph.operands(node.name))
            home = _home(view, node)
            if not operands or home.kind == "sequence":
                continue
            op = lifted(node.op, node.instance, home)
            key = (type(op), *(described(getattr(op, name)) for name in op.settings), operands)
            first = met.setdefault(key, node)
            if first is not node:
                site = Site(first, node)
                if self.allows(view, site):
                    shared[node.name] = first.name
                yield node, site

    def rewrite(self, view: View, site: Site) -> Edit:
        edit = view.edit(at=site.again)
        edit.replace(site.again.name, site.first.name)
        return edit

    def describe(self, view: View, site: Site) -> str:
        return f"a second {site.again.op.word} of one value"


def _home(view: View, node: Node) -> Instance:
    """The class in which a node is a step: a unit that holds nothing else is one step of the class around it."""
    instance = node.instance
    return (
        instance.parent if instance.parent and instance.kind == "unit" and len(view.inside[instance]) == 1 else instance
    )
