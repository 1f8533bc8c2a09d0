"""Slices of one value, one behind the other, that are all of it: they are written as one `split`."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence

from incdsl.codegen.bodies import Item
from incdsl.codegen.expr_writer import ExprWriter
from incdsl.codegen.layout import Bracketed
from incdsl.ops.gpu import Room
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


def _op(item: Item) -> Slice:
    assert item.node is not None
    assert isinstance(item.node.op, Slice)
    return item.node.op
