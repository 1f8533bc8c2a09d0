"""What figures show: the papers' blocks as goldens, themes, heat, errors, what is drawn at all."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import incdsl
from incdsl.diagnostics import CompileError
from incdsl.drawing.drawing import Look
from incdsl.drawing.measures import thickness
from tests.drawing.laws import SOLID, check, drawn
from tests.golden import matches

ROOT = Path(__file__).parents[2]
V3 = (ROOT / "specs" / "v3.inc").read_text(encoding="utf-8")
GOLDEN = Path(__file__).parent / "golden"


def net(body, before=""):
    return f"inc 1\n{before}net N {{\n  input x [8, 16, 16]\n{body}\n}}\n"


def texts(made):
    """All that is written in a figure."""
    return ["".join(run.text for run in words.runs) for words in made.sheet.words]


def boxes(made):
    """The boxes by their paths."""
    return {box.path: box for box in made.sheet.boxes if box.path}


# The papers' figures


@pytest.mark.parametrize("block", ["InceptionA", "InceptionC", "ReductionA"])
def test_goldens(block):
    matches(GOLDEN / f"{block}.svg", drawn(V3, block).svg)


def test_figure_5():
    made = drawn(V3, "InceptionA")
    bar = boxes(made)["Mixed_5b.concat"]
    sums = [words for words in made.sheet.words if words.within is bar]
    assert [words.runs[0].text for words in sums] == ["64", "64", "96", "32"]
    assert "256 × 35 × 35" in texts(made)
    assert "5×5" in [words.runs[0].text for words in made.sheet.words if words.anchor == "end" and not words.within]
    assert len(boxes(made)) == 8 + 1


def test_every_op_of_a_block_has_one_box_with_its_path():
    made = drawn(V3, look=Look(depth=9))
    layers = {each.name for each in incdsl.summary(ROOT / "specs" / "v3.inc", by="layer").rows}
    unfolded = drawn(V3, look=Look(depth=9, heat="macs"))
    drawn_paths = {path for path, box in boxes(unfolded).items() if box.shape in SOLID - {"bar", "thin", "hollow"}}
    heads = {name for name in layers if name.startswith("AuxLogits")}
    wanted = {name for name in layers - heads if not name.endswith(("relu", "concat", "flatten"))}
    assert wanted <= drawn_paths
    assert set(boxes(made)) <= set(boxes(unfolded))


def test_repeats_are_folded_and_unfolded_under_heat():
    assert "Mixed_6c, 6d" in texts(drawn(V3))
    hot = drawn(V3, look=Look(heat="macs"))
    assert "Mixed_6d" in texts(hot)
    assert "InceptionB×2" not in texts(hot)


def test_the_stem_of_v3_has_the_hottest_step():
    hot = boxes(drawn(V3, look=Look(heat="macs")))
    assert max(hot.values(), key=lambda box: -1 if box.heat is None else box.heat).heat == 6
    assert hot["Conv2d_4a_3x3"].heat == 6
    assert hot["maxpool1"].heat is None


def test_time_is_shown_as_it_was_measured():
    look = Look(heat="time", times={"Mixed_6b": 3e-3, "fc": 40e-6})
    made = drawn(V3, look=look)
    assert {"3.00 ms", "40 µs"} <= set(texts(made))
    assert boxes(made)["Mixed_5b"].heat is None


# Looks


def test_dark_and_light_differ_in_colours_alone():
    light, dark = (drawn(V3, "InceptionB", Look(theme=theme)).svg for theme in ("light", "dark"))
    assert light != dark
    colourless = [re.sub(r"#[0-9a-f]{6}", "#", text) for text in (light, dark)]
    assert colourless[0] == colourless[1]


def test_auto_is_light_with_the_dark_colours_for_those_who_prefer_them():
    light, auto = (drawn(V3, "InceptionB", Look(theme=theme)).svg for theme in ("light", "auto"))
    before, found, after = auto.partition("@media (prefers-color-scheme:dark){")
    assert found
    assert before + after.partition("}\n}\n")[2] == light


def test_the_same_spec_gives_the_same_bytes():
    code = "import incdsl; print(incdsl.draw('examples/hrnet.inc', depth=1).svg, end='')"
    runs = [
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, cwd=ROOT, check=True,
                       capture_output=True).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1] == incdsl.draw(ROOT / "examples" / "hrnet.inc", depth=1).svg.encode()


@pytest.mark.parametrize("fit", ["a4", "slide"])
def test_pages(fit):
    made = drawn(V3, look=Look(fit=fit))
    check(made)
    view = [float(each) for each in re.search(r'viewBox="([^"]+)"', made.svg)[1].split()]
    wide, high = (180, 267) if fit == "a4" else (320, 180)
    assert view[2] / view[3] == pytest.approx(wide / high, rel=1e-3)
    assert f'width="{wide}mm"' in made.svg


def test_a_long_net_is_broken_into_columns_for_a_slide():
    long = net("  output y = x " + "-> conv2d 3x3 @8 " * 60)
    tall, fitted = drawn(long), drawn(long, look=Look(fit="slide"))
    assert fitted.sheet.height < tall.sheet.height / 3
    check(fitted)


# Constructs


def test_lines_are_the_wider_the_more_channels_flow():
    assert thickness(64) == 1.4
    assert thickness(768) == pytest.approx(768**0.5 / 6, abs=0.01)
    assert thickness(100_000) == 8
    wide = [s.width for s in drawn(net("  output y = x -> a: conv2d 1x1 @768 -> b: conv2d 1x1 @8")).sheet.strokes]
    assert thickness(768) in wide


@pytest.mark.parametrize(
    ("steps", "shape"),
    [("conv2d 3x3 @8", "box"), ("conv2d 3x3/2 @8 half", "coarser"), ("upsample 2", "finer"), ("relu", "pill"),
     ("convtranspose2d 2x2/2 @8 valid", "finer"), ("maxpool 3x3/2 half", "coarser")],
)  # fmt: skip
def test_boxes_say_what_kind_of_step_it_is(steps, shape):
    made = drawn(net(f"  output y = x -> s: {steps}"))
    assert boxes(made)["s"].shape == shape


def test_free_sizes_are_written_as_functions_of_the_input():
    made = drawn(
        "inc 1\nnet N {\n  input x [8, H, W]\n  output y = x -> maxpool 3x3/2 half -> maxpool 3x3/2 valid\n}\n"
    )
    assert "8 × ⌈H/2⌉ × ⌈W/2⌉" in texts(made)
    check(made)


def test_equal_steps_of_a_repetition_are_drawn_once():
    made = drawn(net("  output y = x -> body: conv2d 3x3 @8 times 12"))
    assert "×12" in texts(made)
    assert len([box for box in made.sheet.boxes if box.shape == "box"]) == 1


def test_a_variant_is_drawn_as_it_is_not_as_it_was():
    made = incdsl.draw(f"{ROOT}/specs/v3_fid.inc::Mixed_7c")
    assert "max 3×3" in [" ".join(run.text for run in words.runs) for words in made.sheet.words]


def test_an_output_on_the_way_is_a_tap():
    body = "  output early = x -> a: conv2d 3x3 @8\n  output late = early -> b: conv2d 3x3 @8"
    made = drawn(net(body))
    assert {"early", "late"} <= set(texts(made))
    assert made.sheet.dots
    check(made)


def test_a_long_name_is_shortened_and_told_in_full_by_the_tooltip():
    label = "a" * 60
    made = drawn(net(f"  output y = x -> {label}: B", "block B = conv2d 3x3 @8 -> relu\n"))
    assert any("…" in text for text in texts(made))
    assert label in made.svg
    check(made)


def test_doors_are_in_their_order():
    text = "block Two {\n  input a, b\n  output p = b -> conv2d 3x3 @8\n  output q = a -> conv2d 1x1 @8\n}\n"
    body = "  l = x -> conv2d 1x1 @8\n  p, q = (x, l) -> two: Two\n  output y = concat { | q | p }"
    made = drawn(net(body, text), look=Look(depth=1))
    doors = {words.runs[0].text: words.x for words in made.sheet.words if words.runs[0].text in ("a", "b")}
    assert doors["a"] < doors["b"]
    check(made)


# Mistakes


def test_the_rail_to_blame_is_marked():
    wrong = V3.replace("conv 3x3 @96 -> conv 3x3/2 @96 valid", "conv 3x3 @96 -> conv 3x3/2 @96 pad 1")
    made = drawn(wrong, "ReductionA")
    marked = [path for path, box in boxes(made).items() if box.wrong]
    assert marked == ["Mixed_6a.branch3x3dbl_3"]
    assert boxes(made)["Mixed_6a.reduce"].shape == "missing"
    assert {"17 × 17", "18 × 18"} <= set(texts(made))
    assert "(35 + 2·1 − 3)//2 + 1 = 18" in texts(made)
    check(made)


def test_what_depends_on_a_mistake_is_grey():
    made = drawn(net("  output y = x -> a: conv2d 3x3 @8 -> b: conv3d 3x3 @8 -> c: conv2d 3x3 @8"))
    found = boxes(made)
    assert (found["a"].wrong, found["b"].wrong, found["c"].faded) == (False, True, True)
    assert any(text.startswith("E201") for text in texts(made))


@pytest.mark.parametrize("slip", ["Two(widht: 8)", "Tow(width: 8)"])
def test_values_of_a_block_that_makes_no_sense_come_from_it(slip):
    """All of them: none begins out of nowhere."""
    block = "block Two(width) {\n  output a = in -> conv2d 3x3 @width\n  output b = in -> conv2d 1x1 @width\n}\n"
    body = f"  a, b = x -> {slip}\n  output y = a -> relu\n  output z = b -> c: conv2d 3x3 @8"
    made = drawn(net(body) + block)
    check(made)
    marked = [box for box in made.sheet.boxes if box.wrong]
    assert [box.shape for box in marked] == ["block"]
    joins = {stroke.joins for stroke in made.sheet.strokes if stroke.joins[0] == marked[0].path}
    assert len(joins) == 2
    assert len(made.sheet.boxes) == 3


def test_rails_that_cannot_be_added_print_their_grids_where_values_cross():
    values = "  a = x -> conv2d 3x3/2 @8 half\n  b = x -> conv2d 3x3 @8\n"
    made = drawn(net(values + "  output y = add { | a | b }\n  output z = b -> relu"))
    check(made)
    assert {"8 × 8", "16 × 16"} <= set(texts(made))


@pytest.mark.parametrize(
    "text", ["inc 1\nnet N {", "inc 1\nnet N { input x [3, 8, 8] output y = x -> }", net("  output y = z")]
)
def test_a_text_that_breaks_off_is_drawn(text):
    check(drawn(text))


# What is drawn


def test_parts_of_a_spec():
    path = str(ROOT / "specs" / "v3.inc")
    assert incdsl.draw(path).part.title == "InceptionV3"
    assert "pool 64" in incdsl.draw(f"{path}::InceptionA(pool: 64)").part.second
    assert incdsl.draw(f"{path}::Mixed_6c").part.second.startswith("Mixed_6c of InceptionV3 · width 160")
    assert "64 × 8 × 8" in texts(incdsl.draw(f"{path}::InceptionA(pool: 7)@[64, 8, 8]"))
    assert "3 × 151 × 151" in texts(incdsl.draw(f"{path}::InceptionV3@[3, 151, 151]"))
    assert incdsl.draw("::conv2d 3x3 @8 -> relu@[8, 8, 8]").part.title == "conv2d 3x3 @8 -> relu"
    assert "AuxLogits" in incdsl.draw(f"{path}::AuxHead").part.second


@pytest.mark.parametrize(
    ("what", "reason"),
    [("Nothing", "no net or block `Nothing`"), ("InceptionV3@[3, 40, 40]", "not legal"),
     ("InceptionA(pool: 1)", "no net of the spec uses"), ("InceptionV3@[3]", "sizes")],
)  # fmt: skip
def test_what_is_not_there(what, reason):
    with pytest.raises(CompileError, match=re.escape(reason)):
        incdsl.draw(f"{ROOT}/specs/v3.inc::{what}")


# Work


def test_layout_is_linear():
    def work(count):
        return drawn(net("  output y = x" + " -> conv2d 3x3 @8" * count)).work

    assert work(400) <= 2.1 * work(200)
    assert work(200) >= 200


def test_reading_is_linear_in_rails():
    def size(count):
        rails = "".join(" | conv2d 1x1 @4 -> conv2d 3x3 @4" for _ in range(count))
        return drawn(net(f"  output y = x -> concat {{{rails} }}")).work

    assert size(80) <= 2.1 * size(40)


def test_what_a_net_inside_costs_is_without_its_heads():
    inner = net(
        "  a = x -> conv2d 3x3 @8\n  aux early (weight: 0.3) = a -> gap -> fc: linear @3\n  output y = a -> relu"
    )
    outer = "net Outer {\n  input x [8, 16, 16]\n  output y = x -> nested: N -> relu\n}\n"
    text = drawn(inner + outer, "Outer", Look(depth=1)).svg
    assert ">584 params · 147.5 k MACs<" in text
    assert "early: auxiliary head, weight 0.3, training only; 27 parameters" in text


def test_a_block_with_a_mistake_inside_is_marked_and_what_is_stated_behind_it_is_believed():
    wrong = V3.replace("conv 3x3 @96 -> conv 3x3/2 @96 valid", "conv 3x3 @96 -> conv 3x3/2 @96 pad 1")
    made = drawn(wrong)
    found = boxes(made)
    assert found["Mixed_6a"].wrong
    assert found["Mixed_6b"].faded
    assert found["Mixed_6e"].faded
    assert not found["Mixed_7a"].faded
    assert "does not compile" in made.part.second
    assert not any("%" in text for text in texts(made))
    check(made)
