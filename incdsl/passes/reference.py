"""The page of a rule: what it does, and when it declines."""

from __future__ import annotations

import inspect

from incdsl.passes.rule import Rule, S


def rule_reference(rule: Rule[S]) -> str:
    """A rule in Markdown: its equation and its conditions."""
    parts = [f"## {rule.name}", inspect.cleandoc(rule.__doc__ or "")]
    if rule.conditions:
        parts.append("\n".join(f"- *{each.name}*: declined: {each.reason}" for each in rule.conditions))
    return "\n\n".join(parts)
