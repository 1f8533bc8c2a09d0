"""Specs as they were at a revision of git: `HEAD~2:specs/v3.inc`."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from incdsl.diagnostics import CompileError
from incdsl.diagnostics.output import NoSubject
from incdsl.files import SUFFIX

_FORM = re.compile(r"(?P<revision>[^:\s][^:]*):(?P<rest>(?!:).+)", re.DOTALL)
_SECONDS = 60
_FILES = 10_000
"""A folder of specs is not larger."""


@dataclass(frozen=True, slots=True)
class Past:
    """A subject of a revision: the files of its folder as they were, and the text that names it there."""

    text: str
    root: Path


def is_past(text: str) -> bool:
    """Whether a text names a file at a revision: `REV:PATH`, and there is no file of that name."""
    form = _FORM.fullmatch(text)
    return form is not None and not Path(text.partition("::")[0]).exists()


@contextmanager
def past(text: str, root: Path | None) -> Iterator[Past]:
    """The specs below `root`, or the spec's folder, as they were at the revision that a text names, while it lasts.

    The path begins at the current folder or, as for git, at the top of the repository that the file is in.

    Only blobs are read, with `git cat-file`: no hook, filter or link of the repository has a say.

    Raises:
        CompileError: if there is no git, no such revision, or no such file.
    """
    form = _FORM.fullmatch(text)
    assert form is not None
    revision, (path, colons, what) = form["revision"], form["rest"].partition("::")
    path, at, dims = path.partition("@") if not colons else (path, "", "")
    spec = Path(path).resolve()
    top = Path(_git(_nearest(spec), "rev-parse", "--show-toplevel").strip()).resolve()
    found = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", what=revision)
    commit = found.strip()
    from_top = (top / path).resolve()
    if not _is_there(top, commit, spec) and _is_there(top, commit, from_top):
        spec = from_top
    if not _is_there(top, commit, spec):
        raise _none(f"there is no {path} at {revision} in {top}")
    folder = root.resolve() if root else spec.parent
    if not folder.is_relative_to(top):
        raise _none(f"{folder} is not in the repository {top}")
    with tempfile.TemporaryDirectory(prefix="incdsl-") as made:
        into = Path(made).resolve()
        _check_out(top, commit, folder.relative_to(top), into)
        old = into / spec.relative_to(top)
        if not old.is_file():
            raise _none(f"{path} is no spec below {folder} at {revision}")
        yield Past(f"{old}{colons}{what}{at}{dims}", into / folder.relative_to(top))


def _nearest(path: Path) -> Path:
    """The nearest folder above a path that exists now."""
    return next(each for each in path.parents if each.is_dir())


def _is_there(top: Path, commit: str, spec: Path) -> bool:
    """Whether a commit has a file."""
    if not spec.is_relative_to(top):
        return False
    try:
        _run(top, "cat-file", "-e", f"{commit}:{spec.relative_to(top).as_posix()}")
    except subprocess.CalledProcessError:
        return False
    return True


def _check_out(top: Path, commit: str, folder: Path, into: Path) -> None:
    """Write the specs of a folder at a commit."""
    below = [] if folder == Path() else ["--", f"{folder.as_posix()}/"]
    listed = _git(top, "ls-tree", "-r", "-z", "--full-tree", commit, *below).split("\0")
    count = 0
    for entry in filter(None, listed):
        (mode, kind, blob), name = entry.partition("\t")[0].split(), entry.partition("\t")[2]
        if kind != "blob" or not mode.startswith("100") or not name.endswith(SUFFIX):
            continue
        if (count := count + 1) > _FILES:
            raise _none(f"more than {_FILES:,} specs below {folder}")
        target = into / PurePosixPath(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_run(top, "cat-file", "blob", blob))


def _git(folder: Path, *words: str, what: str = "") -> str:
    try:
        return _run(folder, *words).decode("utf-8", "surrogateescape")
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise _none(f"there is no revision {what!r}" if what else f"git: {said}") from None


def _run(folder: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, timeout=_SECONDS)
    except FileNotFoundError:
        raise _none("a revision needs git, which is not installed") from None
    except subprocess.TimeoutExpired:
        raise _none(f"git took longer than {_SECONDS} seconds") from None
    return done.stdout


def _none(reason: str) -> CompileError:
    return CompileError((NoSubject(span=None, reason=reason),))
