"""The LALR automaton: where a parse stands, and what could come next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from incdsl.syntax.table import Rule, Table

Stack = list[int]
"""The states of a parse, the start state first."""


def advance(
    table: Table, states: Stack, values: list[Any], terminal: str, value: Any, reduce: Callable[[Rule, list[Any]], Any]
) -> bool:
    """Take a terminal with its value; whether it may stand there. If not, the stacks may have been reduced."""
    rows, rules = table.states, table.rules
    while True:
        target = rows[states[-1]].get(terminal)
        if target is None:
            return False
        if target >= 0:
            states.append(target)
            values.append(value)
            return True
        rule = rules[~target]
        size = rule.size
        if size:
            parts = values[-size:]
            del values[-size:]
            del states[-size:]
        else:
            parts = []
        values.append(reduce(rule, parts))
        states.append(rows[states[-1]][rule.origin])
        if terminal == "$END" and states[-1] == table.end:
            return True


def feed(table: Table, stack: Sequence[int], terminals: Sequence[str]) -> tuple[Stack, int]:
    """The states after these terminals, as far as they may stand there, and how many of them may."""
    rows, rules, states = table.states, table.rules, list(stack)
    for count, terminal in enumerate(terminals):
        while True:
            target = rows[states[-1]].get(terminal)
            if target is None:
                return states, count
            if target >= 0:
                states.append(target)
                break
            rule = rules[~target]
            if rule.size:
                del states[-rule.size :]
            states.append(rows[states[-1]][rule.origin])
            if terminal == "$END" and states[-1] == table.end:
                return states, count + 1
    return states, len(terminals)


def may_follow(table: Table, stack: Sequence[int], terminal: str) -> bool:
    """Whether a terminal may stand next."""
    return feed(table, stack, (terminal,))[1] == 1


def accepted(table: Table, stack: Sequence[int]) -> set[str]:
    """All terminals that may stand next, apart from `ERROR`."""
    candidates = (t for t in table.states[stack[-1]] if (t.isupper() or t == "$END") and t != "ERROR")
    return {t for t in candidates if may_follow(table, stack, t)}
