"""Source text of calls and sums, broken over lines as ruff's formatter breaks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 120
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Bracketed:
    """`head(item, item)tail`, or with other brackets."""

    head: str
    items: tuple[Doc, ...]
    brackets: str = "()"
    tail: str = ""


@dataclass(frozen=True, slots=True)
class Joined:
    """`a + b + c`."""

    operator: str
    parts: tuple[Doc, ...]


Doc: TypeAlias = str | Bracketed | Joined


def flat(doc: Doc) -> str:
    """The text on one line."""
    if isinstance(doc, str):
        return doc
    if isinstance(doc, Joined):
        return f" {doc.operator} ".join(flat(part) for part in doc.parts)
    opening, closing = doc.brackets[0], doc.brackets[1]
    return f"{doc.head}{opening}{', '.join(map(flat, doc.items))}{closing}{doc.tail}"


def lines(prefix: str, doc: Doc, suffix: str, indent: int) -> list[str]:
    """A statement `prefix doc suffix` at some depth of indentation, each line within the width where that can be."""
    margin = INDENT * indent
    one = f"{margin}{prefix}{flat(doc)}{suffix}"
    if len(one) <= WIDTH or isinstance(doc, str):
        return [one]
    if isinstance(doc, Joined):
        inner = margin + INDENT
        first, *rest = doc.parts
        body = [inner + flat(first), *(f"{inner}{doc.operator} {flat(part)}" for part in rest)]
        return [f"{margin}{prefix}(", *body, f"{margin}){suffix}"]
    opening, closing = doc.brackets[0], doc.brackets[1]
    together = f"{margin}{INDENT}{', '.join(map(flat, doc.items))}"
    if len(together) <= WIDTH and not _splits_inside(doc):
        body = [together]
    else:
        body = [line for item in doc.items for line in lines("", item, ",", indent + 1)]
    return [f"{margin}{prefix}{doc.head}{opening}", *body, f"{margin}{closing}{doc.tail}{suffix}"]


def _splits_inside(doc: Bracketed) -> bool:
    """A sole bracketed item, or a list, is broken itself: one item to a line."""
    return doc.brackets != "()"
