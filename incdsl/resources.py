"""Where the grammar and the shipped specs lie: inside an installed wheel, or beside the package in a checkout."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

_PACKAGE = Path(__file__).parent


def _folder(name: str) -> Path:
    installed = _PACKAGE / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def grammar_text() -> str:
    """The text of `inc.lark`."""
    return (_folder("grammars") / "inc.lark").read_text(encoding="utf-8")


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


def near_spec(path: str) -> str:
    """The shipped spec whose path is most like another one, `specs/v3.inc` for `spec/v3.inc`; empty if none is."""
    folder = shipped_specs()
    known = [f"specs/{each.relative_to(folder).as_posix()}" for each in sorted(folder.rglob("*.inc"))]
    close = get_close_matches(path, known, 1, 0.8)
    return close[0] if close else ""
