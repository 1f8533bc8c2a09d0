"""What all parts of the elaborator work with, and how they report what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from incdsl.diagnostics import Diagnostic, Sink
from incdsl.diagnostics.limits import NumberTooLarge, TooDeep
from incdsl.diagnostics.shapes import DoesNotFit
from incdsl.elaborate.budget import Budget
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.names import Naming, Units
from incdsl.elaborate.node import Placer
from incdsl.elaborate.overrides import Overrides
from incdsl.elaborate.record import Record, Visit
from incdsl.elaborate.resolve import Definition, Names
from incdsl.elaborate.scope import Flow, Problem, Scope
from incdsl.elaborate.static_params import StaticParams
from incdsl.ir.conditions import Conditions
from incdsl.ir.graph import Graph
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.values import TooComplicated


@dataclass(eq=False)
class Tools:
    """The graph of one net while it is made, what counts and records, and what evaluates, names and places."""

    graph: Graph
    conditions: Conditions
    budget: Budget
    sink: Sink
    record: Record
    static: StaticParams = field(default_factory=StaticParams)
    naming: Naming = field(default_factory=Naming)
    cut: bool = False
    """Whether nodes were taken back, whose conditions on the size of the input are left."""
    whole: bool = True
    """Whether everything that flows is known."""
    head: str = ""
    """The auxiliary head that is being walked."""

    def __post_init__(self) -> None:
        self.evaluate = Expressions(self.budget, self.record, self.static)
        self.placer = Placer(self.graph, self.conditions, self.budget, self.sink)
        self._units: dict[tuple[Overrides, ...], Units] = {}

    def report(self, diagnostic: Diagnostic, scope: Scope) -> None:
        """Put a problem into the sink; who raised it does not know the path."""
        if scope.dry and isinstance(diagnostic, TooDeep):
            return  # nobody builds it
        note = diagnostic.note or self._redefinition(scope.around[-1] if scope.around else None, scope)
        if self.head and scope.overrides and isinstance(diagnostic, DoesNotFit):
            note = note or f"a variant may leave the head out: `without {self.head}`"
        self.sink.add(replace(diagnostic, path=diagnostic.path or scope.title, note=note))

    @contextmanager
    def visiting(self, node: tree.Tree, scope: Scope, entering: Flow, names: tuple[str, ...] = ()) -> Iterator[Visit]:
        """While something that is written is walked; a scope in which nothing is placed leaves no trace.

        Who visits says what comes out, before the end; what turns out to be no visit has None.
        """
        visit = Visit(node, scope.instance, names, entering, len(self.graph))
        around = self.record.open
        if scope.dry:
            yield visit
            return
        around[-1].parts.append(visit)
        around.append(visit)
        try:
            yield visit
        finally:
            around.pop()
            visit.stop = len(self.graph)
            if visit.leaving is None:
                around[-1].parts.remove(visit)

    def caught(self, error: Exception, scope: Scope, span: Span) -> None:
        """Report what ended a step, unless it was reported where it began."""
        self.whole = self.whole and scope.dry
        if isinstance(error, Problem):
            self.report(error.diagnostic, scope)
        elif isinstance(error, TooComplicated):
            self.report(NumberTooLarge(span=span, reason=str(error)), scope)

    def noted(self, problem: Problem, unit: Definition | None, scope: Scope) -> Problem:
        """A problem in the use of a unit: if a variant redefines the unit, it names the variant's line."""
        note = problem.diagnostic.note or self._redefinition(unit, scope)
        return Problem(replace(problem.diagnostic, note=note))

    def _redefinition(self, unit: Definition | None, scope: Scope) -> str:
        """Where a variant redefines a unit; empty if none does."""
        for overrides in scope.overrides:
            if span := overrides.redefined(unit) if unit else None:
                return f"`{span.text}` is redefined at {span}"
        return ""

    def units(self, scope: Scope) -> Units:
        """What names of units mean in a scope: a variant may have redefined them."""
        known = self._units.get(scope.overrides)
        if known is None:
            known = self._units[scope.overrides] = _units(scope.overrides)
        return known


def _units(overrides: tuple[Overrides, ...]) -> Units:
    def units(names: Names, name: str) -> Definition | None:
        unit = names.unit(name)
        for each in reversed(overrides) if unit else ():
            unit = each.unit(unit) if unit else None
        return unit

    return units
