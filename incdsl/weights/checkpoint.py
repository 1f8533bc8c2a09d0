"""What a checkpoint holds, by names and shapes: read from headers alone, without torch."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NoReturn

from incdsl.diagnostics import CompileError
from incdsl.diagnostics.weights import UnreadableCheckpoint
from incdsl.ops.base import Sizes

MAX_ENTRIES = 100_000
MAX_NAME = 1000
MAX_DEPTH = 64
"""Parts of a name, between dots and slashes."""
Format = Literal["safetensors", "numpy", "pytorch"]
_SUFFIXES: dict[str, Format] = {
    ".safetensors": "safetensors", ".npz": "numpy", ".pt": "pytorch", ".pth": "pytorch",
}  # fmt: skip
_START = 4096
"""Bytes that tell a format, with the longest name of a first member."""
_ARCHIVE = b"PK\x03\x04"
_PICKLE = b"\x80"
_OTHERS = {
    b"\x89HDF\r\n": "it is an HDF5 file, such as Keras writes; save its weights as an archive of numpy arrays",
    b"\0\0": "it is in no known format; save the variables of a TensorFlow checkpoint as an archive of numpy arrays",
}
"""What else a file may be, by its beginning, and how its weights can be read."""
_PARALLEL = "module."
"""What `nn.DataParallel` puts before every name."""


@dataclass(frozen=True)
class Checkpoint:
    """The entries of a checkpoint; `prefix` stands before each name in the file, `notes` say what was unwrapped.

    `entry` is where in the file they are, as names with dots between them.
    """

    name: str
    shapes: Mapping[str, Sizes]
    prefix: str = ""
    notes: tuple[str, ...] = ()
    entry: str = ""

    @cached_property
    def fingerprint(self) -> str:
        """A hash of names and shapes, whatever their order."""
        lines = sorted(f"{key} {list(shape)}" for key, shape in self.shapes.items())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def checkpoint(
    name: str, shapes: Iterable[tuple[Any, Any]], notes: tuple[str, ...] = (), entry: str = ""
) -> Checkpoint:
    """A checkpoint of entries that nobody has looked at yet.

    Raises:
        CompileError: if a name or a shape is none, or there are too many.
    """
    found: dict[str, Sizes] = {}
    for key, shape in shapes:
        if len(found) >= MAX_ENTRIES:
            unreadable(name, f"it has more than {MAX_ENTRIES:,} entries")
        if not isinstance(key, str) or not _sensible(key):
            unreadable(name, f"{str(key)[:40]!r} cannot name an entry")
        if not all(isinstance(size, int) and size >= 0 for size in shape):
            unreadable(name, f"{key!r} has no shape")
        found[key] = tuple(map(int, shape))
    if not found:
        unreadable(name, "it holds no tensors")
    if not all(key.startswith(_PARALLEL) for key in found):
        return Checkpoint(name, found, "", notes, entry)
    shorter = {key.removeprefix(_PARALLEL): shape for key, shape in found.items()}
    notes = (*notes, f"all names start with `{_PARALLEL}`, which is left out")
    return Checkpoint(name, shorter, _PARALLEL, notes, entry)


def _sensible(key: str) -> bool:
    """Whether a name is no longer and no deeper than names are, and a text."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return 0 < len(key) <= MAX_NAME and key.count(".") + key.count("/") < MAX_DEPTH


def unreadable(name: str, reason: str, entries: Iterable[str] = ()) -> NoReturn:
    """Refuse the file; `entries` are state_dicts that could be asked for."""
    problem = UnreadableCheckpoint(span=None, file=name, reason=reason, entries=tuple(entries))
    raise CompileError((problem,)) from None


def first_line(error: BaseException) -> str:
    """What an exception says, short enough for a message."""
    text = getattr(error, "strerror", None) or str(error).strip().split("\n")[0] or type(error).__name__
    return text if len(text) <= 200 else text[:199] + "…"


def check_file(path: Path) -> None:
    """Refuse what is no file, or an empty one.

    Raises:
        CompileError: if it is.
    """
    if not path.is_file():
        unreadable(path.name, "it is not a file" if path.exists() else "there is no such file")
    if not path.stat().st_size:
        unreadable(path.name, "the file is empty")


def format_of(path: Path) -> Format:
    """The format of a checkpoint by its content; where that says nothing, by its suffix, whose reader then says more.

    Raises:
        CompileError: if there is no such file, or it is in no format that is read.
    """
    check_file(path)
    try:
        with path.open("rb") as stream:
            start = stream.read(_START)
    except OSError as error:
        unreadable(path.name, first_line(error))
    if start[4:9] == b"\0\0\0\0{":  # the higher half of the length of a header of JSON, and its beginning
        return "safetensors"
    if start.startswith(_ARCHIVE):
        member = start[30 : 30 + int.from_bytes(start[26:28], "little")]  # the name of the first file
        return "numpy" if member.endswith(b".npy") else "pytorch"
    if start.startswith(_PICKLE):
        return "pytorch"
    if path.suffix.lower() in _SUFFIXES:
        return _SUFFIXES[path.suffix.lower()]
    for beginning, what in _OTHERS.items():
        if start.startswith(beginning):
            unreadable(path.name, what)
    unreadable(path.name, "it is neither a PyTorch checkpoint nor a safetensors file nor an archive of numpy arrays")


def safetensors_header(path: Path) -> Checkpoint:
    """Names and shapes of a safetensors file; the numbers are not read."""
    from safetensors import safe_open

    check_file(path)
    try:
        with safe_open(path, "np") as file:
            return checkpoint(path.name, [(key, file.get_slice(key).get_shape()) for key in _few(path, file.keys())])
    except CompileError:
        raise
    except Exception as error:  # the library has an exception of its own beside those of the file system
        unreadable(path.name, f"it is not a safetensors file, or cut off or damaged ({first_line(error)})")


def _few(path: Path, keys: list[str]) -> list[str]:
    if len(keys) > MAX_ENTRIES:
        unreadable(path.name, f"it has {len(keys):,} entries; {MAX_ENTRIES:,} are allowed")
    return keys


def npz_header(path: Path) -> Checkpoint:
    """Names and shapes of an archive of numpy arrays; the numbers are not read, and objects are refused."""
    check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = _few(path, archive.namelist())
            return checkpoint(path.name, [(m.removesuffix(".npy"), _npy_shape(archive, m)) for m in members])
    except CompileError:
        raise
    except Exception as error:  # archives can be broken in many ways
        unreadable(path.name, f"it is not an archive of numpy arrays, or cut off or damaged ({first_line(error)})")


def _npy_shape(archive: zipfile.ZipFile, member: str) -> Sizes:
    from numpy.lib import format as npy

    with archive.open(member) as stream:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(stream)
    if dtype.hasobject:
        raise ValueError(f"{member} holds objects, which are pickled")
    return tuple(map(int, shape))


HEADERS: dict[Format, Callable[[Path], Checkpoint]] = {"safetensors": safetensors_header, "numpy": npz_header}
"""Formats whose headers are read without torch."""
