"""Outputs that variants add: where they start in the net that is varied."""

from __future__ import annotations

from difflib import get_close_matches

from incdsl.diagnostics.reuse import UnknownPath
from incdsl.elaborate.overrides import MANY, Overrides, Tap
from incdsl.elaborate.scope import Flow, Problem, Scope
from incdsl.elaborate.use import bad_flow
from incdsl.syntax import tree


def start_of(tap: Tap) -> tree.Name:
    """The name of the value or step with which an added output starts."""
    first = tap.chain.chain.steps[0]
    plain = isinstance(first.atom, tree.Call) and first.atom.bare and not first.labels and not first.repeat
    if len(tap.item.names) > 1 or not plain:
        reason = "an output that a variant adds starts with the name of a value or step"
        raise bad_flow(tap.chain.span, reason, "`output features = name`")
    assert isinstance(first.atom, tree.Call)
    return first.atom.name


def at_end_of(name: tree.Name, tap: Tap, overrides: Overrides, scope: Scope) -> Flow:
    """What comes out of a step or rail of the net itself."""
    path = name.text
    instance, flow = overrides.came.get(path, (scope.instance, None))
    if flow is None:
        known = [*scope.values, *(each for each, (where, _) in overrides.came.items() if where is scope.instance)]
        close = get_close_matches(path, known[:MANY], 1)
        base, suggestion = overrides.base(tap.chain.level).name, close[0] if close else ""
        raise Problem(UnknownPath(span=name.span, what="value or step", name=path, base=base, suggestion=suggestion))
    if instance is not scope.instance:
        while instance.parent is not None and instance.parent is not scope.instance:
            instance = instance.parent
        reason = f"`{path}` stands inside of `{instance.label}`, and only what flows in the net itself can be an output"
        raise bad_flow(name.span, reason, f"what leaves it is `{instance.label}`")
    return flow
