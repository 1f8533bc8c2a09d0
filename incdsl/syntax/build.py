"""From reductions of the LALR parser to the surface tree: one method per grammar rule, called bottom-up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from incdsl.diagnostics import Sink
from incdsl.diagnostics.limits import NumberTooLarge
from incdsl.source import Source, Span
from incdsl.syntax import tree
from incdsl.syntax.scan import Comment


class Many(list[Any]):
    """What a repetition of the grammar has gathered."""


class Token(str):
    """A word or sign of the text."""

    __slots__ = ("span", "type")

    type: str
    span: Span


class Builder:
    """Builds tree nodes from the children of each reduced rule; a child is a token, a node or a `Many`."""

    def __init__(self, source: Source, comments: Iterable[Comment], sink: Sink) -> None:
        self._source = source
        self._sink = sink
        self._comments = {c.line: c.text for c in comments if c.alone}

    def callback(self, origin: str, alias: str | None, expand1: bool) -> Callable[[list[Any]], Any]:
        """The function that turns the children of one rule's reduction into its value."""
        if origin.startswith("_"):
            return _flatten
        method = getattr(self, "_" + (alias or origin), None)

        def reduce(children: list[Any]) -> Any:
            if expand1 and alias is None and len(children) == 1:
                return children[0]
            flat = _flatten(children)
            assert method is not None
            if not flat:
                return method(Span(self._source, 0, 0), flat)
            return method(Span(self._source, _span(flat[0]).start, _span(flat[-1]).end), flat)

        return reduce

    # Definitions

    def _start(self, span: Span, children: list[Any]) -> tree.File:
        edition: Token = children[1]
        first = min((c.span.line for c in children[2:]), default=1 << 30)
        return tree.File(
            span,
            int(edition),
            edition.span,
            _all(children, tree.Unit),
            _all(children, tree.Block),
            _all(children, tree.Net),
            tuple(text for line, text in sorted(self._comments.items()) if line < first),
            _all(children, tree.Import),
        )

    def _import(self, span: Span, children: list[Any]) -> tree.Import:
        file: Token = children[1]
        return tree.Import(span, tree.Text(file.span, str(file)[1:-1]), _all(children, tree.Used))

    def _used(self, span: Span, children: list[Any]) -> tree.Used:
        return tree.Used(span, _name(children[0]), _name(children[-1]))

    def _edition(self, span: Span, children: list[Any]) -> Many:
        return Many([children[0], children[1]])

    def _unit(self, span: Span, children: list[Any]) -> tree.Unit:
        return tree.Unit(span, _name(children[1]), children[3], self._above(span))

    def _block(self, span: Span, children: list[Any]) -> tree.Block:
        pipe = _first(children, tree.Pipe)
        items: tuple[tree.Bind | tree.Output, ...] = _all(children, (tree.Bind, tree.Output))
        return tree.Block(span, _name(children[1]), _all(children, tree.Param), items, pipe, self._above(span))

    def _net(self, span: Span, children: list[Any]) -> tree.Net:
        kinds = (tree.Input, tree.Output, tree.Aux, tree.Expect, tree.Bind)
        name, params, variant = _name(children[1]), _all(children, tree.Param), _first(children, tree.Variant)
        items: tuple[Any, ...] = variant.facts if variant else _all(children, kinds)
        return tree.Net(span, name, params, items, self._above(span), variant)

    def _variant(self, span: Span, children: list[Any]) -> tree.Variant:
        changes = _all(children, (tree.Override, tree.Unit, tree.Without))
        facts = _all(children, tree.Expect)
        return tree.Variant(span, _name(children[0]), _all(children, tree.Arg), changes, facts)

    def _override(self, span: Span, children: list[Any]) -> tree.Override:
        path: Token = children[0]
        return tree.Override(span, str(path), path.span, children[2])

    def _without(self, span: Span, children: list[Any]) -> tree.Without:
        return tree.Without(span, _name(children[1]))

    def _above(self, span: Span) -> tuple[str, ...]:
        lines: list[str] = []
        line = span.line - 1
        while line in self._comments:
            lines.append(self._comments[line])
            line -= 1
        return tuple(reversed(lines))

    def _params(self, span: Span, children: list[Any]) -> Many:
        return Many(_all(children, tree.Param))

    def _param(self, span: Span, children: list[Any]) -> tree.Param:
        return tree.Param(span, str(children[0]), children[2] if len(children) > 1 else None)

    def _input(self, span: Span, children: list[Any]) -> tree.Input:
        return tree.Input(span, _name(children[1]), children[2])

    def _output(self, span: Span, children: list[Any]) -> tree.Output:
        return tree.Output(span, _names(children[1:]), children[-1])

    def _aux(self, span: Span, children: list[Any]) -> tree.Aux:
        return tree.Aux(span, _name(children[1]), _all(children, tree.Arg), children[-1])

    def _expect(self, span: Span, children: list[Any]) -> tree.Expect:
        value = children[3]
        if isinstance(value, Token):
            value = tree.Text(value.span, str(value)[1:-1])
        return tree.Expect(span, _name(children[1]), value)

    def _bind(self, span: Span, children: list[Any]) -> tree.Bind:
        return tree.Bind(span, _names(children), children[-1])

    # Chains and rails

    def _pipe(self, span: Span, children: list[Any]) -> tree.Pipe:
        return tree.Pipe(span, _all(children, tree.Step))

    def _step(self, span: Span, children: list[Any]) -> tree.Step:
        atom: tree.Atom | None = _first(children, (tree.Call, tree.BlockInput, tree.Group, tree.Merge))
        repeat: tree.Times | tree.Each | tree.When | None = _first(children, (tree.Times, tree.Each, tree.When))
        assert atom is not None
        return tree.Step(span, _all(children, tree.Label), atom, repeat, _first(children, tree.Dims))

    def _label(self, span: Span, children: list[Any]) -> Many:
        return Many(_all(children, tree.Label))

    def _part(self, span: Span, children: list[Any]) -> tree.Label:
        text = str(children[0])
        counts = text.endswith("..")
        return tree.Label(span, tuple(text.removesuffix("..").split(".")), counts)

    def _name(self, span: Span, children: list[Any]) -> Token:
        token: Token = children[0]
        return token

    def _times(self, span: Span, children: list[Any]) -> tree.Times:
        return tree.Times(span, _bare(children[1:]))

    def _each(self, span: Span, children: list[Any]) -> tree.Each:
        return tree.Each(span, tuple(n.text for n in _names(children[1:])), children[-1])

    def _when(self, span: Span, children: list[Any]) -> tree.When:
        return tree.When(span, children[1])

    def _count(self, span: Span, children: list[Any]) -> Any:
        return _bare(children)

    def _block_input(self, span: Span, children: list[Any]) -> tree.BlockInput:
        return tree.BlockInput(span)

    def _group(self, span: Span, children: list[Any]) -> tree.Group:
        return tree.Group(span, children[1])

    def _merge(self, span: Span, children: list[Any]) -> tree.Merge:
        word: Token = children[0]
        return tree.Merge(span, str(word), word.span, _all(children, tree.Arg), _all(children, tree.Rail))

    def _rail(self, span: Span, children: list[Any]) -> tree.Rail:
        guard: tree.RailsFor | tree.Only | None = _first(children, (tree.RailsFor, tree.Only))
        return tree.Rail(span, guard, children[-1])

    def _rails(self, span: Span, children: list[Any]) -> tree.RailsFor:
        return tree.RailsFor(span, tuple(n.text for n in _names(children[1:])), children[-2])

    def _only(self, span: Span, children: list[Any]) -> tree.Only:
        return tree.Only(span, children[1])

    def _call(self, span: Span, children: list[Any]) -> tree.Call:
        name: Token = children[0]
        sigils: dict[str, Any] = {}
        for child in children[1:]:
            if isinstance(child, Token):
                sigils["kernel" if child.type == "KERNEL" else "ceil"] = (
                    _kernel(child) if child.type == "KERNEL" else child.span
                )
            elif isinstance(child, tuple):
                sigils[child[0]] = child[1]
            elif isinstance(child, tree.Padding):
                sigils["padding"] = child
            elif isinstance(child, tree.Number):
                sigils["number"] = child
            elif isinstance(child, tree.Factors):
                sigils["factors"] = child
        return tree.Call(span, str(name), name.span, args=_all(children, tree.Arg), **sigils)

    def _stride(self, span: Span, children: list[Any]) -> tuple[str, object]:
        value = children[1]
        return "stride", _kernel(value) if isinstance(value, Token) else value

    def _width(self, span: Span, children: list[Any]) -> tuple[str, object]:
        return "width", children[1]

    def _input_width(self, span: Span, children: list[Any]) -> tree.InChannels:
        return tree.InChannels(span)

    def _padding(self, span: Span, children: list[Any]) -> tree.Padding:
        word = str(children[0])
        if word != "pad":
            return tree.Padding(span, word)
        amount: Token = children[1]
        if amount.type == "KERNEL":
            kernel = _kernel(amount)
            return tree.Padding(span, word, (kernel.height, kernel.width))
        return tree.Padding(span, word, (int(amount), int(amount)))

    def _sequence(self, span: Span, children: list[Any]) -> tree.Factors:
        return tree.Factors(span, False, _all(children, tree.Factor))

    def _parallel(self, span: Span, children: list[Any]) -> tree.Factors:
        return tree.Factors(span, True, _all(children, tree.Factor))

    def _factor(self, span: Span, children: list[Any]) -> tree.Factor:
        return tree.Factor(span, _kernel(children[0]), children[1][1] if len(children) > 1 else None)

    # Settings and expressions

    def _args(self, span: Span, children: list[Any]) -> Many:
        return Many(_all(children, tree.Arg))

    def _named(self, span: Span, children: list[Any]) -> tree.Arg:
        return tree.Arg(span, str(children[0]), children[2])

    def _named_list(self, span: Span, children: list[Any]) -> tree.Arg:
        values = tuple(c for c in children[2:] if not isinstance(c, Token))
        return tree.Arg(span, str(children[0]), tree.List(_span(children[1]).to(span), values))

    def _positional(self, span: Span, children: list[Any]) -> tree.Arg:
        return tree.Arg(span, None, children[0])

    def _nested(self, span: Span, children: list[Any]) -> tree.Nested:
        return tree.Nested(span, str(children[0]), _all(children, tree.Arg))

    def _word(self, span: Span, children: list[Any]) -> tree.Word:
        return tree.Word(span, str(children[0]))

    def _list(self, span: Span, children: list[Any]) -> tree.List:
        return tree.List(span, tuple(c for c in children if not isinstance(c, Token)))

    def _ascription(self, span: Span, children: list[Any]) -> tree.Dims:
        return tree.Dims(span, tuple(c for c in children if not isinstance(c, Token)))

    _shape = _ascription

    def _test(self, span: Span, children: list[Any]) -> tree.Junction:
        word = next(str(c) for c in children if isinstance(c, Token))
        return tree.Junction(span, word, tuple(c for c in children if not isinstance(c, Token)))

    _both = _test

    def _comparison(self, span: Span, children: list[Any]) -> tree.Comparison:
        return tree.Comparison(span, children[0], str(children[1]), children[2])

    def _chain(self, span: Span, children: list[Any]) -> tree.Arithmetic:
        left, operator, right = children
        link = (str(operator), right)
        if isinstance(left, tree.Arithmetic) and not isinstance(left, _Closed):
            same = left.rest[0][0] in "+-" if str(operator) in "+-" else left.rest[0][0] in ("*", "//")
            if same:
                return tree.Arithmetic(span, left.first, (*left.rest, link))
        return tree.Arithmetic(span, left, (link,))

    def _neg(self, span: Span, children: list[Any]) -> tree.Negative:
        return tree.Negative(span, children[1])

    def _primary(self, span: Span, children: list[Any]) -> Any:
        inner = children[1]
        if isinstance(inner, tree.Arithmetic):
            return _Closed(span, inner.first, inner.rest)
        return _bare(children)

    def _num(self, span: Span, children: list[Any]) -> tree.Number:
        return tree.Number(span, int(children[0]))

    def _real(self, span: Span, children: list[Any]) -> tree.Number:
        value = float(children[0])
        if value == float("inf"):
            self._sink.add(NumberTooLarge(span=span, reason=f"{children[0]} is not a finite number"))
            value = 0.0
        return tree.Number(span, value)

    def _var(self, span: Span, children: list[Any]) -> tree.Variable:
        return tree.Variable(span, str(children[0]))

    def _in_channels(self, span: Span, children: list[Any]) -> tree.InChannels:
        return tree.InChannels(span)

    def _true(self, span: Span, children: list[Any]) -> tree.Boolean:
        return tree.Boolean(span, True)

    def _false(self, span: Span, children: list[Any]) -> tree.Boolean:
        return tree.Boolean(span, False)


class _Closed(tree.Arithmetic):
    """Arithmetic in parentheses, which a longer chain must not absorb."""

    __slots__ = ()


def _flatten(children: list[Any]) -> Many:
    flat = children[0] if children and isinstance(children[0], Many) else Many(children[:1])  # long lists grow in place
    for child in children[1:]:
        if isinstance(child, Many):
            flat.extend(child)
        else:
            flat.append(child)
    return flat


def _span(child: Any) -> Span:
    if isinstance(child, tuple):
        return _span(child[1])
    span: Span = child.span
    return span


def _all(children: Iterable[Any], kind: type[Any] | tuple[type[Any], ...]) -> tuple[Any, ...]:
    return tuple(c for c in children if isinstance(c, kind))


def _first(children: Iterable[Any], kind: type[Any] | tuple[type[Any], ...]) -> Any:
    return next((c for c in children if isinstance(c, kind)), None)


def _bare(children: list[Any]) -> Any:
    """The one child that is no bracket."""
    return next(c for c in children if not isinstance(c, Token))


def _name(token: Token) -> tree.Name:
    return tree.Name(token.span, str(token))


def _names(children: Iterable[Any]) -> tuple[tree.Name, ...]:
    """The leading names of a comma-separated list."""
    names: list[tree.Name] = []
    for child in children:
        if not isinstance(child, Token) or child.type not in ("NAME", "COMMA"):
            break
        if child.type == "NAME":
            names.append(_name(child))
    return tuple(names)


def _kernel(token: Token) -> tree.Kernel:
    height, width = token.split("x")
    return tree.Kernel(token.span, int(height), int(width))
