"""What flows through a body: its calls, without those that only hand on what they read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from copy import copy

from incdsl.codegen.bodies import Body, Item
from incdsl.codegen.vectors import Vectors
from incdsl.ops.code import Lowering, Operand
from incdsl.ops.merge import Joining
from incdsl.values import Shape


class Flow:
    """Calls in order, and who makes and reads each value.

    `identity`, a merge of one rail, and the `flatten` of what is a vector already are no calls: their value is another
    name for the one that they read.
    """

    def __init__(self, body: Body, shapes: Mapping[str, Shape], vectors: Vectors) -> None:
        self.body = body
        self.shapes = shapes
        self.vectors = vectors
        self._alias: dict[str, str] = {}
        self._count([item for item in body.items if not self._is_silent(item)])
        self.ends = {self.value(port.value) for port in body.outputs}
        """Values that leave the body."""

    def _count(self, items: Iterable[Item]) -> None:
        self.items = list(items)
        self.makes = {name: item for item in self.items for name in item.outputs}
        self.inputs = {item: tuple(map(self.value, item.inputs)) for item in self.items}
        self.uses = Counter(name for names in self.inputs.values() for name in names)
        self._readers = {name: item for item in self.items for name in self.inputs[item]}

    def of(self, items: Iterable[Item]) -> Flow:
        """The same flow through these calls: several of its own may have become one."""
        other = copy(self)
        other._count(items)
        return other

    def value(self, name: str) -> str:
        """The value that a name stands for."""
        return self._alias.get(name, name)

    def lowering(self, item: Item) -> Lowering:
        """How PyTorch runs the op of an item."""
        assert item.node is not None
        return item.node.op.lower(*(self.shapes[name] for name in item.inputs))

    def only_reader(self, value: str) -> Item | None:
        """The call that reads a value, if that is all that becomes of it."""
        return self._readers[value] if self.uses[value] == 1 and value not in self.ends else None

    def may_overwrite(self, item: Item) -> bool:
        """Whether the operand of an op is a fresh tensor that nothing else reads, backward passes included."""
        (value,) = self.inputs[item]
        source = self.makes.get(value)
        fresh = source is not None and source.node is not None and source.node.op.owns_output
        return fresh and self.only_reader(value) is item

    def _is_silent(self, item: Item) -> bool:
        """Inputs are arguments; what gives its operand is another name for it."""
        if item.node is None:
            return False
        if not item.inputs:
            return True
        flat = item.output in self.vectors.flattens
        alone = isinstance(item.node.op, Joining) and len(item.inputs) == 1
        view = item.node.op.kind == "view" and not item.label
        if flat or alone or (view and self.lowering(item).function == Operand()):
            self._alias[item.output] = self.value(item.inputs[0])
            return True
        return False
