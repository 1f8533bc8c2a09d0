"""Steps that give what they read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.activation import Hardsigmoid, ReLU, ReLU6, Sigmoid
from incdsl.ops.dense import Identity, Scale
from incdsl.ops.merge import ChannelShuffle, Joining, Slice
from incdsl.ops.resize import Upsample
from incdsl.ops.window import AvgPool2d, GlobalAvgPool, MaxPool2d
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View
from incdsl.values import Extent, Image, Shape

NEVER_NEGATIVE = (ReLU, ReLU6, Sigmoid, Hardsigmoid)


@dataclass(frozen=True, slots=True)
class Site:
    """A step, and what it reads."""

    node: Node
    before: Node

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.node.name,)


def _keeps_the_grid(site: Site) -> bool:
    op = site.node.op
    return not isinstance(op, MaxPool2d | AvgPool2d) or tuple(op.stride) == (1, 1)


def _is_constant(view: View, site: Site) -> bool:
    op = site.node.op
    return not isinstance(op, Scale) or view.fixed(op.factor, site.node) is not None


def _leaves_something(view: View, site: Site) -> bool:
    """An auxiliary head is a module that training calls: a step must be left in it."""
    heads = [head.instance for head in view.graph.heads if head.node == site.node.name]
    return all(view.stands_in(site.before, instance) for instance in heads)


def _is_point(shape: Shape) -> bool:
    one = Extent.fixed(1)
    return isinstance(shape, Image) and shape.height == one == shape.width


@final
class RemoveIdentities(Rule[Site]):
    """f(x) = x.

    These are `identity`, a 1x1 pool of stride 1, a scale of 1, the ReLU of what is never negative, a merge of one
    value, a slice of all channels, the shuffle of one group, an enlargement by 1, the mean of one cell. Exact to the
    last bit; no tensor is lost.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition("same grid", lambda _, s: _keeps_the_grid(s), "the pool has a stride"),
        Condition("constant", _is_constant, "the factor is an argument of the constructor"),
        Condition("not a whole head", _leaves_something, "nothing would be left of the auxiliary head"),
        Condition(
            "numbers stay",
            lambda v, s: not (v.keeps_keys and v.is_counted(s.node)),
            "what follows in the repetition would change its key",
        ),
    )
    exact = True
    training = True

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        operands = view.graph.operands(node.name)
        if len(operands) == 1:
            before = view.graph[operands[0]]
            if self._may_be_identity(view, node, before):
                yield Site(node, before)

    def _may_be_identity(self, view: View, node: Node, before: Node) -> bool:
        match node.op:
            case Identity() | Joining():
                return True
            case ReLU():
                return isinstance(before.op, NEVER_NEGATIVE)
            case MaxPool2d(kernel=kernel) | AvgPool2d(kernel=kernel):
                return tuple(kernel) == (1, 1)
            case Scale(factor=factor):
                return factor == 1
            case Slice(start=start, stop=stop):
                return start == 0 and int(stop) == int(view.shapes[before.name].channels)
            case ChannelShuffle(groups=number) | Upsample(factor=number, mode="nearest"):
                return number == 1
            case GlobalAvgPool():
                return _is_point(view.shapes[before.name])
        return False

    def rewrite(self, view: View, site: Site) -> Edit:
        edit = view.edit(at=site.node)
        edit.replace(site.node.name, site.before.name)
        return edit

    def describe(self, view: View, site: Site) -> str:
        return f"{site.node.op.word} gives what it reads"
