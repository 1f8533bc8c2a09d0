"""Laws of figures: on all shipped specs and examples, opened and closed, and on random nets."""

from dataclasses import replace
from pathlib import Path

import pytest

import incdsl
from incdsl.drawing.drawing import Look, drawing
from incdsl.drawing.marks import Run
from incdsl.drawing.part import chosen
from incdsl.source import Source
from incdsl.subject import Asked
from tests.drawing import laws
from tests.drawing.laws import SOLID, check

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


@pytest.mark.parametrize("name", ["v1", "googlenet", "v3", "inception_resnet_v2", "v3_paper"])
@pytest.mark.parametrize("look", [Look(), Look(depth=9)], ids=["closed", "all"])
def test_auxiliary_heads_are_opened_by_name(name, look):
    text = (ROOT / "specs" / f"{name}.inc").read_text()
    part = chosen(Source(f"{name}.inc", text))
    heads = frozenset(head.instance.path for head in part.found.net.graph.heads)
    made = drawing(part, replace(look, opened=heads))
    check(made)
    assert heads <= {panel.path for panel in made.sheet.panels}
    assert not heads & {panel.path for panel in drawing(part, look).sheet.panels}


@pytest.fixture
def sheet():
    """The marks of a figure, to be spoilt."""
    made = drawing(chosen(Source("v3.inc", (ROOT / "specs" / "v3.inc").read_text()), "Mixed_5b"))
    check(made)
    return made.sheet


def moved(sheet, index, **by):
    box = sheet.boxes[index]
    sheet.boxes[index] = replace(box, **{name: getattr(box, name) + amount for name, amount in by.items()})
    return [each for each in sheet.boxes if each.shape in SOLID]


def test_a_box_on_another_is_noticed(sheet):
    with pytest.raises(AssertionError):
        laws.no_two_boxes_meet(moved(sheet, 1, y=30))


def test_a_line_through_a_box_is_noticed(sheet):
    with pytest.raises(AssertionError):
        laws.lines_avoid_boxes(sheet, moved(sheet, 0, height=40))


def test_a_line_that_misses_its_box_is_noticed(sheet):
    moved(sheet, 0, x=-90)
    with pytest.raises(AssertionError):
        laws.lines_join_their_boxes(sheet)


def test_text_that_is_too_long_is_noticed(sheet):
    at = next(i for i, words in enumerate(sheet.words) if words.within)
    sheet.words[at] = replace(sheet.words[at], runs=(Run("much too long for a box"),))
    with pytest.raises(AssertionError):
        laws.words_stand_in_their_boxes(sheet)


def test_two_boxes_of_one_path_are_noticed(sheet):
    sheet.boxes[1] = replace(sheet.boxes[1], path=sheet.boxes[2].path)
    with pytest.raises(AssertionError):
        laws.identities_are_unique(sheet)


def test_a_line_through_a_box_of_a_small_figure_is_noticed():
    sheet = drawing(chosen(Source("v3.inc", (ROOT / "specs" / "v3.inc").read_text()))).sheet
    laws.small_figures(sheet)
    small = next(iter(sheet.small.values()))
    box = small.filled[0]
    small.lines.append(((box.x - 1, box.y + 1), (box.right + 1, box.y + 1)))
    with pytest.raises(AssertionError):
        laws.small_figures(sheet)


def test_a_block_of_several_doors_is_shown_in_small():
    """With a mark for each of its things; a line ends at one, at the end, or where another goes on."""
    made = drawing(chosen(Source("hrnet.inc", (ROOT / "examples" / "hrnet.inc").read_text())))
    assert {each.path for each in made.sheet.miniatures} == {"stage2", "stage3", "stage4"}
    small = made.sheet.small["Two"]
    marks = [*small.filled, *small.hollow, *small.bars]
    assert len(marks) == 15
    starts = [points[0] for points in small.lines]
    assert len([y for _, y in starts if y == 0]) == 2
    for points in small.lines:
        x, y = points[-1]
        meets = any(box.x <= x <= box.right and abs(box.y - y) < 0.01 for box in marks)
        assert meets or abs(y - small.height) < 0.01 or any(x == a and 0 <= b - y < 1.7 for a, b in starts), points
