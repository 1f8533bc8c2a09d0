"""Two nets on one canvas: the laws of figures, on shipped nets and on random pairs, and what is said of changes."""

import itertools
from collections import Counter
from pathlib import Path

import pytest

import incdsl
from incdsl.drawing.beside import _increasing
from incdsl.drawing.output import CannotSave
from incdsl.drawing.remarks import Remark, settle, typeset
from incdsl.tables.diff import Diff
from tests.analysis.variants import pair
from tests.drawing.laws import NEAR, SOLID, check

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "specs"
GRIDS = f"{SPECS}/modules/grid_reduction.inc"
SHIPPED = [
    (f"{SPECS}/v3.inc", f"{SPECS}/v3_fid.inc"),
    (f"{SPECS}/v1.inc", f"{SPECS}/v3.inc"),
    (f"{SPECS}/v3.inc", f"{SPECS}/v3_paper.inc"),
    (f"{SPECS}/v4.inc", f"{SPECS}/inception_resnet_v2.inc"),
    (f"{SPECS}/xception.inc", f"{SPECS}/bn_inception.inc"),
    (f"{GRIDS}::PoolThenConv", f"{GRIDS}::ConvThenPool"),
    (f"{GRIDS}::PoolThenConv", f"{GRIDS}::Parallel"),
    (f"{GRIDS}::ConvThenPool", f"{GRIDS}::Parallel"),
    (f"{ROOT}/examples/fpn.inc::ResNet18FPN", f"{ROOT}/examples/unet.inc"),
    (f"{ROOT}/examples/unet.inc", f"{SPECS}/v3.inc"),
    (f"{SPECS}/v3.inc::InceptionA(pool: 32)@[192, 35, 35]", f"{SPECS}/v3.inc::InceptionC@[192, 35, 35]"),
]


def held(diff, **look):
    """The figure of a difference, held to all laws."""
    made = diff.draw(**look)
    check(made)
    sheet = made.sheet
    leaders_avoid_boxes(sheet)
    badges_keep_apart(sheet)
    remarks_stand_free(sheet)
    signs_are_those_of_the_changes(diff, made)
    return made


def leaders_avoid_boxes(sheet):
    """What leads to a box passes through none."""
    boxes = [box for box in sheet.boxes if box.shape in SOLID]
    for stroke in sheet.strokes:
        if stroke.kind in ("leader", "gone"):
            for (x0, y0), (x1, y1) in itertools.pairwise(stroke.paths[0]):
                for box in boxes:
                    across = max(x0, x1) > box.x + NEAR and min(x0, x1) < box.right - NEAR
                    down = max(y0, y1) > box.y + NEAR and min(y0, y1) < box.bottom - NEAR
                    assert not (across and down), (stroke, box)


def badges_keep_apart(sheet):
    """No sign lies on another."""
    for a, b in itertools.combinations(sheet.badges, 2):
        assert abs(a.x - b.x) >= a.half + b.half - NEAR or abs(a.y - b.y) >= 15 - NEAR, (a, b)


def remarks_stand_free(sheet):
    """Text in colour or beside it stands on no box and on no other text."""
    boxes = [box for box in (*sheet.boxes, *sheet.panels) if box.shape not in ("share", "band")]
    free = [words for words in sheet.words if words.within is None and words.runs]
    for words in free:
        coloured = any(run.ink in ("accent", "wrong") for run in words.runs)
        for box in boxes if coloured else ():
            across = words.left + words.width > box.x and words.left < box.right
            assert not (across and box.y < words.y - 3 < box.bottom), (words, box)
    rows = sorted(free, key=lambda words: words.y)
    for i, a in enumerate(rows):
        for b in itertools.takewhile(lambda b, a=a: b.y < a.y + 8, rows[i + 1 :]):
            if all(run.about for words in (a, b) for run in words.runs):
                continue  # shapes beside lines, where the figure of one net has them, too
            assert a.left + a.width <= b.left + NEAR or b.left + b.width <= a.left + NEAR, (a, b)


def signs_are_those_of_the_changes(diff, made):
    """There is a coloured box or sign if anything changed, and none where nothing did."""
    told = [change for change in diff.changes if change.mark not in ("same", "follows")]
    assert bool(made.sheet.badges) == bool(told)
    signs = Counter(box.sign for box in (*made.sheet.boxes, *made.sheet.panels) if box.path)
    if not told:
        assert set(signs) <= {"same"}


@pytest.mark.parametrize(("a", "b"), SHIPPED, ids=lambda text: text.rpartition("/")[2])
@pytest.mark.parametrize("depth", [0, 1, 9])
def test_shipped_nets(a, b, depth):
    held(incdsl.diff(a, b), depth=depth)


@pytest.mark.parametrize("seed", range(60))
def test_random_pairs(seed):
    made = pair(seed)
    if made is not None:
        held(Diff(*made), depth=seed % 3)


@pytest.mark.parametrize("seed", range(6))
def test_a_net_beside_itself_has_no_sign(seed):
    made = pair(seed)
    if made is not None:
        sheet = held(Diff(made[0], made[0])).sheet
        assert not sheet.badges
        assert {box.sign for box in sheet.boxes} <= {"", "same"}


def test_equal_nets_are_equal_bytes():
    first, second = (incdsl.diff(*SHIPPED[0]).draw(depth=1, theme="auto") for _ in range(2))
    assert first.svg == second.svg
    diff = incdsl.diff(*SHIPPED[0])
    assert diff.draw().svg == diff.draw().svg
