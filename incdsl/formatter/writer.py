"""Lines of tokens as text, with the comments and blank lines between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from incdsl.formatter.lines import Line
from incdsl.formatter.sheet import INDENT, Sheet
from incdsl.formatter.trivia import comments


def write(sheet: Sheet, found: Iterable[Line], until: Callable[[int], int]) -> str:
    """The text of some lines; `until` gives the offset up to which the trivia of a token stays as it is."""
    parts: list[str] = []
    for line in found:
        token = sheet.tokens[line.first]
        text = token.source.text
        start = token.start if line.kept is None else line.kept
        begin = min(until(line.first), start)
        parts.append(text[token.before : begin])
        if begin < start or (begin == token.before and line.kept is None):
            parts += _between(sheet, line, text[begin:start])
            parts.append(" " * line.indent if token.text else "")
        if line.kept is None:
            parts.append(token.text)
            for i in range(line.first + 1, line.stop):
                parts += (" " * sheet.blanks[i], sheet.tokens[i].text)
        else:
            parts.append(text[start : sheet.tokens[line.stop - 1].end])
    return "".join(parts)


def _between(sheet: Sheet, line: Line, trivia: str) -> list[str]:
    """The end of the line before, and the comments and blank lines above a line."""
    token, after = sheet.tokens[line.first], sheet.tokens[line.first - 1] if line.first else None
    if after is None:
        trivia = "\n" + trivia  # what stands in the first line of a file has a line to itself
    if token.type == "$END" or "\n" not in trivia:
        trivia += "\n"
    behind, above = comments(trivia)
    if line.loose:
        above = [text for text in above if text]
    if above and not above[0] and (after is None or after.type == "LBRACE"):
        del above[0]
    if above and not above[-1] and token.type in ("RBRACE", "$END"):
        del above[-1]
    indent = line.indent + INDENT * (token.type == "RBRACE")
    parts = [f"  {behind}" if behind else "", "\n" if after else ""]
    return parts + [f"{' ' * indent}{text}\n" if text else "\n" for text in above]
