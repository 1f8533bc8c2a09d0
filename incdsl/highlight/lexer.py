"""A lexer for Pygments, which colours pages, terminals and notebooks. Pygments finds it by its entry point."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

from incdsl.highlight import words

_EDITION = re.compile(r"\s*(?:#[^\n]*\n\s*)*inc\s+[0-9]+\b")


class IncLexer(RegexLexer):  # type: ignore[misc]  # Pygments has no types
    """Specs of incdsl, edition 1."""

    name = "incdsl"
    aliases: ClassVar[list[str]] = ["inc", "incdsl"]
    filenames: ClassVar[list[str]] = ["*.inc"]
    mimetypes: ClassVar[list[str]] = ["text/x-incdsl"]
    url = "https://pypi.org/project/incdsl/"
    version_added = ""

    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            (r"\s+", Whitespace),
            (words.COMMENT, Comment.Single),
            (words.STRING, String.Double),
            (
                rf"({words.any_of(words.DEFINES)})(\s+)({words.NAME})",
                bygroups(Keyword.Declaration, Whitespace, Name.Class),
            ),
            (words.LABEL, Name.Attribute),
            (words.KERNEL, Number),
            (words.NUMBER, Number),
            (words.any_of(words.LOGIC), Operator.Word),
            (words.any_of(words.CONSTANTS), Keyword.Constant),
            (words.any_of(words.KEYWORDS), Keyword),
            (words.any_of(words.MERGES), Name.Function.Magic),
            (words.any_of(words.PADDINGS), Keyword.Pseudo),
            (words.any_of((*words.OPS, *words.FUNCTIONS)), Name.Builtin),
            (words.NAME, Name),
            (words.OPERATOR, Operator),
            (r"[][(){},:]", Punctuation),
            (r"\.\.?", Punctuation),
        ]
    }

    def analyse_text(text: str) -> float:  # noqa: N805 - Pygments makes it a static method
        """How surely a text is a spec: many languages have files called `.inc`."""
        return 0.9 if _EDITION.match(text) else 0.0
