"""Comments that say which warnings to leave out, and why: `# lint: ignore W412 as published`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.syntax.tokens import Token, is_for_linter, own_lines

_CODES = re.compile(r"lint:\s*ignore[ \t]*((?:[A-Z]\d+\b[ \t]*,?[ \t]*)*)")


@dataclass(frozen=True, eq=False, slots=True)
class Ignore:
    """One such comment: where it stands, what it says, and the lines that it is about."""

    span: Span
    codes: tuple[str, ...]
    reason: str
    lines: range

    def covers(self, code: str, span: Span) -> bool:
        """Whether it is about a warning at a place."""
        return code in self.codes and span.source is self.span.source and span.line in self.lines


def ignores(file: tree.File) -> tuple[Ignore, ...]:
    """The comments of a file in their order.

    One behind something is about that line. One on a line of its own is about what stands below it, a definition, a
    value, a head, a rail or a line of a chain; among the comments below `inc 1` it is about the whole file.
    """
    last = file.last_token
    if last is None or "lint:" not in last.source.text:
        return ()
    return tuple(_ignores(file, dict(_starting(file)), range(1, last.line + 1)))


def _starting(file: tree.File) -> Iterator[tuple[Token, tree.Tree]]:
    """Tokens, and the largest construct that starts with each; the last of equal keys counts."""
    for node in reversed([node for node in tree.nodes(file) if not isinstance(node, tree.File)]):
        if first := node.first_token:
            yield first, node


def _ignores(file: tree.File, starting: dict[Token, tree.Tree], everything: range) -> Iterator[Ignore]:
    for token in file.tokens:
        if "lint:" not in token.trivia:
            continue
        alone = {line for line, _ in own_lines(token)}
        below = starting.get(token)
        for span in token.comments:
            text = span.text[1:].strip()
            if not is_for_linter(text):
                continue
            found = _CODES.match(text)
            assert found is not None
            codes = tuple(re.findall(r"[A-Z]\d+", found[1]))
            about = range(span.line, span.line + 1)
            if span.line in alone:
                about = everything if _is_about_file(file, token, span.line) else _lines(token, below)
            yield Ignore(span, codes, text[found.end() :].strip(" \t:-"), about)


def _is_about_file(file: tree.File, token: Token, line: int) -> bool:
    """Whether a comment stands among those that are about the file: before its first item, and not right above it."""
    first = file.items[0] if file.items else None
    if first is None or (file.edition and token is file.edition.first_token):
        return True
    own = {number for number, _ in first.lines_above} if isinstance(first, tree.Documented) else set()
    return token is first.first_token and line not in own


def _lines(token: Token, below: tree.Tree | None) -> range:
    """The lines of what stands below a comment."""
    last = below.last_token if below else None
    return range(token.line, (last or token).line + 1)
