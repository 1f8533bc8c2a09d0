"""The parameters of a net: their values, and those that a variant gives to the net that it varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from incdsl.diagnostics import Diagnostic, Sink
from incdsl.diagnostics.names import BadParameter, NameTaken, WrongArguments
from incdsl.elaborate.arguments import wrong_argument
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.overrides import Own
from incdsl.elaborate.resolve import Definition, Names
from incdsl.elaborate.scope import UNKNOWN, Poisoned, Problem, Scope
from incdsl.elaborate.variant import interfaces
from incdsl.ir.graph import Instance
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
        for name, (param, names) in params.items():
            value = settings[name] if name in settings else self._default(param, names)
            if isinstance(value, int) and not isinstance(value, bool):
                value = Num.symbol(value, name)
            elif isinstance(value, float):
                value = Real(value, name)
            values[name] = value
        return values

    def _default(self, param: tree.Param, names: Names) -> Any:
        """The value of a parameter that is not set; unknown if it has none."""
        name = param.name.text
        if param.default is None:
            reason, hint = f"`{name}` has no value", f"write `--set {name}=…`, or give it a default"
            self._complain(BadParameter(span=param.span, reason=reason, hint=hint))
            return UNKNOWN
        return self._value(param.default, Scope(self._instance, self._title, names))

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
            found[level] = Own(definition, {name: levels[i][name] for name in names}, handed)
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
                given[arg.name.text] = self._value(arg.value, scope)
        for param in net.params:
            name = param.name.text
            if name in params and name not in given:
                taken = f"a parameter of `{base}`: write `{base}({name}: {name})`"
                self._complain(NameTaken(span=param.span, name=name, taken_by=taken))
        return {name: given[name] if name in given else values[name] for name in params}

    def _value(self, value: tree.Value, scope: Scope) -> Any:
        try:
            return self._evaluate.value(value, scope)
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


def _hands_on(net: tree.Net, name: str) -> bool:
    """Whether a variant gives a parameter to the net that it varies as it is, under its own name."""
    args = net.variant.args if net.variant else ()
    given = [arg.value for arg in args if isinstance(arg, tree.Arg) and arg.name and arg.name.text == name]
    return not given or (isinstance(given[0], tree.Variable) and given[0].name == name)
