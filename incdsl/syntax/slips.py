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
    """Tokens that are wrong, from `start` to `stop`. Where both are the same, something is missing in front of it."""

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
_ARROW = (("ARROW", "->"),)
_OPERATORS = ("PLUS", "MINUS", "STAR", "FLOOR", "MODULO")
_WIDTH = (("AT", "@"), ("IN", ""))
_PADDINGS = ("VALID", "SAME", "HALF", "CEIL")
_PADDING_WORDS = ("valid", "half", "same", "ceil")
GOES_ON = ("KERNEL", "SLASH", "AT", "LPAR", "INT", "REAL", "PAD", "ARROW", "TIMES")
"""What stands behind the name of a step, and not behind a name that is bound."""
_REMOVE = ("remove", "delete", "drop", "del")
_SUMS = {"PLUS": "add", "STAR": "mul"}
_ARROWS = {("EQUAL", ">"), ("CMP", ">"), ("MINUS", ">"), ("VBAR", ">")}


def slip(accepts: set[str], tokens: Sequence[Token], i: int) -> Slip | None:
    """What is known of a token that cannot stand here; None if nothing is."""
    if found := _in_expression(accepts, tokens, i) or _word(accepts, tokens, i) or _loose_chain(accepts, tokens, i):
        return found
    if tokens[i].type == "FLOOR" and "FLOOR" not in accepts and tokens[i].end == tokens[i].start + 2:
        found = _comment(tokens, i)
        if found:
            return found
    if accepts == {"COLON"} and tokens[i].type == "EQUAL" and tokens[i - 2].type in ("LBRACE", "NAME", "INT"):
        word = tokens[i - 1].text
        help = f"a parameter is given with the net, `Base({word}: …)`; a step is changed by `{word}: …`"
        return Slip(i - 1, _behind_value(tokens, i + 1), help)
    if "ARROW" in accepts or _is_new_line(accepts):
        return _in_step(tokens, i) or _behind_step(tokens, i) or _computed(tokens, i)
    if accepts == {"COLON"} and tokens[i - 1].text in _REMOVE and tokens[i].type == "NAME":
        name = tokens[i].text
        return Slip(i - 1, i + 1, f"outputs and heads are left out by `without {name}`, steps by `{name}: identity`")
    if accepts == {"LBRACE"}:
        return _merged_in_parentheses(tokens, i)
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


def _loose_chain(accepts: set[str], tokens: Sequence[Token], i: int) -> Slip | None:
    """A chain of a body that is not bound, and what other languages write there."""
    token, before = tokens[i], tokens[i - 1]
    output = (("OUTPUT", ""), ("NAME", ""), ("EQUAL", "="))
    bound = "a chain is bound to a name: `output y = …`, or `a = …` for a value"
    if token.type == "IN" and {"OUTPUT", "NAME"} <= accepts:
        return Slip(i, i, bound, output)
    if not _is_new_line(accepts) or (before.line == tokens[i - 2].line and tokens[i - 2].type != "LBRACE"):
        return None
    if before.text == "return" and token.line == before.line:
        return Slip(i - 1, i, f"a value leaves by `output y = {token.text}`", output)
    if token.type == "ARROW" and _is_value(tokens, i - 1):
        return Slip(i, i, bound, output, behind=1)
    if tokens[i - 2].type == "LBRACE" and token.type in GOES_ON:
        return Slip(i, i, bound, (*output, ("IN", "in"), ("ARROW", "->")), behind=1)
    return None


def _is_value(tokens: Sequence[Token], i: int) -> bool:
    """Whether the name at `i` was bound before, as an input or by `=`."""
    name, binds = tokens[i].text, False
    for j in range(i - 1, 0, -1):  # from the back: a name in front of `=`, or of another such name, is bound
        if tokens[j].text == name and (binds or tokens[j - 1].type == "INPUT"):
            return True
        binds = tokens[j].type == "EQUAL" or (binds and tokens[j].type in ("NAME", "COMMA"))
    return False


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
    if tokens[j - 1].type == "INT" and tokens[j - 2].type == "NAME":
        if re.fullmatch(r"[xX][0-9]+", word.text):
            return _kernel(j - 1, j + 1, tokens[j - 1].text, word.text[1:])
        if word.text in ("x", "X") and after.type == "INT":
            return _kernel(j - 1, j + 2, tokens[j - 1].text, after.text)
    if word.text == "x" and after.type == "INT":
        return Slip(j, j + 2, f"repetitions are written `times {after.text}`")
    if near := get_close_matches(word.text.lower(), _PADDING_WORDS, 1, 0.7):
        return Slip(j, j + 1, f"did you mean `{near[0]}`?", ((near[0].upper(), near[0]),))
    stop = _behind_value(tokens, j + 2 if after.type == "EQUAL" else j + 1)
    if after.type == "EQUAL" and after.line == word.line:
        return Slip(j, stop, _STEPS.get(word.text, f"a setting is written `({word.text}: …)`"))
    if word.text in _STEPS and after.type in ("INT", "LSQB", "KERNEL"):
        return Slip(j, stop, _STEPS[word.text])
    return None


def _kernel(start: int, stop: int, height: str, width: str) -> Slip:
    """A kernel that is written in several parts."""
    kernel = f"{height}x{width}"
    return Slip(start, stop, f"a kernel is written `{kernel}`, in one word", (("KERNEL", kernel),))


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
    if (token.type, after.text) in _ARROWS and token.end == after.start:
        return Slip(i, i + 2, "steps are joined by `->`", _ARROW)
    if token.type in _SUMS and before.type == after.type == "NAME" and tokens[i - 2].type in ("EQUAL", "VBAR", "LPAR"):
        merge, a, b = _SUMS[token.type], before.text, after.text
        parts = (
            ("MERGE", merge),
            ("LBRACE", "{"),
            ("VBAR", "|"),
            ("NAME", a),
            ("VBAR", "|"),
            ("NAME", b),
            ("RBRACE", "}"),
        )
        return Slip(i - 1, i + 2, f"values are joined by `{merge} {{ | {a} | {b} }}`", parts)
    if token.type == "STAR" and after.type == before.type == "INT" and tokens[i - 2].type == "NAME":
        return _kernel(i - 1, i + 2, before.text, after.text)
    if token.type == "STAR" and after.type == "INT" and not (before.type == "NAME" and tokens[i - 2].type == "AT"):
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


def _comment(tokens: Sequence[Token], i: int) -> Slip | None:
    """`// words`, up to the end of the line; `@n // 2` is none."""
    if tokens[i + 1].type in ("INT", "LPAR") and tokens[i - 2].type in ("AT", "TIMES"):
        return None
    stop = next((j for j in range(i, len(tokens)) if tokens[j].line != tokens[i].line), len(tokens) - 1)
    return Slip(i, max(stop, i + 1), "a comment starts with `#`")


def _computed(tokens: Sequence[Token], i: int) -> Slip | None:
    """A width or a count that is computed, without parentheses."""
    signs = {"AT": "@", "TIMES": "times "}
    if tokens[i].type not in _OPERATORS or tokens[i - 2].type not in signs:
        return None
    stop = _behind_value(tokens, i + 1)
    if tokens[stop - 1].line != tokens[i].line:
        return None
    value = " ".join(token.text for token in tokens[i - 1 : stop])
    return Slip(i, stop, f"what is computed stands in parentheses: `{signs[tokens[i - 2].type]}({value})`")


def _merged_in_parentheses(tokens: Sequence[Token], i: int) -> Slip | None:
    """`concat(a, b)`: rails that are written as arguments."""
    start = next((j for j in range(i - 1, -1, -1) if tokens[j].type == "LPAR"), 0)
    inner = tokens[start + 1 : i - 1]
    if tokens[i - 1].type != "RPAR" or tokens[start - 1].type != "MERGE":
        return None
    if len(inner) % 2 == 0 or any(token.type != ("COMMA" if j % 2 else "NAME") for j, token in enumerate(inner)):
        return None
    text, parts = _merge(tokens[start - 1].text, [token.text for token in inner[::2]])
    return Slip(start, i, f"rails stand in braces: `{text}`", parts[1:])


def _merge(word: str, names: Sequence[str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Values that are joined, as text and as terminals."""
    rails = [part for name in names for part in (("VBAR", "|"), ("NAME", name))]
    text = f"{word} {{ | {' | '.join(names)} }}"
    return text, (("MERGE", word), ("LBRACE", "{"), *rails, ("RBRACE", "}"))


def _in_expression(accepts: set[str], tokens: Sequence[Token], i: int) -> Slip | None:
    """An operator that the language has not, or in another form."""
    token, before = tokens[i], tokens[i - 1]
    if token.type == "SLASH" and "FLOOR" in accepts:
        after = tokens[i + 1]
        if before.type == after.type == "INT" and int(after.text) and int(before.text) % int(after.text):
            value = repr(int(before.text) / int(after.text))
            help = f"write `{value}`; `//` divides whole numbers, and rounds down"
            return Slip(i - 1, i + 2, help, (("REAL", value),))
        return Slip(i, i + 1, "whole numbers are divided with `//`", (("FLOOR", "//"),))
    if token.type == before.type == "STAR":
        return Slip(i, i + 1, "there is no power; write the product: `n * n`")
    if token.type == "CMP" and "AND" in accepts and tokens[i - 2].type == "CMP" and before.type == "NAME":
        stop = _behind_value(tokens, i + 1)
        return Slip(i, stop, f"compare twice: `… {tokens[i - 2].text} {before.text} and {before.text} {token.text} …`")
    if token.type == "IN" and "CMP" in accepts and before.type == "NAME":
        help = f"a name is compared with each: `{before.text} == 1 or {before.text} == 2`"
        return Slip(i - 1, _behind_value(tokens, i + 1), help, (("TRUE", "true"),))
    return None


def _at_end(tokens: Sequence[Token], i: int) -> Slip | None:
    """An arrow that leads nowhere."""
    if tokens[i - 1].type == "ARROW" and tokens[i].line != tokens[i - 1].line:
        return Slip(i - 1, i, "a chain ends with a step; leave the last `->` out")
    return None
