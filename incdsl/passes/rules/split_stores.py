"""Kernels whose channels are split give the parts themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.gpu import MOST_PARTS, FlooredConv2d, Part, SplitConv2d
from incdsl.ops.merge import Slice
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A convolution and the slices that read it, in the order of their channels."""

    conv: Node
    slices: tuple[Node, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        """Their names."""
        return (self.conv.name, *(node.name for node in self.slices))


@final
class SplitStores(Rule[Site]):
    """[conv(x)[:, :a], conv(x)[:, a:]] as the parts that one kernel writes, each to memory of its own.

    A slice of an image is no whole image: cuDNN copies it first, and a concat copies it as well. A part is one, and the
    range of a concat can be a part (WriteRanges). It needs kernels (UseKernels), and runs with them only.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition("four parts", lambda v, s: len(s.slices) <= MOST_PARTS, "the kernel writes four parts"),
    )
    by_default = False

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if not isinstance(node.op, FlooredConv2d) or node.op.into:
            return
        readers = [view.graph[name] for name in view.readers.get(node.name, ())]
        if all(isinstance(each.op, Slice) and each.instance is node.instance for each in readers):
            slices = tuple(sorted(readers, key=_range))
            if len(slices) > 1 and _are_all(slices, int(node.op.width)) and node.name not in view.ends:
                yield Site(node, slices)

    def rewrite(self, view: View, site: Site) -> Edit:
        edit, op = view.edit(at=site.conv), site.conv.op
        settings = {name: getattr(op, name) for name in op.settings if name != "into"}
        ranges = [(each.op.start, each.op.stop) for each in site.slices if isinstance(each.op, Slice)]
        widths = tuple(stop - start for start, stop in ranges)
        split = SplitConv2d.model_construct(**settings, widths=widths, written=(False,) * len(widths))
        made = edit.remake(site.conv, split)
        for i, (each, (start, stop)) in enumerate(zip(site.slices, ranges, strict=True)):
            edit.replace(each.name, edit.add(Part(index=i, start=start, stop=stop), (made,), like=each))
        edit.replace(site.conv.name, made)
        return edit

    def describe(self, view: View, site: Site) -> str:
        return f"{len(site.slices)} parts"


def _range(node: Node) -> tuple[int, int]:
    assert isinstance(node.op, Slice)
    return int(node.op.start), int(node.op.stop)


def _are_all(slices: Sequence[Node], channels: int) -> bool:
    """Whether each channel is in one of them."""
    starts, stops = zip(*map(_range, slices), strict=True)
    return starts == (0, *stops[:-1]) and stops[-1] == channels
