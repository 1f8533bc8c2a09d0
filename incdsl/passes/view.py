"""What rules see of a graph: readers, shapes, classes, and steps lifted out of the units that hold them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

from incdsl.ir.graph import Graph, Instance, Node
from incdsl.ir.net import Net
from incdsl.ir.weight_expr import WeightExpr
from incdsl.ops import Op
from incdsl.passes.edit import Edit
from incdsl.passes.sources import sources
from incdsl.values import Num, Pair, Real, Shape, SymbolPair, expression
from incdsl.values.num import plain, rebased, symbols


@dataclass(frozen=True, eq=False)
class View:
    """A net that nobody changes while rules look at it."""

    net: Net
    keeps_keys: bool = False
    """Whether every key of the state_dict has to stay."""

    @property
    def graph(self) -> Graph:
        """The graph of the net."""
        return self.net.graph

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every value."""
        return self.net.graph.shapes()

    def weight_expr(self, node: Node) -> WeightExpr:
        """Where a node's weights come from."""
        return self.net.weight_expr(node)

    def edit(self, at: Node) -> Edit:
        """An edit that is still empty; what it adds will stand where a node stands."""
        return Edit(self, at)

    @cached_property
    def readers(self) -> dict[str, list[str]]:
        """Names of the nodes that read a value, one for each operand, in the order in which they were written."""
        readers: dict[str, list[str]] = defaultdict(list)
        for node in self.graph:
            for operand in self.graph.operands(node.name):
                readers[operand].append(node.name)
        return readers

    @cached_property
    def ends(self) -> frozenset[str]:
        """Values that leave the net."""
        return frozenset(self.graph.ends)

    @cached_property
    def _labels(self) -> dict[Instance, set[str]]:
        """Attributes of every class, and of containers their first parts."""
        labels: dict[Instance, set[str]] = defaultdict(set)
        for node in self.graph:
            labels[node.instance].update((node.label, node.label.split(".")[0]))
            instance = node.instance
            while instance.parent and instance.label not in labels[instance.parent]:
                labels[instance.parent].update((instance.label, instance.label.split(".")[0]))
                instance = instance.parent
        return labels

    @cached_property
    def _counts(self) -> dict[tuple[Instance, str], int]:
        """How often a word was asked for as an attribute of a class."""
        return defaultdict(int)

    @cached_property
    def _names(self) -> dict[str, int]:
        """How often a name was asked for."""
        return defaultdict(int)

    @cached_property
    def _steps(self) -> Iterator[int]:
        """Numbers that no step has."""
        return count(max((node.step for node in self.graph), default=0) + 1)

    @cached_property
    def inside(self) -> dict[Instance, set[str]]:
        """Names of the nodes that stand in a class, or in one inside it."""
        inside: dict[Instance, set[str]] = defaultdict(set)
        for node in self.graph:
            for instance in node.instance.lineage:
                inside[instance].add(node.name)
        return inside

    @cached_property
    def sources(self) -> dict[str, tuple[Node, ...]]:
        """For each value the steps whose channels, one after the other, are its own."""
        return sources(self.graph)

    def operand(self, node: Node) -> Node:
        """The node that a node with one operand reads."""
        return self.graph[self.graph.operands(node.name)[0]]

    def only_reader(self, name: str) -> Node | None:
        """The one reader of a value that does not leave the net."""
        readers = self.readers.get(name, [])
        return self.graph[readers[0]] if len(readers) == 1 and name not in self.ends else None

    def stands_in(self, node: Node, instance: Instance) -> bool:
        """Whether a node stands in a class, or in one inside it."""
        around: Instance | None = node.instance
        while around is not None and around is not instance:
            around = around.parent
        return around is instance

    def is_counted(self, node: Node) -> bool:
        """Whether it is, or is part of, a numbered member of a repetition."""
        around: Instance | None = node.instance
        while around is not None and around.kind != "sequence":
            around = around.parent
        return around is not None

    def fixed(self, value: Any, node: Node) -> Any:
        """A setting of a node as a number; None if a constructor argument of the generated net may change it."""
        outermost = _lifted(value, node.instance, self.graph.net)
        arguments = self.net.params.keys() - self.net.fixed
        return plain(outermost) if symbols(outermost).isdisjoint(arguments) else None

    def free_label(self, instance: Instance, word: str) -> str:
        """An attribute that a class does not have yet, given once: edits of one sweep do not see each other."""
        while True:
            self._counts[instance, word] += 1
            asked = self._counts[instance, word]
            label = word if asked == 1 else f"{word}_{asked}"
            if label not in self._labels[instance]:
                self._labels[instance].add(label)
                return label

    def free_name(self, op: Op, instance: Instance, label: str) -> str:
        """A name that no node has yet, given once."""
        above = instance.path
        stem = ".".join(part for part in (above, label) if part) if label else f"{above}:{op.word}"
        while True:
            self._names[stem] += 1
            name = stem if self._names[stem] == 1 else f"{stem}#{self._names[stem]}"
            if name not in self.graph:
                return name

    def free_step(self) -> int:
        """The number of a step of its own."""
        return next(self._steps)


def lifted(op: Op, instance: Instance, outer: Instance) -> Op:
    """An op of an instance, its settings in the symbols of a class around it."""
    if instance is outer:
        return op
    settings = {name: getattr(op, name) for name in op.settings}
    lifted_ = {name: _lifted(value, instance, outer) for name, value in settings.items()}
    changes = {name: value for name, value in lifted_.items() if value is not settings[name]}
    return op.model_copy(update=changes) if changes else op


def _lifted(value: Any, instance: Instance, outer: Instance) -> Any:
    while instance is not outer and instance.parent:
        if instance.kind != "sequence":
            value = _outside(value, instance)
        instance = instance.parent
    return value


def _outside(value: Any, instance: Instance) -> Any:
    """A value in the symbols of the class around the one that it stands in."""
    if isinstance(value, SymbolPair | Real):
        return instance.arguments[value.name]
    if isinstance(value, Num):
        outer = {k: expression(v) for k, v in instance.arguments.items() if isinstance(v, int)}
        return rebased(value, outer)
    if isinstance(value, Pair):
        return Pair(_outside(value[0], instance), _outside(value[1], instance))
    if isinstance(value, tuple):
        return tuple(_outside(each, instance) for each in value)
    return value
