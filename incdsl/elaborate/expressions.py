"""Values of expressions and settings inside a scope."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from typing import Any

from incdsl.diagnostics.limits import NumberTooLarge
from incdsl.diagnostics.names import BadExpression
from incdsl.elaborate.scope import OpRef, Poisoned, Problem, Scope
from incdsl.ops import find
from incdsl.syntax import tree
from incdsl.values import Extent, Num, Real, TooComplicated

LARGEST = 10**18
MAX_ITEMS = 100_000
_INTEGER = {"+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class Items(tuple[Any, ...]):
    """A list of the spec; it knows how many items it holds in all, which doubling makes many soon."""

    @cached_property
    def size(self) -> int:
        """Items, and those of items."""
        return sum(item.size if isinstance(item, Items) else 1 for item in self)


class Expressions:
    """Evaluates expressions; `pin` is told every number on which the structure of the net comes to depend.

    `work` counts what was evaluated: terms, items of lists, and steps that were looked at.
    """

    def __init__(self, pin: Callable[[Scope, Any], None]) -> None:
        self._pin = pin
        self.work = 0

    def value(self, value: tree.Value, scope: Scope) -> Any:
        """A number, boolean, word, tuple or `OpRef`."""
        if isinstance(value, tree.List):
            self.work += len(value.items)
            items = Items(self.value(item, scope) for item in value.items)
            if items.size > MAX_ITEMS:
                reason = f"lists hold at most {MAX_ITEMS:,} items, those of inner lists included"
                raise Problem(NumberTooLarge(span=value.span, path=scope.title, reason=reason))
            return items
        if isinstance(value, tree.Word):
            return value.word
        if isinstance(value, tree.Nested):
            return OpRef(value.name, value.args, scope)
        bound = isinstance(value, tree.Variable) and (value.name in scope.params or value.name in scope.values)
        if isinstance(value, tree.Variable) and not bound and (value.name in scope.names or find(value.name)):
            return OpRef(value.name, (), scope)
        return self.number(value, scope)

    def number(self, expr: tree.Expr, scope: Scope) -> Any:
        """The value of an expression; usually an `int`, symbolic where parameters are."""
        self.work += 1
        match expr:
            case tree.Number(value=value) | tree.Boolean(value=value):
                return value
            case tree.Variable():
                return self._variable(expr, scope)
            case tree.InChannels():
                return self._in(expr, scope)
            case tree.Negative():
                return self._checked(-self._operand(expr.operand, scope), expr, scope)
            case tree.Arithmetic():
                result = self._operand(expr.first, scope)
                for sign, operand in expr.rest:
                    result = self._checked(self._apply(sign, result, operand, scope), expr, scope)
                return result

    def test(self, test: tree.Test, scope: Scope) -> bool:
        """Whether a condition holds; what it reads, in all of its parts, is decided at compile time."""
        if isinstance(test, tree.Junction):
            return self._junction(test, scope)
        if isinstance(test, tree.Comparison):
            left, right = self.number(test.left, scope), self.number(test.right, scope)
            self._pin(scope, left)
            self._pin(scope, right)
            self.work += sum(3 * side.size for side in (left, right) if isinstance(side, Items))
            unordered = any(isinstance(side, str | tuple | bool | OpRef) for side in (left, right))
            if unordered and test.operator not in ("==", "!="):
                raise self._bad(test, scope, "only numbers can be ordered")
            return _COMPARE[test.operator](left, right)
        value = self.number(test, scope)
        if not isinstance(value, bool):
            raise self._bad(test, scope, "a condition is made of comparisons, `true` and `false`")
        return value

    def _junction(self, test: tree.Junction, scope: Scope) -> bool:
        """As in Python, the first part that decides is the last that is looked at; the others are read, though."""
        decided = None
        for part in test.tests:
            if decided is None:
                holds = self.test(part, scope)
                decided = holds if holds == (test.word == "or") else None
            else:
                for variable in _variables(part):
                    self._pin(scope, self._variable(variable, scope))
        return decided if decided is not None else test.word == "and"

    def _variable(self, expr: tree.Variable, scope: Scope) -> Any:
        name = expr.name
        if name in scope.params:
            scope.used.add(name)
            return scope.params[name]
        if name in scope.values:
            scope.used.add(name)
            value = scope.values[name]
            if value is None:
                raise Poisoned
            return value.shape.channels
        close = get_close_matches(name, islice((*scope.params, *scope.values), 300), 1)
        raise Problem(
            BadExpression(
                span=expr.span, path=scope.title, reason=f"`{name}` is no parameter or value here",
                suggestion=close[0] if close else "",
            )
        )  # fmt: skip

    def _in(self, expr: tree.Expr, scope: Scope) -> int:
        if scope.input is None:
            reason = "a net has no `in`: its inputs have names" if scope.is_net else "nothing flows in here"
            raise self._bad(expr, scope, reason)
        return scope.input.shape.channels

    def _operand(self, expr: tree.Expr, scope: Scope) -> Any:
        value = self.number(expr, scope)
        if isinstance(value, bool) or not isinstance(value, int | float | Extent):
            raise self._bad(expr, scope, "arithmetic needs numbers")
        if isinstance(value, Real):
            self._pin(scope, value)
            return float(value)
        return value

    def _apply(self, sign: str, left: Any, operand: tree.Expr, scope: Scope) -> Any:
        right = self._operand(operand, scope)
        if isinstance(left, Extent) or isinstance(right, Extent):
            return self._extent(sign, left, right, operand, scope)
        if sign == "//":
            if isinstance(left, float) or isinstance(right, float):
                raise self._bad(operand, scope, "`//` divides whole numbers")
            if right == 0:
                raise self._bad(operand, scope, "division by zero")
            self._pin(scope, right)
        if isinstance(left, float) or isinstance(right, float):
            self._pin(scope, left)  # a symbol would be lost in a floating-point result
            self._pin(scope, right)
        self.work += 5 * isinstance(left, Num)  # its expression grows
        try:
            return _INTEGER[sign](left, right)
        except TooComplicated as error:
            raise Problem(NumberTooLarge(span=operand.span, path=scope.title, reason=str(error))) from None

    def _extent(self, sign: str, left: Any, right: Any, operand: tree.Expr, scope: Scope) -> Extent:
        if isinstance(left, int) and sign in "+*":
            left, right = right, left
        if isinstance(left, Extent) and isinstance(right, int):
            if sign in "+-":
                return left.floor_affine(1, int(right if sign == "+" else -right), 1)
            if sign == "*" and right > 0:
                return left.floor_affine(int(right), 0, 1)
            if sign == "//" and right > 0:
                return left.floor_affine(1, 0, int(right))
        raise self._bad(operand, scope, "a size may be added to, multiplied and divided by a number")

    def _checked(self, value: Any, expr: tree.Expr, scope: Scope) -> Any:
        if isinstance(value, int | float) and not isinstance(value, Num) and not abs(value) < LARGEST:
            raise Problem(NumberTooLarge(span=expr.span, path=scope.title, reason="the result has over 18 digits"))
        if isinstance(value, Num) and not abs(int(value)) < LARGEST:
            raise Problem(NumberTooLarge(span=expr.span, path=scope.title, reason="the result has over 18 digits"))
        return value

    def _bad(self, expr: tree.Tree, scope: Scope, reason: str) -> Problem:
        return Problem(BadExpression(span=expr.span, path=scope.title, reason=reason))


def _variables(test: tree.Test) -> Iterator[tree.Variable]:
    """The names in a condition."""
    match test:
        case tree.Variable():
            yield test
        case tree.Negative():
            yield from _variables(test.operand)
        case tree.Arithmetic():
            for part in (test.first, *(operand for _, operand in test.rest)):
                yield from _variables(part)
        case tree.Comparison():
            yield from (*_variables(test.left), *_variables(test.right))
        case tree.Junction():
            for each in test.tests:
                yield from _variables(each)
