"""Reads specs, and what they import: regular files inside a root, all within one budget."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from incdsl.diagnostics import CompileError, Diagnostic, Sink
from incdsl.diagnostics.limits import FileTooLarge, TooDeep, TooManyFiles
from incdsl.diagnostics.reuse import BadImport, ImportCycle
from incdsl.diagnostics.syntax import Unreadable
from incdsl.resources import near_spec, shipped_spec, shipped_specs
from incdsl.source import Source
from incdsl.syntax import tree
from incdsl.syntax.lexer import MAX_BYTES, Limits
from incdsl.syntax.parser import Parsed, parse_source

MAX_FILES = 64
MAX_IMPORT_DEPTH = 16
SUFFIX = ".inc"
_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class Refused(Exception):
    """A file will not be read, and why."""


class _Stop(Exception):
    """An import cannot be followed."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.code)
        self.diagnostic = diagnostic


def below(folder: Path) -> Iterator[Path]:
    """The files below a folder that are specs by their names, but for what is hidden."""
    for around, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(around, name) for name in sorted(names) if name.endswith(SUFFIX) and not name.startswith("."))


def read(path: str | os.PathLike[str]) -> Source:
    """The spec at a path, or the shipped one that the path names.

    Raises:
        CompileError: if it is no readable UTF-8 text.
    """
    given = Path(path)
    name = given.as_posix()
    try:
        found = given if given.exists() else shipped_spec(os.fspath(path)) or given
        if found.exists() and not found.is_file():
            raise CompileError((Unreadable(span=None, name=name, reason="it is not a regular file"),))
        with found.open("rb") as stream:
            data, size = stream.read(MAX_BYTES + 1), os.fstat(stream.fileno()).st_size
    except (OSError, ValueError) as error:
        near = near_spec(name) if isinstance(error, FileNotFoundError) else ""
        raise CompileError((Unreadable(span=None, name=name, reason=_reason(error), near=near),)) from None
    if len(data) > MAX_BYTES:
        raise CompileError((FileTooLarge(span=None, size=max(size, len(data)), limit=MAX_BYTES),))
    return from_bytes(data, name, found)


def from_bytes(data: bytes, name: str, path: Path | None = None) -> Source:
    """A spec from the bytes of a file or of standard input.

    Raises:
        CompileError: if they are no UTF-8 text, or too many.
    """
    if len(data) > MAX_BYTES:
        raise CompileError((FileTooLarge(span=None, size=len(data), limit=MAX_BYTES),))
    try:
        return Source(name, _decoded(data), path)
    except Refused as refused:
        raise CompileError((Unreadable(span=None, name=name, reason=str(refused)),)) from None


@dataclass(frozen=True, eq=False, slots=True)
class SpecFile:
    """A parsed file, and the files behind its imports; None for one that cannot be read."""

    source: Source
    parsed: Parsed
    imports: tuple[tuple[tree.Import, SpecFile | None], ...] = ()

    @property
    def file(self) -> tree.File:
        """Its tree."""
        return self.parsed.file

    def texts(self) -> list[str]:
        """The texts of this file and of all that it needs, each once, those that are imported first."""
        return [each.source.text for each in self.files()]

    def files(self) -> list[SpecFile]:
        """This file and all that it needs, each once, those that are imported first."""
        found: dict[SpecFile, None] = {}
        self._gather(found)
        return list(found)

    def _gather(self, found: dict[SpecFile, None]) -> None:
        for _, file in self.imports:
            if file and file not in found:
                file._gather(found)
        found[self] = None


def load(
    source: Source, sink: Sink, root: Path | None = None, opened: Mapping[str, str] | None = None
) -> SpecFile:  # fmt: skip
    """Parse a spec and all that it imports; `root` is the folder that imports must not leave, by default the spec's.

    What is wrong with the texts, and imports that cannot be followed, go to the sink. `opened` are texts that stand for
    files on the disk, by real paths.
    """
    return _Loader(sink, root or (source.path.parent if source.path else None), opened or {}).load(source, ())


class _Loader:
    def __init__(self, sink: Sink, root: Path | None, opened: Mapping[str, str]) -> None:
        self._sink = sink
        self._root = root
        self._opened = opened
        self._limits = Limits()
        self._known: dict[str, SpecFile] = {}

    def load(self, source: Source, inside: tuple[Source, ...]) -> SpecFile:
        """A file, after all that it imports; `inside` are the files on the way to it."""
        parsed = parse_source(source, self._sink, self._limits)
        imports = tuple([(each, self._imported(each, (*inside, source))) for each in parsed.file.imports])
        return SpecFile(source, parsed, imports)

    def _imported(self, item: tree.Import, inside: tuple[Source, ...]) -> SpecFile | None:
        """The file behind an import; None if it cannot be followed, which is reported."""
        try:
            return self._followed(item, inside)
        except _Stop as stop:
            self._sink.add(stop.diagnostic)
            return None

    def _followed(self, item: tree.Import, inside: tuple[Source, ...]) -> SpecFile:
        text, importer = item.file.value, inside[-1]
        try:
            path = self._locate(text, importer)
        except (OSError, ValueError, Refused) as refused:  # a path with a zero byte is a `ValueError`
            told = str(refused) if isinstance(refused, Refused) else _reason(refused)
            reason, _, hint = told.partition("; ")
            raise _Stop(BadImport(span=item.file.span, file=text, reason=reason, hint=hint)) from None
        real = os.path.realpath(path)
        names = [each.name for each in inside if each.path and os.path.realpath(each.path) == real]
        if names:
            chain = [each.name for each in inside]
            chain = [*chain[chain.index(names[0]) :], names[0]]
            raise _Stop(ImportCycle(span=item.file.span, chain=tuple(chain)))
        if real not in self._known:
            if len(self._known) >= MAX_FILES:
                raise _Stop(TooManyFiles(span=item.file.span, limit=MAX_FILES))
            if len(inside) >= MAX_IMPORT_DEPTH:
                raise _Stop(TooDeep(span=item.file.span, what="imports", limit=MAX_IMPORT_DEPTH))
            name = os.path.normpath(PurePosixPath(importer.name).parent / text) if importer.path else text
            path, name = Path(real), Path(name).as_posix()
            opened = self._opened.get(real)
            source = self._read(item, path, name) if opened is None else Source(name, opened, path)
            self._known[real] = self.load(source, inside)
        return self._known[real]

    def _locate(self, text: str, importer: Source) -> Path:
        """The file behind an import's text. Raises `Refused`, with a help behind `; `."""
        foreign = PureWindowsPath(text)
        if foreign.drive or foreign.root or "\\" in text or ":" in text:
            raise Refused(f"the path is not a relative one; write it relative to {importer.name}, with `/`")
        if not text.endswith(SUFFIX):
            raise Refused(f"the name does not end in `{SUFFIX}`")
        folder = importer.path.parent if importer.path else self._root
        shipped = shipped_spec(text)
        if folder is None or self._root is None:
            if shipped:
                return shipped
            raise Refused(
                "a spec from standard input or a string has no folder; `--root DIR` names one, in Python `root=`"
            )
        found = folder / text
        if shipped and not found.exists():
            return shipped
        allowed = [Path(os.path.realpath(each)) for each in (self._root, shipped_specs())]
        real = Path(os.path.realpath(found))
        if not any(real.is_relative_to(each) for each in allowed):
            raise Refused(
                "it lies outside the import root; `--root DIR`, in Python `root=`, names a folder that holds both files"
            )
        return found

    def _read(self, item: tree.Import, path: Path, name: str) -> Source:
        """The text of a regular file, as much as the budget allows."""
        try:
            descriptor = os.open(path, os.O_RDONLY | _SAFE)
            with os.fdopen(descriptor, "rb") as stream:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise Refused("it is not a regular file")  # noqa: TRY301
                data = stream.read(self._limits.size + 1)
            if len(data) > self._limits.size:
                size = MAX_BYTES - self._limits.size + len(data)
                raise _Stop(FileTooLarge(span=item.file.span, size=size, limit=MAX_BYTES))
            return Source(name, _decoded(data), path)
        except (OSError, ValueError, Refused) as error:
            text = str(error) if isinstance(error, Refused) else _reason(error)
            near = near_spec(item.file.value) if isinstance(error, FileNotFoundError) else ""
            hint = f"did you mean `{near}`?" if near else ""
            raise _Stop(BadImport(span=item.file.span, file=item.file.value, reason=text, hint=hint)) from None


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("it is not UTF-8 text") from None
    if "\0" in text:
        raise Refused("it is a binary file")
    return text


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
