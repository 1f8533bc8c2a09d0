"""Arguments of blocks, by name, and the defaults of those that are not given."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeAlias

from incdsl.diagnostics.names import NameTaken, WrongArguments
from incdsl.elaborate.expressions import Expressions, OneOf
from incdsl.elaborate.resolve import Names
from incdsl.elaborate.scope import Poisoned, Problem, Scope
from incdsl.elaborate.use import Use
from incdsl.ops import Op
from incdsl.syntax import tree

Parametric: TypeAlias = tree.Unit | tree.Block
"""What takes arguments where it is used."""


def given(
    written: Parametric, args: tuple[tree.Arg | tree.Error, ...], scope: Scope, evaluate: Expressions,
    fixed: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """The values of the arguments that a use of a unit or block gives, beside those that it has already."""
    params = {param.name.text: param for param in written.params}
    values = dict(fixed)
    for arg in args:
        if isinstance(arg, tree.Error) or (arg.name and not arg.name.text):
            raise Poisoned
        if arg.name is None or arg.name.text not in params:
            if "" in params:
                raise Poisoned  # one of its parameters could not be read, and that was reported
            raise Problem(wrong_argument(written.name.text, arg, params, scope))
        if arg.name.text in values:
            raise Problem(WrongArguments(span=arg.span, reason=f"`{arg.name.text}` is given twice"))
        values[arg.name.text] = argument(params[arg.name.text], arg.value, written.name.text, scope, evaluate)
    return values


def hold_params(unit: tree.Unit, op: type[Op]) -> None:
    """Refuse parameters of a unit that are called as what its uses say to its op, or as what its class takes."""
    taken = {"in_channels", *op.settings, *map(op.keyword, op.settings)}
    for param in unit.params:
        if param.name.text in taken:
            raise Problem(NameTaken(span=param.span, name=param.name.text, taken_by=f"a setting of `{op.word}`"))


def own_args(unit: tree.Unit, call: tree.Call) -> tuple[tree.Arg, ...]:
    """What a call says to the unit itself, by the names of its parameters."""
    names = {param.name.text for param in unit.params}
    return tuple([arg for arg in call.args if isinstance(arg, tree.Arg) and arg.name and arg.name.text in names])


def argument(param: tree.Param, value: tree.Expr, owner: str, scope: Scope, evaluate: Expressions) -> Any:
    """The value of an argument, in the scope of the use; one of its words for a parameter that is a word."""
    if param.words:
        return evaluate.word(value, param.words, scope, f"`{param.name.text}` of `{owner}`")
    return evaluate.value(value, scope)


def default(param: tree.Param, scope: Scope, evaluate: Expressions) -> Any:
    """What a parameter is where nobody says it; the scope knows the parameters before it."""
    if isinstance(param.default, tree.Words):
        return OneOf(param.words[0], param.words)
    assert param.default is not None
    return evaluate.value(param.default, scope)


def complete(
    written: Parametric, values: dict[str, Any], names: Names, use: Use, evaluate: Expressions
) -> dict[str, Any]:
    """A value for every parameter. Defaults mean what they mean in the definition's file, and may mention `in` and
    the parameters before them."""
    missing = [p.name.text for p in written.params if p.name.text not in values and p.default is None]
    if "" in missing:
        raise Poisoned
    if missing:
        reason = f"`{written.name.text}` needs {', '.join(f'`{m}`' for m in missing)}"
        hint = by_name(written.name.text, [param.name.text for param in written.params])
        raise Problem(WrongArguments(span=use.span, reason=reason, hint=hint))
    outer = use.scope
    scope = Scope(outer.instance, outer.title, names, dry=outer.dry)
    scope.input = use.flow[0] if len(use.flow) == 1 else None
    for param in written.params:
        name = param.name.text
        if name not in values:
            scope.params[name] = default(param, scope, evaluate)
        else:
            if param.default is not None and not isinstance(param.default, tree.Words):
                evaluate.read(param.default, scope)
            scope.params[name] = values[name]
        scope.declared[name] = param
    return scope.params


def by_name(name: str, params: Iterable[str]) -> str:
    """The advice to write arguments by name: `B(width: …)`."""
    named = ", ".join(f"{param}: …" for param in params)
    return f"write `{name}({named})`" if named else f"write `{name}` without arguments"


def wrong_argument(name: str, arg: tree.Arg, params: Collection[str], scope: Scope | None = None) -> WrongArguments:
    """What is wrong with an argument that has no name, or the name of no parameter."""
    close = get_close_matches(arg.name.text if arg.name else "", sorted(params), 1)
    hint = f"did you mean `{close[0]}`?" if close else by_name(name, params)
    what = "takes its arguments by name" if params else "has no parameters"
    if arg.name is None and scope and isinstance(arg.value, tree.Variable) and arg.value.name in scope.values:
        hint = f"values flow in: `{arg.value.name} -> {name}`, or `(a, b) -> {name}` if it has several inputs"
    if arg.name:
        what = f"has no parameter `{arg.name.text}`"
    return WrongArguments(span=arg.span, reason=f"`{name}` {what}", hint=hint)
