"""What stands between two tokens, apart from blanks: comments, and blank lines."""

from __future__ import annotations

import re

_BLANKS = " \t\r"
_CLEAN = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")


def clean(trivia: str) -> bool:
    """Whether it is blanks and comments alone, and nothing that the parser had to leave out."""
    return _CLEAN.fullmatch(trivia) is not None


def comments(trivia: str) -> tuple[str, list[str]]:
    """The comment behind the token before, and what stands on lines of its own: comments, and "" for blank lines.

    Several blank lines are one.
    """
    behind, *rest = trivia.split("\n")
    above: list[str] = []
    for text in rest[:-1]:
        stripped = text.strip(_BLANKS)
        if stripped or not above or above[-1]:
            above.append(stripped)
    return behind.strip(_BLANKS), above
