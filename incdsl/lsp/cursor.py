"""Where the cursor stands: in which step, in whose parentheses, behind what; for texts that are half written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from incdsl.elaborate.resolve import Definition
from incdsl.lsp.mentions import Target, definition_target
from incdsl.lsp.reading import Reading
from incdsl.ops import find
from incdsl.syntax import tree
from incdsl.syntax.lexer import CLOSERS, OPENERS
from incdsl.syntax.parser import acceptable, parse
from incdsl.syntax.tokens import Token


@dataclass(frozen=True, slots=True)
class Context:
    """Where the cursor stands: the tokens in front of the word that is typed, and where that word starts."""

    tokens: tuple[Token, ...]
    start: int
    accepts: frozenset[str]

    def back(self, count: int) -> Token | None:
        """The token that stands so many before the word."""
        return self.tokens[-count] if len(self.tokens) >= count else None


def context(reading: Reading, offset: int) -> Context:
    """Where an offset stands; a word that ends there is not part of it."""
    text, start = reading.source.text, offset
    while start and (text[start - 1].isalnum() or text[start - 1] in "_."):
        start -= 1
    tokens = tuple(token for token in reading.tokens if token.end <= start and token.text)
    return Context(tokens, start, acceptable(text[:start]))


def meaning(name: str, reading: Reading) -> Target | None:
    """What a step calls by this name."""
    if found := reading.names.get(name):
        return definition_target(found)
    op = find(name)
    return Target("op", name, op=op) if op else None


def callee_at(reading: Reading, offset: int) -> tuple[Target, str, set[str]] | None:
    """What is called by the step in whose parentheses an offset is, the setting it is in, and those written before."""
    return callee_of(tuple(t for t in reading.tokens if t.start < offset and t.text), reading)


def callee_of(tokens: tuple[Token, ...], reading: Reading) -> tuple[Target, str, set[str]] | None:
    """The same behind these tokens."""
    opened = _opened(tokens)
    if opened is None or opened < 1:
        return None
    callee = next((found for token in _behind_name(tokens, opened) if (found := meaning(token.text, reading))), None)
    if callee is None:
        return None
    named = [tokens[at - 1].text for at in range(opened, len(tokens)) if tokens[at].type == "COLON"]
    inside = named[-1] if named and tokens[-1].type != "COMMA" else ""
    return callee, inside, set(named)


def around(reading: Reading, tokens: tuple[Token, ...], end: int) -> Definition | None:
    """The definition around the end of these tokens as far as it is written, whatever stands behind it."""
    start = _start_of_item(tokens)
    if start is None:
        return None
    written, closers = reading.source.text[tokens[start].start : end], _closers(tokens[start:])
    for more in _COMPLETIONS:
        file = parse(f"inc 1\n{written} {more} {closers}").file
        if file.definitions and not any(isinstance(node, tree.Error) for node in tree.nodes(file)):
            break
    return Definition(file.definitions[-1], reading.names) if file.definitions else None


_COMPLETIONS = ("identity", "", "x: identity", "= identity", "x", "1", ": identity")
"""What may be missing of an item where the cursor stands."""


def _start_of_item(tokens: tuple[Token, ...]) -> int | None:
    """The index of the token that starts the last unit, block or net."""
    found, depth = None, 0
    for at, token in enumerate(tokens):
        depth += (token.type in OPENERS) - (token.type in CLOSERS)
        starts_line = token.before == 0 or ("\n" in token.trivia and token.trivia.endswith("\n"))
        if token.type in ("UNIT", "BLOCK", "NET") and (depth <= 0 or starts_line):
            found, depth = at, 0
        elif token.type == "FROM" and starts_line:
            found = None
    return found


def _closers(tokens: tuple[Token, ...]) -> str:
    """What closes the brackets that are open behind these tokens."""
    closers = {"LPAR": ")", "LSQB": "]", "LBRACE": "}"}
    waiting: list[str] = []
    for token in tokens:
        if token.type in closers:
            waiting.append(closers[token.type])
        elif token.type in CLOSERS and waiting:
            waiting.pop()
    return " ".join(reversed(waiting))


def _opened(tokens: tuple[Token, ...]) -> int | None:
    """The index of the bracket around the end of the tokens, if it is a parenthesis."""
    depth = 0
    for at in range(len(tokens) - 1, -1, -1):
        kind = tokens[at].type
        if kind in CLOSERS:
            depth += 1
        elif kind in ("LPAR", "LSQB", "LBRACE"):
            if depth == 0:
                calls = kind == "LPAR" and at > 0 and tokens[at - 1].type not in _COMPUTED
                return at if calls else None
            depth -= 1
    return None


_COMPUTED = ("AT", "SLASH", "TIMES", "PLUS", "MINUS", "STAR", "FLOOR", "MODULO", "CMP", "IF", "AND", "OR", "NOT", "IN")
"""What stands in front of a parenthesis that holds an expression."""


def _behind_name(tokens: tuple[Token, ...], opened: int) -> Iterator[Token]:
    """The name of the step whose parenthesis this is: over its sigils, back to where it starts."""
    for at in range(opened - 1, max(opened - 10, -1), -1):
        if tokens[at].type in ("ARROW", "VBAR", "EQUAL", "LBRACE", "COLON", "COMMA"):
            return
        if tokens[at].type in ("NAME", "PATH", "MERGE"):
            yield tokens[at]
