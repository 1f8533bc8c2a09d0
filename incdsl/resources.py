"""Where the grammar and the shipped specs lie: inside an installed wheel, or beside the package in a checkout."""

from __future__ import annotations

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
