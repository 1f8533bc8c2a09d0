"""How a session starts and ends, and which texts are open."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lsprotocol import types
from pygls.uris import to_fs_path

from incdsl.lsp.server import Server, answers


@answers(types.INITIALIZE)
def initialize(server: Server, params: types.InitializeParams) -> None:
    server.loop = asyncio.get_running_loop()
    server.configure(params.initialization_options)
    folders = params.workspace_folders or []
    uris = [folder.uri for folder in folders] or ([params.root_uri] if params.root_uri else [])
    server.documents.folders = [Path(path).resolve() for uri in uris if (path := to_fs_path(uri))]


@answers(types.INITIALIZED)
def ready(server: Server, params: types.InitializedParams) -> None:
    server.watch()


@answers(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
def stored(server: Server, params: types.DidChangeWatchedFilesParams) -> None:
    paths = [Path(path) for each in params.changes if (path := to_fs_path(each.uri))]
    server.affected(server.documents.stored(paths))


@answers(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
def configured(server: Server, params: types.DidChangeConfigurationParams) -> None:
    server.configure(params.settings)
    server.refresh_hints()


@answers(types.TEXT_DOCUMENT_DID_OPEN)
def opened(server: Server, params: types.DidOpenTextDocumentParams) -> None:
    _put(server, params.text_document.uri)


@answers(types.TEXT_DOCUMENT_DID_CHANGE)
def changed(server: Server, params: types.DidChangeTextDocumentParams) -> None:
    _put(server, params.text_document.uri)


@answers(types.TEXT_DOCUMENT_DID_CLOSE)
def closed(server: Server, params: types.DidCloseTextDocumentParams) -> None:
    uri = params.text_document.uri
    importing = server.documents.close(uri)
    if not server.pulls:
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))
    server.affected(importing)


@answers(types.SHUTDOWN)
def shut_down(server: Server, params: None) -> None:
    server.documents.shutdown()


def _put(server: Server, uri: str) -> None:
    text = server.workspace.get_text_document(uri)
    path = to_fs_path(uri) if uri.startswith("file:") else None
    document, importing = server.documents.put(uri, Path(path).resolve() if path else None, text.source, text.version)
    server.documents.start(document)
    server.affected(importing)
    server.tidy_later()
