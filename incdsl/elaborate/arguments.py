"""Arguments of blocks, by name, and the defaults of those that are not given."""

from __future__ import annotations

from collections.abc import Mapping
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
    params = {param.name.text for param in block.params}
    values = dict(fixed)
    for arg in args:
        if isinstance(arg, tree.Error) or (arg.name and not arg.name.text):
            raise Poisoned
        if arg.name is None or arg.name.text not in params:
            close = get_close_matches(arg.name.text if arg.name else "", sorted(params), 1)
            hint = f"did you mean `{close[0]}`?" if close else _signature(block)
            what = f"has no parameter `{arg.name.text}`" if arg.name else "takes its arguments by name"
            raise Problem(WrongArguments(span=arg.span, reason=f"`{block.name.text}` {what}", hint=hint))
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
        raise Problem(WrongArguments(span=span, reason=reason, hint=_signature(block)))
    empty = Scope(scope.instance, scope.title, names, dry=scope.dry)
    return {
        p.name.text: values[p.name.text] if p.name.text in values else evaluate.value(p.default, empty)  # type: ignore[arg-type]
        for p in block.params
    }


def _signature(block: tree.Block) -> str:
    if not block.params:
        return f"write `{block.name.text}` alone"
    return f"write `{block.name.text}({', '.join(f'{p.name.text}: …' for p in block.params)})`"
