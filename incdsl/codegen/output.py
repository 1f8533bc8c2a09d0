"""Writes generated files: whole or not at all, and never over somebody's work."""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
import time
from pathlib import Path

from incdsl.codegen.module import intact
from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.diagnostics.output import BadFileName, CannotWrite, EditedByHand, OutOfDate

_RESERVED = sys.stdlib_module_names | {"torch", "torchvision", "numpy", "incdsl"}
_STALE = 3600
"""Seconds after which a temporary file belongs to nobody: its process was killed."""
_DEVICES = {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(10)), *(f"lpt{i}" for i in range(10))}


def write(target: Path, text: str, *, force: bool = False) -> bool:
    """Put the text there; whether anything changed.

    Raises:
        CompileError: if the name would shadow a module, the file was edited by hand, or the file system refuses.
    """
    _check_name(target)
    try:
        if target.is_symlink() or target.exists():
            if not target.is_file():
                raise _error(CannotWrite(span=None, file=str(target), reason="it is no regular file"))
            present = target.read_bytes().decode("utf-8", "replace")
            if present == text:
                return False
            state = intact(present)
            if not state and not force:
                raise _error(EditedByHand(span=None, file=str(target), generated=state is not None))
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(Path(os.path.realpath(target)), text)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise _error(CannotWrite(span=None, file=str(target), reason=reason)) from None
    return True


def check(target: Path, text: str, command: str) -> None:
    """Complain unless the file holds exactly this text.

    Raises:
        CompileError: if it does not.
    """
    try:
        present = target.read_text(encoding="utf-8") if target.is_file() else None
    except (OSError, ValueError):
        raise _error(OutOfDate(span=None, file=str(target), exists=target.exists(), command=command)) from None
    if present != text:
        raise _error(OutOfDate(span=None, file=str(target), exists=target.exists(), command=command))


def _check_name(target: Path) -> None:
    stem = target.stem
    reason = ""
    if stem in _RESERVED:
        reason = f"would hide the module `{stem}` from everything beside it"
    elif stem.lower() in _DEVICES:
        reason = "is the name of a device on Windows"
    elif target.suffix != ".py":
        reason = "does not end in .py"
    if reason:
        raise _error(BadFileName(span=None, file=str(target), reason=reason))


def _replace(target: Path, text: str) -> None:
    """Write beside the target, then rename over it: readers see the old file or the new one."""
    _sweep(target)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
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


def _error(diagnostic: Diagnostic) -> CompileError:
    return CompileError((diagnostic,))
