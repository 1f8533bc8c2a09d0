"""Concats into whose channels kernels write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import final

from incdsl.ir.graph import Instance, Node
from incdsl.ops.frame import ONE, ZERO
from incdsl.ops.gpu import BiasedAvgPool2d, Filled, FlooredConv2d, Part, Put, Room, SplitConv2d
from incdsl.ops.merge import Concat, Slice
from incdsl.ops.window import AvgPool2d, Conv2d
from incdsl.passes.channels import channels
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Rule
from incdsl.passes.view import View, lifted
from incdsl.values import Image


@dataclass(frozen=True, slots=True)
class Site:
    """A concat, and a kernel of which it is known, before the parts are there, how large an image it writes."""

    concat: Node
    parts: tuple[Node, ...]
    writing: frozenset[str]
    """Names of the parts that a kernel writes for this concat alone."""
    splits: tuple[Node, ...]
    """Kernels that make several values, of which some of the parts are, in their order."""
    like: str
    """What that kernel reads."""
    room: Room
    """The image that it, and the others, write into."""
    widths: tuple[int, ...]
    """The channels of the parts."""

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.concat.name, *(node.name for node in (*self.splits, *self.parts)))


@final
class WriteRanges(Rule[Site]):
    """concat(f(x), g(x)) as one image into whose channels the kernels of f and g write; other parts are copied into it.

    It needs kernels that write where they are told (UseKernels, SplitStores), and runs with them only. A kernel whose
    result has other readers as well is copied, and so is one in a unit, which takes one value and not also where to
    write, and a concat whose channels an argument of the net's constructor may change stays.
    """

    by_default = False

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if not isinstance(node.op, Concat):
            return
        parts = tuple([view.graph[name] for name in view.graph.operands(node.name)])
        able = [each for each in parts if _writes(view, each, node.instance)]
        counts = [channels(view, each, node.instance) for each in parts] if able else []
        widths = tuple([each for each in counts if each is not None])
        if not able or len(widths) < len(parts):
            return
        place = {each.name: i for i, each in enumerate(view.graph)}
        for maker in sorted((_maker(view, each) for each in able), key=lambda each: place[each.name]):
            like = view.graph.operands(maker.name)[0]
            inner = _child(maker, node.instance)
            is_known = inner is None or _child(view.graph[like], node.instance) is not inner
            room = _room(view, maker, node, sum(widths)) if is_known else None
            if room:
                makers = {each.name: _maker(view, each) for each in able}
                late = {name: m for name, m in makers.items() if place[m.name] >= place[maker.name]}
                splits = [m for m in late.values() if isinstance(m.op, SplitConv2d)]
                in_order = tuple(sorted(dict.fromkeys(splits), key=lambda each: place[each.name]))
                yield Site(node, parts, frozenset(late), in_order, like, room, widths)
                return

    def rewrite(self, view: View, site: Site) -> tuple[Edit, ...]:
        """The image is there before the first kernel that gives several parts; all else stands where the concat did."""
        concat = site.concat
        edits = {split.name: view.edit(at=split) for split in site.splits}
        last = view.edit(at=concat)
        first = next(iter(edits.values()), last)
        room = first.add(site.room, (site.like,), like=concat, own_step=True)
        targets: dict[str, dict[int, str]] = {name: {} for name in edits}
        written, start = [], 0
        for part, width in zip(site.parts, site.widths, strict=True):
            place, start = Slice(start=start, stop=start + width), start + width
            if part.name not in site.writing:
                home = replace(_in(part, concat.instance), step=view.free_step())
                target = last.add(place, (room,), like=home, instance=concat.instance)
                written.append(last.add(Put(), (part.name, target), like=home, instance=concat.instance))
            elif isinstance(part.op, Part):
                split = view.operand(part)
                targets[split.name][int(part.op.index)] = edits[split.name].add(place, (room,), like=split)
                written.append(part.name)
            else:
                home = _in(part, concat.instance)
                target = last.add(place, (room,), like=home, instance=concat.instance)
                operands = (*view.graph.operands(part.name), target)
                written.append(last.remake(part, part.op.model_copy(update={"into": True}), operands))
                last.replace(part.name, written[-1])
        for split in site.splits:
            edits[split.name].replace(split.name, _told(view, edits[split.name], split, targets[split.name]))
        last.replace(concat.name, last.add(Filled(), (room, *written), like=concat))
        return (*edits.values(), last)

    def describe(self, view: View, site: Site) -> str:
        return f"{len(site.writing)} of {len(site.parts)} parts by kernels"


def _told(view: View, edit: Edit, split: Node, targets: Mapping[int, str]) -> str:
    """A kernel that gives several parts, told where to write these; where it writes others stays."""
    op = split.op
    assert isinstance(op, SplitConv2d)
    x, *before = view.graph.operands(split.name)
    known = dict(zip((i for i, written in enumerate(op.written) if written), before, strict=True))
    found = {**known, **targets}
    written = tuple(i in found for i in range(len(op.widths)))
    return edit.remake(split, op.model_copy(update={"written": written}), (x, *(found[i] for i in sorted(found))))


def _writes(view: View, node: Node, instance: Instance) -> bool:
    """Whether a part is made by a kernel that can be told where to write, from a class around it, for it alone."""
    if len(view.readers[node.name]) != 1 or node.name in view.ends:
        return False
    if isinstance(node.op, Part):
        split = view.operand(node)
        return split.instance is instance and not vars(split.op)["written"][int(node.op.index)]
    inner: Instance | None = node.instance
    while inner is not instance and inner:
        if inner.kind in ("unit", "sequence"):
            return False
        inner = inner.parent
    return isinstance(node.op, FlooredConv2d | BiasedAvgPool2d) and not node.op.into


def _child(node: Node, instance: Instance) -> Instance | None:
    """The instance directly inside another one that a node stands in; nothing if it stands there itself, or outside."""
    lineage = node.instance.lineage
    depth = len(instance.lineage)
    return lineage[depth] if len(lineage) > depth and lineage[depth - 1] is instance else None


def _maker(view: View, part: Node) -> Node:
    """The kernel that makes a part."""
    return view.operand(part) if isinstance(part.op, Part) else part


def _room(view: View, maker: Node, concat: Node, channels: int) -> Room | None:
    """The image for a concat, by what a kernel reads and how; None if that is another size for some input."""
    shape, wanted = view.shapes[view.graph.operands(maker.name)[0]], view.shapes[concat.name]
    assert isinstance(wanted, Image)
    op = lifted(maker.op, maker.instance, concat.instance)
    assert isinstance(op, AvgPool2d | Conv2d)
    for kernel, stride, padding in ((ONE, ONE, ZERO), (op.kernel, op.stride, op.padding)):
        room = Room.model_construct(channels=channels, kernel=kernel, stride=stride, padding=padding)
        made = room.infer(shape)
        if isinstance(made, Image) and (made.height, made.width) == (wanted.height, wanted.width):
            return room
    return None


def _in(node: Node, instance: Instance) -> Node:
    """A node as the step of this class that it is, or is a part of."""
    around = node.instance
    if around is instance:
        return node
    while around.parent is not instance and around.parent:
        around = around.parent
    return replace(node, chain=around.chain or node.chain, step=around.step)
