"""The parameters of a net: their values, and those that a variant gives to the net that it varies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from incdsl.diagnostics import Diagnostic, Sink
from incdsl.diagnostics.names import BadParameter, NameTaken, WrongArguments
from incdsl.elaborate.arguments import argument, default, wrong_argument
from incdsl.elaborate.expressions import Expressions, OneOf
from incdsl.elaborate.overrides import Own
from incdsl.elaborate.resolve import Definition
from incdsl.elaborate.scope import UNKNOWN, OpRef, Poisoned, Problem, Scope
from incdsl.elaborate.variant import interfaces
from incdsl.ir.graph import Instance
from incdsl.ops import find
from incdsl.syntax import tree
from incdsl.values import Num, Real


class Parameters:
    """Gives the parameters of a line of nets their values, from the outermost to the one that is written out."""

    def __init__(
        self, line: Sequence[Definition], instance: Instance, title: str, evaluate: Expressions, sink: Sink
    ) -> None:
        self._line = line
        self._interfaces = interfaces(line)
        self._instance = instance
        self._title = title
        self._evaluate = evaluate
        self._sink = sink

    def outer(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the parameters of the net itself, each a symbol of its own."""
        params = self._interfaces[0]
        self._refuse_unknown(settings, params)
        values: dict[str, Any] = {}
        known = Scope(self._instance, self._title, self._line[0].names, values)
        for name, (param, names) in params.items():
            if name not in settings and self._follows_inner(param, 0):
                continue
            known.names, known.declared[name] = names, param
            value = self._set(param, settings[name], known) if name in settings else self._default(param, known)
            if isinstance(value, int) and not isinstance(value, bool | Num):
                value = Num.symbol(value, name)
            elif isinstance(value, float) and not isinstance(value, Real):
                value = Real(value, name)
            values[name] = value
        return values

    def _set(self, param: tree.Param, value: Any, known: Scope) -> Any:
        """The value that a caller sets: a number, a truth value, a list; a text is a word or the name of an op."""
        name = param.name.text
        if param.words:
            if isinstance(value, str) and value in param.words:
                return OneOf(value, param.words)
            reason = f"`{name}` is one of {', '.join(f'`{word}`' for word in param.words)}, not `{value}`"
        elif isinstance(value, str):
            if value in known.names or find(value):
                return OpRef(tree.Name(value), (), replace(known, params={}))
            reason = f"`{name}` is a number, a list or an op, and nothing is called `{value}`"
        elif isinstance(value, bool | int | float | list | tuple):
            return _as_spec(value)
        else:
            reason = f"`{name}` is a number, `true` or `false`, a list or an op, not {type(value).__name__}"
        self._complain(BadParameter(span=param.span, reason=reason))
        return UNKNOWN

    def _default(self, param: tree.Param, known: Scope) -> Any:
        """The value of a parameter that is not set; unknown if it has none.

        A default that mentions other parameters follows them, and is no symbol of its own.
        """
        name = param.name.text
        if param.default is None:
            reason, hint = f"`{name}` has no value", f"write `--set {name}=…`, or give it a default"
            self._complain(BadParameter(span=param.span, reason=reason, hint=hint))
            return UNKNOWN
        return self._tried(lambda: default(param, known, self._evaluate))

    def inner(self, values: dict[str, Any]) -> list[dict[str, Any]]:
        """The values of the parameters of each net of the line, with these of the outermost."""
        levels = [values]
        for i in range(len(self._line) - 1):
            levels.append(self._handed_on(i, levels[-1]))
        return levels

    def own(self, levels: list[dict[str, Any]]) -> dict[int, Own]:
        """The parameters of each variant, those that it keeps of the net that it varies among them, by its level."""
        found = {}
        for i, definition in enumerate(self._line[:-1]):
            names = list(self._interfaces[i])
            handed = frozenset(names)
            for each in self._line[i:-1]:
                handed = frozenset(name for name in handed if _hands_on(each.net, name))
            level = len(self._line) - 1 - i
            found[level] = Own(definition, {name: levels[i][name] for name in names if name in levels[i]}, handed)
        return found

    def _handed_on(self, i: int, values: dict[str, Any]) -> dict[str, Any]:
        net, base = self._line[i].net, self._line[i + 1].name
        assert net.variant
        params = self._interfaces[i + 1]
        declared: dict[str, tree.Tree] = {name: param for name, (param, _) in self._interfaces[i].items()}
        scope = Scope(self._instance, self._title, self._line[i].names, values, declared=declared)
        given: dict[str, Any] = {}
        for arg in net.variant.args:
            if isinstance(arg, tree.Error) or (arg.name and not arg.name.text):
                continue
            if arg.name is None or arg.name.text not in params:
                self._complain(wrong_argument(base, arg, params))
            elif arg.name.text in given:
                self._complain(WrongArguments(span=arg.span, reason=f"`{arg.name.text}` is given twice"))
            else:
                param, value = params[arg.name.text][0], arg.value
                given[arg.name.text] = self._tried(partial(argument, param, value, base, scope, self._evaluate))
        for param in net.params:
            name = param.name.text
            if name in params and name not in given:
                taken = f"a parameter of `{base}`: write `{base}({name}: {name})`"
                self._complain(NameTaken(span=param.span, name=name, taken_by=taken))
        return self._filled(
            given | {name: values[name] for name in params if name in values.keys() - given.keys()}, i + 1
        )

    def _filled(self, values: dict[str, Any], i: int) -> dict[str, Any]:
        """The values of a net's parameters, those among them whose defaults follow others that are known only here."""
        params = self._interfaces[i]
        known = Scope(self._instance, self._title, self._line[i].names)
        for name, (param, names) in params.items():
            known.names, known.declared[name] = names, param
            if name in values:
                known.params[name] = values[name]
            elif not self._follows_inner(param, i):
                known.params[name] = self._default(param, known)
        return known.params

    def _follows_inner(self, param: tree.Param, i: int) -> bool:
        """Whether a default follows a parameter to which a variant gives a value, and that is known only further in."""
        inner = {name for params in self._interfaces[i + 1 :] for name in params}
        return bool(_mentions(param) & inner - self._interfaces[i].keys())

    def _tried(self, evaluate: Callable[[], Any]) -> Any:
        try:
            return evaluate()
        except Problem as problem:
            self._complain(problem.diagnostic)
        except Poisoned:
            pass
        return UNKNOWN

    def _complain(self, diagnostic: Diagnostic) -> None:
        self._sink.add(replace(diagnostic, path=diagnostic.path or self._title))

    def _refuse_unknown(self, settings: Mapping[str, Any], params: Mapping[str, object]) -> None:
        unknown = sorted(settings.keys() - params.keys())
        if unknown:
            hint = f"its parameters are {', '.join(sorted(params))}" if params else "it has none"
            listed = " and ".join(f"no parameter `{name}`" for name in unknown)
            reason = f"`{self._title}` has {listed}"
            self._sink.add(BadParameter(span=self._line[0].tree.name.span, reason=reason, hint=hint))


def _as_spec(value: Any) -> Any:
    """A value of Python as a spec has it: lists are tuples."""
    return tuple(map(_as_spec, value)) if isinstance(value, list | tuple) else value


def _mentions(param: tree.Param) -> set[str]:
    """The parameters that a default mentions."""
    return {node.name for node in tree.nodes(param.default or ()) if isinstance(node, tree.Variable)}


def _hands_on(net: tree.Net, name: str) -> bool:
    """Whether a variant gives a parameter to the net that it varies as it is, under its own name."""
    args = net.variant.args if net.variant else ()
    given = [arg.value for arg in args if isinstance(arg, tree.Arg) and arg.name and arg.name.text == name]
    return not given or (isinstance(given[0], tree.Variable) and given[0].name == name)
