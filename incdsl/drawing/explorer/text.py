"""The spec as a page shows it: a span for each token, in its colour, that says where it starts."""

from __future__ import annotations

from html import escape

from pygments.token import Comment, Keyword, Name, Number, Operator, String, Token, Whitespace

from incdsl.highlight.lexer import IncLexer

_CLASSES = (
    (Comment, "c"), (String, "s"), (Number, "n"), (Keyword, "k"), (Operator.Word, "k"), (Name.Function, "k"),
    (Name.Class, "d"), (Name.Attribute, "l"), (Name.Builtin, "b"),
)  # fmt: skip


def listing(text: str) -> str:
    """The lines of a text in HTML; `data-at` is the place of a token, in characters."""
    lines: list[list[str]] = [[]]
    at = 0
    for kind, value in IncLexer(stripnl=False, ensurenl=False).get_tokens(text):
        for i, part in enumerate(value.split("\n")):
            if i:
                lines.append([])
                at += 1
            if part:
                lines[-1].append(_token(kind, part, at))
                at += len(part)
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    return "".join(f'<span class="line" id="L{n}">{"".join(line)}</span>' for n, line in enumerate(lines, 1))


def _token(kind: object, text: str, at: int) -> str:
    if kind in Whitespace or not text.strip():
        return text
    name = next((name for each, name in _CLASSES if kind in each), "")
    marked = f' class="{name}"' if name else ""
    return f'<span{marked} data-at="{at}">{escape(text)}</span>' if kind is not Token.Error else escape(text)
