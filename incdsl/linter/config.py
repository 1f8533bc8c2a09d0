"""What a project wants of the linter: `[tool.incdsl]` of the nearest `pyproject.toml`."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from incdsl.linter.lint import Selection, warning_codes

PROJECT = "pyproject.toml"
DEVICES = ("cpu", "cuda")


class BadConfiguration(Exception):
    """A selection that makes no sense, and why."""


def configured(folder: Path) -> Selection:
    """The selection of the project that a folder belongs to; all advice if it says nothing.

    Raises:
        BadConfiguration: if its table has unknown keys or values.
    """
    for around in (folder, *folder.parents):
        path = around / PROJECT
        if path.is_file():
            return _read(path, path.stat().st_mtime_ns)
    return Selection()


def checked(selection: Selection, where: str = "") -> Selection:
    """A selection all of whose codes there are.

    Raises:
        BadConfiguration: if there is no warning for one of them.
    """
    prefix = f"{where}: " if where else ""
    for code in (*selection.select, *selection.ignore):
        if not code or not any(known.startswith(code) for known in warning_codes()):
            raise BadConfiguration(f"{prefix}there is no warning {code!r}; `incdsl explain` lists them")
    if selection.device and selection.device not in DEVICES:
        raise BadConfiguration(f"{prefix}the device is one of {', '.join(DEVICES)}, not {selection.device!r}")
    return selection


@lru_cache
def _read(path: Path, _changed: int) -> Selection:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadConfiguration(f"cannot read {path}: {error}") from None
    tool = document.get("tool", {})
    table = tool.get("incdsl", {}) if isinstance(tool, dict) else {}
    where = f"{path}: [tool.incdsl]"
    if not isinstance(table, dict):
        raise BadConfiguration(f"{where} is a table")
    unknown = sorted(table.keys() - {"select", "ignore", "device"})
    if unknown:
        raise BadConfiguration(f"{where} knows `select`, `ignore` and `device`, not `{unknown[0]}`")
    device = table.get("device", "")
    if not isinstance(device, str):
        raise BadConfiguration(f"{where}: the device is one of {', '.join(DEVICES)}")
    return checked(Selection(_codes(table, "select", where), _codes(table, "ignore", where), device), where)


def _codes(table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    codes = table.get(key, [])
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise BadConfiguration(f'{where}: `{key}` is a list of codes, ["W412"]')
    return tuple(codes)
