"""Where the grammar and the shipped specs lie: inside an installed wheel, or beside the package in a checkout."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path

_PACKAGE = Path(__file__).parent


def _folder(name: str) -> Path:
    installed = _PACKAGE / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def grammar_text() -> str:
    """The text of `inc.lark`."""
    return (_folder("grammars") / "inc.lark").read_text(encoding="utf-8")


def carried(name: str) -> str:
    """The text of a file of `incdsl/runtime/carried`, which generated modules carry along."""
    return (_PACKAGE / "runtime" / "carried" / f"{name}.py").read_text(encoding="utf-8")


def package_texts(folder: str, names: Iterable[str]) -> dict[str, str]:
    """The texts of some files of a folder of this package; those without a suffix are Python."""
    files = [name if "." in name else f"{name}.py" for name in names]
    return {name: _PACKAGE.joinpath(folder, name).read_text(encoding="utf-8") for name in files}


def shipped_specs() -> Path:
    """The folder of the shipped specs."""
    return _folder("specs")


def shipped_spec(path: str) -> Path | None:
    """The shipped spec that a relative path such as `specs/v3.inc` names, if there is one."""
    parts = Path(path).parts
    if not parts or parts[0] != "specs" or ".." in parts:
        return None
    candidate = shipped_specs().joinpath(*parts[1:])
    return candidate if candidate.is_file() else None


def _names(folder: Path, path: str) -> Iterator[str]:
    """The files below a folder; what has no suffix is a folder of them."""
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 - the one way that an audit of compilations allows
        if "." in name:
            yield f"{path}/{name}"
        else:
            yield from _names(folder / name, f"{path}/{name}")


def near_spec(path: str) -> str:
    """The shipped spec whose path is most like another one, `specs/v3.inc` for `spec/v3.inc`; empty if none is."""
    known = [name for name in _names(shipped_specs(), "specs") if name.endswith(".inc")]
    close = get_close_matches(path, known, 1, 0.8)
    return close[0] if close else ""
