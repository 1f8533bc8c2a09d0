"""What changed, line by line: what stands in a list, and beside a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from incdsl.analysis.changes import Change, Mark, inside

SIGNS: dict[Mark, str] = {"added": "+", "removed": "-", "changed": "~", "moved": ">", "follows": "·", "same": " "}


@dataclass(frozen=True, slots=True)
class Line:
    """One changed part, told inside its block; or a whole block that only one of the nets has."""

    mark: Mark
    name: str
    words: tuple[str, ...]
    params: int
    macs: int

    @property
    def costs(self) -> str:
        """By how much it costs more or less."""
        macs = f"{self.macs / 1e6:+,.1f} MMACs" if abs(self.macs) >= 5e4 else f"{self.macs:+,} MACs"
        return ", ".join([f"{self.params:+,} parameters"] * bool(self.params) + [macs] * bool(self.macs))

    @property
    def head(self) -> str:
        """The mark as a sign, and the name."""
        return f"{SIGNS[self.mark]} {self.name}"

    @property
    def text(self) -> str:
        """All that follows."""
        return "; ".join([*self.words, *([self.costs] if self.costs else [])])


def sums(group: Sequence[Change]) -> tuple[int, int]:
    """By how much the costs of some parts grew."""
    return sum(change.more("params") for change in group), sum(change.more("macs") for change in group)


def line_of(change: Change, *, fields: bool = True) -> Line:
    """A part that changed; with `fields`, how far it sees is told, too."""
    part = change.part
    words = tuple(change.words(fields=fields))
    return Line(change.mark, inside(part.block, part.name), words, change.more("params"), change.more("macs"))


def whole(group: Sequence[Change]) -> Line:
    """A block that was added or removed."""
    part = group[0].part
    return Line(group[0].mark, part.block, (f"{part.block_word}, {len(group)} parts",), *sums(group))
