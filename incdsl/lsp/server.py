"""`incdsl lsp`: the protocol at the rim. Requests become questions to the other modules, and their answers types."""

from __future__ import annotations

import gc
import logging
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from pathlib import Path
from threading import Event
from typing import Any, ParamSpec, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from incdsl.edits import Edit, difference
from incdsl.formatter.fmt import formatted, formatted_where
from incdsl.formatter.laws import LawBroken
from incdsl.frontend import Analysis
from incdsl.lsp import convert
from incdsl.lsp.colours import MODIFIERS, TYPES, colours
from incdsl.lsp.completion import completions
from incdsl.lsp.convert import Places
from incdsl.lsp.documents import Document, Documents, Superseded
from incdsl.lsp.findings import findings, fixes
from incdsl.lsp.hover import Hover, hover
from incdsl.lsp.inlay import Which, hints
from incdsl.lsp.lens import lenses
from incdsl.lsp.mentions import Target
from incdsl.lsp.outline import outline
from incdsl.lsp.refactor import refactorings
from incdsl.lsp.rename import CannotRename, references, renamable, rename
from incdsl.lsp.signature import signature
from incdsl.lsp.structure import folds, selections
from incdsl.lsp.versions import Versions
from incdsl.source import Span
from incdsl.syntax import tree

P = ParamSpec("P")
R = TypeVar("R")
_FOLDS = {"comment": types.FoldingRangeKind.Comment, "imports": types.FoldingRangeKind.Imports, "region": None}
_SHAPES: tuple[Which, ...] = ("changes", "all", "off")


class Server(LanguageServer):
    """A language server for `.inc` files."""

    def __init__(self) -> None:
        from importlib.metadata import version

        # The whole text at each change: a change of lines would need one notion of what ends a line on both sides.
        super().__init__("incdsl", version("incdsl"), types.TextDocumentSyncKind.Full)
        self.documents = Documents()
        self.documents.analyzed = self._analyzed
        self.inlay: Which = "changes"
        self.shows_uses = False
        """Whether the client has the command `incdsl.showUses`, which a click on a lens calls."""

    def places(self, document: Document) -> Places:
        """Offsets and positions of a text."""
        return Places(document.source.text, self.workspace.position_codec)

    def configure(self, settings: Any) -> None:
        """Take the settings of a client: `inlayShapes` and `showUses`."""
        if not isinstance(settings, dict):
            return
        own = settings.get("incdsl", settings)
        if isinstance(own, dict):
            if own.get("inlayShapes") in _SHAPES:
                self.inlay = own["inlayShapes"]
            self.shows_uses = bool(own.get("showUses", self.shows_uses))

    # Diagnostics

    @property
    def pulls(self) -> bool:
        """Whether the client asks for diagnostics; to others they are sent."""
        text = self.client_capabilities.text_document
        return bool(text and text.diagnostic)

    def changed(self, documents: list[Document]) -> None:
        """Analyze new versions of texts; the first of them is what changed, the others import it."""
        for document in documents:
            self.documents.start(document)
        if self.pulls and documents[1:] and self._refreshes("diagnostics"):
            self.workspace_diagnostic_refresh(None)

    def diagnostics(self, document: Document, analysis: Analysis) -> list[types.Diagnostic]:
        """What is found in a text."""
        codec = self.workspace.position_codec
        found = (each.problem for each in findings(analysis))
        return [convert.diagnostic(each, document.source, document.uri, codec) for each in found]

    def _analyzed(self, document: Document, analysis: Analysis) -> None:
        """Send what is found, from the thread that found it."""
        if not self.pulls and not document.gone.is_set():
            found = types.PublishDiagnosticsParams(document.uri, self.diagnostics(document, analysis), document.version)
            loop = self._loop
            if loop:
                loop.call_soon_threadsafe(self._publish, document, found)

    def _publish(self, document: Document, found: types.PublishDiagnosticsParams) -> None:
        if not document.gone.is_set():
            self.text_document_publish_diagnostics(found)

    _loop: Any = None

    def _refreshes(self, what: str) -> bool:
        """Whether the client lets itself be asked to ask again."""
        workspace = self.client_capabilities.workspace
        support = getattr(workspace, what, None) if workspace else None
        return bool(getattr(support, "refresh_support", False))

    def refresh_hints(self) -> None:
        """Have the client ask for shapes again."""
        if self._refreshes("inlay_hint"):
            self.workspace_inlay_hint_refresh(None)


def _of_the_present(handler: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Answer that the text has changed where it does so while the answer is sought."""

    @wraps(handler)
    async def held(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await handler(*args, **kwargs)
        except Superseded:
            raise JsonRpcContentModified from None

    return held


def create() -> Server:
    """A server with all that it can do."""
    server = Server()
    for register in (_lifecycle, _analyzing, _navigating, _writing, _showing):
        register(server)
    return server


def start() -> None:
    """Serve on standard input and output until the client ends it."""
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_worth_telling)
    server = create()
    gc.collect()
    gc.freeze()  # what is loaded by now stays; full collections while somebody types would look at it each time
    gc.set_threshold(100_000, 50, 50)
    server.start_io()


def _is_worth_telling(record: logging.LogRecord) -> bool:
    """Whether a record of pygls tells of more than a text that has changed meanwhile."""
    told = record.exc_info[1] if record.exc_info else None
    return not isinstance(told, JsonRpcContentModified) and "Cancel notification" not in str(record.msg)


def _lifecycle(server: Server) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        import asyncio

        server._loop = asyncio.get_running_loop()
        server.configure(params.initialization_options)
        folders = params.workspace_folders or []
        uris = [folder.uri for folder in folders] or ([params.root_uri] if params.root_uri else [])
        server.documents.folders = [Path(path).resolve() for uri in uris if (path := to_fs_path(uri))]

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configured(params: types.DidChangeConfigurationParams) -> None:
        server.configure(params.settings)
        server.refresh_hints()

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        _put(server, params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        _put(server, params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        affected = server.documents.close(uri)
        if not server.pulls:
            server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))
        for document in affected:
            server.documents.start(document)

    @server.feature(types.SHUTDOWN)
    def shut_down(params: None) -> None:
        server.documents.shutdown()


def _put(server: Server, uri: str) -> None:
    text = server.workspace.get_text_document(uri)
    path = to_fs_path(uri) if uri.startswith("file:") else None
    server.changed(server.documents.put(uri, Path(path).resolve() if path else None, text.source, text.version))


def _analyzing(server: Server) -> None:
    """What an analysis answers: diagnostics, hover, shapes, lenses, actions."""

    @server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, types.DiagnosticOptions(True, False, "incdsl"))
    @_of_the_present
    async def pulled(params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        document, analysis = await server.documents.analysis(params.text_document.uri)
        return types.RelatedFullDocumentDiagnosticReport(server.diagnostics(document, analysis))

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    @_of_the_present
    async def hovered(params: types.HoverParams) -> types.Hover | None:
        document, analysis = await server.documents.analysis(params.text_document.uri)
        places = server.places(document)
        found = _page(document, analysis, places.offset(params.position))
        if found is None:
            return None
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, found.text), places.span(found.span))

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    @_of_the_present
    async def shapes(params: types.InlayHintParams) -> list[types.InlayHint]:
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

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS)
    @_of_the_present
    async def above(params: types.CodeLensParams) -> list[types.CodeLens]:
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

    kinds = [
        types.CodeActionKind.QuickFix,
        types.CodeActionKind.RefactorExtract,
        types.CodeActionKind.RefactorInline,
        types.CodeActionKind.RefactorRewrite,
    ]

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=kinds))
    @_of_the_present
    async def actions(params: types.CodeActionParams) -> list[types.CodeAction]:
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
        for problem, fix in fixes(analysis, start, end, options):
            shown = convert.diagnostic(problem, document.source, document.uri, codec)
            found.append(
                types.CodeAction(
                    fix.title, kind=types.CodeActionKind.QuickFix, diagnostics=[shown], edit=edit(fix.edits),
                    is_preferred=fix.preferred or None,
                )
            )  # fmt: skip
    if wanted("refactor") or any(each.startswith("refactor") for each in only):
        for each in refactorings(analysis, start, end, options):
            if wanted(each.kind):
                found.append(types.CodeAction(each.title, kind=each.kind, edit=edit(each.edits)))
    return found


def _navigating(server: Server) -> None:
    """What the names of a text answer: where they are declared, where they are used."""

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def defined(params: types.DefinitionParams) -> types.Location | None:
        document = server.documents[params.text_document.uri]
        found = document.reading.mention(server.places(document).offset(params.position))
        if found is None:
            return None
        target = found.target
        place = target.definition.tree.name.span if isinstance(target.node, tree.Used) and target.definition else target.place
        if place is None:
            return None
        _focus(server, document, found.span, target)
        return convert.location(place, server.workspace.position_codec, _open_uri(document, place))

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    @_of_the_present
    async def referred(params: types.ReferenceParams) -> list[types.Location]:
        document = server.documents[params.text_document.uri]
        found = document.reading.mention(server.places(document).offset(params.position))
        if found is None:
            return []
        also = params.context.include_declaration
        near = await server.documents.computed(lambda gone: list(server.documents.readings(document)))
        mentions = [each for each in references(found.target, near) if also or not each.declares]
        places = [convert.location(m.span, server.workspace.position_codec, _open_uri(document, m.span)) for m in mentions]
        return [place for place in places if place]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def marked(params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        document = server.documents[params.text_document.uri]
        places = server.places(document)
        found = document.reading.mention(places.offset(params.position))
        kinds = (types.DocumentHighlightKind.Read, types.DocumentHighlightKind.Write)
        return [
            types.DocumentHighlight(places.span(each.span), kinds[each.declares])
            for each in (references(found.target, [document.reading]) if found else ())
        ]

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def preparing(params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder | None:
        document = server.documents[params.text_document.uri]
        places = server.places(document)
        found = renamable(document.reading, places.offset(params.position))
        return types.PrepareRenamePlaceholder(places.span(found.span), found.target.name) if found else None

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    @_of_the_present
    async def renamed(params: types.RenameParams) -> types.WorkspaceEdit:
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
            uri = document.uri if source is document.source else _uri_of_open(server, source.path) or convert.uri_of(source)
            changes[uri] = convert.text_edits(edits, Places(source.text, codec))
        workspace = server.client_capabilities.workspace
        support = workspace.workspace_edit if workspace else None
        annotated = bool(support and support.change_annotation_support and support.document_changes)
        if done.warning and not annotated:
            server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, done.warning))
        return convert.workspace_edit(changes, done.warning, annotated)

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        document = server.documents[params.text_document.uri]
        return convert.symbols(outline(document.reading), server.places(document))

    @server.feature(types.WORKSPACE_SYMBOL)
    @_of_the_present
    async def everywhere(params: types.WorkspaceSymbolParams) -> list[types.WorkspaceSymbol]:
        return await server.documents.computed(lambda gone: _symbols(server, params.query))


def _focus(server: Server, document: Document, use: Span, target: Target) -> None:
    """Remember from which use the cursor goes into a block: its shapes are shown there."""
    if target.kind in ("block", "unit") and target.place and target.place != use:
        document.focus = (use,)
        server.refresh_hints()


def _open_uri(document: Document, span: Span) -> str:
    """The address of a text that is this document's own: as the client writes it."""
    return document.uri if span.source is document.source else ""


def _uri_of_open(server: Server, path: Path | None) -> str:
    return next((each.uri for each in server.documents if path and each.source.path == path), "")


def _symbols(server: Server, query: str) -> list[types.WorkspaceSymbol]:
    """Definitions whose names hold the letters of a query in their order, in all specs."""
    documents = list(server.documents)
    found = []
    for reading in server.documents.readings(documents[0]) if documents else ():
        uri = _uri_of_open(server, reading.source.path) or convert.uri_of(reading.source)
        places = Places(reading.source.text, server.workspace.position_codec)
        for each in outline(reading):
            if uri and _matches(query.lower(), each.name.lower()):
                where = types.Location(uri, places.span(each.at))
                found.append(types.WorkspaceSymbol(where, each.name, convert.symbol_kind(each.kind)))
    return found


def _matches(query: str, name: str) -> bool:
    letters = iter(name)
    return all(letter in letters for letter in query)


def _writing(server: Server) -> None:
    """What helps while a text is written: completion, signatures, its layout."""

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=list("@(:>|,\"./ ")))
    def completed(params: types.CompletionParams) -> types.CompletionList:
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

    @server.feature(types.TEXT_DOCUMENT_SIGNATURE_HELP, types.SignatureHelpOptions(trigger_characters=["(", ","]))
    def signed(params: types.SignatureHelpParams) -> types.SignatureHelp | None:
        document = server.documents[params.text_document.uri]
        found = signature(document.reading, server.places(document).offset(params.position))
        if found is None:
            return None
        page = types.MarkupContent(types.MarkupKind.Markdown, found.page) if found.page else None
        parts = [types.ParameterInformation(part) for part in found.parts]
        one = types.SignatureInformation(found.label, documentation=page, parameters=parts)
        return types.SignatureHelp([one], active_signature=0, active_parameter=found.active)

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def laid_out(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        return _formatted(server, params.text_document.uri, None)

    @server.feature(types.TEXT_DOCUMENT_RANGE_FORMATTING)
    def laid_out_where(params: types.DocumentRangeFormattingParams) -> list[types.TextEdit]:
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


def _showing(server: Server) -> None:
    """How a text looks: colours, folds, selections."""
    legend = types.SemanticTokensLegend(list(TYPES), list(MODIFIERS))

    @server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, legend)
    def coloured(params: types.SemanticTokensParams) -> types.SemanticTokens:
        return _coloured(server, params.text_document.uri, None)

    @server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE, legend)
    def coloured_where(params: types.SemanticTokensRangeParams) -> types.SemanticTokens:
        return _coloured(server, params.text_document.uri, params.range)

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    def folded(params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        document = server.documents[params.text_document.uri]
        return [types.FoldingRange(f.first - 1, f.last - 1, kind=_FOLDS[f.kind]) for f in folds(document.reading)]

    @server.feature(types.TEXT_DOCUMENT_SELECTION_RANGE)
    def selected(params: types.SelectionRangeParams) -> list[types.SelectionRange]:
        document = server.documents[params.text_document.uri]
        places = server.places(document)
        found = []
        for position in params.positions:
            grown: types.SelectionRange | None = None
            for span in reversed(selections(document.reading, places.offset(position))):
                grown = types.SelectionRange(places.span(span), grown)
            found.append(grown or types.SelectionRange(types.Range(position, position)))
        return found


def _coloured(server: Server, uri: str, where: types.Range | None) -> types.SemanticTokens:
    document = server.documents[uri]
    places = server.places(document)
    start, end = (places.offset(where.start), places.offset(where.end)) if where else (0, None)
    found = colours(document.reading, start, end)
    return types.SemanticTokens(convert.semantic_tokens(found, places, server.workspace.position_codec))
