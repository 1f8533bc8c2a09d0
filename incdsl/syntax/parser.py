"""Text to surface tree, for any text: what makes no sense is reported, and the parser goes on after it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from incdsl.diagnostics import Diagnostic, Sink
from incdsl.diagnostics.limits import FileTooLarge, TooDeep, TooManyTokens
from incdsl.diagnostics.syntax import MissingCloser, UnexpectedText, UnknownEdition
from incdsl.source import Source, Span
from incdsl.syntax import tree
from incdsl.syntax.automaton import Stack, accepted, advance, feed
from incdsl.syntax.build import Builder, Many
from incdsl.syntax.complaint import IMPORT, expected, found, meant, values_in_front
from incdsl.syntax.lexer import CLOSERS, Limits, tokenize
from incdsl.syntax.node import Part
from incdsl.syntax.recovery import Cut, Repair, error_before, missing_closers, panic, repair
from incdsl.syntax.slips import GOES_ON, Slip, slip
from incdsl.syntax.table import table
from incdsl.syntax.tokens import Token

EDITION = 1
MAX_ERRORS = 20


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Parsed:
    """A text as it was understood. `str(file)` gives the text back, byte for byte, whatever is wrong with it."""

    file: tree.File
    tokens: tuple[Token, ...]
    problems: tuple[Diagnostic, ...]

    def __repr__(self) -> str:
        name = self.tokens[-1].source.name
        return f"<Parsed {name}: {len(self.file.items)} items; {len(self.problems)} problems>"


def parse(text: str, name: str = "<spec>") -> Parsed:
    """The surface tree of any text; it never raises.

    Parts that make no sense are `Error` nodes, and the text around them is parsed. `problems` are the diagnostics, in
    the order of the text.
    """
    return parse_source(Source(name, text), Sink())


def parse_source(source: Source, sink: Sink, limits: Limits | None = None) -> Parsed:
    """The surface tree of a source; problems go to the sink too. `limits` are what it and others may have together."""
    own = Sink()
    tokens = tokenize(source, own, limits)
    cut = any(isinstance(problem, FileTooLarge | TooManyTokens | TooDeep) for problem in own)
    cut |= bool(limits and limits.exceeded)
    loud = not cut and _check_edition(source, tokens, own)
    file = _Parser(source, tokens, own if loud else Sink()).run()  # of what is cut nothing else is reported
    for problem in own:
        sink.add(problem)
    return Parsed(file, tuple(tokens), tuple(own))


def acceptable(text: str) -> frozenset[str]:
    """The terminals that may stand behind a text, which is the beginning of a spec; mistakes in it are mended."""
    source = Source("<beginning>", text)
    return frozenset(_Parser(source, tokenize(source, Sink()), Sink()).beginning())


def _check_edition(source: Source, tokens: list[Token], sink: Sink) -> bool:
    """Report an edition that is not there, or not this one; whether it makes sense to go on."""
    if tokens[0].type != "INC" or tokens[1].type != "INT":
        span = tokens[0].span if len(tokens) > 1 else Span(source, 0, 0)
        sink.add(UnknownEdition(span=span, found=None))
        return False
    if tokens[1].text.lstrip("0") != str(EDITION):
        sink.add(UnknownEdition(span=tokens[1].span, found=tokens[1].text))
        return False
    return True


_Stacks = tuple[Stack, list[Any]]
_BACK = 16
"""Tokens in front of which the stacks are remembered."""


class _Parser:
    """Feeds tokens to the automaton. On one that cannot stand there it mends the text, or steps over a part of it."""

    def __init__(self, source: Source, tokens: list[Token], sink: Sink) -> None:
        self._source = source
        self._tokens = tokens
        self._sink = sink
        self._table = table()
        self._builder = Builder(sink)
        self._states: Stack = [self._table.start]
        self._values: list[Any] = []
        self._errors = 0
        self._past: deque[tuple[int, _Stacks]] = deque([(-1, ([], []))] * _BACK, maxlen=_BACK)
        """How the stacks were in front of the last tokens, the one that is looked at the last of them."""

    def run(self) -> tree.File:
        """The tree of the whole text."""
        self._take(0)
        file = self._values[0]
        assert isinstance(file, tree.File)
        file.parts = (*file.parts, self._tokens[-1])
        return file

    def beginning(self) -> set[str]:
        """The terminals that may stand where the text ends."""
        self._take(1)
        return self._accepted()

    def _take(self, left: int) -> None:
        """Take all tokens but the last ones."""
        states, values, tokens = self._states, self._values, self._tokens
        i = 0
        while i < len(tokens) - left:
            self._past.append((i, (states[:], values[:])))
            token = tokens[i]
            if advance(self._table, states, values, token.type, token, self._builder.reduce):
                i += 1
                continue
            i = self._recover(i)

    def _recover(self, i: int) -> int:
        """Report a token, and mend the text or step over a part of it; the index of the token to go on with."""
        self._errors += 1
        tokens, states = self._tokens, self._states
        past = dict(self._past)
        earlier = past.get(i - 1, ([], []))
        self._restore(past[i])
        if self._errors > MAX_ERRORS:
            return self._step_over(Cut(error_before(self._table, states, ("$END",)) or 1, len(tokens) - 1), i)
        in_variant = self._accepted() == {"COLON"}
        if (
            _binds_on_a_line_of_its_own(tokens, i) and not in_variant
        ):  # its name was taken for the rest of the line before
            self._restore(earlier)
            i -= 1
        if closers := self._lacks_closers(i):
            return self._mend(Repair(closers), i)
        if _starts_with_import(tokens, i):
            self._complain(tokens[i].span, found(tokens[i]), (), IMPORT)
            return self._step_over_line(i)
        wrong = slip(self._accepted(), tokens, i)
        if wrong and (back := past.get(wrong.start - wrong.behind)) and self._can_mend(wrong, back[0]):
            self._restore(back)
            return self._leave_out(wrong)
        lacks_arrow = _lacks_arrow(self._accepted(), tokens, i)
        self._report(i, lacks_arrow)
        if values_in_front(self._accepted(), tokens, i):
            return self._step_over(panic(self._table, states, tokens, i), i)
        here = repair(self._table, states, tokens, i)
        if earlier[0] and tokens[i - 1].type == "NAME":
            before_it = repair(self._table, earlier[0], tokens, i - 1)
            if before_it and not before_it.skip and before_it.reach > (here.reach if here and not lacks_arrow else 0):
                self._restore(earlier)
                return self._mend(before_it, i - 1)
        if here:
            return self._mend(here, i)
        return self._step_over(panic(self._table, states, tokens, i), i)

    def _restore(self, stacks: _Stacks) -> None:
        self._states[:], self._values[:] = stacks

    def _lacks_closers(self, i: int) -> tuple[str, ...]:
        """The closing brackets that are missing in front of a token, reported."""
        closers = missing_closers(self._table, self._states, self._tokens[i])
        if closers:
            end = self._tokens[i - 1].end if i else 0
            text = "".join(CLOSERS[c] for c in closers)
            self._sink.add(MissingCloser(span=Span(self._source, max(end - 1, 0), end), closers=text))
        return closers

    def _report(self, i: int, lacks_arrow: bool) -> None:
        """Say what is wrong with a token."""
        tokens, token = self._tokens, self._tokens[i]
        if lacks_arrow:
            before, step = tokens[i - 1], tokens[i - 2]
            hint = ""
            if step.type == "NAME" and tokens[i].type not in ("COLON", "LPAR", "KERNEL", "AT", "INT"):  # `dropout p`
                hint = f"a step is `{step.text} -> {before.text}`, a setting `{step.text} (setting: {before.text})`"
            self._complain(before.span, found(before), ("`->`",), hint)
        elif _binds_on_a_line_of_its_own(tokens, i + 1) or self._lacks_value(i):
            end = tokens[i - 1].end
            where = Span(self._source, max(end - 1, 0), end)
            self._complain(where, "end of the line", expected(self._accepted()), self._half_bound(i))
        else:
            accepts = self._accepted()
            word = ", a word of the language" if "NAME" in accepts and token.text.isidentifier() else ""
            self._complain(token.span, found(token) + word, expected(accepts), meant(accepts, tokens, i))

    def _lacks_value(self, i: int) -> bool:
        """Whether a line ends behind a name that is to be bound."""
        return i > 0 and self._tokens[i].line != self._tokens[i - 1].line and self._accepted() <= {"EQUAL", "COMMA"}

    def _half_bound(self, i: int) -> str:
        """What was meant by a line that ends behind a name."""
        name = self._tokens[i - 1].text
        if not self._lacks_value(i):
            return ""
        if self._tokens[i - 2].type == "OUTPUT":
            return f"`output` names what it binds: `output {name} = …`, or `output y = {name}` for a value"
        return "a step starts with `->` where it goes on with the line before"

    def _accepted(self) -> set[str]:
        return accepted(self._table, self._states)

    def _complain(self, span: Span, what: str, may_stand: tuple[str, ...], hint: str = "") -> None:
        self._sink.add(UnexpectedText(span=span, found=what, expected=may_stand, hint=hint))

    def _mend(self, mended: Repair, i: int) -> int:
        """Insert terminals that cover no text, or leave a token out: then it is trivia of the next one."""
        tokens = self._tokens
        at = tokens[i].before
        for terminal in mended.insert:
            self._advance(Token(terminal, "", self._source, at, at, at))
        if mended.skip:
            tokens[i + 1].before = tokens[i].before
            del tokens[i]
        return i

    def _leave_out(self, wrong: Slip) -> int:
        """Report tokens that are wrong and known as a slip; they become trivia of the next one."""
        tokens = self._tokens
        first, start = tokens[wrong.start], wrong.start - wrong.behind
        span = first.span.to(tokens[wrong.stop - 1].span) if wrong.stop > wrong.start else tokens[start].span
        self._complain(span, f"`{' '.join(span.text.split())}`", (), wrong.help)
        if wrong.word:
            first.type = wrong.word
            return wrong.start
        at = tokens[start].before
        for terminal, text in wrong.instead:
            self._advance(Token(terminal, text, self._source, at, at, at))
        for token in tokens[start : wrong.start]:
            self._advance(token)
        tokens[wrong.stop].before = first.before
        del tokens[wrong.start : wrong.stop]
        return wrong.start

    def _can_mend(self, wrong: Slip, stack: Stack) -> bool:
        """Whether what is put in the place of a slip, and what stands behind that, can stand there."""
        again = self._tokens[wrong.start - wrong.behind : wrong.start]
        terminals = (*(terminal for terminal, _ in wrong.instead), *(token.type for token in again))
        return feed(self._table, stack, terminals)[1] == len(terminals)

    def _advance(self, token: Token) -> None:
        advance(self._table, self._states, self._values, token.type, token, self._builder.reduce)

    def _step_over_line(self, i: int) -> int:
        """Make an `Error` node of the rest of a line; of more where the next line cannot go on behind it."""
        tokens = self._tokens
        stop = next((j for j in range(i, len(tokens)) if tokens[j].line != tokens[i].line), len(tokens) - 1)
        depth = error_before(self._table, self._states, tuple(token.type for token in tokens[stop : stop + 2]))
        return self._step_over(Cut(depth, stop) if depth else panic(self._table, self._states, tokens, i), i)

    def _step_over(self, cut: Cut, i: int) -> int:
        """Make an `Error` node of what the stack holds of a wrong part and of the tokens up to where it ends."""
        values = self._values
        parts: list[Part] = []
        for value in [*values[cut.depth - 1 :], *self._tokens[i : cut.stop]]:
            parts += value.parts if isinstance(value, Many) else [value]
        del self._states[cut.depth :], values[cut.depth - 1 :]
        advance(self._table, self._states, values, "ERROR", tree.Error(parts=tuple(parts)), self._builder.reduce)
        return cut.stop


def _binds_on_a_line_of_its_own(tokens: list[Token], i: int) -> bool:
    """Whether a token is the `=` behind a name that starts a line."""
    if i < 2 or i >= len(tokens) or tokens[i].type != "EQUAL" or tokens[i - 1].type != "NAME":
        return False
    return tokens[i - 1].line != tokens[i - 2].line


def _starts_with_import(tokens: list[Token], i: int) -> bool:
    """Whether a token is an `import` that starts a line, as in other languages."""
    return i > 0 and tokens[i].text == "import" and tokens[i].line != tokens[i - 1].line


def _lacks_arrow(accepts: set[str], tokens: list[Token], i: int) -> bool:
    """Whether a step follows another without `->`: its name was taken for the start of a binding."""
    if i < 2 or tokens[i - 1].type != "NAME" or not accepts <= {"EQUAL", "COMMA"}:
        return False
    if tokens[i - 2].type in ("OUTPUT", "COMMA", "EXPECT", "LET", "LBRACE") or tokens[i - 3].type == "INPUT":
        return False
    same_line = tokens[i - 1].line == tokens[i - 2].line
    return same_line or (tokens[i].type in GOES_ON and tokens[i].line == tokens[i - 1].line)
