"""Laws of figures: on all shipped specs and examples, opened and closed, and on random nets."""

from pathlib import Path

import pytest

import incdsl
from incdsl.drawing.drawing import Look, drawing
from incdsl.drawing.part import chosen
from incdsl.source import Source
from incdsl.subject import Asked
from tests.drawing.laws import check

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "specs").rglob("*.inc"), *(ROOT / "examples").glob("*.inc")])


def figures(path, look):
    """All nets of a file, drawn, and all blocks that they use."""
    analysis = incdsl.analyze(path)
    for net in analysis.nets:
        source = Source(path.name, path.read_text())
        yield drawing(chosen(source, net.name, asked=Asked(root=path.parent), folds=look.folds), look)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "look", [Look(), Look(depth=1), Look(depth=9), Look(heat="macs")], ids=["closed", "one", "all", "heat"]
)
def test_shipped_specs(path, look):
    for made in figures(path, look):
        check(made)
