"""Shapes that a spec states after its steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from incdsl.diagnostics import Sink
from incdsl.diagnostics.shapes import AssertionFails
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.scope import Scope, Value
from incdsl.ir.conditions import Conditions
from incdsl.ir.net import Assertion
from incdsl.syntax import tree
from incdsl.values import Extent, Image


class Assertions:
    """Holds values to what is stated; `pending` are statements about sizes that are free."""

    def __init__(self, conditions: Conditions, evaluate: Expressions, sink: Sink) -> None:
        self._conditions = conditions
        self._evaluate = evaluate
        self._sink = sink
        self.pending: list[Assertion] = []

    def check(self, step: tree.Step, value: Value, scope: Scope) -> None:
        """Complain unless a value has the shape that its step states."""
        if step.shape is None:
            return
        dims, shape = step.shape.items, value.shape
        actual: list[int | Extent] = [int(shape.channels)]
        if isinstance(shape, Image):
            for extent in (shape.height, shape.width):
                size = self._conditions.size(extent)
                actual.append(extent if size is None else size)
        stated: list[Any] = []
        axes = {n: Extent.of(n) for n, size in self._conditions.nominal.items() if size is None}
        inner = replace(scope, params={**axes, **scope.params})
        for dim in dims:
            anything = isinstance(dim, tree.Variable) and dim.name == "_"
            stated.append(None if anything else self._evaluate.number(dim, inner))
        text = f"[{', '.join('_' if s is None else str(s if isinstance(s, Extent) else int(s)) for s in stated)}]"
        shown = self._conditions.show(shape)
        wrong = len(stated) != len(actual)
        for mine, theirs in zip(actual, stated, strict=False):
            if theirs is None or mine == theirs:
                continue
            if isinstance(mine, Extent) and isinstance(theirs, Extent) and mine.axis == theirs.axis:
                self.pending.append(Assertion(step.shape.span, scope.title, theirs, mine))
            else:
                wrong = True
        if wrong:
            self._sink.add(AssertionFails(span=step.shape.span, path=scope.title, stated=text, actual=shown))
