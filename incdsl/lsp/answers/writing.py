"""What helps while a text is written: completion, signatures, its layout."""

from __future__ import annotations

from lsprotocol import types

from incdsl.edits import difference
from incdsl.formatter.fmt import formatted, formatted_where
from incdsl.formatter.laws import LawBroken
from incdsl.lsp import convert
from incdsl.lsp.completion import completions
from incdsl.lsp.server import Server, answers
from incdsl.lsp.signature import signature


@answers(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=list('@(:>|,"./ ')))
def completed(server: Server, params: types.CompletionParams) -> types.CompletionList:
    document = server.documents[params.text_document.uri]
    places = server.places(document)
    offset = places.offset(params.position)
    start, found = completions(document.reading, offset, document.whole)
    text = server.client_capabilities.text_document
    item = text.completion.completion_item if text and text.completion else None
    snippets = bool(item and item.snippet_support)
    where = places.range(start, offset)
    items = [convert.completion(choice, at, where, snippets) for at, choice in enumerate(found)]
    return types.CompletionList(False, items)


@answers(types.TEXT_DOCUMENT_SIGNATURE_HELP, types.SignatureHelpOptions(trigger_characters=["(", ","]))
def signed(server: Server, params: types.SignatureHelpParams) -> types.SignatureHelp | None:
    document = server.documents[params.text_document.uri]
    found = signature(document.reading, server.places(document).offset(params.position))
    if found is None:
        return None
    page = types.MarkupContent(types.MarkupKind.Markdown, found.page) if found.page else None
    parts = [types.ParameterInformation(part) for part in found.parts]
    one = types.SignatureInformation(found.label, documentation=page, parameters=parts)
    return types.SignatureHelp([one], active_signature=0, active_parameter=found.active)


@answers(types.TEXT_DOCUMENT_FORMATTING)
def laid_out(server: Server, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
    return _formatted(server, params.text_document.uri, None)


@answers(types.TEXT_DOCUMENT_RANGE_FORMATTING)
def laid_out_where(server: Server, params: types.DocumentRangeFormattingParams) -> list[types.TextEdit]:
    return _formatted(server, params.text_document.uri, params.range)


def _formatted(server: Server, uri: str, where: types.Range | None) -> list[types.TextEdit]:
    """The edits that give a text its layout: all of it, or the items of a range."""
    document = server.documents[uri]
    text, places = document.source.text, server.places(document)
    try:
        if where is None:
            after = formatted(text)
        else:
            start, end = places.offset(where.start), places.offset(where.end)
            spans = [item.span for item in document.reading.file.items]
            touched = {n for n, span in enumerate(spans) if span.start <= end and start <= span.end}
            after = formatted_where(text, touched)
    except LawBroken:
        return []
    return convert.text_edits(difference(text, after), places)
