"""What is said about a token that cannot stand here: what was found, what may stand here, what was meant."""

from __future__ import annotations

from collections.abc import Sequence

from incdsl.syntax.tokens import Token

IMPORT = 'an import is written `from "FILE.inc" use NAME, …`'

_SPELLING = {
    "$END": "the end of the file", "NAME": "a name", "INT": "a number", "REAL": "a number",
    "KERNEL": "a kernel (`3x3`)", "PATH": "a path", "STRING": "a string", "CMP": "a comparison",
    "MERGE": "a merge (`concat`, `add`, `mul`, `reduce`)", "VALID": "`valid`", "SAME": "`same`",
    "HALF": "`half`", "PAD": "`pad`", "CEIL": "`ceil`", "ASCRIBE": "`: [shape]`", "PLUS": "`+`",
    "MINUS": "`-`", "STAR": "`*`", "FLOOR": "`//`", "MODULO": "`%`", "EQUAL": "`=`", "LBRACE": "`{`", "RBRACE": "`}`",
    "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`", "COMMA": "`,`", "COLON": "`:`", "VBAR": "`|`",
    "SLASH": "`/stride`", "AT": "`@width`", "ARROW": "`->`",
}  # fmt: skip
_RARELY_MEANT = {
    "FROM", "PLUS", "MINUS", "STAR", "FLOOR", "MODULO", "CMP", "IF", "ELSE", "AND", "OR", "NOT", "FOR", "TIMES", "AS",
    "CEIL", "ASCRIBE", "LPAR", "LET",
}  # fmt: skip


def found(token: Token) -> str:
    """What a token is called in a message."""
    return _SPELLING["$END"] if token.type == "$END" else f"`{token.text}`"


def expected(accepts: set[str]) -> tuple[str, ...]:
    """What may stand here, in words, without the operators and keywords that few people mean."""
    useful = accepts - _RARELY_MEANT if len(accepts) > 4 else accepts
    words = {_SPELLING.get(t, f"`{t.lower()}`") for t in useful}
    return tuple(sorted(words)) if len(words) <= 8 else ()


def values_in_front(accepts: set[str], tokens: Sequence[Token], i: int) -> str:
    """The values that flow into a chain, if they stand in front of its first arrow without parentheses: `a, b -> …`."""
    if tokens[i].type != "ARROW" or accepts != {"COMMA", "COLON"}:
        return ""
    start = i
    while tokens[start - 1].type in ("NAME", "COMMA"):
        start -= 1
    if tokens[start - 1].type != "EQUAL":
        return ""
    return " ".join(token.text for token in tokens[start:i]).replace(" ,", ",")


def meant(accepts: set[str], tokens: Sequence[Token], i: int) -> str:
    """How to write what was probably meant by a token that cannot stand here; empty if nothing comes to mind."""
    token, before = tokens[i], tokens[i - 1]
    if token.text == "import" and "USE" in accepts:
        return IMPORT
    if token.type == "EQUAL" and before.type == "NAME" and {"COLON", "RPAR"} <= accepts:
        return f"an argument is written `{before.text}: …`"
    if token.type == "COLON" and tokens[i - 2].type == "INPUT":
        return f"it is written `input {before.text} [3, 224, 224]`"
    if token.type == "COLON" and "EQUAL" in accepts and tokens[i - 2].type in ("EXPECT", "LET"):
        return f"it is written `{tokens[i - 2].text} {before.text} = …`"
    if token.type == "WITHOUT" and "WITH" in accepts:
        return "changes stand in braces: `with { without … }`"
    if token.type == "PATH" and before.type == "WITHOUT":
        return f"a head of a net inside is called `{token.text.replace('.', '_')}`"
    if token.type == "AUX" and "OUTPUT" in accepts:
        return "auxiliary heads stand in nets"
    if values := values_in_front(accepts, tokens, i):
        return f"values that flow in together stand in parentheses: `({values}) -> …`"
    return ""
