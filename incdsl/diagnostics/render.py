"""Diagnostics for people, programs and CI logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, get_args

from incdsl.diagnostics.base import Diagnostic, Fix, Row
from incdsl.diagnostics.sarif import as_sarif
from incdsl.source import Source, Span

Format = Literal["human", "concise", "json", "github", "sarif"]
FORMATS: tuple[Format, ...] = get_args(Format)
DOCUMENTS: tuple[Format, ...] = ("json", "sarif")
"""Formats of which there is one document, also where there is nothing to say."""
Paint = Callable[[str, str], str]
"""Colours a text: `paint("error", text)`."""


def plain(style: str, text: str) -> str:
    """No colour."""
    return text


def render(diagnostics: Sequence[Diagnostic], form: Format, paint: Paint = plain) -> str:
    """All diagnostics in one of the formats."""
    if form == "json":
        return as_json(diagnostics)
    if form == "sarif":
        return as_sarif(diagnostics)
    if form == "github":
        return "\n".join(map(_github, diagnostics))
    if form == "concise":
        return "\n".join(map(_concise, diagnostics))
    return "\n\n".join(human(d, paint) for d in diagnostics)


def human(diagnostic: Diagnostic, paint: Paint = plain) -> str:
    """The problem with its place, the source and a way out."""
    kind = diagnostic.severity
    lines = [f"{paint(kind, f'{kind}[{diagnostic.code}]')}: {paint('bold', printable(diagnostic.message()))}"]
    span = diagnostic.span
    path = f"  in {printable(_shortened(diagnostic.path))}" if diagnostic.path else ""
    if span:
        lines.append(f"  {paint('place', printable(str(span)))}{path}")
        rows = diagnostic.rows()
        lines += _table(rows, paint) if rows else _caret(span, diagnostic.label(), paint)
    if diagnostic.note:
        lines.append(f"  {paint('help', 'note:')} {printable(diagnostic.note)}")
    if diagnostic.why():
        lines.append(f"  {paint('help', 'why:')} {printable(diagnostic.why())}")
    if diagnostic.help():
        lines.append(f"  {paint('help', 'help:')} {printable(diagnostic.help())}")
    if diagnostic.fix:
        lines.append(f"  {paint('help', 'fix:')} {printable(_offered(diagnostic.fix))}")
    return "\n".join(lines)


def _offered(fix: Fix) -> str:
    return f"{fix.title} ({'--fix' if fix.safe else '--unsafe-fixes'})"


def _concise(diagnostic: Diagnostic) -> str:
    """One line, which starts with a place that editors and terminals make a link of."""
    place = f"{printable(str(diagnostic.span))}: " if diagnostic.span else ""
    fix = f" [{'fix' if diagnostic.fix.safe else 'unsafe fix'}]" if diagnostic.fix else ""
    return f"{place}{diagnostic.code} {printable(diagnostic.message())}{fix}"


def _shortened(path: str) -> str:
    """A long call path by its ends."""
    parts = path.split(" > ")
    return path if len(parts) <= 8 else " > ".join([*parts[:3], "…", *parts[-4:]])


def _caret(span: Span, label: str, paint: Paint) -> list[str]:
    number, column = span.source.position(span.start)
    text = span.source.line(number)
    end = min(span.end - span.start, len(text) - column + 1)
    shown, before, marked = _window(text, column - 1, max(end, 1))
    margin = f"{number:>4} | "
    carets = " " * (len(margin) - 2) + "| " + " " * before + paint("error", "^" * marked)
    return [f"{paint('margin', margin)}{shown}", f"{carets} {printable(label)}".rstrip()]


def _window(text: str, start: int, length: int) -> tuple[str, int, int]:
    """A long line around what matters; tabs as spaces, nothing unprintable."""
    first = max(0, start - 40) if len(text) > 140 else 0
    last = first + 130 if len(text) > 140 else len(text)
    clean = [
        printable(part.replace("\t", " "))
        for part in (text[first:start], text[start : start + length], text[start:last])
    ]
    before = ("…" if first else "") + clean[0]
    marked = min(len(clean[1]), len(clean[2])) if clean[2] else 1
    return before + clean[2] + ("…" if last < len(text) else ""), len(before), max(marked, 1)


def _table(rows: Iterable[Row], paint: Paint) -> list[str]:
    """Rails one under the other, shapes in a column, the odd one marked with its arithmetic."""
    rows = list(rows)
    texts = []
    for row in rows:
        number = row.span.source.position(row.span.start)[0]
        raw = row.span.source.line(number)
        text = printable(raw[:76].replace("\t", " "))
        texts.append((number, text if len(raw) <= 76 else text[:75] + "…"))
    if len({number for number, _ in texts}) < len(texts):
        texts = [(number, "  " + _short(row.span)) for (number, _), row in zip(texts, rows, strict=True)]
    shapes = _aligned([row.shape for row in rows])
    width = max(len(text) for _, text in texts)
    lines = []
    for (number, text), shape, row in zip(texts, shapes, rows, strict=True):
        remark = f"  {paint('error', '<- ' + printable(row.remark))}" if row.remark else ""
        lines.append(f"{paint('margin', f'{number:>4} | ')}{text.ljust(width)}   {shape}{remark}")
    return lines


def _short(span: Span) -> str:
    text = " ".join(printable(span.text[:1000]).split())
    return text if len(text) <= 74 else text[:73] + "…"


def _aligned(shapes: list[str]) -> list[str]:
    parts = [shape.strip("[]").split(", ") for shape in shapes]
    if len({len(p) for p in parts}) > 1:
        return shapes
    widths = [max(len(p[i]) for p in parts) for i in range(len(parts[0]))]
    return [f"[{', '.join(v.rjust(w) for v, w in zip(p, widths, strict=True))}]" for p in parts]


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """One object with a format version, for programs."""
    return json.dumps({"version": 1, "diagnostics": [_record(d) for d in diagnostics]}, indent=2)


def _record(diagnostic: Diagnostic) -> dict[str, Any]:
    span = diagnostic.span
    place = {"file": span.source.name, **_range(span.source, span.start, span.end)} if span else None
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message(),
        "label": diagnostic.label(),
        "help": diagnostic.help(),
        "why": diagnostic.why(),
        "note": diagnostic.note,
        "path": diagnostic.path,
        "place": place,
        "rails": [
            {"line": r.span.line, "column": r.span.column, "shape": r.shape, "remark": r.remark}
            for r in diagnostic.rows()
        ],
        "fix": _fix_record(diagnostic.fix, span.source) if diagnostic.fix and span else None,
    }


def _fix_record(fix: Fix, source: Source) -> dict[str, Any]:
    edits = [{**_range(source, edit.start, edit.end), "text": edit.text} for edit in fix.edits]
    return {"title": fix.title, "safe": fix.safe, "edits": edits}


def _range(source: Source, start: int, end: int) -> dict[str, int]:
    line, column = source.position(start)
    end_line, end_column = source.position(end)
    return {"line": line, "column": column, "end_line": end_line, "end_column": end_column}


def _github(diagnostic: Diagnostic) -> str:
    """An annotation that says all of a diagnostic."""
    parts = [
        diagnostic.message(),
        diagnostic.label(),
        f"in {diagnostic.path}" if diagnostic.path else "",
        diagnostic.note,
        diagnostic.why(),
        diagnostic.help(),
    ]
    text = ". ".join(part for part in parts if part)
    return workflow_command(diagnostic.severity, diagnostic.code, text, diagnostic.span)


def workflow_command(kind: str, title: str, text: str, span: Span | None) -> str:
    """An annotation for a GitHub workflow, escaped as GitHub asks: no text can end it or start another."""

    def data(text: str) -> str:
        return printable(text).replace("%", "%25")

    def setting(text: str) -> str:
        return data(text).replace(":", "%3A").replace(",", "%2C")

    where = ""
    if span:
        line, column = span.source.position(span.start)
        where = f"file={setting(span.source.name)},line={line},col={column},"
    return f"::{kind} {where}title={setting(title)}::{data(text)}"


def printable(text: str) -> str:
    """The text without anything that a terminal would obey."""
    return "".join(c if c.isprintable() or c == " " else f"\\u{ord(c):04x}" for c in text)
