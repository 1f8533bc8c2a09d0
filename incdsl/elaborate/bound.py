"""Names of bound values."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from incdsl.diagnostics.names import BadName, NameTaken
from incdsl.elaborate.reserved import why_no_identifier
from incdsl.elaborate.scope import NOT_NEEDED, Problem, Scope
from incdsl.elaborate.tools import Tools
from incdsl.ops import find
from incdsl.syntax import tree


def claim_value(name: tree.Name, scope: Scope, tools: Tools, beside: AbstractSet[str] = frozenset()) -> None:
    """Hold a value's name to the rules; names that are bound beside it are taken."""
    text, taken = name.text, ""
    if not text:
        return
    if reason := why_no_identifier(text):
        tools.report(BadName(span=name.span, name=text, reason=reason), scope)
    if text in scope.values or text in beside:
        taken = "bound already"
    elif text in scope.params:
        taken = "a parameter"
    elif find(text) is not None or text in scope.names:
        taken = "the name of a unit, block or op"
    if taken:
        tools.report(NameTaken(span=name.span, name=text, taken_by=taken), scope)


def chain_name(item: tree.Bind | tree.Output) -> str:
    """What the chain of a binding is called: like the first value that is needed."""
    needed = [name for name in item.names if name.text != NOT_NEEDED]
    if not needed:
        reason = "`_` stands beside a name, for what is not needed of several values"
        raise Problem(BadName(span=item.names[0].span, name=NOT_NEEDED, reason=reason))
    return needed[0].text
