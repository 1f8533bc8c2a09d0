"""Concats into whose channels kernels write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

from incdsl.ir.graph import Instance, Node
from incdsl.ops import Op
from incdsl.ops.gpu import BiasedAvgPool2d, Filled, FlooredConv2d, Put, Room
from incdsl.ops.merge import Concat, Slice
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Rule
from incdsl.passes.view import View, lifted
from incdsl.values import Image


@dataclass(frozen=True, slots=True)
class Site:
    """A concat, and an image of its height and width that is there before its parts are."""

    concat: Node
    parts: tuple[Node, ...]
    like: str

    @property
    def writing(self) -> tuple[Node, ...]:
        """Parts that a kernel makes."""
        return tuple([node for node in self.parts if _writes(node, self.concat.instance)])

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.concat.name, *(node.name for node in self.parts))


@final
class WriteRanges(Rule[Site]):
    """concat(f(x), g(x)) as one image into whose channels the kernels of f and g write; other parts are copied into it.

    It needs kernels that write where they are told (UseKernels), and runs with them only. A kernel whose result has
    other readers as well is copied, and so is one in a unit, which takes one value and not also where to write. The
    image is as high and wide as what one of the kernels reads.
    """

    by_default = False

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if not isinstance(node.op, Concat):
            return
        parts = tuple([view.graph[name] for name in view.graph.operands(node.name)])
        shape = view.shapes[node.name]
        for each in parts:
            if _writes(each, node.instance) and len(view.readers[each.name]) == 1:
                read = view.graph.operands(each.name)[0]
                if _same_grid(view.shapes[read], shape) and each.name not in view.ends:
                    yield Site(node, parts, read)
                    return

    def rewrite(self, view: View, site: Site) -> Edit:
        concat = site.concat
        edit = view.edit(at=concat)
        widths = [_channels(view, part, concat.instance) for part in site.parts]
        room = edit.add(Room(channels=sum(widths)), (site.like,), like=concat, own_step=True)
        written, start = [], 0
        for part, width in zip(site.parts, widths, strict=True):
            stop, home = start + width, _in(part, concat.instance)
            writes = part in site.writing and len(view.readers[part.name]) == 1 and part.name not in view.ends
            if not writes:
                home = replace(home, step=view.free_step())
            place = edit.add(Slice(start=start, stop=stop), (room,), like=home, instance=concat.instance)
            if writes:
                op = part.op.model_copy(update={"into": True})
                made = edit.remake(part, op, (*view.graph.operands(part.name), place))
                edit.replace(part.name, made)
            else:
                made = edit.add(Put(), (part.name, place), like=home, instance=concat.instance)
            written.append(made)
            start = stop
        edit.replace(concat.name, edit.add(Filled(), (room, *written), like=concat))
        return edit

    def describe(self, view: View, site: Site) -> str:
        return f"{len(site.writing)} of {len(site.parts)} parts by kernels"


def _writes(node: Node, instance: Instance) -> bool:
    """Whether a part is made by a kernel that can be told where to write, from a class around it."""
    inner: Instance | None = node.instance
    while inner is not instance and inner:
        if inner.kind in ("unit", "sequence"):
            return False
        inner = inner.parent
    return isinstance(node.op, FlooredConv2d | BiasedAvgPool2d)


def _same_grid(one: object, other: object) -> bool:
    """Whether two images are equally high and wide, whatever the size of the input."""
    if not isinstance(one, Image) or not isinstance(other, Image):
        return False
    return one.height == other.height and one.width == other.width


def _in(node: Node, instance: Instance) -> Node:
    """A node as the step of this class that it is, or is a part of."""
    around = node.instance
    if around is instance:
        return node
    while around.parent is not instance and around.parent:
        around = around.parent
    return replace(node, chain=around.chain or node.chain, step=around.step)


def _channels(view: View, node: Node, instance: Instance) -> int:
    """The channels of a value in the symbols of a class around it, where the ops say them; else a plain number."""
    while view.stands_in(node, instance):
        if isinstance(node.op, Conv2d):
            return int_of(lifted(node.op, node.instance, instance), "width")
        if isinstance(node.op, Slice):
            op = lifted(node.op, node.instance, instance)
            return int_of(op, "stop") - int_of(op, "start")
        operands = view.graph.operands(node.name)
        if len(operands) != 1 and not isinstance(node.op, BiasedAvgPool2d):
            break
        node = view.graph[operands[0]]
    return int(view.shapes[node.name].channels)


def int_of(op: Op, setting: str) -> int:
    """A setting that is a number, with the expression behind it."""
    value: int = vars(op)[setting]
    return value
