"""Arguments of blocks, by name, and the defaults of those that are not given."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from incdsl.diagnostics.names import WrongArguments
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.resolve import Names
from incdsl.elaborate.scope import Poisoned, Problem, Scope
from incdsl.source import Span
from incdsl.syntax import tree


def given(
    block: tree.Block, args: tuple[tree.Arg | tree.Error, ...], scope: Scope, evaluate: Expressions,
    fixed: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """The values of the arguments that a use of a block gives, beside those that it has already."""
    params = [param.name.text for param in block.params]
    values = dict(fixed)
    for arg in args:
        if isinstance(arg, tree.Error) or (arg.name and not arg.name.text):
            raise Poisoned
        if arg.name is None or arg.name.text not in params:
            raise Problem(wrong_argument(block.name.text, arg, params, scope))
        if arg.name.text in values:
            raise Problem(WrongArguments(span=arg.span, reason=f"`{arg.name.text}` is given twice"))
        values[arg.name.text] = evaluate.value(arg.value, scope)
    return values


def complete(
    block: tree.Block, values: dict[str, Any], names: Names, span: Span, scope: Scope, evaluate: Expressions
) -> dict[str, Any]:
    """A value for every parameter; defaults mean what they mean in the block's file."""
    missing = [p.name.text for p in block.params if p.name.text not in values and p.default is None]
    if missing:
        reason = f"`{block.name.text}` needs {', '.join(f'`{m}`' for m in missing)}"
        hint = by_name(block.name.text, [param.name.text for param in block.params])
        raise Problem(WrongArguments(span=span, reason=reason, hint=hint))
    empty = Scope(scope.instance, scope.title, names, dry=scope.dry)
    return {
        p.name.text: values[p.name.text] if p.name.text in values else evaluate.value(p.default, empty)  # type: ignore[arg-type]
        for p in block.params
    }


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
