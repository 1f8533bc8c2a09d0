"""The server: its documents, its settings, and how it sends what nobody asked for."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified
from pygls.lsp.server import LanguageServer

from incdsl.files import SUFFIX
from incdsl.frontend import Analysis
from incdsl.linter.config import PROJECT
from incdsl.linter.lint import lint
from incdsl.lsp import convert
from incdsl.lsp.convert import Places
from incdsl.lsp.documents import Document, Documents, Superseded
from incdsl.lsp.inlay import Which

P = ParamSpec("P")
R = TypeVar("R")
_PAUSE = 1.0
"""Seconds without a keystroke after which nobody types."""
_SHAPES: tuple[Which, ...] = ("changes", "all", "off")


class Server(LanguageServer):
    """A language server for `.inc` files."""

    def __init__(self) -> None:
        from importlib.metadata import version

        # The whole text at each change: a change of lines would need one notion of what ends a line on both sides.
        super().__init__("incdsl", version("incdsl"), types.TextDocumentSyncKind.Full)
        self.documents = Documents()
        self.documents.analyzed = self._analyzed
        self.documents.complains = self._complain
        self.inlay: Which = "changes"
        self._complained = ""
        self.loop: asyncio.AbstractEventLoop | None = None
        self._tidying: asyncio.TimerHandle | None = None
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

    def _complain(self, reason: str) -> None:
        """Show why a project's settings are not followed, once."""
        if reason != self._complained:
            self._complained = reason
            self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, reason))

    def tidy_later(self) -> None:
        """Free what past versions left behind once nobody has typed for a second: in between it would be felt."""
        if self._tidying:
            self._tidying.cancel()
        if self.loop:
            self._tidying = self.loop.call_later(_PAUSE, gc.collect)

    # Diagnostics

    @property
    def pulls(self) -> bool:
        """Whether the client asks for diagnostics; to others they are sent."""
        text = self.client_capabilities.text_document
        return bool(text and text.diagnostic)

    def affected(self, documents: list[Document]) -> None:
        """Analyze texts anew whose surroundings have changed, and have the client ask for them again."""
        for document in documents:
            self.documents.start(document)
        if documents:
            self.refresh_hints()
            if self.pulls and self._refreshes("diagnostics"):
                self.workspace_diagnostic_refresh(None)

    def watch(self) -> None:
        """Have the client tell of files that change on the disk, where it can."""
        workspace = self.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace else None
        if watching and watching.dynamic_registration:
            watchers = [types.FileSystemWatcher(f"**/{name}") for name in (f"*{SUFFIX}", PROJECT)]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
            wish = types.Registration("files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            self.client_register_capability(types.RegistrationParams([wish]))

    def diagnostics(self, document: Document, analysis: Analysis) -> list[types.Diagnostic]:
        """What is found in a text."""
        codec = self.workspace.position_codec
        found = lint(analysis, document.selection)
        return [convert.diagnostic(each, document.source, document.uri, codec) for each in found]

    def _analyzed(self, document: Document, analysis: Analysis) -> None:
        """Send what is found, from the thread that found it."""
        if not self.pulls and not document.gone.is_set():
            found = types.PublishDiagnosticsParams(document.uri, self.diagnostics(document, analysis), document.version)
            loop = self.loop
            if loop:
                loop.call_soon_threadsafe(self._publish, document, found)

    def _publish(self, document: Document, found: types.PublishDiagnosticsParams) -> None:
        if not document.gone.is_set():
            self.text_document_publish_diagnostics(found)

    def _refreshes(self, what: str) -> bool:
        """Whether the client lets itself be asked to ask again."""
        workspace = self.client_capabilities.workspace
        support = getattr(workspace, what, None) if workspace else None
        return bool(getattr(support, "refresh_support", False))

    def refresh_hints(self) -> None:
        """Have the client ask for shapes again."""
        if self._refreshes("inlay_hint"):
            self.workspace_inlay_hint_refresh(None)


HANDLERS: list[Callable[[Server], object]] = []
"""What each answer does to be asked."""


def answers(
    method: str, options: object = None
) -> Callable[[Callable[Concatenate[Server, P], R]], Callable[Concatenate[Server, P], R]]:
    """The function answers requests of this method."""

    def noted(handler: Callable[Concatenate[Server, P], R]) -> Callable[Concatenate[Server, P], R]:
        HANDLERS.append(lambda server: server.feature(method, options)(_held(partial(handler, server))))
        return handler

    return noted


def _held(handler: Callable[P, Any]) -> Callable[P, Any]:
    """A handler that says so where the text has changed while the answer was sought."""
    if asyncio.iscoroutinefunction(handler):
        waiting: Callable[P, Awaitable[Any]] = handler

        async def later(*args: P.args, **kwargs: P.kwargs) -> Any:
            try:
                return await waiting(*args, **kwargs)
            except Superseded:
                raise JsonRpcContentModified from None

        return later

    def now(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return handler(*args, **kwargs)
        except Superseded:
            raise JsonRpcContentModified from None

    return now
