"""What the names of a text answer: where they are declared, where they are used, what there is."""

from __future__ import annotations

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from incdsl.lsp import convert
from incdsl.lsp.convert import Places
from incdsl.lsp.documents import Document
from incdsl.lsp.mentions import Target
from incdsl.lsp.outline import outline
from incdsl.lsp.rename import CannotRename, references, renamable, rename
from incdsl.lsp.server import Server, answers
from incdsl.source import Source, Span
from incdsl.syntax import tree


@answers(types.TEXT_DOCUMENT_DEFINITION)
def defined(server: Server, params: types.DefinitionParams) -> types.Location | None:
    document = server.documents[params.text_document.uri]
    found = document.reading.mention(server.places(document).offset(params.position))
    if found is None:
        return None
    target = found.target
    place = (
        target.definition.tree.name.span if isinstance(target.node, tree.Used) and target.definition else target.place
    )
    if place is None:
        return None
    _focus(server, document, found.span, target)
    return convert.location(place, server.workspace.position_codec, _open_uri(document, place))


@answers(types.TEXT_DOCUMENT_REFERENCES)
async def referred(server: Server, params: types.ReferenceParams) -> list[types.Location]:
    document = server.documents[params.text_document.uri]
    found = document.reading.mention(server.places(document).offset(params.position))
    if found is None:
        return []
    also = params.context.include_declaration
    near = await server.documents.computed(lambda gone: list(server.documents.readings(document)))
    mentions = [each for each in references(found.target, near) if also or not each.declares]
    places = [convert.location(m.span, server.workspace.position_codec, _open_uri(document, m.span)) for m in mentions]
    return [place for place in places if place]


@answers(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
def marked(server: Server, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
    document = server.documents[params.text_document.uri]
    places = server.places(document)
    found = document.reading.mention(places.offset(params.position))
    kinds = (types.DocumentHighlightKind.Read, types.DocumentHighlightKind.Write)
    return [
        types.DocumentHighlight(places.span(each.span), kinds[each.declares])
        for each in (references(found.target, [document.reading]) if found else ())
    ]


@answers(types.TEXT_DOCUMENT_PREPARE_RENAME)
def preparing(server: Server, params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder | None:
    document = server.documents[params.text_document.uri]
    places = server.places(document)
    found = renamable(document.reading, places.offset(params.position))
    return types.PrepareRenamePlaceholder(places.span(found.span), found.target.name) if found else None


@answers(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
async def renamed(server: Server, params: types.RenameParams) -> types.WorkspaceEdit:
    document = server.documents[params.text_document.uri]
    offset = server.places(document).offset(params.position)
    near = await server.documents.computed(lambda gone: list(server.documents.readings(document)))
    try:
        done = rename(document.reading, offset, params.new_name, near)
    except CannotRename as reason:
        raise JsonRpcInvalidParams(str(reason)) from None
    codec = server.workspace.position_codec
    changes = {}
    for source, edits in done.edits:
        changes[_uri(server, source)] = convert.text_edits(edits, Places(source.text, codec))
    workspace = server.client_capabilities.workspace
    support = workspace.workspace_edit if workspace else None
    annotated = bool(support and support.change_annotation_support and support.document_changes)
    if done.warning and not annotated:
        server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, done.warning))
    return convert.workspace_edit(changes, done.warning, annotated)


@answers(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
def symbols(server: Server, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
    document = server.documents[params.text_document.uri]
    return convert.symbols(outline(document.reading), server.places(document))


@answers(types.WORKSPACE_SYMBOL)
async def everywhere(server: Server, params: types.WorkspaceSymbolParams) -> list[types.WorkspaceSymbol]:
    return await server.documents.computed(lambda gone: _symbols(server, params.query))


def _focus(server: Server, document: Document, use: Span, target: Target) -> None:
    """Remember from which use the cursor goes into a block: its shapes are shown there."""
    if target.kind in ("block", "unit") and target.place and target.place != use:
        document.focus = (use,)
        server.refresh_hints()


def _open_uri(document: Document, span: Span) -> str:
    """The address of a text that is this document's own: as the client writes it."""
    return document.uri if span.source is document.source else ""


def _uri(server: Server, source: Source) -> str:
    """The address of a text, as the client writes it where it has it open; empty if there is none."""
    path = source.path
    opened = (each.uri for each in server.documents if each.source is source or (path and each.source.path == path))
    return next(opened, "") or convert.uri_of(source)


def _symbols(server: Server, query: str) -> list[types.WorkspaceSymbol]:
    """Definitions whose names hold the letters of a query in their order, in all specs."""
    documents = list(server.documents)
    found = []
    for reading in server.documents.readings(documents[0]) if documents else ():
        uri = _uri(server, reading.source)
        places = Places(reading.source.text, server.workspace.position_codec)
        for each in outline(reading):
            if uri and _matches(query.lower(), each.name.lower()):
                where = types.Location(uri, places.span(each.at))
                found.append(types.WorkspaceSymbol(where, each.name, convert.symbol_kind(each.kind)))
    return found


def _matches(query: str, name: str) -> bool:
    letters = iter(name)
    return all(letter in letters for letter in query)
