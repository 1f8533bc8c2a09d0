"""The shape behind every written step: of one use of a block, or of all uses as a range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from incdsl.elaborate.record import Occurrence
from incdsl.frontend import Analysis, NetAnalysis
from incdsl.ir.graph import Instance
from incdsl.lsp.numbers import spread
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.values import Image, Shape

Extents = tuple[int | str, ...]
"""Channels, height and width; texts where the size of the input is free."""


@dataclass(frozen=True, eq=False)
class Shapes:
    """The shapes of an analysis; `focus` are the uses from which the cursor came into blocks."""

    analysis: Analysis
    focus: Sequence[Span] = ()

    @cached_property
    def nets(self) -> Mapping[str, NetAnalysis]:
        """The nets by their names."""
        return {each.name: each for each in self.analysis.nets}

    def behind(self, node: tree.Tree) -> tuple[Occurrence, ...]:
        """The occurrences of a step whose shapes are known; of those in focus only, if there are any."""
        found = [each for each in self.analysis.steps.get(node, ()) if each.known and self._net(each.instance)]
        focused = [each for each in found if any(_is_inside(each.instance, use) for use in self.focus)]
        if not focused:  # a net by itself says more than a net that is a step of another
            focused = [each for each in found if _owner(each.instance).parent is None]
        return tuple(focused or found)

    def text(self, node: tree.Tree) -> str:
        """`[288, 35, 35]`, or `[256–288, 35, 35]` where uses differ; empty if it is not known."""
        rows = [self._extents(each) for each in self.behind(node)]
        rows = [row for row in rows if row]
        if not rows or len({tuple(map(len, row)) for row in rows}) != 1:
            return ""
        return ", ".join(_joined([row[at] for row in rows]) for at in range(len(rows[0])))

    def _extents(self, found: Occurrence) -> list[Extents]:
        net = self._net(found.instance)
        return [extents(shape, net) for shape in found.shapes if shape is not None and net is not None]

    def _net(self, instance: Instance) -> NetAnalysis | None:
        return self.nets.get(instance.lineage[0].word)

    def changes(self, written: tree.Tree) -> Iterator[tuple[tree.Step, str, bool]]:
        """The steps of a definition with the shapes behind them, and whether each changes what flows in."""
        for node in sorted(tree.nodes(written), key=lambda each: each.span.start):
            if isinstance(node, tree.Unit | tree.Block | tree.Bind | tree.Output | tree.Aux | tree.Override):
                chain = node.chain
                if chain is not None:
                    yield from self._along(chain, self._entering(chain.steps[0]) if chain.steps else "")

    def _entering(self, first: tree.Step) -> str:
        """What flows into the instances that a step starts."""
        rows = [row for each in self.behind(first) if (row := self._inputs.get(_owner(each.instance)))]
        return _joined(rows) if rows and len({len(row) for row in rows}) == 1 else ""

    @cached_property
    def _inputs(self) -> dict[Instance, Extents]:
        """What the first node of each instance reads."""
        found: dict[Instance, Extents] = {}
        for net in self.analysis.nets:
            graph = net.net.graph
            shapes = graph.shapes()
            for node in graph:
                if operands := graph.operands(node.name):
                    for instance in node.instance.lineage:
                        if instance not in found:
                            found[instance] = extents(shapes[operands[0]], net)
        return found

    def _along(self, chain: tree.Chain, before: str) -> Iterator[tuple[tree.Step, str, bool]]:
        for step in chain.steps:
            atom = step.atom
            inner = [rail.chain for rail in atom.rails] if isinstance(atom, tree.Merge) else []
            if isinstance(atom, tree.Group):
                inner = [atom.chain]
            for each in inner:
                yield from self._along(each, before)
            shape = self.text(step)
            starts = step is chain.steps[0] and is_value(step)
            yield step, shape, bool(shape) and shape != before and not starts
            before = shape


def is_value(step: tree.Step) -> bool:
    """Whether a step at the start of a chain may be the name of a value."""
    named = isinstance(step.atom, tree.Call) and step.atom.bare and not step.labels
    return not step.repeat and (named or isinstance(step.atom, tree.BlockInput | tree.Bundle))


def extents(shape: Shape, net: NetAnalysis) -> Extents:
    """A shape at the nominal size."""
    if not isinstance(shape, Image):
        return (int(shape.channels),)
    sizes = [(net.net.conditions.size(each), each) for each in (shape.height, shape.width)]
    return (int(shape.channels), *(str(each) if size is None else size for size, each in sizes))


def _joined(rows: Sequence[Extents]) -> str:
    return f"[{', '.join(_one(column) for column in zip(*rows, strict=True))}]"


def _one(column: tuple[int | str, ...]) -> str:
    numbers = [each for each in column if isinstance(each, int)]
    if len(numbers) == len(column):
        return spread(numbers)
    return str(column[0]) if len(set(column)) == 1 else "_"


def _is_inside(instance: Instance, use: Span) -> bool:
    """Whether an instance is, or lies in, what a step at this place uses."""
    return any(_same(each.span, use) for each in instance.lineage)


def _same(span: Span | None, other: Span) -> bool:
    if span is None:
        return False
    return span.start == other.start and span.source.name == other.source.name


def _owner(instance: Instance) -> Instance:
    while instance.kind == "sequence" and instance.parent:
        instance = instance.parent
    return instance
