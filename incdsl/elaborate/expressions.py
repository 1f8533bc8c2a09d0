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
from incdsl.elaborate.functions import FUNCTIONS, MAX_ARGUMENTS
from incdsl.elaborate.record import Record
from incdsl.elaborate.resolve import Definition
from incdsl.elaborate.scope import OpRef, Poisoned, Problem, Scope, Unknown, Value
from incdsl.elaborate.static_params import StaticParams
from incdsl.elaborate.suggest import refuse_head, unknown_name
from incdsl.ops import Op, find
from incdsl.syntax import tree
from incdsl.values import Extent, Num, Real, TooComplicated
from incdsl.values.num import as_written, unwritten

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


class OneOf(str):
    """The word that a parameter is, and those that it may be."""

    words: tuple[str, ...]

    def __new__(cls, word: str, words: tuple[str, ...]) -> OneOf:
        """The word, which must be one of the others."""
        made = super().__new__(cls, word)
        made.words = words
        return made


_KINDS: tuple[tuple[str, type | tuple[type, ...]], ...] = (
    ("a truth value", bool), ("a word", str), ("a list", tuple), ("an op", OpRef), ("a size", Extent),
)  # fmt: skip


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

    def value(self, expr: tree.Expr, scope: Scope) -> Any:
        """A number, boolean, word, tuple or `OpRef`; numbers are symbolic where parameters are."""
        self._budget.spend(1, expr)
        match expr:
            case tree.Number(value=value) | tree.Boolean(value=value):
                return value
            case tree.Word(word=word):
                return word
            case tree.Variable(name=text):
                if text in scope.params or text in scope.values or not text:
                    return self._variable(expr, scope)
                if not self._op_meaning(expr, text, scope):
                    raise Problem(unknown_name(tree.Name(text, parts=expr.parts), scope))
                return OpRef(tree.Name(text, parts=expr.parts), (), scope)
            case tree.InChannels():
                return self._in(expr, scope)
            case tree.Parenthesized():
                return self.value(expr.inner, scope)
            case tree.Error():
                raise Poisoned
        return self._composed(expr, scope)

    def _composed(self, expr: tree.Expr, scope: Scope) -> Any:
        match expr:
            case tree.Negative():
                return self._checked(-self._operand(expr.operand, scope), expr)
            case tree.Arithmetic():
                result = self._operand(expr.first, scope)
                for sign, operand in expr.rest:
                    result = self._checked(self._apply(sign, result, operand, scope), expr)
                return result
            case tree.List(items=items):
                return self._list(items, expr, scope)
            case tree.Nested():
                return self._nested(expr, scope)
            case tree.Conditional():
                return self._chosen(expr, scope)
        return self.test(expr, scope)

    def number(self, expr: tree.Expr, scope: Scope) -> Any:
        """The value of an expression where a name can only be that of a parameter or value."""
        return self._variable(expr, scope) if isinstance(expr, tree.Variable) else self.value(expr, scope)

    def _list(self, items: tuple[tree.Expr, ...], expr: tree.Expr, scope: Scope) -> Items:
        self._budget.spend(len(items), expr)
        found = Items([self.value(item, scope) for item in items])
        if found.size > MAX_ITEMS:
            reason = f"lists hold at most {MAX_ITEMS:,} items, those of inner lists included"
            raise Problem(NumberTooLarge(span=expr.span, reason=reason))
        return found

    def _nested(self, expr: tree.Nested, scope: Scope) -> Any:
        """An op with its settings, or what a function makes of numbers."""
        name = expr.name.text
        if name in FUNCTIONS:
            return self._called(expr, scope)
        if not self._op_meaning(expr.name, name, scope):
            raise Problem(unknown_name(expr.name, scope))
        return OpRef(expr.name, expr.args, scope)

    def _called(self, expr: tree.Nested, scope: Scope) -> Any:
        function, least, most = FUNCTIONS[expr.name.text]
        named = any(isinstance(arg, tree.Arg) and arg.name for arg in expr.args)
        if named or not least <= len(expr.args) <= most:
            takes = (
                str(least) if least == most else f"{least} to {most}" if most < MAX_ARGUMENTS else f"{least} or more"
            )
            raise self._bad(expr, f"`{expr.name.text}` takes {takes} number{'s' * (most > 1)}, without names")
        numbers = []
        for arg in expr.args:
            if isinstance(arg, tree.Error):
                raise Poisoned
            number = self._operand(arg.value, scope)
            if isinstance(number, Extent):
                raise self._bad(arg, f"`{expr.name.text}` takes no size of the input")
            self.pin(scope, number)
            numbers.append(int(number) if isinstance(number, int) else float(number))
        try:
            return self._checked(function(*numbers), expr)
        except ValueError as error:
            raise self._bad(expr, str(error)) from None

    def _callable(self, name: tree.Name, scope: Scope) -> bool:
        return name.text in FUNCTIONS or self._op_meaning(name, name.text, scope)

    def _op_meaning(self, use: tree.Tree, name: str, scope: Scope) -> bool:
        """Note which op, unit or block a name means, if it means one."""
        meaning = self._meaning(name, scope)
        if meaning is not None:
            self._record.means(use, meaning)
        return meaning is not None

    def _meaning(self, name: str, scope: Scope) -> Definition | type[Op] | None:
        return scope.names[name] if name in scope.names else find(name)

    # Tests

    def test(self, test: tree.Expr, scope: Scope) -> bool:
        """Whether a condition holds; what it reads, in all of its parts, is decided at compile time."""
        match test:
            case tree.Junction():
                return self._junction(test, scope)
            case tree.Negation():
                return not self.test(test.test, scope)
            case tree.Comparison():
                return self._comparison(test, scope)
            case tree.Parenthesized():
                return self.test(test.inner, scope)
        value = self.number(test, scope)
        if not isinstance(value, bool):
            raise self._bad(test, "a condition is made of comparisons, `true` and `false`")
        return value

    def _comparison(self, test: tree.Comparison, scope: Scope) -> bool:
        left, right = self._sides(test, scope)
        kinds = kind_of(left), kind_of(right)
        if kinds[0] != kinds[1]:
            raise self._bad(test, f"{kinds[0]} and {kinds[1]} cannot be compared")
        if kinds[0] != "a number" and test.operator not in ("==", "!="):
            raise self._bad(test, "only numbers can be ordered")
        self.pin(scope, left)
        self.pin(scope, right)
        self._budget.spend(sum(3 * side.size for side in (left, right) if isinstance(side, Items)), test)
        if isinstance(left, OpRef):
            left, right = (self._meaning(side.name.text, side.scope) for side in (left, right))
        return _COMPARE[test.operator](left, right)

    def _sides(self, test: tree.Comparison, scope: Scope) -> tuple[Any, Any]:
        """Both sides of a comparison; beside a parameter that is a word, a name is one of its words."""
        sides = test.left, test.right
        for i, side in enumerate(sides):
            if self._is_word(side, scope):
                word = self.value(side, scope)
                other = self.word(sides[1 - i], word.words, scope, f"`{side.span.text}`")
                return (word, other) if i == 0 else (other, word)
        return self.value(test.left, scope), self.value(test.right, scope)

    def _is_word(self, expr: tree.Expr, scope: Scope) -> bool:
        """Whether an expression is the name of a parameter that is a word."""
        return isinstance(expr, tree.Variable) and isinstance(scope.params.get(expr.name), OneOf)

    def word(self, expr: tree.Expr, words: tuple[str, ...], scope: Scope, whose: str) -> OneOf:
        """One of the words that a parameter may be: written as it is, handed on from another one, or chosen."""
        match expr:
            case tree.Parenthesized():
                return self.word(expr.inner, words, scope, whose)
            case tree.Conditional():
                then, other = (self.word(each, words, scope, whose) for each in (expr.then, expr.other))
                return then if self.test(expr.test, scope) else other
            case tree.Variable(name=text) if text not in scope.params:
                found: Any = text
            case _:
                found = self.number(expr, scope)
        if isinstance(found, str) and found in words:
            return OneOf(found, words)
        listed = ", ".join(f"`{word}`" for word in words)
        close = get_close_matches(found if isinstance(found, str) else "", words, 1)
        reason = f"{whose} is one of {listed}"
        raise Problem(BadExpression(span=expr.span, reason=reason, suggestion=close[0] if close else ""))

    def _chosen(self, expr: tree.Conditional, scope: Scope) -> Any:
        holds = self.test(expr.test, scope)
        self.read(expr.other if holds else expr.then, scope)
        return self.value(expr.then if holds else expr.other, scope)

    def read(self, expr: tree.Expr, scope: Scope) -> None:
        """Hold the names in an expression whose value does not matter to being there."""
        words: set[tree.Tree] = set()
        for node in tree.nodes(expr):
            if isinstance(node, tree.Comparison) and any(
                self._is_word(side, scope) for side in (node.left, node.right)
            ):
                self._sides(node, scope)
                words |= {node.left, node.right}
            elif isinstance(node, tree.Nested) and not self._callable(node.name, scope):
                raise Problem(unknown_name(node.name, scope))
        for variable in _variables(expr):
            name = variable.name
            known = name in scope.params or name in scope.values
            if variable not in words and (known or not self._op_meaning(variable, name, scope)):
                self._variable(variable, scope)

    def _junction(self, test: tree.Junction, scope: Scope) -> bool:
        """As in Python, the first part that decides is the last that is looked at; the others are read, though."""
        decided = None
        for part in test.tests:
            if decided is None:
                holds = self.test(part, scope)
                decided = holds if holds == (test.word == "or") else None
            else:
                self.read(part, scope)
                for variable in _variables(part):
                    if variable.name in scope.params or variable.name in scope.values:
                        self.pin(scope, self._variable(variable, scope))
        return decided if decided is not None else test.word == "and"

    def _variable(self, expr: tree.Variable, scope: Scope) -> Any:
        name = expr.name
        if declared := scope.declared.get(name):
            self._record.means(expr, declared)
        if name in scope.params:
            scope.read.add(name)
            value = known(scope.params[name])
            return unwritten(value) if isinstance(value, Num) else value
        if name in scope.heads:
            refuse_head(name, expr.span)
        if name in scope.values:
            scope.read.add(name)
            bound = scope.values[name]
            if not isinstance(bound, Value):
                raise Poisoned
            return unwritten(bound.shape.channels)
        if not name:
            raise Poisoned
        close = get_close_matches(name, islice((*scope.params, *scope.values), 300), 1)
        reason = f"`{name}` is not a parameter or value here"
        if name in FUNCTIONS:
            reason, close = f"`{name}` is a function; its use as a width stands in parentheses: `@({name}(…))`", []
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
        return unwritten(scope.input.shape.channels)

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
        if sign in ("//", "%"):
            if isinstance(left, float) or isinstance(right, float):
                raise self._bad(operand, f"`{sign}` divides whole numbers")
            if right == 0:
                raise self._bad(operand, "division by zero")
            self.pin(scope, right)
        if sign == "%":
            self.pin(scope, left)
            return int(left) % int(right)
        if isinstance(left, float) or isinstance(right, float):
            self.pin(scope, left)  # a symbol would be lost in a floating-point result
            self.pin(scope, right)
        if isinstance(left, Num):
            self._budget.spend(5, operand)  # its expression grows
        try:
            return as_written(sign, left, right, _INTEGER[sign](left, right))
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


def kind_of(value: Any) -> str:
    """What kind of value something is, in words."""
    for kind, types in _KINDS:
        if isinstance(value, types):
            return kind
    return "a number"


def _variables(test: tree.Expr) -> Iterator[tree.Variable]:
    """The names in an expression."""
    return (node for node in tree.nodes(test) if isinstance(node, tree.Variable))


def known(value: Any) -> Any:
    """The value of a parameter. Raises `Poisoned` if it has none."""
    if isinstance(value, Unknown):
        raise Poisoned
    return value
