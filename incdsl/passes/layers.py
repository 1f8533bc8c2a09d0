"""Convolutions as steps of the class around them: a bare one, or a unit that is a convolution and its activation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from incdsl.ir.graph import Instance, Node
from incdsl.ops.activation import ReLU
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.view import View, lifted


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution, the ReLU that alone reads it, and the class in which they are one step."""

    conv: Node
    relu: Node | None
    home: Instance
    whole: bool
    """Whether the step holds nothing else."""
    op: Conv2d
    """The convolution in the symbols of the class around the step."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of its nodes."""
        return (self.conv.name, self.relu.name) if self.relu else (self.conv.name,)

    @property
    def output(self) -> str:
        """The value that the step gives."""
        return self.nodes[-1]

    @property
    def label(self) -> str:
        """The attribute of the step in the class around it."""
        return self.conv.label if self.conv.instance is self.home else self.conv.instance.label

    @property
    def is_unit(self) -> bool:
        """Whether it is all that a unit holds, which is not a numbered member of a repetition."""
        return self.whole and self.home is not self.conv.instance and self.home.kind != "sequence"

    @property
    def path(self) -> str:
        """The path of what does all of the step, once there is that."""
        return ".".join(part for part in (self.home.path, self.label) if part) if self.is_unit else self.conv.path

    @property
    def step(self) -> Node:
        """The node as a step of the class around it: its chain and number are those of the unit."""
        instance = self.conv.instance
        if instance is self.home or instance.chain is None:
            return self.conv
        return replace(self.conv, chain=instance.chain, step=instance.step, note=instance.note)

    def remade(self, kind: type[Conv2d], **more: Any) -> Conv2d:
        """The convolution as an op of another kind, in the symbols of where that is to stand."""
        conv = self.op if self.is_unit else self.conv.op
        return kind.model_construct(**{name: getattr(conv, name) for name in conv.settings}, **more)

    def put(self, view: View, edit: Edit, op: Conv2d, *others: str) -> str:
        """The name of a node that does all of the step, in its place; in a unit that does more, its convolution's.

        It reads what the convolution reads, and the other values.
        """
        like, instance, label = self.conv, self.conv.instance, self.conv.label
        if self.is_unit:
            like, instance, label = self.step, self.home, self.label
        return edit.add(
            op, (*view.graph.operands(self.conv.name), *others), like=like, instance=instance, label=label,
            weight_expr=view.weight_expr(self.conv), note=like.note,
        )  # fmt: skip


def layer(view: View, conv: Node) -> Layer:
    """The step that a convolution belongs to."""
    instance = conv.instance
    reader = view.only_reader(conv.name)
    relu = reader if reader and isinstance(reader.op, ReLU) and reader.instance is instance else None
    home = instance.parent if instance.kind == "unit" and instance.parent else instance
    inside = {conv.name, relu.name} if relu else {conv.name}
    op = lifted(conv.op, instance, home)
    assert isinstance(op, Conv2d)
    return Layer(conv, relu, home, home is instance or view.inside[instance] == inside, op)


def first_of_each(groups: Iterable[Sequence[Layer]]) -> list[tuple[Layer, ...]]:
    """The first layers of groups, together with those of the same class."""
    homes: dict[Instance, list[Layer]] = {}
    for first, *_ in groups:
        homes.setdefault(first.home, []).append(first)
    return [tuple(layers) for layers in homes.values()]


def rectified(view: View, conv: Node) -> Edit:
    """A convolution with a ReLU behind it, in one step, for all that read the convolution."""
    edit = view.edit(at=conv)
    edit.replace(conv.name, edit.add(ReLU(), (edit.remake(conv),), like=conv))
    return edit
