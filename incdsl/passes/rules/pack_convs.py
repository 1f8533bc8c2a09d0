"""Convolutions with their ReLU as one call of oneDNN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.activation import ReLU
from incdsl.ops.cpu import PackedConv2d
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.layers import layer
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A convolution, and a ReLU of its class that reads it."""

    conv: Node
    relu: Node | None

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.conv.name, self.relu.name) if self.relu else (self.conv.name,)


@final
class PackConvs(Rule[Site]):
    """relu(conv(x)) = packed(x): one call of oneDNN, which writes what ReLU leaves, with weights in the order that its
    kernels read.

    It helps on x86 CPUs without torch.compile, which does the same by itself; elsewhere the layer is an ordinary
    convolution. So it must be asked for. The ReLU must be the only reader; a convolution without one is packed alone.
    A unit of which nothing else is left goes, except in a repetition: the layer takes its name.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition(
            "only reader",
            lambda v, s: s.relu is None or len(v.readers[s.conv.name]) == 1,
            "the convolution has another reader than its ReLU",
        ),
        Condition(
            "inner value",
            lambda v, s: s.relu is None or s.conv.name not in v.ends,
            "the value before the ReLU leaves the net",
        ),
    )
    by_default = False

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if type(node.op) is Conv2d:  # and none that holds more than one step already
            readers = (view.graph[name] for name in view.readers.get(node.name, ()))
            relu = next(
                (each for each in readers if isinstance(each.op, ReLU) and each.instance is node.instance), None
            )
            if relu:
                yield Site(node, relu)
            yield Site(node, None)

    def rewrite(self, view: View, site: Site) -> Edit:
        step, edit = layer(view, site.conv), view.edit(at=site.conv)
        packed = step.put(view, edit, step.remade(PackedConv2d, relu=site.relu is not None))
        for name in site.nodes:
            edit.replace(name, packed)
        return edit

    def describe(self, view: View, site: Site) -> str:
        return "with its ReLU" if site.relu else "alone"
