"""The layout of a whole file, one item after the other."""

from __future__ import annotations

from collections.abc import Collection

from incdsl.formatter import lines
from incdsl.formatter.chains import Chains
from incdsl.formatter.columns import align
from incdsl.formatter.kept import Kept
from incdsl.formatter.lines import Line
from incdsl.formatter.sheet import INDENT, Sheet
from incdsl.formatter.wrap import wrap
from incdsl.formatter.writer import write
from incdsl.syntax import tree


def layout(file: tree.File, apart: Collection[tree.Tree] = ()) -> str:
    """The text of a file in its layout; items that are broken or `apart` stay as they were written."""
    return _Layout(file, apart).text()


class _Layout:
    def __init__(self, file: tree.File, apart: Collection[tree.Tree]) -> None:
        self._file = file
        self._apart = apart
        self._sheet = Sheet(file)
        self._kept = Kept(self._sheet)
        self._chains = Chains(self._sheet)

    def text(self) -> str:
        found: list[Line] = []
        for part in self._file.parts:
            if isinstance(part, tree.Tree):
                found += self._definition(part)
        end = len(self._sheet.tokens) - 1
        found.append(Line(end, end + 1, 0, 0, 0))
        return write(self._sheet, found, self._kept.until)

    def _definition(self, item: tree.Tree) -> list[Line]:
        """The lines of an item of the file."""
        self._chains.lines = []
        if item in self._apart:
            self._keep(item, self._sheet.tokens[self._sheet.first(item)].before)
        else:
            self._item(item, 0)
        self._chains.end(self._sheet.stop(item))
        found = list(wrap(self._sheet, self._chains.lines))
        align(self._sheet, found)
        return found

    def _item(self, item: tree.Tree, indent: int) -> None:
        first, stop, inner = self._sheet.first(item), self._sheet.stop(item), _inner(item)
        since = self._kept.since(first, stop, inner)
        if since is not None:
            self._keep(item, since)
            return
        self._chains.start(lines.item(first, indent))
        if chain := getattr(item, "chain", None):
            self._chains.chain(chain, indent + INDENT)
        for each in inner:
            self._item(each, indent + INDENT)
        if self._sheet.tokens[stop - 1].type == "RBRACE" and not chain:
            self._chains.start(lines.item(stop - 1, indent))

    def _keep(self, item: tree.Tree, since: int) -> None:
        first, stop = self._sheet.first(item), self._sheet.stop(item)
        self._chains.start(Line(first, stop, 0, 0, 0, kept=since))


def _inner(item: tree.Tree) -> tuple[tree.Tree, ...]:
    """The items in the braces of a definition."""
    if isinstance(item, tree.Net) and item.variant:
        return item.variant.items
    return item.items if isinstance(item, tree.Net | tree.Block) else ()
