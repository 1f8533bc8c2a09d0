"""The words of the language by what they are: from the grammar, the ops and the words that are explained."""

from __future__ import annotations

from functools import cache

from incdsl.diagnostics import Sink
from incdsl.ops import REGISTRY
from incdsl.ops.merge import Joining
from incdsl.source import Source
from incdsl.syntax.lexer import tokenize
from incdsl.words import WORDS

DEFINES = ("unit", "block", "net")
"""Words in front of the name of a definition."""
_PADDINGS = ("VALID", "SAME", "HALF", "PAD", "CEIL")
_LOGIC = ("AND", "OR", "NOT")
_CONSTANTS = ("TRUE", "FALSE")


@cache
def terminal_of(word: str) -> str:
    """The terminal of a word of the grammar; empty for a name that means something only where it stands."""
    kind = tokenize(Source("<word>", word), Sink())[0].type
    return "" if kind == "NAME" else kind


def _of(*terminals: str) -> tuple[str, ...]:
    return tuple(sorted(word for word in WORDS if terminal_of(word) in terminals))


MERGES = _of("MERGE")
PADDINGS = _of(*_PADDINGS)
LOGIC = _of(*_LOGIC)
CONSTANTS = _of(*_CONSTANTS)
FUNCTIONS = _of("")
"""`split`, and what expressions call."""
KEYWORDS = tuple(sorted({*WORDS} - {*MERGES, *PADDINGS, *LOGIC, *CONSTANTS, *FUNCTIONS}))
OPS = tuple(sorted(word for word, op in REGISTRY.items() if not issubclass(op, Joining) and op.is_own()))

COMMENT = r"#[^\n]*"
STRING = r'"[^"\n]*"'
KERNEL = r"\b[0-9]{1,4}x[0-9]{1,4}\b"
NUMBER = r"\b[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?(?:e-?[0-9]+)?\b"
LABEL = r"\b(?!else\b)[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*(?:\.\.)?(?=\s*:(?!\s*\[))"
"""A label, or the name of a setting: what stands before a colon that states no shape."""
NAME = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*"
OPERATOR = r"->|//|<=|>=|==|!=|[-+*/%<>=@|]"


def any_of(words: tuple[str, ...]) -> str:
    """A pattern of whole words."""
    return rf"\b(?:{'|'.join(sorted(words, key=lambda word: (-len(word), word)))})\b"
