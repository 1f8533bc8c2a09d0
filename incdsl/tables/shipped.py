"""The specs that ship with incdsl: their nets, how large these say they are, and what they describe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from incdsl.resources import shipped_specs
from incdsl.syntax import tree
from incdsl.syntax.parser import parse
from incdsl.tables.sheet import Cell, Column, Line, Sheet, comma_separated

_COLUMNS = (Column("spec"), Column("net"), Column("params", right=True, drop=1), Column("what it is", drop=2))


@dataclass(frozen=True, slots=True)
class Shipped:
    """A net of a shipped spec."""

    spec: str
    net: str
    params: int | None
    about: str


class ShippedSpecs:
    """All nets of all shipped specs, which are read but not compiled."""

    @cached_property
    def nets(self) -> list[Shipped]:
        """In alphabetical order of their files."""
        folder = shipped_specs()
        return [
            net
            for path in sorted(folder.rglob("*.inc"))
            for net in _nets(f"specs/{path.relative_to(folder).as_posix()}", path.read_text(encoding="utf-8"))
        ]

    @property
    def sheet(self) -> Sheet:
        """The table."""
        rows = [(each.spec, each.net, f"{each.params:,}" if each.params else "", each.about) for each in self.nets]
        return Sheet(_COLUMNS, tuple(Line((*map(Cell, row[:-1]), Cell(row[-1], breaks=True))) for row in rows))

    def __rich__(self) -> Sheet:
        """The table, as wide as the terminal."""
        return self.sheet

    def markdown(self) -> str:
        """The table as GitHub writes it."""
        return self.sheet.markdown()

    def latex(self) -> str:
        """The table for a paper."""
        return self.sheet.latex()

    def csv(self) -> str:
        """The nets as comma-separated values."""
        return comma_separated(list(map(asdict, self.nets)))

    def document(self) -> dict[str, Any]:
        """The nets, as `--format json` writes them."""
        return {"version": 1, "specs": list(map(asdict, self.nets))}


def _nets(spec: str, text: str) -> Iterator[Shipped]:
    file = parse(text).file
    about = re.split(r"[:.,] | as in ", " ".join(file.header))[0]
    for net in file.nets:
        facts = {fact.fact.text: fact.value for fact in net.facts}
        params = facts.get("params")
        yield Shipped(spec, net.name.text, int(params.value) if isinstance(params, tree.Number) else None, about)
