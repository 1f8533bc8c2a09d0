"""Norms that see one value of each channel: there, a batch has at least two images.

PyTorch refuses a smaller one: `torch.nn.functional.batch_norm` while training, `group_norm` with groups of one channel
always.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from incdsl.analysis.sizes import Sizes, first
from incdsl.ir.graph import Node
from incdsl.ir.net import Net
from incdsl.values import Image, Shape


@dataclass(frozen=True)
class Lone:
    """A norm that sees one value of each channel of one image, and the largest input at which it does.

    `most` holds a size for each axis of the input on which that depends.
    """

    path: str
    most: Mapping[str, int]
    always: bool
    """Whether one image is refused in evaluation, too."""

    def at(self, sizes: Mapping[str, int | None]) -> bool:
        """Whether it is alone at the size of the input, or may be where that is free."""
        return all((sizes[axis] or 1) <= size for axis, size in self.most.items())


def lone_norms(net: Net, sizes: Sizes) -> tuple[Lone, ...]:
    """The norms of a net that see one value at a legal size; those for which others speak are left out."""
    found: list[Lone] = []
    for lone in _lone(net, sizes):
        if not any(_speaks_for(other, lone) for other in found):
            found = [other for other in found if not _speaks_for(lone, other)] + [lone]
    return tuple(found)


def two_images(lones: tuple[Lone, ...]) -> str:
    """In words: `N >= 2 while training at H, W <= 330 (the norm AuxLogits.conv1.bn)`; empty if no norm is alone."""
    words = []
    for when, some in (
        ("", [lone for lone in lones if lone.always]),
        (" while training", [lone for lone in lones if not lone.always]),
    ):
        where = " or ".join(filter(None, (_bound(lone.most) for lone in some)))
        words += [f"N >= 2{when}{where and f' at {where}'} (the norm {some[0].path})"] if some else []
    return "; ".join(words)


def _lone(net: Net, sizes: Sizes) -> Iterator[Lone]:
    graph = net.graph
    shapes = graph.shapes()
    heads = {head.instance for head in graph.heads}
    for node in graph:
        operands = [shapes[name] for name in graph.operands(node.name)]
        when = node.op.refuses_one(*operands) if operands else ""
        if when == "always" or (when and net.level != "inference"):
            legal = sizes.training if heads.intersection(node.instance.lineage) else sizes.evaluation
            most = _most(operands[0])
            if most is not None and all(next(iter(legal[axis])) <= size for axis, size in most.items()):
                yield Lone(_path(node), most, when == "always")


def _path(node: Node) -> str:
    return node.path or node.name


def _most(shape: Shape) -> dict[str, int] | None:
    """The largest sizes of the input at which a value is a single point; None if it never is."""
    most: dict[str, int] = {}
    for extent in (shape.height, shape.width) if isinstance(shape, Image) else ():
        if extent.axis is None:
            if extent.offset > 1:
                return None
            continue
        size = first(lambda n, e=extent: e.at(n) >= 2) - 1  # type: ignore[misc]
        most[extent.axis] = min(size, most.get(extent.axis, size))
    return most


def _speaks_for(lone: Lone, other: Lone) -> bool:
    """Whether one is alone wherever the other is."""
    if other.always and not lone.always:
        return False
    return all(axis in other.most and other.most[axis] <= size for axis, size in lone.most.items())


def _bound(most: Mapping[str, int]) -> str:
    if len(set(most.values())) == 1:
        return f"{', '.join(most)} <= {next(iter(most.values()))}"
    return ", ".join(f"{axis} <= {size}" for axis, size in most.items())
