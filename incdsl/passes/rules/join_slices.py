"""Slices that a concat puts together again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.merge import Concat, Slice
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A concat, the slices that it reads, and what they are slices of."""

    concat: Node
    slices: tuple[Node, ...]
    whole: str

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.concat.name,)

    @property
    def ops(self) -> list[Slice]:
        return [each.op for each in self.slices if isinstance(each.op, Slice)]


def _is_whole(view: View, site: Site) -> bool:
    ops = site.ops
    in_order = all(int(one.stop) == int(other.start) for one, other in pairwise(ops))
    return in_order and int(ops[0].start) == 0 and int(ops[-1].stop) == int(view.shapes[site.whole].channels)


@final
class JoinSlices(Rule[Site]):
    """concat(x[:, :a], x[:, a:b], x[:, b:]) = x.

    This is what remains if all parts of a concat were convolutions that have been merged; now nothing is copied. The
    slices must be all of one value, in its order. Exact to the last bit.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition("all of it", _is_whole, "the slices are not all of the value, in its order"),
    )
    exact = True

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if isinstance(node.op, Concat):
            read = tuple(view.graph[name] for name in view.graph.operands(node.name))
            wholes = {view.operand(each).name for each in read if isinstance(each.op, Slice)}
            if len(wholes) == 1 and all(isinstance(each.op, Slice) for each in read):
                yield Site(node, read, wholes.pop())

    def rewrite(self, view: View, site: Site) -> Edit:
        edit = view.edit(at=site.concat)
        edit.replace(site.concat.name, site.whole)
        return edit

    def describe(self, view: View, site: Site) -> str:
        return f"{len(site.slices)} slices are all of what they were cut from"
