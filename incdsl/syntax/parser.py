"""Text to surface tree; the only user of Lark. Syntax errors are collected, each where it happens."""

from __future__ import annotations

from functools import cache
from typing import Any

import lark

from incdsl.diagnostics import CompileError, Sink
from incdsl.diagnostics.syntax import MissingCloser, UnexpectedText, UnknownEdition
from incdsl.source import Source, Span
from incdsl.syntax import tree
from incdsl.syntax.automaton import Automaton
from incdsl.syntax.build import Builder, Token
from incdsl.syntax.scan import Budget, scan
from incdsl.syntax.table import load

EDITION = 1

_SPELLING = {
    "$END": "the end of the file", "NAME": "a name", "INT": "a number", "REAL": "a number",
    "KERNEL": "a kernel (`3x3`)", "PATH": "a path", "STRING": "a string", "CMP": "a comparison",
    "MERGE": "a merge (`concat`, `add`, `mul`, `reduce`)", "VALID": "`valid`", "SAME": "`same`",
    "HALF": "`half`", "PAD": "`pad`", "CEIL": "`ceil`", "ASCRIBE": "`: [shape]`", "PLUS": "`+`",
    "MINUS": "`-`", "STAR": "`*`", "FLOOR": "`//`", "EQUAL": "`=`", "LBRACE": "`{`", "RBRACE": "`}`",
    "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`", "COMMA": "`,`", "COLON": "`:`", "VBAR": "`|`",
    "SLASH": "`/stride`", "AT": "`@width`", "__ANON_0": "`->`",
}  # fmt: skip
_CLOSERS = {"RPAR": ")", "RSQB": "]", "RBRACE": "}"}
_OPENERS = {"LPAR", "LSQB", "LBRACE", "ASCRIBE"}
_SYNC = {"UNIT", "BLOCK", "NET", "WITHOUT", "INPUT", "OUTPUT", "AUX", "EXPECT", "VBAR", "RBRACE"}
_RARELY_MEANT = {"FROM", "PLUS", "MINUS", "STAR", "FLOOR", "CMP", "IF", "FOR", "TIMES", "AS", "CEIL", "ASCRIBE", "LPAR"}
_MAX_ERRORS = 20
_MAX_TRIES = 200


def parse(source: Source, sink: Sink, budget: Budget | None = None) -> tree.File:
    """The surface tree of a file; `budget` is what it and others may have together.

    Raises:
        CompileError: with everything that is wrong with the text, in order.
    """
    comments = scan(source, sink, budget)
    sink.stop_on_errors()
    tokens = _tokens(source, sink)
    sink.stop_on_errors()
    if not _edition_known(source, tokens, sink):
        raise CompileError(tuple(sink))
    result = _Recovering(source, tokens, Builder(source, comments, sink), sink).run()
    sink.stop_on_errors()
    assert result is not None
    return result


@cache
def _parser() -> lark.Lark:
    parser: Any = load()
    parser.lexer = parser._build_lexer()  # else each `lex` builds one
    return parser  # type: ignore[no-any-return]


def _tokens(source: Source, sink: Sink) -> list[Token]:
    tokens = []
    try:
        for read in _parser().lex(source.text):
            token = Token(read)
            token.type = read.type
            start = read.start_pos or 0
            token.span = Span(source, start, start + len(read))
            tokens.append(token)
    except lark.UnexpectedCharacters as error:  # a dot in a wrong place: the alphabet was checked before
        where = error.pos_in_stream or 0
        sink.add(UnexpectedText(span=Span(source, where, where + 1), found=f"`{source.text[where]}`", expected=()))
    return tokens


def _edition_known(source: Source, tokens: list[Token], sink: Sink) -> bool:
    if len(tokens) >= 2 and tokens[0].type == "INC" and tokens[1].type == "INT":
        if int(tokens[1]) == EDITION:
            return True
        sink.add(UnknownEdition(span=tokens[1].span, found=str(tokens[1])))
    else:
        span = tokens[0].span if tokens else Span(source, 0, 0)
        sink.add(UnknownEdition(span=span, found=None))
    return False


class _Callbacks(dict[Any, Any]):
    """What each rule's reduction does, made at its first use: a small file needs few of them."""

    def __init__(self, builder: Builder) -> None:
        super().__init__()
        self._builder = builder

    def __bool__(self) -> bool:
        return True

    def __missing__(self, rule: Any) -> Any:
        self[rule] = made = self._builder.callback(str(rule.origin.name), rule.alias, rule.options.expand1)
        return made


class _Recovering:
    """Feeds tokens to the LALR automaton; on a bad one inserts a closer, or skips to where sense begins again."""

    def __init__(self, source: Source, tokens: list[Token], builder: Builder, sink: Sink) -> None:
        self._source = source
        self._tokens = tokens
        self._sink = sink
        self._parser: Any = _parser().parse_interactive("")
        conf = self._parser.parser_state.parse_conf
        self._automaton = Automaton(conf.states, conf.end_state)
        conf.callbacks = _Callbacks(builder)

    def run(self) -> tree.File | None:
        """The tree, or nothing once an error was reported."""
        end = Token("")
        end.type = "$END"
        end.span = Span(self._source, len(self._source.text), len(self._source.text))
        tokens = [*self._tokens, end]
        state = self._parser.parser_state
        saved: tuple[list[Any], list[Any]] = ([], [])
        errors = 0
        i = 0
        while i < len(tokens):
            before, saved = saved, (state.state_stack[:], state.value_stack[:])
            token: Any = tokens[i]
            try:
                result: tree.File | None = state.feed_token(token, token.type == "$END")
            except lark.UnexpectedToken:
                state.state_stack[:], state.value_stack[:] = saved
                state.parse_conf.callbacks = {}
                errors += 1
                if errors > _MAX_ERRORS:
                    return None
                if self._unfinished_line(tokens, i):
                    state.state_stack[:], state.value_stack[:] = before
                    i -= 1
                recovered = self._recover(tokens, i)
                if recovered is None:
                    return None
                i = recovered
                continue
            i += 1
        return result

    def _recover(self, tokens: list[Token], i: int) -> int | None:
        """Report the bad token; the index to go on from, or nothing if there is no going on."""
        token = tokens[i]
        closers = self._missing_closers(token)
        if closers:
            previous = tokens[i - 1].span
            text = "".join(_CLOSERS[c] for c in closers)
            self._sink.add(MissingCloser(span=Span(self._source, previous.end - 1, previous.end), closers=text))
            return i
        if self._broken_chain(tokens, i):
            before, step = tokens[i - 1], tokens[i - 2]
            hint = ""
            if step.type == "NAME":  # `dropout p`
                hint = f"a setting whose value has a name is written `{step} (setting: {before})`"
            self._complain(before.span, _found(before), ("`->`",), hint)
        elif self._unfinished_line(tokens, i + 1):
            end = tokens[i - 1].span
            where = Span(self._source, end.end - 1, end.end)
            self._complain(where, "end of the line", _expected(self._accepts()))
        else:
            accepts = self._accepts()
            word = ", a word of the language" if "NAME" in accepts and token.isidentifier() else ""
            self._complain(token.span, _found(token) + word, _expected(accepts))
        return self._resume(tokens, i)

    def _accepts(self) -> set[str]:
        return self._automaton.accepts(self._parser.parser_state.state_stack)

    def _complain(self, span: Span, found: str, expected: tuple[str, ...], hint: str = "") -> None:
        self._sink.add(UnexpectedText(span=span, found=found, expected=expected, hint=hint))

    def _resume(self, tokens: list[Token], i: int) -> int | None:
        """Where sense begins again: past brackets opened meanwhile, at a word or sign that starts something."""
        depth = tries = 0
        for j in range(i, len(tokens) - 1):
            starts = j > i or tokens[j].type == "NAME"
            if depth == 0 and starts and self._may_resume(tokens, j):
                tries += 1
                if tries > _MAX_TRIES:
                    return None
                if self._pop_until(tokens, j):
                    return j
            if tokens[j].type in _OPENERS:
                depth += 1
            elif tokens[j].type in _CLOSERS:
                depth = max(depth - 1, 0)
        return None

    def _unfinished_line(self, tokens: list[Token], i: int) -> bool:
        """Whether a name that starts a line, and binds, was taken for the rest of the line before."""
        if i < 2 or i >= len(tokens) or tokens[i].type != "EQUAL" or tokens[i - 1].type != "NAME":
            return False
        return tokens[i - 1].span.line != tokens[i - 2].span.line

    def _broken_chain(self, tokens: list[Token], i: int) -> bool:
        """Whether a step follows another without `->`: its name was taken for the start of a binding."""
        if i < 2 or tokens[i - 1].type != "NAME" or tokens[i - 1].span.line != tokens[i - 2].span.line:
            return False
        return self._accepts() <= {"EQUAL", "COMMA"}

    def _missing_closers(self, token: Token) -> tuple[str, ...]:
        stack = self._parser.parser_state.state_stack
        for closers in [(a,) for a in _CLOSERS] + [(a, b) for a in _CLOSERS for b in _CLOSERS]:
            if self._automaton.feed(stack, (*closers, token.type)) is not None:
                for closer in closers:
                    self._parser.feed_token(lark.Token(closer, ""))
                return closers
        return ()

    def _may_resume(self, tokens: list[Token], j: int) -> bool:
        token = tokens[j]
        if token.type in _SYNC:
            return True
        starts_line = token.span.line != tokens[j - 1].span.line
        return token.type == "NAME" and starts_line and tokens[j + 1].type in ("EQUAL", "COMMA")

    def _pop_until(self, tokens: list[Token], j: int) -> bool:
        """Leave constructs until a token, and the one behind it, make sense."""
        state = self._parser.parser_state
        for depth in range(len(state.state_stack), 0, -1):
            if self._automaton.feed(state.state_stack[:depth], (tokens[j].type, tokens[j + 1].type)) is not None:
                del state.state_stack[depth:]
                del state.value_stack[depth - 1 :]
                return True
        return False


def _found(token: Token) -> str:
    return _SPELLING["$END"] if token.type == "$END" else f"`{token}`"


def _expected(accepts: set[str]) -> tuple[str, ...]:
    """What may stand here, in words, without the operators and keywords that few people mean."""
    useful = accepts - _RARELY_MEANT if len(accepts) > 4 else accepts
    words = {_SPELLING.get(t, f"`{t.lower()}`") for t in useful}
    return tuple(sorted(words)) if len(words) <= 8 else ()
