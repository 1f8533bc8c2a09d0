"""An elaborated net: its graph, what the size of the input has to meet, and what the spec expects of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from incdsl.ir.conditions import Conditions
from incdsl.ir.graph import Graph
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


@dataclass(frozen=True, eq=False)
class Net:
    """An elaborated net."""

    name: str
    graph: Graph
    conditions: Conditions
    params: dict[str, Any]
    fixed: frozenset[str]
    """Parameters that are decided at compile time; the others are arguments of the generated constructor."""
    expectations: tuple[Expectation, ...]
    assertions: tuple[Assertion, ...]
