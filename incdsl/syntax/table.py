"""The LALR table and the terminals: made from `grammars/inc.lark` by `python -m incdsl.syntax.table`, loaded as data.

Lark reads the grammar and builds the automaton, which takes a few hundred milliseconds; the file that is shipped holds
the numbers that come out of it, and loads in a few. A test fails when the two drift.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from incdsl.resources import grammar_text

TABLE = Path(__file__).with_name("inc.lalr.json")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the grammar: what it makes, of how many parts, and the builder's method for it."""

    origin: str
    size: int
    method: str
    transparent: bool
    """Whether a single part stands for the whole."""
    repeats: bool
    """Whether Lark made it of a repetition: its parts belong to the rule around it."""


@dataclass(frozen=True, slots=True)
class Table:
    """An LALR(1) automaton. A state maps a terminal to the next state (≥ 0) or to a rule (`~number`), a rule's origin
    to the next state."""

    states: tuple[dict[str, int], ...]
    start: int
    end: int
    rules: tuple[Rule, ...]
    patterns: tuple[tuple[str, str], ...]
    """Terminals that are regular expressions, in the order in which they are tried."""
    signs: tuple[tuple[str, str], ...]
    """Signs with their terminals."""
    keywords: dict[str, str]
    """Words with their terminals."""


@cache
def table() -> Table:
    """The table, from the shipped file."""
    stored: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    rows: list[dict[str, int]] = stored["rows"]
    return Table(
        tuple([rows[i] for i in stored["states"]]),
        stored["start"],
        stored["end"],
        tuple([Rule(*rule) for rule in stored["rules"]]),
        tuple([(name, pattern) for name, pattern in stored["patterns"]]),
        tuple([(text, name) for text, name in stored["signs"]]),
        stored["keywords"],
    )


def build() -> str:
    """The table as JSON, from the grammar's text; the states that act alike share one row."""
    from lark import Lark

    lark: Any = Lark(grammar_text(), parser="lalr", lexer="basic", strict=True, maybe_placeholders=False)
    parsed = lark.parser.parser._parse_table
    numbers, rules = _numbered(parsed)
    rows: dict[str, int] = {}
    states = []
    for state in numbers:
        actions = parsed.states[state]
        row = {str(k): ~rules[a] if hasattr(a, "expansion") else numbers[a] for k, (_, a) in actions.items()}
        states.append(rows.setdefault(json.dumps(row, sort_keys=True), len(rows)))
    lines = {
        "rows": [json.loads(row) for row in rows],
        "states": states,
        "start": numbers[parsed.start_states["start"]],
        "end": numbers[parsed.end_states["start"]],
        "rules": [_rule(rule) for rule in rules],
        **_terminals(lark),
    }
    texts = [f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in lines.items()]
    return "{\n" + ",\n".join(texts) + "\n}"


def _numbered(parsed: Any) -> tuple[dict[Any, int], dict[Any, int]]:
    """States and rules in the order in which they are reached, whatever order Lark's sets have."""
    numbers, rules = {parsed.start_states["start"]: 0}, dict[Any, int]()
    waiting = list(numbers)
    for state in waiting:
        for _, (_, argument) in sorted(parsed.states[state].items(), key=lambda action: str(action[0])):
            if hasattr(argument, "expansion"):
                rules.setdefault(argument, len(rules))
            elif argument not in numbers:
                numbers[argument] = len(numbers)
                waiting.append(argument)
    return numbers, rules


def _rule(rule: Any) -> list[Any]:
    origin = str(rule.origin.name)
    transparent = bool(rule.options.expand1) and rule.alias is None
    return [origin, len(rule.expansion), str(rule.alias or origin), transparent, origin.startswith("_")]


def _terminals(lark: Any) -> dict[str, Any]:
    """Patterns in the order in which Lark's basic lexer tries them; strings as signs or, if they are names, words."""
    terminals = [each for each in lark.terminals if each.name not in lark.ignore_tokens]
    terminals.sort(key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    strings = {t.pattern.value: t.name for t in terminals if type(t.pattern).__name__ == "PatternStr"}
    patterns = [[t.name, t.pattern.value] for t in terminals if t.name not in strings.values()]
    signs = [[text, name] for text, name in strings.items() if not text.isidentifier()]
    return {"patterns": patterns, "signs": signs, "keywords": {t: n for t, n in strings.items() if t.isidentifier()}}


if __name__ == "__main__":
    TABLE.write_text(build() + "\n", encoding="utf-8")
