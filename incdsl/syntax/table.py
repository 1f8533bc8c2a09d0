"""The LALR table: made from `grammars/inc.lark` by `python -m incdsl.syntax.table`, loaded as plain data.

Building it takes a few hundred milliseconds, loading it a few; no pickle is involved. A test fails when the two drift.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from incdsl.resources import grammar_text

TABLE = Path(__file__).with_name("inc.lalr.json")


def build() -> str:
    """The table as JSON, from the grammar's text."""
    lark = Lark(grammar_text(), parser="lalr", lexer="basic", maybe_placeholders=False)
    data, memo = lark.memo_serialize([TerminalDef, Rule])
    return json.dumps({"data": data, "memo": memo}, separators=(",", ":"), sort_keys=True)


def load() -> Lark:
    """The parser, from the shipped table."""
    stored = json.loads(TABLE.read_text(encoding="utf-8"))
    lark: Lark = Lark._load_from_dict(  # type: ignore[no-untyped-call]
        _integer_keys(stored["data"]), _integer_keys(stored["memo"])
    )
    return lark


def _integer_keys(value: Any) -> Any:
    """JSON turns the integer keys of Lark's tables into strings; turn them back."""
    if isinstance(value, dict):
        return {int(k) if k.isdigit() else k: _integer_keys(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_integer_keys(v) for v in value]
    return value


if __name__ == "__main__":
    TABLE.write_text(build() + "\n", encoding="utf-8")
