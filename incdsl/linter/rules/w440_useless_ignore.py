"""W440: a comment for the linter that leaves nothing out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics import Diagnostic, Fix
from incdsl.diagnostics.base import REGISTRY, example
from incdsl.edits import Edit
from incdsl.linter.finding import RULES, Finding
from incdsl.linter.view import View
from incdsl.syntax.ignore import Ignore


@dataclass(frozen=True, kw_only=True)
class UselessIgnore(Finding):
    """`# lint: ignore W412 as published` names warnings and says why they are left out.

    Reported if there is no such warning where the comment stands, if no warning has that code, and if there is no
    reason. The fix takes a code or a comment away that leaves nothing out.
    """

    code: ClassVar[str] = "W440"
    title: ClassVar[str] = "a comment leaves nothing out, or gives no reason"
    because: ClassVar[str] = "the next reader takes it for true that there is something to know about the line"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @8  # lint: ignore W413 as published")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @8")

    reason: str

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        """Nothing: it takes what all others have found."""
        return iter(())

    @classmethod
    def among(cls, comments: Sequence[Ignore], used: Set[tuple[Ignore, str]], asked: Set[str]) -> Iterator[Diagnostic]:
        """What is wrong with comments, of which some left something out; codes that were not asked may yet."""
        for comment in comments:
            if not comment.codes:
                yield cls(span=comment.span, reason="the comment names no warning, such as W412")
            idle = [code for code in comment.codes if (comment, code) not in used]
            for code in idle:
                if not code.startswith("W4"):
                    yield cls(span=comment.span, reason=f"{code} is no advice, and cannot be left out")
                elif code in asked or code not in {*REGISTRY, *RULES}:
                    said = f"there is no {code} here" if code in asked else f"there is no warning {code}"
                    yield cls(span=comment.span, reason=said, fix=_without(comment, idle))
            if comment.codes and not comment.reason:
                yield cls(span=comment.span, reason="the comment does not say why")

    def message(self) -> str:
        return self.reason


def _without(comment: Ignore, idle: Sequence[str]) -> Fix:
    """The comment without these codes, or no comment."""
    span, text = comment.span, comment.span.source.text
    left = [code for code in comment.codes if code not in idle]
    if left:
        written = f"# lint: ignore {', '.join(left)} {comment.reason}".rstrip()
        return Fix(f"leave {', '.join(idle)} out of it", (Edit(span.start, span.end, written),), safe=True)
    start = span.start
    while start and text[start - 1] in " \t":
        start -= 1
    alone = start == 0 or text[start - 1] == "\n"
    end = span.end + 1 if alone and text[span.end : span.end + 1] == "\n" else span.end
    return Fix("take it away", (Edit(start, end, ""),), safe=True)
