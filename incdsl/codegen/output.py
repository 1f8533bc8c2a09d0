"""Writes generated files: whole or not at all, and never over somebody's work."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from incdsl.codegen.module import intact
from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.diagnostics.output import BadFileName, CannotWrite, EditedByHand, OutOfDate
from incdsl.writing import replace_text

_RESERVED = sys.stdlib_module_names | {"torch", "torchvision", "numpy", "incdsl"}
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
                raise _error(CannotWrite(span=None, file=str(target), reason="it is not a regular file"))
            present = target.read_bytes().decode("utf-8", "replace")
            if present == text:
                return False
            state = intact(present)
            if not state and not force:
                raise _error(EditedByHand(span=None, file=str(target), generated=state is not None))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise _error(CannotWrite(span=None, file=str(target), reason=reason)) from None
    replace_text(target, text)
    return True


def check(target: Path, text: str, command: str) -> None:
    """Complain unless the file holds this text; the command in its head may be another.

    Raises:
        CompileError: if it does not.
    """
    try:
        present = target.read_text(encoding="utf-8") if target.is_file() else None
    except (OSError, ValueError):
        present = None
    if present is None or _without_command(present) != _without_command(text):
        raise _error(OutOfDate(span=None, file=str(target), exists=target.exists(), command=command))


def _without_command(text: str) -> str:
    """A generated text without the command in its head, which may have been typed in another way."""
    return re.sub(r"\A(.*\n.*?)  regenerate: .*", r"\1", text)


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


def _error(diagnostic: Diagnostic) -> CompileError:
    return CompileError((diagnostic,))
