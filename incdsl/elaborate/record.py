"""What was seen on the way, for those who ask of a place in the text: shapes of steps, meanings of names."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from incdsl.elaborate.resolve import Definition
from incdsl.elaborate.scope import UNKNOWN, Flow, One, Scope, Value
from incdsl.ir.graph import Instance
from incdsl.ops import Op
from incdsl.syntax import tree
from incdsl.values import Shape

Meaning: TypeAlias = "Definition | type[Op] | tree.Tree"
"""What a name means: a unit, block or net, an op, or the node that declares a parameter or value."""


class Occurrence(NamedTuple):
    """One instance of something written: where it stands, and what comes out of it.

    `shapes` holds one shape for each value, None for one that is not known; a shape's channels are plain numbers in
    the symbols of the instance around it.
    """

    instance: Instance
    flow: Flow

    @property
    def values(self) -> tuple[One | None, ...]:
        """What comes out, one by one."""
        return self.flow if isinstance(self.flow, tuple) else (self.flow,)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that make the values; empty for one that is not known."""
        return tuple([value.node if isinstance(value, Value) else "" for value in self.values])

    @property
    def shapes(self) -> tuple[Shape | None, ...]:
        """The shapes of the values."""
        return tuple([value.shape if isinstance(value, Value) else None for value in self.values])

    @property
    def known(self) -> bool:
        """Whether all of its shapes are known."""
        return None not in self.shapes


@dataclass(eq=False, slots=True)
class Visit:
    """Something that was written, as the walk came by it: what flowed in, what came out, what it met inside.

    `parts` are in the order of the walk, which is that of the graph: `start` and `stop` say which of its nodes, in the
    order in which they were placed, belong to it. Where a variant puts something else, that is what was visited; what
    a choice leaves out was not.
    """

    node: tree.Tree
    """A chain, step, merge, rail, factor, bound name, output, head; a block or net; or what a repetition repeats."""
    instance: Instance
    """Where it stands; of a block or net, itself."""
    names: tuple[str, ...]
    """The names that it was given, or the arguments that a block or net was given."""
    entering: Flow
    """What flowed in; None for a value that starts a chain."""
    start: int
    leaving: Flow = UNKNOWN
    stop: int = 0
    parts: list[Visit] = field(default_factory=list)


class Record:
    """Notes what each written construct came to, and what each name means."""

    def __init__(self) -> None:
        self.occurrences: dict[tree.Tree, list[Occurrence]] = defaultdict(list)
        self.looked_at: dict[tree.Tree, Occurrence] = {}
        """What was only looked at: it may have no instance."""
        self.meanings: dict[tree.Tree, Meaning] = {}
        self.used: set[Definition] = set()
        """Definitions that a step names."""
        self.walked: set[Definition] = set()
        """Those of which an instance was elaborated, with values that are known."""
        self.glanced: set[tree.Tree] = set()
        """Choices that are not made, and were looked at."""
        self.open: list[Visit] = []
        """What is being visited, the net first."""

    def took_back(self, size: int) -> None:
        """Forget what was visited last: so many nodes stay, and nothing of it is among them."""
        parts = self.open[-1].parts
        while parts and parts[-1].start >= size:
            parts.pop()

    def came(self, node: tree.Tree, scope: Scope, flow: Flow) -> None:
        """Note what comes out of a step, factor or head, or what a name is bound to."""
        if scope.dry:
            self.looked_at.setdefault(node, Occurrence(scope.instance, flow))
        else:
            self.occurrences[node].append(Occurrence(scope.instance, flow))

    def means(self, use: tree.Tree, meaning: Meaning) -> None:
        """Note what a name means where it is used."""
        self.meanings.setdefault(use, meaning)
