"""Slips that writers of other languages make: what was meant, and which tokens to leave out, so that no more is said.

Each looks at a token that cannot stand where it stands, and at its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from incdsl.syntax.lexer import CLOSERS, OPENERS
from incdsl.syntax.tokens import Token


class Slip(NamedTuple):
    """Tokens that are wrong, from `start` to `stop`."""

    start: int
    stop: int
    help: str
    instead: tuple[tuple[str, str], ...] = ()
    """Terminals with their texts that are put in their place; a number or name without text is not known."""
    word: str = ""
    """The word of the language that was meant: the first token is taken for it, and nothing is left out."""
    behind: int = 0
    """How many of the tokens before them these terminals should have stood in front of."""


_ITEMS = ("input", "output", "expect", "aux", "let")
_STARTS = (*_ITEMS, "unit", "block", "net", "from", "with", "without")
_MERGES = {
    "cat": "concat", "concat": "concat", "concatenate": "concat", "merge": "concat", "sum": "add", "plus": "add",
    "add": "add", "multiply": "mul", "mul": "mul", "reduce": "reduce",
}  # fmt: skip
_STEPS = {
    "stride": "the stride stands behind the kernel: `3x3/2`",
    "padding": "padding is written `valid`, `half` or `pad 1`, or as a setting: `(padding: 1)`",
    "width": "the width is written `@64`",
    "filters": "the width is written `@64`",
    "kernel": "the kernel is written `3x3`",
    "kernel_size": "the kernel is written `3x3`",
}
_KERNEL = (("KERNEL", ""),)
_WIDTH = (("AT", "@"), ("IN", ""))
_PADDINGS = ("VALID", "SAME", "HALF", "CEIL")


def slip(accepts: set[str], tokens: Sequence[Token], i: int) -> Slip | None:
    """What is known of a token that cannot stand here; None if nothing is."""
    if found := _in_expression(accepts, tokens, i) or _word(accepts, tokens, i):
        return found
    if "ARROW" in accepts or _is_new_line(accepts):
        return _in_step(tokens, i) or _behind_step(tokens, i)
    if accepts == {"COMMA", "COLON"}:
        return _bound_by_chance(tokens, i)
    return _at_end(tokens, i)


def _is_new_line(accepts: set[str]) -> bool:
    """Whether a name was taken for the start of a binding."""
    return accepts == {"EQUAL", "COMMA"}


def _word(accepts: set[str], tokens: Sequence[Token], i: int) -> Slip | None:
    """A word of the language, misspelt: one that starts an item, or one that joins rails."""
    if tokens[i].type == "LBRACE" and tokens[i - 1].type == "NAME" and tokens[i + 1].type == "VBAR":
        near = get_close_matches(tokens[i - 1].text.lower(), _MERGES, 1)
        help = "rails are joined by `concat`, `add`, `mul` or `reduce`"
        if near:
            help = f"rails are joined by `{_MERGES[near[0]]} {{ | … | … }}`"
        return Slip(i - 1, i, help, word="MERGE")
    starts = tokens[i - 1].line != tokens[i - 2].line or tokens[i - 2].type == "LBRACE"
    bound = _is_new_line(accepts) and starts
    j, known = (i - 1, _ITEMS) if bound else (i, tuple([each for each in _STARTS if each.upper() in accepts]))
    close = get_close_matches(tokens[j].text, known, 1, 0.7) if tokens[j].type == "NAME" else []
    return Slip(j, j + 1, f"did you mean `{close[0]}`?", word=close[0].upper()) if close else None


def _in_step(tokens: Sequence[Token], i: int) -> Slip | None:
    """A word behind a step, where settings, strides and repetitions are written otherwise."""
    j = i if tokens[i].type == "NAME" else i - 1
    word = tokens[j]
    if j < 2 or word.type != "NAME" or word.line != tokens[j - 1].line or tokens[j - 1].type in ("ARROW", "EQUAL"):
        return None
    after = tokens[j + 1]
    if re.fullmatch(r"s[0-9]+", word.text):
        return Slip(j, j + 1, f"the stride stands behind the kernel: `3x3/{word.text[1:]}`")
    if re.fullmatch(r"[a-z][a-z0-9_]*x[a-z][a-z0-9_]*", word.text) and tokens[j - 1].type == "NAME":
        height, _, width = word.text.partition("x")
        return Slip(j, j + 1, f"a kernel that is no number is a setting: `(kernel: [{height}, {width}])`", _KERNEL)
    if word.text == "x" and after.type == "INT":
        return Slip(j, j + 2, f"repetitions are written `times {after.text}`")
    stop = _behind_value(tokens, j + 2 if after.type == "EQUAL" else j + 1)
    if after.type == "EQUAL" and after.line == word.line:
        return Slip(j, stop, _STEPS.get(word.text, f"a setting is written `({word.text}: …)`"))
    if word.text in _STEPS and after.type in ("INT", "LSQB", "KERNEL"):
        return Slip(j, stop, _STEPS[word.text])
    return None


def _bound_by_chance(tokens: Sequence[Token], i: int) -> Slip | None:
    """`padding=1` behind a step, which was taken for a binding."""
    if i < 4 or [token.type for token in tokens[i - 3 : i]] != ["NAME", "EQUAL", "INT"]:
        return None
    word = tokens[i - 3]
    if word.line != tokens[i - 4].line:
        return None
    return Slip(i - 3, i, _STEPS.get(word.text, f"a setting is written `({word.text}: …)`"))


def _behind_value(tokens: Sequence[Token], i: int) -> int:
    """The index of the token behind a value: behind one token, or behind its closing bracket."""
    depth = 0
    for j in range(i, len(tokens) - 1):
        depth += (tokens[j].type in OPENERS) - (tokens[j].type in CLOSERS)
        if depth <= 0:
            return j + 1
    return min(i + 1, len(tokens) - 1)


def _behind_step(tokens: Sequence[Token], i: int) -> Slip | None:
    """A sign behind a step."""
    token, before, after = tokens[i], tokens[i - 1], tokens[i + 1] if i + 1 < len(tokens) else tokens[i]
    if token.type == "FLOOR":
        stop = next((j for j in range(i, len(tokens)) if tokens[j].line != token.line), len(tokens) - 1)
        return Slip(i, stop, "a comment starts with `#`")
    if token.type == "STAR" and after.type == "INT":
        return Slip(i, i + 2, f"repetitions are written `times {after.text}`")
    if token.type == "COMMA" and after.type == "INT":
        return Slip(i, i + 2, f"the width is written `@{after.text}`", _WIDTH)
    if token.type == "AT" and before.type == "INT" and tokens[i - 2].type == "NAME":
        return Slip(i - 1, i, f"a kernel is written `{before.text}x{before.text}`", _KERNEL)
    if token.type == "AT" and before.type == "INT" and tokens[i - 2].type == "KERNEL":
        return Slip(i - 1, i, f"the width is written once: `@{after.text}`")
    if token.type == "AT" and (before.type in _PADDINGS or tokens[i - 2].type == "PAD"):
        help = "the width stands before the padding: `3x3/2 @64 half`"
        return Slip(i, _behind_value(tokens, i + 1), help, _WIDTH, behind=1 if before.type in _PADDINGS else 2)
    if token.type == "LPAR" and before.text == "range" and tokens[i - 2].type == "IN":
        rows = (("LSQB", "["), ("INT", ""), ("RSQB", "]"))
        return Slip(i - 1, _behind_value(tokens, i), "`for` takes a list, `[0, 1, 2]`; `times 3` repeats", rows)
    return None


def _in_expression(accepts: set[str], tokens: Sequence[Token], i: int) -> Slip | None:
    """An operator that the language has not, or in another form."""
    token, before = tokens[i], tokens[i - 1]
    if token.type == "SLASH" and "FLOOR" in accepts:
        return Slip(i, i + 1, "whole numbers are divided with `//`", (("FLOOR", "//"),))
    if token.type == before.type == "STAR":
        return Slip(i, i + 1, "there is no power; write the product: `n * n`")
    if token.type == "IN" and "CMP" in accepts and before.type == "NAME":
        help = f"a name is compared with each: `{before.text} == 1 or {before.text} == 2`"
        return Slip(i - 1, _behind_value(tokens, i + 1), help, (("TRUE", "true"),))
    return None


def _at_end(tokens: Sequence[Token], i: int) -> Slip | None:
    """An arrow that leads nowhere."""
    if tokens[i - 1].type == "ARROW" and tokens[i].line != tokens[i - 1].line:
        return Slip(i - 1, i, "a chain ends with a step; leave the last `->` out")
    return None
