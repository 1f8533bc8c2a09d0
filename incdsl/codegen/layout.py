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


@dataclass(frozen=True, slots=True)
class Clauses:
    """`value if test else None`, or `member for _ in range(n)`: an expression and what is said of it."""

    parts: tuple[Doc, ...]


Doc: TypeAlias = str | Bracketed | Joined | Clauses


def flat(doc: Doc) -> str:
    """The text on one line."""
    if isinstance(doc, str):
        return doc
    if isinstance(doc, Joined):
        return f" {doc.operator} ".join(flat(part) for part in doc.parts)
    if isinstance(doc, Clauses):
        return " ".join(map(flat, doc.parts))
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
    if isinstance(doc, Clauses):
        return [f"{margin}{prefix}(", *_clauses(doc, indent + 1), f"{margin}){suffix}"]
    opening, closing = doc.brackets[0], doc.brackets[1]
    if prefix.endswith(" = ") and len(f"{margin}{prefix}{doc.head}{opening}") > WIDTH:
        return [f"{margin}{prefix}(", *lines("", doc, "", indent + 1), f"{margin}){suffix}"]
    together = f"{margin}{INDENT}{', '.join(map(flat, doc.items))}"
    if len(together) <= WIDTH and not _splits_inside(doc):
        body = [together]
    elif len(doc.items) == 1 and isinstance(doc.items[0], Clauses):
        body = _clauses(doc.items[0], indent + 1)
    else:
        comma = "" if len(doc.items) == 1 and _is_literal(doc.items[0]) else ","
        body = [line for item in doc.items for line in lines("", item, comma, indent + 1)]
    return [f"{margin}{prefix}{doc.head}{opening}", *body, f"{margin}{closing}{doc.tail}{suffix}"]


def _clauses(doc: Clauses, indent: int) -> list[str]:
    return [line for part in doc.parts for line in lines("", part, "", indent)]


def targets(names: str, doc: Doc, indent: int) -> list[str]:
    """`a, b = doc`; a name to a line where they have no room beside each other."""
    margin = INDENT * indent
    if ", " not in names or len(f"{margin}{names} = (") <= WIDTH:
        return lines(f"{names} = ", doc, "", indent)
    return [f"{margin}(", *(f"{margin}{INDENT}{name}," for name in names.split(", ")), *lines(") = ", doc, "", indent)]


def _is_literal(doc: Doc) -> bool:
    """A list or a dictionary: as the only argument it stands on lines of its own, without a comma behind it."""
    return isinstance(doc, Bracketed) and not doc.head and doc.brackets != "()"


def _splits_inside(doc: Bracketed) -> bool:
    """A sole bracketed item, or a list, is broken itself: one item to a line."""
    return doc.brackets != "()"
