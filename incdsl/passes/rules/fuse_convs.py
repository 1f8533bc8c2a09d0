"""Convolutions with their ReLU, and what is added in between, as one call of cuDNN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.activation import ReLU
from incdsl.ops.gpu import FusedConv2d
from incdsl.ops.merge import Add
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.layers import Layer, layer
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A convolution, a sum with one other value that reads it if there is one, and the ReLU of its class behind."""

    layer: Layer
    relu: Node
    add: Node | None = None
    residual: str = ""
    """What is added."""

    @property
    def conv(self) -> Node:
        """The convolution."""
        return self.layer.conv

    @property
    def inner(self) -> tuple[Node, ...]:
        """What the ReLU replaces."""
        return (self.conv, self.add) if self.add else (self.conv,)

    @property
    def nodes(self) -> tuple[str, ...]:
        return (*(node.name for node in self.inner), self.relu.name)


@final
class FuseConvs(Rule[Site]):
    """relu(conv(x)) and relu(conv(x) + y) as one call of cuDNN, which writes what ReLU leaves.

    It helps on NVIDIA GPUs without torch.compile, which does the same by itself; elsewhere the layer computes the same
    in two or three calls. So it comes with `--device cuda` only. The ReLU, and the sum before it, must be the only
    readers, and the convolution needs a bias, which cuDNN wants. A unit of which nothing else is left goes, except in a
    repetition: the layer takes its name.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition(
            "only reader",
            lambda v, s: all(len(v.readers[node.name]) == 1 for node in s.inner),
            "a value before the ReLU has another reader",
        ),
        Condition(
            "inner value",
            lambda v, s: all(node.name not in v.ends for node in s.inner),
            "a value before the ReLU leaves the net",
        ),
        Condition(
            "bias", lambda v, s: bool(vars(s.conv.op)["bias"]), "the convolution has no bias, and cuDNN wants one"
        ),
        Condition(
            "size",
            lambda v, s: s.add is None or v.shapes[s.add.name] == v.shapes[s.conv.name],
            "at other sizes of the input the sum is not as large as the convolution",
        ),
    )
    by_default = False

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if type(node.op) is not Conv2d:  # or one that holds more than one step already
            return
        step = layer(view, node)
        if view.net.ways.get(step.path, "fused") == "plain":
            return
        for reader in (view.graph[name] for name in view.readers.get(node.name, ())):
            if reader.instance is not node.instance:
                continue
            if isinstance(reader.op, ReLU):
                yield Site(step, reader)
            elif isinstance(reader.op, Add):
                yield from self._sums(view, step, reader)

    def _sums(self, view: View, step: Layer, add: Node) -> Iterator[Site]:
        """ReLUs behind the sum of a convolution and one other value, which the convolution comes after."""
        conv = step.conv
        others = [name for name in view.graph.operands(add.name) if name != conv.name]
        relu = next((view.graph[name] for name in view.readers.get(add.name, ())), None)
        if len(others) == 1 and relu and isinstance(relu.op, ReLU) and relu.instance is conv.instance:
            yield Site(step, relu, add, others[0])

    def rewrite(self, view: View, site: Site) -> Edit:
        edit = view.edit(at=site.relu)
        op = site.layer.remade(FusedConv2d, residual=site.add is not None)
        made = site.layer.put(view, edit, op, *([site.residual] if site.add else []))
        edit.replace(site.relu.name, made)
        return edit

    def describe(self, view: View, site: Site) -> str:
        return "with what is added, and its ReLU" if site.add else "with its ReLU"
