"""Slices of one value, one behind the other, that are all of it: they are written as one `split`.

The parts that a kernel gives are unpacked where it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence

from incdsl.codegen.bodies import Item
from incdsl.codegen.expr_writer import ExprWriter
from incdsl.codegen.layout import Bracketed
from incdsl.ops.gpu import Part, Room, SplitConv2d
from incdsl.ops.merge import Slice
from incdsl.values import Shape, expression


def splits(
    items: Sequence[Item], value: Callable[[str], str], shapes: Mapping[str, Shape], ends: Container[str]
) -> dict[str, list[Item]]:
    """The members of each split by the output of the first; values that leave the body stay slices.

    So do those of an image that is written in ranges: PyTorch lets nobody write into the parts of a `split`.
    """
    rooms = {item.output for item in items if item.node and isinstance(item.node.op, Room)}
    found: dict[str, list[Item]] = {}
    group: list[Item] = []
    for item in items:
        op = item.node.op if item.node else None
        if not isinstance(op, Slice) or item.output in ends or value(item.inputs[0]) in rooms:
            group = []
            continue
        behind = group and value(group[-1].inputs[0]) == value(item.inputs[0]) and _op(group[-1]).stop == op.start
        group = [*group, item] if behind else [item] if op.start == 0 else []
        if len(group) > 1 and int(op.stop) == int(shapes[item.inputs[0]].channels):
            found[group[0].output] = group
    return found


def split(members: Sequence[Item], source: str, writer: ExprWriter) -> Bracketed:
    """`source.chunk(2, dim=1)`, or `source.split([64, 48], dim=1)` where the parts differ."""
    shares = [_op(item).stop - _op(item).start for item in members]
    if all(expression(share) == expression(shares[0]) for share in shares):
        return Bracketed(f"{source}.chunk", (str(len(shares)), "dim=1"))
    widths = [writer.value(share, forward=True) for share in shares]
    return Bracketed(f"{source}.split", (Bracketed("", tuple(widths), "[]"), "dim=1"))


def unpacked(items: Sequence[Item], value: Callable[[str], str], ends: Container[str]) -> dict[str, list[Item]]:
    """The parts of each kernel that gives several, by its output, if nobody reads all of them together.

    They stand one behind the other, but the kernel may stand further up.
    """
    found: dict[str, list[Item]] = {}
    for i, item in enumerate(items):
        if item.node is None or not isinstance(item.node.op, SplitConv2d) or item.output in ends:
            continue
        count = len(item.node.op.widths)
        read = [at for at in range(i + 1, len(items)) if item.output in map(value, items[at].inputs)]
        parts = [items[at] for at in read]
        indices = [each.node.op.index for each in parts if each.node and isinstance(each.node.op, Part)]
        if indices == list(range(count)) and len(read) == count and read[-1] - read[0] == count - 1:
            found[item.output] = parts
    return found


def _op(item: Item) -> Slice:
    assert item.node is not None
    assert isinstance(item.node.op, Slice)
    return item.node.op
