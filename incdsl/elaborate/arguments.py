"""Arguments of blocks, by name, and the defaults of those that are not given."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from incdsl.diagnostics.names import WrongArguments
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.names import Names
from incdsl.elaborate.scope import Problem, Scope
from incdsl.source import Span
from incdsl.syntax import tree


def given(
    block: tree.Block, args: tuple[tree.Arg, ...], scope: Scope, evaluate: Expressions, fixed: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of the arguments that a use of a block gives, beside those that it has already."""
    params = {p.name for p in block.params}
    values = dict(fixed)
    for arg in args:
        if arg.name is None or arg.name not in params:
            close = get_close_matches(arg.name or "", sorted(params), 1)
            hint = f"did you mean `{close[0]}`?" if close else _signature(block)
            what = f"has no parameter `{arg.name}`" if arg.name else "takes its arguments by name"
            reason = f"`{block.name.text}` {what}"
            raise Problem(WrongArguments(span=arg.span, path=scope.title, reason=reason, hint=hint))
        if arg.name in values:
            reason = f"`{arg.name}` is given twice"
            raise Problem(WrongArguments(span=arg.span, path=scope.title, reason=reason))
        values[arg.name] = evaluate.value(arg.value, scope)
    return values


def complete(
    block: tree.Block, values: dict[str, Any], names: Names, span: Span, scope: Scope, evaluate: Expressions
) -> dict[str, Any]:
    """A value for every parameter; defaults mean what they mean in the block's file."""
    missing = [p.name for p in block.params if p.name not in values and p.default is None]
    if missing:
        reason = f"`{block.name.text}` needs {', '.join(f'`{m}`' for m in missing)}"
        raise Problem(WrongArguments(span=span, path=scope.title, reason=reason, hint=_signature(block)))
    empty = Scope(scope.instance, scope.title, names)
    return {
        p.name: values[p.name] if p.name in values else evaluate.value(p.default, empty)  # type: ignore[arg-type]
        for p in block.params
    }


def _signature(block: tree.Block) -> str:
    if not block.params:
        return f"write `{block.name.text}` alone"
    return f"write `{block.name.text}({', '.join(f'{p.name}: …' for p in block.params)})`"
