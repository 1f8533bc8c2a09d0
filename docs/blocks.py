"""The table of the blocks of Inception-v3 for the gallery: where each stands, what it sees, what its factors save."""

import re
from pathlib import Path
from textwrap import fill

from incdsl.analysis.profile import profile
from incdsl.analysis.table import Row, rows
from incdsl.compiler import compile_net
from incdsl.source import Source
from incdsl.subject import Asked, subject

V3 = Path(__file__).parents[1] / "specs" / "v3.inc"
_FACTORS = re.compile(r" as (\{[^}]*\}|\d+x\d+( @\w+)?(, \d+x\d+( @\w+)?)*)")
_FIGURES = {"InceptionA": "5", "InceptionB": "6", "InceptionC": "7", "ReductionA": "10", "ReductionB": ""}
"""Which figure of the paper shows a block."""


def section() -> str:
    """The table, and what its columns are."""
    words = (
        "What each block is for, in numbers. A block gives the shape that its first use has; *sees* is how many cells "
        "of its input, high and wide, one cell of its output is made of at most. *Without factors* are the parameters "
        "with each factorized kernel in one piece: the 5×5, the 7×7s, and the two 3×3 of the last block. What is saved "
        "is less than 18 of 25, 14 of 49 or 6 of 9 weights would promise, since the 1×1s and the pool's rail stay, and "
        "the factors are not all as wide as what they stand for."
    )
    return f"{fill(words, 120)}\n\n{_table()}"


def _table() -> str:
    """A row for each block, in the order of the net; numbers are those of its first use."""
    text = V3.read_text(encoding="utf-8")
    with_factors, without = _blocks(text), _blocks(_FACTORS.sub("", re.sub(r"\n  expect .*", "", text)))
    lines = [
        "| block | figure | stands at | gives | sees | parameters | without factors | saved |",
        "| --- | --- | --- | --: | --: | --: | --: | --: |",
    ]
    grid = "192 x 35 x 35"
    for kind, used in with_factors.items():
        first, last = used[0], used[-1]
        whole = without[kind][0].params
        saved = f"{1 - first.params / whole:.0%}" if whole > first.params else ""
        where = first.name if first is last else f"{first.name} to {last.name}"
        lines.append(
            f"| {kind} | {_FIGURES[kind]} | {where} | {first.shape} | {_sees(kind, grid)} | {first.params:,} "
            f"| {whole:,} | {saved} |"
        )
        grid = last.shape
    return "\n".join(lines)


def _blocks(text: str) -> dict[str, list[Row]]:
    """The uses of each block of a text of v3.inc."""
    done = compile_net(Source("v3.inc", text))
    found: dict[str, list[Row]] = {}
    for row in rows(done.net, done.cost, "block"):
        if row.kind in _FIGURES:
            found.setdefault(row.kind, []).append(row)
    return found


def _sees(kind: str, grid: str) -> str:
    """Height and width of what one cell of a block's output is made of at most, in cells of its input."""
    arguments = {"InceptionA": "(pool: 32)", "InceptionB": "(width: 128)"}.get(kind, "")
    done = subject(f"{V3}::{kind}{arguments}@[{grid.replace(' x ', ', ')}]", Asked()).done
    return " x ".join(map(str, profile(done.net, done.cost).field))
