"""Puts files on disk: whole or not at all."""

from __future__ import annotations

import os
import re
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from incdsl.diagnostics import CompileError
from incdsl.diagnostics.output import CannotWrite

_STALE = 3600
"""Seconds after which a temporary file belongs to nobody: its process was killed."""


def replace(target: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a file beside the target, then rename it over: readers see the old file or the new one.

    Raises:
        CompileError: if the file system refuses.
    """
    try:
        if (target.is_symlink() or target.exists()) and not target.is_file():
            raise OSError("it is not a regular file")  # noqa: TRY301
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(Path(os.path.realpath(target)), write)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CompileError((CannotWrite(span=None, file=str(target), reason=reason),)) from None


def replace_text(target: Path, text: str) -> None:
    """Put a text there.

    Raises:
        CompileError: if the file system refuses.
    """

    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8", newline="\n")

    replace(target, write)


def replace_bytes(target: Path, data: bytes) -> None:
    """Put bytes there.

    Raises:
        CompileError: if the file system refuses.
    """

    def write(path: Path) -> None:
        path.write_bytes(data)

    replace(target, write)


def _replace(target: Path, write: Callable[[Path], None]) -> None:
    _sweep(target)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        os.close(descriptor)
        write(temporary)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        temporary.chmod(mode)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sweep(target: Path) -> None:
    """Remove what processes that were killed in the middle left beside a target, an hour ago or longer."""
    ours = re.compile(re.escape(f".{target.name}.") + r"[a-z0-9_]{8}\.tmp")
    with os.scandir(target.parent) as entries:
        for entry in entries:
            if ours.fullmatch(entry.name):
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(found.st_mode) and time.time() - found.st_mtime > _STALE:
                    Path(entry.path).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
