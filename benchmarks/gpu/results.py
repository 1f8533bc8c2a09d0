"""Rows on disk as they come, one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]
_NAME = "rows.jsonl"
_SAID = ("kind", "net", "dtype", "batch", "name", "ms", "error", "reason", "device", "bytes", "flops")


class Results:
    """Appends rows to a file of its own, each on disk before the next is measured; open in a `with` statement."""

    def __init__(self, folder: Path) -> None:
        """Begin the file.

        Raises:
            FileExistsError: if the folder has results of another run.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / _NAME).open("x", encoding="utf-8")

    def add(self, what: str, **values: Any) -> None:
        """Write a row, and say it in short; layers and their ways are too many to be said."""
        self._file.write(json.dumps({"what": what, **values}) + "\n")
        self._file.flush()
        if what not in ("layer", "way"):
            print(what, *(values[name] for name in _SAID if name in values), flush=True)

    def __enter__(self) -> Results:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def read_rows(folder: Path) -> list[Row]:
    """The rows of a run, whether or not it came to its end: a last line that is not whole does not count."""
    lines = (folder / _NAME).read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]
