"""The texts that an editor has open. Each is read at once, and analyzed in a thread of its own.

A new version of a text abandons the analysis of the one before. What a text that is broken does not say is asked of
its last analysis that was whole.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from threading import Event
from typing import TypeVar

from incdsl.diagnostics import CompileError
from incdsl.elaborate.budget import Abandoned
from incdsl.files import below, read as read_file
from incdsl.frontend import Analysis, Options
from incdsl.linter.config import BadConfiguration, configured
from incdsl.linter.lint import Selection
from incdsl.lsp.reading import Reading, read
from incdsl.lsp.versions import Versions
from incdsl.source import Source, Span

T = TypeVar("T")
_MANY = 500
"""Files of a folder in which the uses of a name are sought."""


class Superseded(Exception):
    """The text is another one by now."""


@dataclass(eq=False)
class Document:
    """An open text, its version, and what is known of it."""

    uri: str
    source: Source
    version: int | None
    reading: Reading
    selection: Selection = field(default_factory=Selection)
    """The advice that its project wants."""
    focus: tuple[Span, ...] = ()
    """The uses from which the cursor came into blocks."""
    whole: Analysis | None = None
    """The last analysis of a text that made sense."""
    analysis: Future[Analysis] | None = None
    gone: Event = field(default_factory=Event)
    """Whether nobody waits for its analysis any more."""

    @property
    def real(self) -> str:
        """The real path of its file; empty if it has none."""
        return os.path.realpath(self.source.path) if self.source.path else ""


class Documents:
    """All open texts, and the folders that the editor works in."""

    def __init__(self) -> None:
        self.folders: list[Path] = []
        self.analyzed: Callable[[Document, Analysis], None] = lambda document, analysis: None
        """Called, in a thread, when an analysis is done."""
        self.complains: Callable[[str], None] = lambda reason: None
        """Called when a project's settings make no sense."""
        self._open: dict[str, Document] = {}
        self._closed: dict[Path, tuple[tuple[int, int], Reading]] = {}
        """What files say that are not open, with the time and size at which they said it."""
        self._worker = ThreadPoolExecutor(1, "incdsl")

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._open.values()))

    def __getitem__(self, uri: str) -> Document:
        """The text at an address. Raises `Superseded` if it is not open."""
        document = self._open.get(uri)
        if document is None:
            raise Superseded
        return document

    def __contains__(self, uri: object) -> bool:
        return uri in self._open

    def put(self, uri: str, path: Path | None, text: str, version: int | None) -> tuple[Document, list[Document]]:
        """Open a text, or a new version of it; and the open texts that import it, which are new documents then."""
        source = Source(self._name(path), text, path)
        before = self._open.get(uri)
        if before:
            before.gone.set()
        reading = read(source, self._root(path), self._opened(uri))
        document = Document(uri, source, version, reading, self._selection(path))
        if before:
            versions = Versions(before.source.text, text)
            document.whole = before.whole
            document.focus = tuple(_moved(span, versions, source) for span in before.focus if _still(span, versions))
        self._open[uri] = document
        return document, self._importing(document)

    def close(self, uri: str) -> list[Document]:
        """Close a text: from now on its file on the disk counts for those that import it."""
        document = self._open.pop(uri, None)
        if document is None:
            return []
        document.gone.set()
        return self._importing(document)

    def stored(self, paths: Iterable[Path]) -> list[Document]:
        """All open texts, read anew, as files have changed on the disk; none if all of these files are open."""
        opened = {each.real for each in self}
        if all(os.path.realpath(path) in opened for path in paths):
            return []
        return [self._anew(each) for each in self]

    def _importing(self, changed: Document) -> list[Document]:
        """The open texts that import another one, read anew."""
        return [self._anew(each) for each in self if each is not changed and changed.real in each.reading.needs]

    def _anew(self, document: Document) -> Document:
        """A text whose surroundings have changed, as a new document."""
        document.gone.set()
        path = document.source.path
        reading = read(document.source, self._root(path), self._opened(document.uri))
        fresh = replace(
            document, reading=reading, selection=self._selection(path), analysis=None, gone=Event()
        )  # fmt: skip
        self._open[document.uri] = fresh
        return fresh

    # Analyses

    def options(self, document: Document, gone: Event | None = None) -> Options:
        """How a text is analyzed; `gone` abandons that."""
        opened = self._opened(document.uri)
        return Options(root=self._root(document.source.path), opened=opened, abandoned=gone.is_set if gone else None)

    def start(self, document: Document) -> Future[Analysis]:
        """The analysis of a text, under way or done."""
        if document.analysis is None:
            options = self.options(document, document.gone)
            document.analysis = self._worker.submit(self._analyze, document, options)
        return document.analysis

    def _analyze(self, document: Document, options: Options) -> Analysis:
        if document.gone.is_set():
            raise Abandoned
        analysis = document.reading.analysis(options)
        if not document.reading.spec.parsed.problems and all(net.complete for net in analysis.nets):
            document.whole = analysis
        self.analyzed(document, analysis)
        return analysis

    async def analysis(self, uri: str) -> tuple[Document, Analysis]:
        """The analysis of a text as it is now. Raises `Superseded` if it becomes another one meanwhile."""
        document = self[uri]
        try:
            analysis = await asyncio.wrap_future(self.start(document))
        except Abandoned:
            raise Superseded from None
        if self._open.get(uri) is not document:
            raise Superseded
        return document, analysis

    async def computed(self, work: Callable[[Event], T]) -> T:
        """What takes longer, in a thread; it is told when nobody waits for it any more."""
        gone = Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(None, work, gone)
        except asyncio.CancelledError:
            gone.set()
            raise
        except Abandoned:
            raise Superseded from None

    # Files

    def readings(self, near: Document) -> Iterator[Reading]:
        """What the open texts say, and all specs of the folders, or of the text's own folder."""
        seen = set()
        for document in self:
            seen.add(document.real)
            yield document.reading
        folders = self.folders or ([near.source.path.parent] if near.source.path else [])
        for path in islice((path for folder in folders for path in below(folder)), _MANY):
            if os.path.realpath(path) not in seen and (reading := self._read(path)):
                seen.add(os.path.realpath(path))
                yield reading

    def _read(self, path: Path) -> Reading | None:
        """What a file says that is not open; one that has not changed is not read again."""
        try:
            status = path.stat()
            at = status.st_mtime_ns, status.st_size
            known, reading = self._closed.get(path, (None, None))
            if known != at or reading is None or any(each.real in reading.needs for each in self):
                reading = read(Source(self._name(path), read_file(path).text, path), self._root(path), self._opened(""))
                self._closed[path] = at, reading
        except (OSError, CompileError):
            return None
        return reading if reading.file.edition else None

    def _selection(self, path: Path | None) -> Selection:
        """The advice that the project of a file wants; all of it if that makes no sense."""
        try:
            return configured(path.parent) if path else Selection()
        except BadConfiguration as error:
            self.complains(str(error))
            return Selection()

    def _opened(self, but: str) -> dict[str, str]:
        """The texts of open files by their real paths, but for one."""
        return {each.real: each.source.text for each in self if each.uri != but and each.real}

    def _root(self, path: Path | None) -> Path | None:
        """The folder that the imports of a file stay in: that of the editor that it lies in, or its own."""
        if path is None:
            return None
        return next((folder for folder in self.folders if path.is_relative_to(folder)), path.parent)

    def _name(self, path: Path | None) -> str:
        if path is None:
            return "<untitled>"
        root = self._root(path)
        return path.relative_to(root).as_posix() if root and path.is_relative_to(root) else path.name

    def shutdown(self) -> None:
        """Abandon everything."""
        for document in self:
            document.gone.set()
        self._worker.shutdown(wait=False, cancel_futures=True)


def _still(span: Span, versions: Versions) -> bool:
    return versions.now(span.start, span.end) is not None


def _moved(span: Span, versions: Versions, source: Source) -> Span:
    now = versions.now(span.start, span.end)
    assert now
    return Span(source, *now)
