"""Rows on disk as they come, one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]
_NAME = "rows.jsonl"


class Results:
    """Appends rows to a file of its own, each on disk before the next is measured."""

    def __init__(self, folder: Path) -> None:
        """Begin the file.

        Raises:
            FileExistsError: if the folder has results of another run.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / _NAME).open("x", encoding="utf-8")

    def add(self, what: str, **values: Any) -> None:
        """Write a row, also to the terminal."""
        line = json.dumps({"what": what, **values})
        self._file.write(line + "\n")
        self._file.flush()
        print(line, flush=True)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_rows(folder: Path) -> list[Row]:
    """The rows of a run, whether or not it came to its end: a last line that is not whole does not count."""
    lines = (folder / _NAME).read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]
