"""Puts files on disk: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from incdsl.diagnostics import CompileError
from incdsl.diagnostics.output import CannotWrite


def replace(target: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a file beside the target, then rename it: readers see the old file or the new one.

    Raises:
        CompileError: if the file system refuses.
    """
    try:
        if target.exists() and not target.is_file():
            raise OSError("it is no regular file")  # noqa: TRY301
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name[:40]}.", dir=target.parent) as folder:
            fresh = Path(folder) / target.name
            write(fresh)
            with fresh.open("rb") as stream:
                os.fsync(stream.fileno())
            fresh.replace(Path(os.path.realpath(target)))
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
