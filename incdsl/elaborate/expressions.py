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
from incdsl.elaborate.budget import Budget
from incdsl.elaborate.record import Record
from incdsl.elaborate.scope import OpRef, Poisoned, Problem, Scope, Unknown, Value
from incdsl.elaborate.static_params import StaticParams
from incdsl.elaborate.suggest import refuse_head, unknown_name
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
    """Evaluates expressions; every number on which the structure of the net comes to depend is static from then on."""

    def __init__(self, budget: Budget, record: Record, static: StaticParams) -> None:
        self._budget = budget
        self._record = record
        self._static = static

    def pin(self, scope: Scope, value: Any) -> None:
        """Note that the structure depends on a number."""
        if not scope.dry:
            self._static.pin(scope.instance, value)

    def value(self, value: tree.Value, scope: Scope) -> Any:
        """A number, boolean, word, tuple or `OpRef`."""
        match value:
            case tree.List(items=items):
                self._budget.spend(len(items), value)
                found = Items([self.value(item, scope) for item in items])
                if found.size > MAX_ITEMS:
                    reason = f"lists hold at most {MAX_ITEMS:,} items, those of inner lists included"
                    raise Problem(NumberTooLarge(span=value.span, reason=reason))
                return found
            case tree.Word(word=word):
                return word
            case tree.Nested(name=name, args=args):
                if not self._op_meaning(name, name.text, scope):
                    raise Problem(unknown_name(name, scope))
                return OpRef(name, args, scope)
            case tree.Variable(name=text) if text not in scope.params and text not in scope.values:
                if self._op_meaning(value, text, scope):
                    return OpRef(tree.Name(text, parts=value.parts), (), scope)
        return self.number(value, scope)

    def _op_meaning(self, use: tree.Tree, name: str, scope: Scope) -> bool:
        """Note which op, unit or block a name means, if it means one."""
        meaning = scope.names[name] if name in scope.names else find(name)
        if meaning is not None:
            self._record.means(use, meaning)
        return meaning is not None

    def number(self, expr: tree.Expr, scope: Scope) -> Any:
        """The value of an expression; usually an `int`, symbolic where parameters are."""
        self._budget.spend(1, expr)
        match expr:
            case tree.Number(value=value) | tree.Boolean(value=value):
                return value
            case tree.Variable():
                return self._variable(expr, scope)
            case tree.InChannels():
                return self._in(expr, scope)
            case tree.Parenthesized():
                return self.number(expr.inner, scope)
            case tree.Negative():
                return self._checked(-self._operand(expr.operand, scope), expr)
            case tree.Arithmetic():
                result = self._operand(expr.first, scope)
                for sign, operand in expr.rest:
                    result = self._checked(self._apply(sign, result, operand, scope), expr)
                return result
            case tree.Error():
                raise Poisoned

    def test(self, test: tree.Test, scope: Scope) -> bool:
        """Whether a condition holds; what it reads, in all of its parts, is decided at compile time."""
        if isinstance(test, tree.Junction):
            return self._junction(test, scope)
        if isinstance(test, tree.Comparison):
            left, right = self.number(test.left, scope), self.number(test.right, scope)
            self.pin(scope, left)
            self.pin(scope, right)
            self._budget.spend(sum(3 * side.size for side in (left, right) if isinstance(side, Items)), test)
            unordered = any(isinstance(side, str | tuple | bool | OpRef) for side in (left, right))
            if unordered and test.operator not in ("==", "!="):
                raise self._bad(test, "only numbers can be ordered")
            return _COMPARE[test.operator](left, right)
        value = self.number(test, scope)
        if not isinstance(value, bool):
            raise self._bad(test, "a condition is made of comparisons, `true` and `false`")
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
                    self.pin(scope, self._variable(variable, scope))
        return decided if decided is not None else test.word == "and"

    def _variable(self, expr: tree.Variable, scope: Scope) -> Any:
        name = expr.name
        if declared := scope.declared.get(name):
            self._record.means(expr, declared)
        if name in scope.params:
            scope.read.add(name)
            return known(scope.params[name])
        if name in scope.heads:
            refuse_head(name, expr.span)
        if name in scope.values:
            scope.read.add(name)
            value = scope.values[name]
            if not isinstance(value, Value):
                raise Poisoned
            return value.shape.channels
        if not name:
            raise Poisoned
        close = get_close_matches(name, islice((*scope.params, *scope.values), 300), 1)
        reason = f"`{name}` is not a parameter or value here"
        raise Problem(BadExpression(span=expr.span, reason=reason, suggestion=close[0] if close else ""))

    def _in(self, expr: tree.Expr, scope: Scope) -> int:
        if scope.input is None:
            reason = "nothing flows in here"
            if scope.is_net:
                reason = "a net has no `in`: its inputs have names"
            elif scope.instance.kind == "block":
                reason = "a block with several inputs has no `in`: its inputs have names"
            raise self._bad(expr, reason)
        if not isinstance(scope.input, Value):
            raise Poisoned
        return scope.input.shape.channels

    def _operand(self, expr: tree.Expr, scope: Scope) -> Any:
        value = self.number(expr, scope)
        if isinstance(value, bool) or not isinstance(value, int | float | Extent):
            raise self._bad(expr, "arithmetic needs numbers")
        if isinstance(value, Real):
            self.pin(scope, value)
            return float(value)
        return value

    def _apply(self, sign: str, left: Any, operand: tree.Expr, scope: Scope) -> Any:
        right = self._operand(operand, scope)
        if isinstance(left, Extent) or isinstance(right, Extent):
            return self._extent(sign, left, right, operand)
        if sign == "//":
            if isinstance(left, float) or isinstance(right, float):
                raise self._bad(operand, "`//` divides whole numbers")
            if right == 0:
                raise self._bad(operand, "division by zero")
            self.pin(scope, right)
        if isinstance(left, float) or isinstance(right, float):
            self.pin(scope, left)  # a symbol would be lost in a floating-point result
            self.pin(scope, right)
        if isinstance(left, Num):
            self._budget.spend(5, operand)  # its expression grows
        try:
            return _INTEGER[sign](left, right)
        except TooComplicated as error:
            raise Problem(NumberTooLarge(span=operand.span, reason=str(error))) from None

    def _extent(self, sign: str, left: Any, right: Any, operand: tree.Expr) -> Extent:
        if isinstance(left, int) and sign in "+*":
            left, right = right, left
        if isinstance(left, Extent) and isinstance(right, int):
            if sign in "+-":
                return left.floor_affine(1, int(right if sign == "+" else -right), 1)
            if sign == "*" and right > 0:
                return left.floor_affine(int(right), 0, 1)
            if sign == "//" and right > 0:
                return left.floor_affine(1, 0, int(right))
        raise self._bad(operand, "a size may be added to, multiplied and divided by a number")

    def _checked(self, value: Any, expr: tree.Expr) -> Any:
        if isinstance(value, int | float) and not isinstance(value, Num) and not abs(value) < LARGEST:
            raise Problem(NumberTooLarge(span=expr.span, reason="the result has over 18 digits"))
        if isinstance(value, Num) and not abs(int(value)) < LARGEST:
            raise Problem(NumberTooLarge(span=expr.span, reason="the result has over 18 digits"))
        return value

    def _bad(self, expr: tree.Tree, reason: str) -> Problem:
        return Problem(BadExpression(span=expr.span, reason=reason))


def _variables(test: tree.Test) -> Iterator[tree.Variable]:
    """The names in a condition."""
    return (node for node in tree.nodes(test) if isinstance(node, tree.Variable))


def known(value: Any) -> Any:
    """The value of a parameter. Raises `Poisoned` if it has none."""
    if isinstance(value, Unknown):
        raise Poisoned
    return value
