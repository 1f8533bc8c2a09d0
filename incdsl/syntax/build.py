"""From reductions of the LALR parser to the surface tree: one method per grammar rule, called bottom-up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from incdsl.diagnostics import Sink
from incdsl.diagnostics.limits import NumberTooLarge
from incdsl.syntax import tree
from incdsl.syntax.lexer import MAX_DIGITS
from incdsl.syntax.node import Part, Tree
from incdsl.syntax.table import Rule
from incdsl.syntax.tokens import Token

_LONGEST = 1_000
"""Characters of a whole number beyond which nobody reads its value."""


class Many:
    """Parts that belong to the node around them: what a repetition of the grammar has gathered, or a pair of brackets.

    Long lists grow in place and are shared: each `Many` is the first `size` parts of one, so that a parse that goes
    back to where it stood before finds what it had there.
    """

    __slots__ = ("_shared", "_size")

    def __init__(self, shared: list[Any]) -> None:
        self._shared = shared
        self._size = len(shared)

    @property
    def parts(self) -> list[Any]:
        """Its own parts."""
        return self._shared[: self._size]

    def extended(self, more: list[Any]) -> Many:
        """These parts and more."""
        shared = self._shared if len(self._shared) == self._size else self.parts
        shared += more
        return Many(shared)


class Builder:
    """Builds tree nodes from the parts of each reduced rule: tokens, nodes, or a `Many` of them.

    A node keeps all of its parts, so that the tree gives its text back.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._methods: dict[str, Callable[[list[Any]], Any]] = {}

    def reduce(self, rule: Rule, parts: list[Any]) -> Any:
        """The value of a rule whose parts are there."""
        if rule.repeats:
            first = parts[0]
            return first.extended(_flat(parts[1:])) if isinstance(first, Many) else Many(_flat(parts))
        if rule.transparent and len(parts) == 1:
            return parts[0]
        method = self._methods.get(rule.method)
        if method is None:
            method = self._methods[rule.method] = getattr(self, "_" + rule.method)
        return method(_flat(parts))

    # Definitions

    def _start(self, parts: list[Any]) -> tree.File:
        items = (tree.Import, tree.Unit, tree.Block, tree.Net, tree.Error)
        return tree.File(_first(parts, tree.Edition), _all(parts, items), parts=tuple(parts))

    def _edition(self, parts: list[Any]) -> tree.Edition:
        return tree.Edition(_whole(parts[1]), parts=tuple(parts))

    def _import(self, parts: list[Any]) -> tree.Import:
        return tree.Import(_text(parts[1]), _all(parts, tree.Used), parts=tuple(parts))

    def _used(self, parts: list[Any]) -> tree.Used:
        return tree.Used(_name(parts[0]), _name(parts[-1]), parts=tuple(parts))

    def _unit(self, parts: list[Any]) -> tree.Unit:
        return tree.Unit(_name(parts[1]), _all(parts, tree.Param), parts[-1], parts=tuple(parts))

    def _block(self, parts: list[Any]) -> tree.Block:
        items = _all(parts, (tree.Inputs, tree.Let, tree.Bind, tree.Output, tree.Error))
        chain = _first(parts, tree.Chain)
        return tree.Block(_name(parts[1]), _all(parts, tree.Param), items, chain, parts=tuple(parts))

    def _net(self, parts: list[Any]) -> tree.Net:
        items = _all(parts, (tree.Input, tree.Output, tree.Aux, tree.Expect, tree.Let, tree.Bind, tree.Error))
        variant = _first(parts, tree.Variant)
        return tree.Net(_name(parts[1]), _all(parts, tree.Param), items, variant, parts=tuple(parts))

    def _variant(self, parts: list[Any]) -> tree.Variant:
        braced = parts[next((i for i, part in enumerate(parts) if _is(part, "WITH")), len(parts)) :]
        kinds = (tree.Override, tree.Unit, tree.Without, tree.Input, tree.Output, tree.Expect, tree.Error)
        items = _all(braced, kinds)
        return tree.Variant(_name(parts[0]), _args(parts[: len(parts) - len(braced)]), items, parts=tuple(parts))

    def _override(self, parts: list[Any]) -> tree.Override:
        return tree.Override(_name(parts[0]), parts[2], parts=tuple(parts))

    def _without(self, parts: list[Any]) -> tree.Without:
        return tree.Without(_name(parts[1]), parts=tuple(parts))

    def _params(self, parts: list[Any]) -> Many:
        return Many(parts)

    def _param(self, parts: list[Any]) -> tree.Param:
        return tree.Param(_name(parts[0]), parts[2] if len(parts) > 1 else None, parts=tuple(parts))

    def _words(self, parts: list[Any]) -> tree.Words:
        names = tuple([_name(part) for part in parts if _is(part, "NAME")])
        return tree.Words(names, parts=tuple(parts))

    def _let(self, parts: list[Any]) -> tree.Let:
        return tree.Let(_name(parts[1]), parts[3], parts=tuple(parts))

    def _input(self, parts: list[Any]) -> tree.Input:
        return tree.Input(_name(parts[1]), parts[2], parts=tuple(parts))

    def _inputs(self, parts: list[Any]) -> tree.Inputs:
        return tree.Inputs(_names(parts[1:]), parts=tuple(parts))

    def _output(self, parts: list[Any]) -> tree.Output:
        return tree.Output(_names(parts[1:]), parts[-1], parts=tuple(parts))

    def _aux(self, parts: list[Any]) -> tree.Aux:
        return tree.Aux(_name(parts[1]), _args(parts), parts[-1], parts=tuple(parts))

    def _expect(self, parts: list[Any]) -> tree.Expect:
        value = parts[3]
        return tree.Expect(_name(parts[1]), _text(value) if _is(value, "STRING") else value, parts=tuple(parts))

    def _bind(self, parts: list[Any]) -> tree.Bind:
        return tree.Bind(_names(parts), parts[-1], parts=tuple(parts))

    def _error(self, parts: list[Any]) -> tree.Error:
        error: tree.Error = parts[0]
        return error

    # Chains and rails

    def _chain(self, parts: list[Any]) -> tree.Chain:
        return tree.Chain(_all(parts, tree.Step), parts=tuple(parts))

    def _step(self, parts: list[Any]) -> tree.Step:
        atom = _first(parts, (tree.Call, tree.BlockInput, tree.Group, tree.Bundle, tree.Merge, tree.Error))
        repeat = _first(parts, (tree.Times, tree.Each, tree.When))
        labels = tuple([label for label in _all(parts, tree.Label) if label.text])
        return tree.Step(labels, atom, repeat, _first(parts, tree.Dims), parts=tuple(parts))

    def _label(self, parts: list[Any]) -> Many:
        return Many(parts)

    def _part(self, parts: list[Any]) -> tree.Label:
        text = parts[0].text
        return tree.Label(text.removesuffix(".."), text.endswith(".."), parts=tuple(parts))

    def _name(self, parts: list[Any]) -> Token:
        token: Token = parts[0]
        return token

    def _times(self, parts: list[Any]) -> tree.Times:
        return tree.Times(parts[1], parts=tuple(parts))

    def _each(self, parts: list[Any]) -> tree.Each:
        rows: Any = next(part for part in reversed(parts) if isinstance(part, Tree))
        return tree.Each(_names(parts[1:]), rows, parts=tuple(parts))

    def _when(self, parts: list[Any]) -> tree.When:
        return tree.When(parts[1], _first(parts[2:], tree.Step), parts=tuple(parts))

    def _alternative(self, parts: list[Any]) -> tree.Step:
        choice = None
        if len(parts) > 1:
            choice = tree.When(parts[2], parts[4], parts=tuple(parts[1:]))
        return tree.Step((), parts[0], choice, parts=(parts[0], choice) if choice else tuple(parts))

    def _else_rail(self, parts: list[Any]) -> tree.Else:
        return tree.Else(parts[2] if len(parts) > 2 else None, parts=tuple(parts))

    _each_rail = _each
    _when_rail = _when

    def _block_input(self, parts: list[Any]) -> tree.BlockInput | tree.Error:
        return tree.BlockInput(parts=tuple(parts)) if _written(parts) else tree.Error(parts=tuple(parts))

    def _group(self, parts: list[Any]) -> tree.Group:
        return tree.Group(parts[1], parts=tuple(parts))

    def _bundle(self, parts: list[Any]) -> tree.Bundle:
        labels: tuple[tree.Label, ...] = _all(parts, tree.Label)
        names = tuple([tree.Name(label.text, parts=label.parts) for label in labels])
        return tree.Bundle(names, parts=tuple(parts))

    def _merge(self, parts: list[Any]) -> tree.Merge:
        return tree.Merge(_name(parts[0]), _args(parts), _all(parts, tree.Rail), parts=tuple(parts))

    def _rail(self, parts: list[Any]) -> tree.Rail:
        return tree.Rail(_first(parts, (tree.Each, tree.When, tree.Else)), parts[-1], parts=tuple(parts))

    def _call(self, parts: list[Any]) -> tree.Call:
        sigils: dict[str, Any] = {"factors": _first(parts, (tree.Factors,))}
        for part in parts[1:]:
            if isinstance(part, _Sigil):
                sigils[part.word] = part.value
            elif isinstance(part, tree.Padding):
                sigils["padding"] = part
            elif isinstance(part, tree.Number):
                sigils["number"] = part
            elif isinstance(part, tree.Error):
                sigils["width"] = part  # whatever it was meant to be
            elif _is(part, "KERNEL"):
                sigils["kernel"] = _kernel(part)
            elif _is(part, "CEIL"):
                sigils["ceil"] = tree.Word(part.text, parts=(part,))
            elif _is(part, "LPAR"):
                break  # numbers behind it are settings
        return tree.Call(_name(parts[0]), args=_args(parts), **sigils, parts=tuple(parts))

    def _pad_call(self, parts: list[Any]) -> tree.Call:
        name = tree.Name(parts[0].text, parts=(parts[0],))
        padding = None if parts[1].type == "LPAR" else self._padding(parts)
        return tree.Call(name, padding=padding, args=_args(parts), parts=tuple(parts))

    def _stride(self, parts: list[Any]) -> _Sigil:
        value = parts[1]
        return _Sigil("stride", _kernel(value) if isinstance(value, Token) else value, parts)

    def _width(self, parts: list[Any]) -> _Sigil:
        return _Sigil("width", parts[1], parts)

    def _input_width(self, parts: list[Any]) -> tree.InChannels | tree.Error:
        return self._in_channels(parts)

    def _padding(self, parts: list[Any]) -> tree.Padding:
        word = parts[0].text
        amount = None
        if len(parts) > 1 and parts[1].type == "LPAR":
            return tree.Padding(word, sides=_args(parts), parts=tuple(parts))
        if len(parts) > 1:
            kernel = _kernel(parts[1]) if parts[1].type == "KERNEL" else None
            amount = (kernel.height, kernel.width) if kernel else (_whole(parts[1]),) * 2
        return tree.Padding(word, amount, parts=tuple(parts))

    def _sequence(self, parts: list[Any]) -> tree.Factors:
        return tree.Factors(False, _all(parts, tree.Factor), parts=tuple(parts))

    def _parallel(self, parts: list[Any]) -> tree.Factors:
        return tree.Factors(True, _all(parts, tree.Factor), parts=tuple(parts))

    def _factor(self, parts: list[Any]) -> tree.Factor:
        return tree.Factor(_kernel(parts[0]), parts[1].value if len(parts) > 1 else None, parts=tuple(parts))

    # Settings and expressions

    def _args(self, parts: list[Any]) -> Many:
        return Many(parts)

    def _named(self, parts: list[Any]) -> tree.Arg:
        return tree.Arg(_name(parts[0]), parts[2], parts=tuple(parts))

    def _positional(self, parts: list[Any]) -> tree.Arg:
        return tree.Arg(None, parts[0], parts=tuple(parts))

    def _arg(self, parts: list[Any]) -> tree.Error:
        return self._error(parts)

    def _nested(self, parts: list[Any]) -> tree.Nested:
        return tree.Nested(_name(parts[0]), _args(parts), parts=tuple(parts))

    def _word(self, parts: list[Any]) -> tree.Word:
        return tree.Word(parts[0].text, parts=tuple(parts))

    def _list(self, parts: list[Any]) -> tree.List:
        return tree.List(_all(parts, Tree), parts=tuple(parts))

    def _shape(self, parts: list[Any]) -> tree.Dims:
        return tree.Dims(_all(parts, Tree), parts=tuple(parts))

    def _ascription(self, parts: list[Any]) -> tree.Dims:
        dims: tree.Dims = parts[1]
        return tree.Dims(dims.items, parts=tuple(parts))

    def _test(self, parts: list[Any]) -> tree.Junction:
        return tree.Junction(parts[1].text, _all(parts, Tree), parts=tuple(parts))

    _both = _test

    def _comparison(self, parts: list[Any]) -> tree.Comparison:
        return tree.Comparison(parts[0], parts[1].text, parts[2], parts=tuple(parts))

    def _negation(self, parts: list[Any]) -> tree.Negation:
        return tree.Negation(parts[1], parts=tuple(parts))

    def _conditional(self, parts: list[Any]) -> tree.Conditional:
        return tree.Conditional(parts[0], parts[2], parts[4], parts=tuple(parts))

    def _arithmetic(self, parts: list[Any]) -> tree.Arithmetic:
        left, operator, right = parts
        link = (operator.text, right)
        if isinstance(left, tree.Arithmetic) and (left.rest[0][0] in "+-") == (operator.text in "+-"):
            return tree.Arithmetic(left.first, (*left.rest, link), parts=(*left.parts, operator, right))
        return tree.Arithmetic(left, (link,), parts=tuple(parts))

    def _neg(self, parts: list[Any]) -> tree.Negative:
        return tree.Negative(parts[1], parts=tuple(parts))

    def _primary(self, parts: list[Any]) -> tree.Parenthesized:
        return tree.Parenthesized(parts[1], parts=tuple(parts))

    _count = _primary

    def _num(self, parts: list[Any]) -> tree.Number | tree.Error:
        if not 0 < len(parts[0].text.replace("_", "")) <= MAX_DIGITS:  # as was reported
            return tree.Error(parts=tuple(parts))
        return tree.Number(_whole(parts[0]), parts=tuple(parts))

    def _negative_num(self, parts: list[Any]) -> tree.Number | tree.Error:
        return self._negated(self._num(parts[1:]), parts)

    def _negative_real(self, parts: list[Any]) -> tree.Number | tree.Error:
        return self._negated(self._real(parts[1:]), parts)

    def _negated(self, number: tree.Number | tree.Error, parts: list[Any]) -> tree.Number | tree.Error:
        """A number with a sign before it, as a step says one."""
        return tree.Number(-number.value, parts=tuple(parts)) if isinstance(number, tree.Number) else number

    def _real(self, parts: list[Any]) -> tree.Number:
        value = float(parts[0].text)
        if value == float("inf"):
            reason = f"{parts[0].text} is not a finite number"
            self._sink.add(NumberTooLarge(span=parts[0].span, reason=reason))
            value = 0.0
        return tree.Number(value, parts=tuple(parts))

    def _var(self, parts: list[Any]) -> tree.Variable:
        return tree.Variable(parts[0].text, parts=tuple(parts))

    def _in_channels(self, parts: list[Any]) -> tree.InChannels | tree.Error:
        return tree.InChannels(parts=tuple(parts)) if _written(parts) else tree.Error(parts=tuple(parts))

    def _true(self, parts: list[Any]) -> tree.Boolean:
        return tree.Boolean(True, parts=tuple(parts))

    def _false(self, parts: list[Any]) -> tree.Boolean:
        return tree.Boolean(False, parts=tuple(parts))


class _Sigil(Tree):
    """`/2` or `@64`, of which a call keeps the value."""

    __slots__ = ("value", "word")

    def __init__(self, word: str, value: Any, parts: list[Any]) -> None:
        super().__init__(parts=tuple(parts))
        self.word = word
        self.value = value


def _flat(parts: list[Any]) -> list[Any]:
    """The parts, those of each `Many` among them."""
    flat: list[Any] = []
    for part in parts:
        if isinstance(part, Many):
            flat += part.parts
        else:
            flat.append(part)
    return flat


def _all(parts: Iterable[Part], kind: type[Any] | tuple[type[Any], ...]) -> tuple[Any, ...]:
    return tuple([part for part in parts if isinstance(part, kind)])


def _first(parts: Iterable[Part], kind: type[Any] | tuple[type[Any], ...]) -> Any:
    return next((part for part in parts if isinstance(part, kind)), None)


def _is(part: Part, type: str) -> bool:
    return isinstance(part, Token) and part.type == type


def _args(parts: Iterable[Part]) -> tuple[Any, ...]:
    """The settings in parentheses, and what makes no sense among them."""
    inside = False
    found = []
    for part in parts:
        if isinstance(part, tree.Arg) or (inside and isinstance(part, tree.Error)):
            found.append(part)
        elif isinstance(part, Token):
            inside = part.type == "LPAR" or (inside and part.type != "RPAR")
    return tuple(found)


def _name(token: Token) -> tree.Name:
    return tree.Name(token.text, parts=(token,))


def _written(parts: list[Any]) -> bool:
    """Whether tokens stand in the text, and were not put in where one is missing."""
    return all(part.text for part in parts)


def _whole(token: Token) -> int:
    """The number; 0 for one that is far too long, which the lexer has reported."""
    return int(token.text) if len(token.text) <= _LONGEST else 0


def _text(token: Token) -> tree.Text:
    return tree.Text(token.text[1:-1], parts=(token,))


def _names(parts: Iterable[Part]) -> tuple[tree.Name, ...]:
    """The leading names of a comma-separated list."""
    names: list[tree.Name] = []
    for part in parts:
        if not isinstance(part, Token) or part.type not in ("NAME", "COMMA"):
            break
        if part.type == "NAME":
            names.append(_name(part))
    return tuple(names)


def _kernel(token: Token) -> Any:
    """The kernel; an `Error` where it is not known."""
    if not token.text:
        return tree.Error(parts=(token,))
    height, width = token.text.split("x")
    return tree.Kernel(int(height), int(width), parts=(token,))
