"""A ReLU before the concat that it follows, beside the convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.activation import ReLU, ReLU6
from incdsl.ops.merge import Concat
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.layers import layer, rectified
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """What a concat reads that is not rectified yet, the concat, and the ReLU behind it."""

    parts: tuple[Node, ...]
    concat: Node
    relu: Node

    @property
    def nodes(self) -> tuple[str, ...]:
        return (*(part.name for part in self.parts), self.concat.name, self.relu.name)


def _read_once(view: View, site: Site) -> bool:
    readers = [view.readers[part.name] for part in site.parts]
    return len(view.readers[site.concat.name]) == 1 and all(set(each) == {site.concat.name} for each in readers)


@final
class MoveReluBeforeConcat(Rule[Site]):
    """relu(concat(conv_1(x_1), …)) = concat(relu(conv_1(x_1)), …); what is already rectified stays as it is.

    A pointwise map commutes with a concat, exactly to the last bit. Each ReLU then runs in the loop of its convolution,
    and siblings merge with it; behind the concat it is a loop of its own over all channels. Done only if all parts are
    convolutions or rectified, and if nothing on the way is read without the ReLU.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition(
            "convolutions",
            lambda _, s: all(isinstance(part.op, Conv2d) for part in s.parts),
            "not all parts are convolutions",
        ),
        Condition("only reader", _read_once, "another step reads a value without the ReLU"),
        Condition(
            "inner value",
            lambda v, s: v.ends.isdisjoint((s.concat.name, *(part.name for part in s.parts))),
            "a value without the ReLU leaves the net",
        ),
        Condition(
            "one class",
            lambda v, s: all(
                instance is s.concat.instance for instance in (s.relu.instance, *(layer(v, p).home for p in s.parts))
            ),
            "convolutions, concat and ReLU are in different classes",
        ),
    )
    exact = True

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if isinstance(node.op, ReLU) and isinstance(view.operand(node).op, Concat):
            concat = view.operand(node)
            parts = [view.graph[name] for name in dict.fromkeys(view.graph.operands(concat.name))]
            yield Site(tuple(part for part in parts if not isinstance(part.op, ReLU | ReLU6)), concat, node)

    def rewrite(self, view: View, site: Site) -> tuple[Edit, ...]:
        edit = view.edit(at=site.relu)
        edit.replace(site.relu.name, site.concat.name)
        return (*(rectified(view, part) for part in site.parts), edit)

    def describe(self, view: View, site: Site) -> str:
        return f"to {', '.join(part.path or part.name for part in site.parts)}"
