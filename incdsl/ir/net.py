"""A net: its graph, what the size of the input has to meet, what the spec expects of it, and what passes did to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from incdsl.ir.conditions import Conditions
from incdsl.ir.graph import Graph, Node
from incdsl.ir.schedule import Schedule
from incdsl.ir.weight_expr import Kept, WeightExpr
from incdsl.source import Span
from incdsl.values import Extent


@dataclass(frozen=True, slots=True)
class Assertion:
    """A stated extent of a net whose input size is free, checked for all legal sizes."""

    span: Span
    path: str
    stated: Extent
    actual: Extent


@dataclass(frozen=True, slots=True)
class Expectation:
    """A fact that the spec states; its value is known, whether it holds is not yet."""

    fact: str
    value: int | str
    span: Span
    """Of the stated value."""
    fact_span: Span


@dataclass(frozen=True, slots=True)
class Event:
    """A pass at a place: it changed something there, or declined to for a reason."""

    rule: str
    path: str
    applied: bool
    text: str


Level = Literal["train", "inference"]
"""What passes prepare a net for."""


@dataclass(frozen=True, eq=False)
class Net:
    """An elaborated net, or what passes have made of one."""

    name: str
    graph: Graph
    conditions: Conditions
    params: dict[str, Any]
    fixed: frozenset[str]
    """Parameters that are decided at compile time; the others are arguments of the generated constructor."""
    expectations: tuple[Expectation, ...]
    assertions: tuple[Assertion, ...]
    level: Level | None = None
    """What passes have prepared it for; None as it was elaborated."""
    weight_exprs: Mapping[str, WeightExpr] = field(default_factory=dict)
    """Where weights come from, by node: of those that passes made or moved. Others keep the weights of their path."""
    trace: tuple[Event, ...] = ()
    """What passes did, in order, and where they declined."""
    ways: Mapping[str, str] = field(default_factory=dict)
    """How layers were measured to be fastest, by their paths; the rules that make layers of steps follow it.

    `incdsl.passes.ways` has the words.
    """
    batch: int = 1
    """How many images at a time the choice between ways is made for."""
    higher_order: bool = False
    """Whether convolutions may be by schemes of Winograd's that lose more digits than others."""
    schedule: Schedule | None = None
    """What runs on which stream, if it was decided; after it no pass may change the graph."""
    origin: Net | None = None
    """The elaborated net of which passes made this one; None for itself."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """Paths of modules of the elaborated net that passes dropped: its auxiliary heads."""
        heads = self.origin.graph.heads if self.origin else []
        kept = {head.name for head in self.graph.heads}
        return tuple(head.instance.path for head in heads if head.name not in kept)

    def weight_expr(self, node: Node) -> WeightExpr:
        """Where the weights of a node come from."""
        return self.weight_exprs.get(node.name) or Kept(node.path)
