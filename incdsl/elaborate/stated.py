"""Shapes that a spec states behind its steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from incdsl.diagnostics.names import BadExpression
from incdsl.diagnostics.shapes import AssertionFails
from incdsl.elaborate.expand import Link
from incdsl.elaborate.node import Location
from incdsl.elaborate.scope import UNKNOWN, Flow, One, Poisoned, Problem, Scope, Unknown, Value
from incdsl.elaborate.tools import Tools
from incdsl.elaborate.use import bad_flow
from incdsl.ir.graph import Chain, Input
from incdsl.ir.net import Assertion
from incdsl.syntax import tree
from incdsl.values import Extent, Image, Shape, TooComplicated, Vector


class Stated:
    """Holds values to what is stated; `pending` are statements about sizes that are free."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.pending: list[Assertion] = []

    def hold(self, link: Link, scope: Scope, flow: Flow) -> Flow:
        """What flows, held to the shape that is stated behind the step; where it is unknown, that shape is believed."""
        if link.shape is None or scope.dry or flow is None:
            return flow
        try:
            if isinstance(flow, tuple):
                reason = f"a shape is stated of one value, and here are {len(flow)}"
                raise bad_flow(link.shape.span, reason)
            stated = [self._extent(dim, scope) for dim in link.shape.items]
            if isinstance(flow, Unknown):
                return self._believed(link, scope, stated)
        except (Problem, Poisoned, TooComplicated) as error:
            self._tools.caught(error, scope, link.shape.span)
            return flow
        self._check(link.shape, scope, flow, stated)
        return flow

    def _believed(self, link: Link, scope: Scope, stated: list[Any]) -> One:
        """A value of a stated shape, in place of one that a mistake made unknown."""
        if len(stated) not in (1, 3) or not all(type(size) is int and size > 0 for size in stated):
            return UNKNOWN
        channels, *grid = stated
        shape: Shape = Image(channels, *map(Extent.fixed, grid)) if grid else Vector(channels)
        location = Location(link.span, Chain(""), self._tools.placer.step_number())
        return self._tools.placer.place(Input(shape=shape), [], scope, location)

    def _check(self, dims: tree.Dims, scope: Scope, flow: Value, stated: list[Any]) -> None:
        """Report a stated shape that does not hold."""
        shape = flow.shape
        actual: list[int | Extent] = [int(shape.channels)]
        if isinstance(shape, Image):
            for extent in (shape.height, shape.width):
                size = self._tools.conditions.size(extent)
                actual.append(extent if size is None else size)
        wrong = len(stated) != len(actual)
        for i, (mine, theirs) in enumerate(zip(actual, stated, strict=False)):
            if theirs is None or mine == theirs or (i and not scope.exact):
                continue
            if isinstance(mine, Extent) and isinstance(theirs, Extent) and mine.axis == theirs.axis:
                self.pending.append(Assertion(dims.span, scope.title, theirs, mine))
            else:
                wrong = True
        if wrong:
            texts = ("_" if s is None else str(s if isinstance(s, Extent) else int(s)) for s in stated)
            shown = self._tools.conditions.show(shape)
            self._tools.report(AssertionFails(span=dims.span, stated=f"[{', '.join(texts)}]", actual=shown), scope)

    def _extent(self, dim: tree.Expr, scope: Scope) -> Any:
        if isinstance(dim, tree.Variable) and dim.name == "_":
            return None
        size = self._tools.evaluate.number(dim, replace(scope, params={**scope.axes, **scope.params}))
        if isinstance(size, bool) or not isinstance(size, int | Extent):
            reason = f"a shape is made of whole numbers, and `{dim.span.text}` is none"
            raise Problem(BadExpression(span=dim.span, reason=reason))
        return size
