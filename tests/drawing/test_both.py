"""Two nets on one canvas: the laws of figures, on shipped nets and on random pairs, and what is said of changes."""

import itertools
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import incdsl
from incdsl.drawing.marks import Run
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
            if all(any(run.about or (run.role, run.ink) == ("name", "ink") for run in each.runs) for each in (a, b)):
                continue  # shapes and names at lines, where the figure of one net has them, too
            assert a.left + a.width <= b.left + NEAR or b.left + b.width <= a.left + NEAR, (a, b)


def signs_are_those_of_the_changes(diff, made):
    """There is a coloured box or sign if anything changed, and none where nothing did."""
    told = [change for change in diff.changes if change.mark not in ("same", "follows")]
    assert bool(made.sheet.badges) == bool(told)
    signs = {box.path: box.sign for box in (*made.sheet.boxes, *made.sheet.panels) if box.path}
    if not told:
        assert set(signs.values()) <= {"same"}
    for change in told:
        if change.mark == "removed":
            assert signs.get(f"a.{change.before.name}", "") in ("removed", ""), change
        else:
            assert signs.get(f"b.{change.after.name}", "changed") not in ("", "same", "removed"), change


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


# What is said


@pytest.fixture(scope="module")
def fid():
    return incdsl.diff(*SHIPPED[0])


def texts(made):
    """All text of a figure, line by line."""
    return ["".join(run.text for run in words.runs) for words in made.sheet.words]


def test_a_net_and_its_variant(fid):
    made = fid.draw()
    boxes = {box.path: box for box in made.sheet.boxes if box.path}
    signs = {path: box.sign for path, box in boxes.items()}
    assert signs["a.AuxLogits"] == "removed"
    assert "b.AuxLogits" not in signs
    assert (signs["a.fc"], signs["b.fc"]) == ("", "changed")
    assert (signs["a.Mixed_6a"], signs["b.Mixed_6a"]) == ("same", "same")
    assert all(boxes[f"b.{path[2:]}"].y == box.y for path, box in boxes.items() if f"b.{path[2:]}" in boxes)
    said = texts(made)
    at = said.index("count_include_pad true → false")
    assert said[at - 1 : at + 2] == ["avgpool", "count_include_pad true → false", "in 8 places"]
    assert {"stem, 7 steps", "mean H×W, dropout", "+ maxpool 3×3", "− avgpool 3×3", "width 1000 → 1008"} <= set(said)
    assert {"23,834,568", "23,850,960", "+0.1 %", "27,161,264", "–"} <= set(said)
    assert any("564 keys fit" in text for text in said)


def test_each_place_has_a_line_of_its_own(fid):
    badges = [badge for badge in fid.draw().sheet.badges if badge.y > 60]
    assert Counter(badge.sign for badge in badges) == {"changed": 8, "removed": 1}
    assert len({badge.x for badge in badges if badge.sign == "changed"}) == 2  # blocks and fc


def test_a_miniature_shows_which_part_it_is(fid):
    over = fid.draw().sheet.over
    assert Counter(box.sign for box in over) == {"changed": 12, "removed": 1, "added": 1}


def test_only_blocks_in_which_something_changed_are_opened(fid):
    panels = {box.path: box.sign for box in fid.draw(depth=1).sheet.panels}
    assert "b.Mixed_7c" in panels
    assert not {"b.Mixed_6a", "b.Mixed_7a"} & panels.keys()
    assert all(sign == "changed" for path, sign in panels.items() if path.startswith("b."))


def test_steps_are_called_what_they_are_and_opened():
    steps = [f"{SPECS}/v3.inc::InceptionA(pool: {pool})@[192, 35, 35]" for pool in (32, 64)]
    made = incdsl.diff(*steps).draw()
    assert made.title == "InceptionA(pool: 32) beside InceptionA(pool: 64)"
    assert len(made.sheet.panels) == 2
    assert "conv2d width 32 → 64" in texts(made)


TEXT = """inc 1
net N {
  input x [3, 32, 32]
  a, b = x -> conv2d 3x3 @8 -> split 2
  c = a -> k: conv2d 3x3 @8
  d = b -> l: conv2d 1x1 @8
  output y = concat { | c | d } -> relu
  output z = d -> m: conv2d 5x5 @4
}
"""


def test_where_values_cross_remarks_have_numbers():
    made = held(incdsl.diff(TEXT, TEXT.replace("5x5", "3x3").replace("k: conv2d 3x3", "k: conv2d 1x1")))
    numbers = sorted(badge.number for badge in made.sheet.badges if badge.number)
    assert numbers == ["1", "1", "2", "2"]
    boxes = {box.path: box.sign for box in made.sheet.boxes}
    assert (boxes["b.k"], boxes["b.m"], boxes["b.l"]) == ("changed", "changed", "same")
    assert {"kernel 3×3 → 1×1", "kernel 5×5 → 3×3"} <= set(texts(made))


def test_rails_that_change_places_are_moved():
    old, new = (
        f"inc 1\nnet N {{\n  input x [3, 8, 8]\n  output y = x -> concat {{ | {rails} }}\n}}\n"
        for rails in ("p: conv2d 1x1 @4 | q: conv2d 3x3 @4", "q: conv2d 3x3 @4 | p: conv2d 1x1 @4")
    )
    made = held(incdsl.diff(old, new))
    assert {badge.sign for badge in made.sheet.badges} >= {"moved", "changed"}
    assert "moved" in texts(made)


def test_many_in_a_row_are_one_remark():
    steps = " -> ".join(f"c{i}: conv2d 3x3 @4" for i in range(5))
    before = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> relu\n}\n"
    said = texts(held(incdsl.diff(before, before.replace("-> relu", f"-> relu -> {steps}"))))
    assert said.count("added") == 2  # in the legend, and as the remark
    assert "5 steps" in said


def test_turns_that_changed_alike_are_one_box_and_one_remark():
    text = """inc 1
block A(w) = add { | conv2d 1x1 @4 -> conv2d 3x3 @w -> conv2d 1x1 @4 | identity }
net N {
  input x [4, 8, 8]
  output y = x -> a: A(w: 6) times 5 -> relu
}
"""
    made = held(incdsl.diff(text, text.replace("w: 6", "w: 8")))
    assert [box.path for box in made.sheet.boxes if box.shape == "block"] == ["a.a.0", "b.a.0"]
    assert "in 5 places" in texts(made)
    made = held(incdsl.diff(text, text.replace("a: A(w: 6) times 5 -> ", "")))
    assert "a.0–4" in texts(made)
    assert [badge.sign for badge in made.sheet.badges if badge.y > 60] == ["removed"]


def test_remarks_stand_where_they_are_about_unless_they_touch():
    run = incdsl.diff(TEXT, TEXT).changes  # nothing of it is looked at
    made = [Remark((), "changed", [len(run)], points=[(0, y)]) for y in (100, 104, 300)]
    for each in made:
        each.text = [Run("text")] * 2
    order = settle(made, 0)
    assert [each.top + 15 for each in order] == [80, 124, 300]
    assert settle(made[:1], 95)[0].top == 95


def test_rows_stand_further_apart_where_remarks_would_stray():
    chain = [f"c{i}: conv2d 3x3 @{4 + i}" for i in range(12)]
    wider = [f"c{i}: conv2d 5x5 @{5 + i % 5}" for i in range(12)]
    old, new = (
        f"inc 1\nnet N {{\n  input x [3, 8, 8]\n  output y = x -> {' -> '.join(steps)}\n}}\n"
        for steps in (chain, wider)
    )
    sheet = held(incdsl.diff(old, new)).sheet
    leaders = [stroke for stroke in sheet.strokes if stroke.kind == "leader"]
    assert len(leaders) == 12  # no line has a corner
    assert all(len({y for _, y in stroke.paths[0]}) == 1 for stroke in leaders)


def test_words_are_set_as_print():
    said = typeset("conv2d 3x3 -> branch3x3, 64 x 56 x 56 -> 64 x 73 x 73; -1,234 MACs, 1e-4, reads x instead of y")
    assert said == "conv2d 3×3 → branch3x3, 64 × 56 × 56 → 64 × 73 × 73; −1,234 MACs, 1e-4, reads x instead of y"


def test_themes(fid):
    light, dark, auto = (fid.draw(theme=theme).svg for theme in ("light", "dark", "auto"))
    assert "#0b5fa5" in light
    assert "#0b5fa5" not in dark
    assert "#74b7f2" in dark
    assert "prefers-color-scheme" in auto
    assert re.sub("(?s)<style>.*</style>", "", light) == re.sub("(?s)<style>.*</style>", "", dark)


def test_figures_of_one_net_have_no_rules_of_signs():
    svg = incdsl.draw(f"{SPECS}/v3.inc").svg
    assert ".qt" not in svg
    assert ".rm" not in svg


def test_files(fid, tmp_path):
    made = fid.draw()
    assert made._repr_svg_() == made.svg
    made.save(tmp_path / "d.svg")
    assert (tmp_path / "d.svg").read_text() == made.svg
    made.save(tmp_path / "d.png", scale=1)
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(CannotSave, match="not as"):
        made.save(tmp_path / "d.html")


def test_the_laws_notice_what_they_are_about(fid):
    sheet = fid.draw().sheet
    stroke = next(each for each in sheet.strokes if each.kind == "leader")
    (x0, y0), (x1, _) = stroke.paths[0]
    box = next(box for box in sheet.boxes if box.shape == "block")
    spoilt = replace(box, x=(x0 + x1) / 2 - 1, y=y0 - 1, width=2, height=2)
    with pytest.raises(AssertionError):
        leaders_avoid_boxes(replace(sheet, boxes=[*sheet.boxes, spoilt]))
    with pytest.raises(AssertionError):
        badges_keep_apart(replace(sheet, badges=[*sheet.badges, sheet.badges[0]]))
    words = next(words for words in sheet.words if words.runs and words.runs[0].ink == "accent")
    with pytest.raises(AssertionError):
        remarks_stand_free(replace(sheet, words=[*sheet.words, replace(words, x=words.x + 3)]))
    with pytest.raises(AssertionError):
        remarks_stand_free(replace(sheet, boxes=[*sheet.boxes, replace(box, x=words.left, y=words.y - 9)]))


def test_what_callers_notice_is_told_below_the_nets():
    """Where no part changed, too: it is not "nothing changed" then."""
    text = """inc 1
net N {
  input x [3, 32, 32]
  a = x -> c1: conv2d 3x3 @8 -> relu
  aux h1 (weight: 0.3) = a -> gap -> fc: linear @5
  output y = a -> c2: conv2d 3x3/2 @16 half -> gap -> fc: linear @5
}
"""
    made = incdsl.diff(text, text.replace("0.3", "0.5").replace("output y", "output logits")).draw()
    words = {"".join(run.text for run in each.runs) for each in made.sheet.words}
    assert {"outputs y → logits", "h1 weight 0.3 → 0.5", "grey: as before"} <= words
    assert made.description == "For callers: outputs y -> logits; h1 weight 0.3 -> 0.5."
    same = incdsl.diff(text, text).draw()
    assert "nothing changed" in {"".join(run.text for run in each.runs) for each in same.sheet.words}
    assert same.description == "Nothing changed."
