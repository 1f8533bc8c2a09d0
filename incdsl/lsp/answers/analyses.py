"""What an analysis answers: diagnostics, hover, shapes, lenses, actions."""

from __future__ import annotations

from functools import partial
from threading import Event

from lsprotocol import types

from incdsl.edits import Edit
from incdsl.frontend import Analysis
from incdsl.lsp import convert
from incdsl.lsp.documents import Document
from incdsl.lsp.fixes import fixes
from incdsl.lsp.hover import Hover, hover
from incdsl.lsp.inlay import hints
from incdsl.lsp.lens import lenses
from incdsl.lsp.refactor import refactorings
from incdsl.lsp.server import Server, answers
from incdsl.lsp.versions import Versions
from incdsl.source import Span


@answers(types.TEXT_DOCUMENT_DIAGNOSTIC, types.DiagnosticOptions(True, False, "incdsl"))
async def pulled(server: Server, params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
    document, analysis = await server.documents.analysis(params.text_document.uri)
    return types.RelatedFullDocumentDiagnosticReport(server.diagnostics(document, analysis))


@answers(types.TEXT_DOCUMENT_HOVER)
async def hovered(server: Server, params: types.HoverParams) -> types.Hover | None:
    document, analysis = await server.documents.analysis(params.text_document.uri)
    places = server.places(document)
    found = _page(document, analysis, places.offset(params.position))
    if found is None:
        return None
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, found.text), places.span(found.span))


@answers(types.TEXT_DOCUMENT_INLAY_HINT)
async def shapes(server: Server, params: types.InlayHintParams) -> list[types.InlayHint]:
    if server.inlay == "off":
        return []
    document, analysis = await server.documents.analysis(params.text_document.uri)
    places = server.places(document)
    start, end = places.offset(params.range.start), places.offset(params.range.end)
    before = document.whole if document.whole is not analysis else None
    return [
        types.InlayHint(
            places.position(hint.at), hint.text, kind=types.InlayHintKind.Type, padding_left=True,
            tooltip="as it was before the mistake" if hint.old else None,
        )
        for hint in hints(analysis, server.inlay, document.focus, before, start, end)
    ]  # fmt: skip


@answers(types.TEXT_DOCUMENT_CODE_LENS)
async def above(server: Server, params: types.CodeLensParams) -> list[types.CodeLens]:
    document, analysis = await server.documents.analysis(params.text_document.uri)
    places = server.places(document)
    found = []
    for lens in lenses(analysis):
        where = places.span(lens.name)
        uses = [types.Location(document.uri, places.span(span)) for span in lens.uses]
        click = "incdsl.showUses" if server.shows_uses and uses else ""
        arguments = [document.uri, where.start, uses] if click else None
        found.append(types.CodeLens(where, types.Command(lens.text, click, arguments=arguments)))
    return found


_KINDS = [
    types.CodeActionKind.QuickFix,
    types.CodeActionKind.RefactorExtract,
    types.CodeActionKind.RefactorInline,
    types.CodeActionKind.RefactorRewrite,
]


@answers(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=_KINDS))
async def actions(server: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
    document, analysis = await server.documents.analysis(params.text_document.uri)
    return await server.documents.computed(partial(_actions, server, document, analysis, params))


def _page(document: Document, analysis: Analysis, offset: int) -> Hover | None:
    """What is known of a place; if the text is broken, what was known before."""
    whole = document.whole
    if whole is not None and whole is not analysis and analysis.errors:
        versions = Versions(document.source.text, whole.spec.source.text)
        there = versions.now(offset, offset)
        if there and (found := hover(whole, there[0], document.focus)):
            here = Versions(whole.spec.source.text, document.source.text).now(found.span.start, found.span.end)
            return Hover(found.text, Span(document.source, *here)) if here else None
    return hover(analysis, offset, document.focus)


def _actions(
    server: Server, document: Document, analysis: Analysis, params: types.CodeActionParams, gone: Event
) -> list[types.CodeAction]:
    """The fixes and refactorings of a range."""
    places, options = server.places(document), server.documents.options(document, gone)
    start, end = places.offset(params.range.start), places.offset(params.range.end)
    only = params.context.only or []

    def wanted(kind: str) -> bool:
        return not only or any(kind == each or kind.startswith(f"{each}.") for each in only)

    def edit(edits: tuple[Edit, ...]) -> types.WorkspaceEdit:
        return types.WorkspaceEdit(changes={document.uri: convert.text_edits(edits, places)})

    found = []
    if wanted("quickfix"):
        codec = server.workspace.position_codec
        for problem, way in fixes(analysis, start, end, options, document.selection):
            shown = convert.diagnostic(problem, document.source, document.uri, codec)
            found.append(
                types.CodeAction(
                    way.title, kind=types.CodeActionKind.QuickFix, diagnostics=[shown], edit=edit(way.edits),
                    is_preferred=way.preferred or None,
                )
            )  # fmt: skip
    if wanted("refactor") or any(each.startswith("refactor") for each in only):
        for each in refactorings(analysis, start, end, options):
            if wanted(each.kind):
                found.append(types.CodeAction(each.title, kind=each.kind, edit=edit(each.edits)))
    return found
