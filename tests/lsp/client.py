"""A client that starts the server as a process and speaks the protocol with it, as editors do."""

import asyncio
import io
import sys
from contextlib import asynccontextmanager, contextmanager

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from tests.process import ROOT

PULL = types.DiagnosticClientCapabilities()
FULL = types.ClientCapabilities(
    text_document=types.TextDocumentClientCapabilities(
        diagnostic=PULL,
        completion=types.CompletionClientCapabilities(
            completion_item=types.ClientCompletionItemOptions(snippet_support=True)
        ),
    ),
    workspace=types.WorkspaceClientCapabilities(
        workspace_edit=types.WorkspaceEditClientCapabilities(
            document_changes=True,
            change_annotation_support=types.ChangeAnnotationsSupportOptions(),
        )
    ),
)


class Client(LanguageClient):
    """Remembers what the server sends by itself."""

    def __init__(self):
        super().__init__("tests", "1")
        self.published = {}
        self.news = asyncio.Event()
        self.messages = []
        self.wishes = asyncio.get_running_loop().create_future()
        self.failures = []

        @self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def _published(params):
            self.published[params.uri] = params
            self.news.set()

        @self.feature(types.CLIENT_REGISTER_CAPABILITY)
        def _asked(params):
            self.wishes.set_result(params)

        @self.feature(types.WINDOW_SHOW_MESSAGE)
        def _told(params):
            self.messages.append(params.message)

    def report_server_error(self, error, source):
        self.failures.append(error)

    def open(self, uri, text, version=1):
        """Open a text."""
        item = types.TextDocumentItem(uri, "inc", version, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(self, uri, text, version):
        """Make another text of it."""
        item = types.VersionedTextDocumentIdentifier(version, uri)
        whole = types.TextDocumentContentChangeWholeDocument(text)
        self.text_document_did_change(types.DidChangeTextDocumentParams(item, [whole]))

    @contextmanager
    def at_once(self):
        """Hold back what is sent in between, so that the server has all of it before it begins."""
        protocol, writer = self.protocol, self.protocol.writer
        protocol.writer = io.BytesIO()
        try:
            yield
        finally:
            held, protocol.writer = protocol.writer.getvalue(), writer
            writer.write(held)

    async def diagnostics(self, uri):
        """What the server finds, asked for."""
        report = await self.text_document_diagnostic_async(
            types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
        )
        return report.items

    async def registered(self):
        """What the server wants to be told of."""
        return await self.wishes

    async def told(self, uri, version):
        """What the server sends of a version."""
        while uri not in self.published or self.published[uri].version != version:
            self.news.clear()
            await self.news.wait()
        return self.published[uri].diagnostics


@asynccontextmanager
async def serving(folder=ROOT, capabilities=FULL, options=None, folders=None):
    """A client with a server of its own, which ends with it; it must not have said anything on standard error."""
    client = Client()
    await client.start_io(sys.executable, "-W", "error", "-m", "incdsl", "lsp", cwd=str(ROOT))
    uri = folder.as_uri()
    await client.initialize_async(
        types.InitializeParams(
            capabilities,
            root_uri=uri,
            workspace_folders=[types.WorkspaceFolder(each.as_uri(), each.name) for each in folders or [folder]],
            initialization_options=options,
        )
    )
    client.initialized(types.InitializedParams())
    try:
        yield client
        assert client.failures == []
    finally:
        await asyncio.wait_for(client.shutdown_async(None), 60)
        client.exit(None)
        process = client._server
        said = (await process.stderr.read()).decode()
        await process.wait()
        await client.stop()
    assert said == "", said[-3000:]


def run(scenario):
    """Run a scenario."""
    return asyncio.run(scenario)
