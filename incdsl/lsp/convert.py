"""The project's own terms in those of the protocol: places, diagnostics, symbols, edits."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from lsprotocol import types
from pygls.uris import from_fs_path
from pygls.workspace import PositionCodec

from incdsl.diagnostics import Diagnostic
from incdsl.edits import Edit
from incdsl.lsp.colours import Colour
from incdsl.lsp.completion import Choice, Sort
from incdsl.lsp.mentions import Kind
from incdsl.lsp.outline import Symbol
from incdsl.source import Source, Span

_BREAKS = re.compile(r"\r\n|\n|\r")
_SYMBOLS: dict[Kind, types.SymbolKind] = {
    "net": types.SymbolKind.Class, "block": types.SymbolKind.Class, "unit": types.SymbolKind.Function,
    "value": types.SymbolKind.Variable, "head": types.SymbolKind.Event, "label": types.SymbolKind.Field,
}  # fmt: skip
_CHOICES: dict[Sort, types.CompletionItemKind] = {
    "keyword": types.CompletionItemKind.Keyword, "op": types.CompletionItemKind.Method,
    "unit": types.CompletionItemKind.Function, "block": types.CompletionItemKind.Class,
    "net": types.CompletionItemKind.Class, "parameter": types.CompletionItemKind.TypeParameter,
    "value": types.CompletionItemKind.Variable, "setting": types.CompletionItemKind.Property,
    "label": types.CompletionItemKind.Field, "file": types.CompletionItemKind.File,
    "fact": types.CompletionItemKind.Constant, "word": types.CompletionItemKind.EnumMember,
}  # fmt: skip


class Places:
    """Offsets of a text and positions of the protocol, in the units that the client counts in."""

    def __init__(self, text: str, codec: PositionCodec) -> None:
        self._text = text
        self._codec = codec

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _BREAKS.finditer(self._text))]

    def position(self, offset: int) -> types.Position:
        """Where an offset is."""
        line = bisect_right(self._starts, offset) - 1
        return types.Position(line, self._codec.client_num_units(self._text[self._starts[line] : offset]))

    def offset(self, position: types.Position) -> int:
        """The offset of a position; one beyond the end of its line is that end."""
        if position.line >= len(self._starts):
            return len(self._text)
        start = self._starts[position.line]
        after = self._starts[position.line + 1] if position.line + 1 < len(self._starts) else len(self._text)
        line = self._text[start:after].rstrip("\r\n")
        units = 0
        for at, character in enumerate(line):
            if units >= position.character:
                return start + at
            units += self._codec.client_num_units(character)
        return start + len(line)

    def range(self, start: int, end: int) -> types.Range:
        """The range between two offsets."""
        return types.Range(self.position(start), self.position(end))

    def span(self, span: Span) -> types.Range:
        """The range of a span."""
        return self.range(span.start, span.end)


def uri_of(source: Source) -> str:
    """The address of a text that was read from a file; empty for others."""
    return (from_fs_path(str(source.path)) or "") if source.path else ""


def location(span: Span, codec: PositionCodec, uri: str = "") -> types.Location | None:
    """Where a span is; nothing for texts without a file."""
    uri = uri or uri_of(span.source)
    return types.Location(uri, Places(span.source.text, codec).span(span)) if uri else None


def diagnostic(problem: Diagnostic, source: Source, uri: str, codec: PositionCodec) -> types.Diagnostic:
    """A problem; of one in another file the message says where, and it stands where the file starts.

    Where a block goes wrong in some uses, the message says in which.
    """
    here = problem.span is not None and problem.span.source is source
    span = problem.span if here and problem.span else Span(source, 0, 0)
    path = f"in {problem.path}" if problem.severity == "error" and ": " in problem.path else ""
    more = {"note": problem.note, "why": problem.why(), "help": problem.help()}
    parts = [problem.message(), problem.label(), path, *(f"{word}: {text}" for word, text in more.items() if text)]
    if not here and problem.span:
        parts.insert(1, str(problem.span))
    related = []
    for row in problem.rows():
        where = location(row.span, codec, uri if row.span.source is source else "")
        if where:
            text = f"{row.shape}  <- {row.remark}" if row.remark else row.shape
            related.append(types.DiagnosticRelatedInformation(where, text))
    unused = problem.code in ("E208", "W402")
    return types.Diagnostic(
        range=Places(source.text, codec).span(span),
        message="\n".join(part for part in parts if part),
        severity=types.DiagnosticSeverity.Error if problem.severity == "error" else types.DiagnosticSeverity.Warning,
        code=problem.code,
        source="incdsl",
        tags=[types.DiagnosticTag.Unnecessary] if unused else None,
        related_information=related or None,
    )


def symbols(found: Iterable[Symbol], places: Places) -> list[types.DocumentSymbol]:
    """An outline."""
    return [
        types.DocumentSymbol(
            each.name, _SYMBOLS.get(each.kind, types.SymbolKind.Variable), places.span(each.span), places.span(each.at),
            detail=each.detail, children=symbols(each.inner, places),
        )
        for each in found
    ]  # fmt: skip


def symbol_kind(kind: Kind) -> types.SymbolKind:
    """What a symbol is to an editor."""
    return _SYMBOLS.get(kind, types.SymbolKind.Variable)


def completion(choice: Choice, at: int, where: types.Range, snippets: bool) -> types.CompletionItem:
    """One of the things that may be typed; `at` is its place in the list."""
    is_snippet = "$" in choice.text and snippets
    text = choice.text if is_snippet or (choice.text and "$" not in choice.text) else choice.label
    form = types.InsertTextFormat.Snippet if is_snippet else types.InsertTextFormat.PlainText
    return types.CompletionItem(
        label=choice.label, kind=_CHOICES[choice.sort], detail=choice.detail or None, sort_text=f"{at:04}",
        documentation=types.MarkupContent(types.MarkupKind.Markdown, choice.page) if choice.page else None,
        text_edit=types.TextEdit(where, text), insert_text_format=form, filter_text=choice.label,
    )  # fmt: skip


def text_edits(edits: Iterable[Edit], places: Places) -> list[types.TextEdit]:
    """Changes of one text."""
    return [types.TextEdit(places.range(edit.start, edit.end), edit.text) for edit in edits]


def workspace_edit(
    changes: Mapping[str, Sequence[types.TextEdit]], warning: str = "", annotated: bool = False
) -> types.WorkspaceEdit:  # fmt: skip
    """Changes of several texts; with a warning the user is asked, where the editor can."""
    if not (warning and annotated):
        return types.WorkspaceEdit(changes={uri: list(edits) for uri, edits in changes.items()})
    note = types.ChangeAnnotation(label=warning, needs_confirmation=True)
    documents: list[types.TextDocumentEdit] = []
    for uri, edits in changes.items():
        marked = [types.AnnotatedTextEdit("warning", edit.range, edit.new_text) for edit in edits]
        documents.append(types.TextDocumentEdit(types.OptionalVersionedTextDocumentIdentifier(uri), marked))
    return types.WorkspaceEdit(document_changes=documents, change_annotations={"warning": note})


def semantic_tokens(found: Iterable[Colour], places: Places, codec: PositionCodec) -> list[int]:
    """Colours as the numbers that the protocol packs them into."""
    return list(_packed(found, places, codec))


def _packed(found: Iterable[Colour], places: Places, codec: PositionCodec) -> Iterator[int]:
    line = character = 0
    for span, kind, modifiers in found:
        at = places.position(span.start)
        yield at.line - line
        yield at.character - character if at.line == line else at.character
        yield codec.client_num_units(span.text)
        yield kind
        yield modifiers
        line, character = at.line, at.character
