"""The parameters of a net: their values, and those that a variant gives to the net that it varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from incdsl.diagnostics import Sink
from incdsl.diagnostics.names import BadParameter, NameTaken, WrongArguments
from incdsl.diagnostics.unused import Unused
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.names import Definition, mentioned
from incdsl.elaborate.places import Own
from incdsl.elaborate.scope import Problem, Scope
from incdsl.elaborate.variant import interfaces
from incdsl.ir.graph import Instance
from incdsl.syntax import tree
from incdsl.values import Num, Real


class Parameters:
    """Gives the parameters of a line of nets their values, from the outermost to the one that is written out."""

    def __init__(self, line: Sequence[Definition], instance: Instance, evaluate: Expressions, sink: Sink) -> None:
        self._line = line
        self._interfaces = interfaces(line)
        self._scope = instance
        self._title = line[0].name
        self._evaluate = evaluate
        self._sink = sink

    def outer(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the parameters of the net itself, each a symbol of its own."""
        params = self._interfaces[0]
        self._refuse_unknown(settings, params)
        values: dict[str, Any] = {}
        for name, (param, names) in params.items():
            if name in settings:
                value = settings[name]
            elif param.default is None:
                reason, hint = f"`{name}` has no value", f"write `--set {name}=…`, or give it a default"
                self._sink.add(BadParameter(span=param.span, reason=reason, hint=hint))
                value = 1
            else:
                try:
                    value = self._evaluate.value(param.default, Scope(self._scope, self._title, names))
                except Problem as problem:
                    self._sink.add(problem.diagnostic)
                    value = 1
            if isinstance(value, int) and not isinstance(value, bool):
                value = Num.symbol(value, name)
            elif isinstance(value, float):
                value = Real(value, name)
            values[name] = value
        return values

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
                handed = frozenset(name for name in handed if _hands_on(_net(each), name))
            level = len(self._line) - 1 - i
            found[level] = Own(definition, {name: levels[i][name] for name in names}, handed)
        return found

    def _handed_on(self, i: int, values: dict[str, Any]) -> dict[str, Any]:
        net, base = _net(self._line[i]), self._line[i + 1].name
        assert net.variant
        used = {*mentioned(tuple(c.pipe for c in net.variant.changes if not isinstance(c, tree.Without)))}
        params = self._interfaces[i + 1]
        scope = Scope(self._scope, self._title, self._line[i].names, params=values)
        given: dict[str, Any] = {}
        for arg in net.variant.args:
            if arg.name not in params:
                hint = f"its parameters are {', '.join(params)}" if params else "it has none"
                what = f"has no parameter `{arg.name}`" if arg.name else "takes its arguments by name"
                self._sink.add(WrongArguments(span=arg.span, path=self._title, reason=f"`{base}` {what}", hint=hint))
            elif arg.name in given:
                reason = f"`{arg.name}` is given twice"
                self._sink.add(WrongArguments(span=arg.span, path=self._title, reason=reason))
            else:
                given[arg.name] = self._argument(arg, scope)
        used |= scope.used
        for param in net.params:
            if param.name in params and param.name not in given:
                taken = f"a parameter of `{base}`: write `{base}({param.name}: {param.name})`"
                self._sink.add(NameTaken(span=param.span, path=self._title, name=param.name, taken_by=taken))
            elif param.name not in used:
                self._sink.add(Unused(span=param.span, path=self._title, what="parameter", name=param.name))
        return {name: given[name] if name in given else values[name] for name in params}

    def _argument(self, arg: tree.Arg, scope: Scope) -> Any:
        try:
            return self._evaluate.value(arg.value, scope)
        except Problem as problem:
            self._sink.add(problem.diagnostic)
            return 1

    def _refuse_unknown(self, settings: Mapping[str, Any], params: Mapping[str, object]) -> None:
        unknown = sorted(settings.keys() - params.keys())
        if unknown:
            hint = f"its parameters are {', '.join(sorted(params))}" if params else "it has none"
            listed = " and ".join(f"no parameter `{name}`" for name in unknown)
            reason = f"`{self._title}` has {listed}"
            self._sink.add(BadParameter(span=self._line[0].tree.name.span, reason=reason, hint=hint))


def _net(definition: Definition) -> tree.Net:
    assert isinstance(definition.tree, tree.Net)
    return definition.tree


def _hands_on(net: tree.Net, name: str) -> bool:
    """Whether a variant gives a parameter to the net that it varies as it is, under its own name."""
    given = [arg.value for arg in net.variant.args if arg.name == name] if net.variant else []
    return not given or (isinstance(given[0], tree.Variable) and given[0].name == name)
