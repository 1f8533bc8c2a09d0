"""Ways to mend what is wrong: the helps of diagnostics, as changes of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import singledispatch
from typing import NamedTuple

from incdsl.analysis.cost import FACTS
from incdsl.annotate import Known
from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.names import MissingSetting, SigilNotTaken, UnknownFact, UnusualSetting
from incdsl.diagnostics.rails import NumberedLabel
from incdsl.diagnostics.shapes import AssertionFails, ExpectationFails, PoolPadding, RankMismatch, StridesDisagree
from incdsl.diagnostics.syntax import IllegalCharacter, MissingCloser, UnexpectedText, UnknownEdition
from incdsl.diagnostics.unused import Unused, UnusedDefinition
from incdsl.edits import Edit
from incdsl.frontend import Analysis
from incdsl.linter.rules.w440_useless_ignore import UselessIgnore
from incdsl.ops import find
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.syntax.tokens import Token


class Way(NamedTuple):
    """A change of a text, with a title for those who choose it."""

    title: str
    edits: tuple[Edit, ...]
    preferred: bool = False
    """Whether it is what was probably meant."""


_MEANT = re.compile(r"did you mean `?([^`?\s]+)`?\?")
_QUOTED = re.compile(r"`([^`]+)`")
_PADDINGS = re.compile(r"valid|half|same|tfsame|ceil|pad [0-9]+(x[0-9]+)?")


def ways(problem: Diagnostic, analysis: Analysis) -> Iterator[Way]:
    """What may be typed to mend a problem of this text; not all of it need help."""
    span = problem.span
    if span is None:
        return
    yield from _own(problem, span, analysis)
    suggestion = str(getattr(problem, "suggestion", ""))
    meant = suggestion or next(iter(_MEANT.findall(problem.help())), "")
    if meant and not isinstance(problem, IllegalCharacter):
        yield _replaced(meant, _word_of(problem, span))
    yield from _padded(problem, span, analysis)
    if problem.fix:
        yield Way(f"{problem.code}: {problem.fix.title}", problem.fix.edits, problem.fix.safe)
    if problem.severity == "warning" and problem.code != UselessIgnore.code:
        yield Way(f"leave out {problem.code} here", (_left_out(problem.code, span),))


def _left_out(code: str, span: Span) -> Edit:
    """A comment that leaves a warning out: behind the line, or above it if there is another comment."""
    text = span.source.text
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", start) if "\n" in text[start:] else len(text)
    line = text[start:end]
    if "#" not in line:
        return Edit(start + len(line.rstrip()), start + len(line.rstrip()), f"  # lint: ignore {code}")
    indent = line[: len(line) - len(line.lstrip())]
    return Edit(start, start, f"{indent}# lint: ignore {code}\n")


def _replaced(text: str, span: Span, title: str = "") -> Way:
    return Way(title or f"write `{text}`", (Edit(span.start, span.end, text),), True)


def _word_of(problem: Diagnostic, span: Span) -> Span:
    """The word that a suggestion stands for: what the problem names, inside its span."""
    for field in ("name", "setting", "word", "file"):
        word = getattr(problem, field, "")
        if word and (at := span.text.find(str(word))) >= 0:
            return Span(span.source, span.start + at, span.start + at + len(word))
    return span


@singledispatch
def _own(problem: Diagnostic, span: Span, analysis: Analysis) -> Iterator[Way]:
    """What mends a problem of one kind alone."""
    yield from ()


@_own.register
def _(problem: MissingCloser, span: Span, analysis: Analysis) -> Iterator[Way]:
    yield Way(f"write `{problem.closers}`", (Edit(span.end, span.end, problem.closers),), True)


@_own.register
def _(problem: UnknownEdition, span: Span, analysis: Analysis) -> Iterator[Way]:
    edit = Edit(0, 0, "inc 1\n") if problem.found is None else Edit(span.start, span.end, "1")
    yield Way("write `inc 1`", (edit,), True)


@_own.register
def _(problem: IllegalCharacter, span: Span, analysis: Analysis) -> Iterator[Way]:
    at = span.start + max(0, span.text.find(problem.character))
    if problem.character == ";":
        yield Way("leave out `;`", (Edit(at, at + 1, ""),), True)
    elif problem.suggestion:
        yield Way(f"write `{problem.suggestion}`", (Edit(at, at + 1, problem.suggestion),), True)


@_own.register
def _(problem: UnexpectedText, span: Span, analysis: Analysis) -> Iterator[Way]:
    """What was expected, in front of the text or in its place; what a help quotes, in its place; or nothing."""
    for text in problem.expected if len(problem.expected) == 1 else ():
        word = text.strip("`")
        yield Way(f"write `{word}` before it", (Edit(span.start, span.start, f"{word} "),), True)
        yield Way(f"write `{word}` in its place", (Edit(span.start, span.end, word),))
    for word in _QUOTED.findall(problem.hint):
        if "…" not in word and not _MEANT.search(problem.hint):
            yield _replaced(word, span)
    yield Way(f"leave out `{' '.join(span.text.split())[:40]}`", (Edit(span.start, span.end, ""),))


@_own.register
def _(problem: AssertionFails, span: Span, analysis: Analysis) -> Iterator[Way]:
    known = Known(analysis)
    for step in known.steps:
        if step.shape and step.shape.span.start <= span.start <= step.shape.span.end and (shape := known.shape(step)):
            dims = step.shape.span
            yield Way(f"state {shape}", (Edit(dims.start, dims.end, f": {shape}"),), True)


@_own.register
def _(problem: ExpectationFails, span: Span, analysis: Analysis) -> Iterator[Way]:
    yield Way(f"state {problem.fact} = {problem.actual}", (Edit(span.start, span.end, problem.actual),), True)


@_own.register
def _(problem: StridesDisagree, span: Span, analysis: Analysis) -> Iterator[Way]:
    if span.text.startswith("reduce"):
        yield Way("write `concat`", (Edit(span.start, span.start + len("reduce"), "concat"),))


@_own.register
def _(problem: NumberedLabel, span: Span, analysis: Analysis) -> Iterator[Way]:
    rail = problem.rail
    yield Way(f"label the first step: `identity -> {rail}:`", (Edit(span.start, span.start, "identity -> "),))
    end = span.start + span.text.find(":") + 1 or span.end + 1
    yield Way(f"name the rail: `{rail}: identity ->`", (Edit(end, end, " identity ->"),))


@_own.register
def _(problem: MissingSetting, span: Span, analysis: Analysis) -> Iterator[Way]:
    """A width where none is written: as many as flow in, or a number to go on from."""
    for call in _windows(analysis.file, span)[-1:] if problem.setting == "width" else ():
        at = call.padding.span.start - 1 if call.padding else padding(call, "valid").start
        for width in ("@in", "@64"):
            yield Way(f"write `{width}`", (Edit(at, at, f" {width}"),))


@_own.register
def _(problem: SigilNotTaken, span: Span, analysis: Analysis) -> Iterator[Way]:
    for word in _QUOTED.findall(problem.hint):
        yield _replaced(word, span)
    yield Way(f"leave out `{span.text}`", (Edit(span.start, span.end, ""),))


@_own.register
def _(problem: RankMismatch, span: Span, analysis: Analysis) -> Iterator[Way]:
    for word in _QUOTED.findall(problem.hint):
        if find(word):
            yield Way(f"put `{word}` before it", (Edit(span.start, span.start, f"{word} -> "),))


@_own.register
def _(problem: UnusualSetting, span: Span, analysis: Analysis) -> Iterator[Way]:
    """The setting with another value; the span is that of the value, or of the setting."""
    for word in _QUOTED.findall(problem.help()):
        if word.startswith(f"{problem.setting}: "):
            value = word.removeprefix(f"{problem.setting}: ")
            yield _replaced(word if span.text.startswith(problem.setting) else value, span, f"write `{word}`")


@_own.register
def _(problem: UnknownFact, span: Span, analysis: Analysis) -> Iterator[Way]:
    for word in get_close_matches(problem.name, FACTS, 1):
        yield _replaced(word, span)


@_own.register
def _(problem: PoolPadding, span: Span, analysis: Analysis) -> Iterator[Way]:
    for call in _windows(analysis.file, span):
        for word in ("half", "valid"):
            yield Way(f"write `{word}`", (padding(call, word),))


@_own.register
def _(problem: Unused, span: Span, analysis: Analysis) -> Iterator[Way]:
    """Without an item of a body, or one of several names of an import."""
    text = span.source.text
    for item in analysis.file.items:
        if isinstance(item, tree.Import):
            for at, used in enumerate(item.names):
                if used.own.span == span:
                    yield Way(f"leave out the import `{problem.name}`", (_without_name(item, at),), True)
        for each in item.items if isinstance(item, tree.Block | tree.Net) else ():
            if isinstance(each, tree.Let | tree.Bind) and each.span.start <= span.start and span.end <= each.span.end:
                yield Way(f"leave out `{problem.name}`", (_lines(each, text),))


@_own.register
def _(problem: UnusedDefinition, span: Span, analysis: Analysis) -> Iterator[Way]:
    for item in analysis.file.definitions:
        if item.name.span == span:
            yield Way(f"leave out `{problem.name}`", (_lines(item, span.source.text),))


def _without_name(item: tree.Import, at: int) -> Edit:
    if len(item.names) == 1:
        return _lines(item, item.span.source.text)
    start = item.names[at - 1].span.end if at else item.names[0].span.start
    end = item.names[at].span.end if at else item.names[1].span.start
    return Edit(start, end, "")


def _lines(item: tree.Tree, text: str) -> Edit:
    """An item with its comments above, and the line break behind it."""
    first = item.first_token
    start = item.span.start
    lines = item.comments if isinstance(item, tree.Documented) else ()
    start = text.rfind("\n", 0, start) + 1 if first else start
    for _ in lines:
        start = text.rfind("\n", 0, start - 1) + 1
    end = text.find("\n", item.span.end)
    return Edit(start, len(text) if end < 0 else end + 1, "")


# Padding


def _padded(problem: Diagnostic, span: Span, analysis: Analysis) -> Iterator[Way]:
    """The padding words that a help quotes, at the step that it is about, or at the ends of the rails."""
    words = list(dict.fromkeys(word for word in _QUOTED.findall(problem.help()) if _PADDINGS.fullmatch(word)))
    leave_out = "leave out the padding" in problem.help()
    if not words and not leave_out:
        return
    places = [span, *(row.span for row in problem.rows() if row.remark or len(problem.rows()) < 3)]
    lines = [int(line) for line in re.findall(r"in line (\d+)(?! of)", problem.help())]
    calls = [call for place in places for call in _windows(analysis.file, place)]
    calls += [call for call in _all_windows(analysis.file) if call.span.line in lines]
    for call in dict.fromkeys(calls):
        shown = " ".join(call.span.text.split())
        for word in words:
            edit = padding(call, word)
            if edit:
                yield Way(f"write `{word}` in `{shown}`", (edit,), len(words) == 1)
        if leave_out and call.padding:
            yield Way(f"leave out `{call.padding.span.text}` in `{shown}`", (padding(call, ""),), True)


def _windows(file: tree.File, span: Span) -> list[tree.Call]:
    """The last steps with a window in a part of the text, or the one around it."""
    found = _all_windows(file)
    inside = [call for call in found if span.start <= call.span.start and call.span.end <= span.end]
    return inside[-2:] or [call for call in found if call.span.start <= span.start and span.end <= call.span.end]


def _all_windows(file: tree.File) -> list[tree.Call]:
    """The steps of a file that may have a padding, in the order of the text."""
    calls = [node for node in tree.nodes(file) if isinstance(node, tree.Call) and (node.kernel or node.stride)]
    return sorted(calls, key=lambda call: call.span.start)


def padding(call: tree.Call, word: str) -> Edit:
    """A padding word in the place of a step's own, or of none."""
    if call.padding and word != "ceil":
        span = call.padding.span
        return Edit(span.start if word else span.start - 1, span.end, word)
    at = call.name.span.end
    for part in call.parts:
        named = isinstance(part, Token) and part.type in ("NAME", "PATH", "KERNEL")
        if named or type(part).__name__ == "_Sigil" or isinstance(part, tree.Padding):
            at = part.end if isinstance(part, Token) else part.span.end
    return Edit(at, at, f" {word}")
