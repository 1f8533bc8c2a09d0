"""Each rule: what it finds and what it leaves alone, its words, its fix, the comment that leaves it out."""

from pathlib import Path

import pytest

import incdsl
from incdsl.diagnostics import REGISTRY
from incdsl.diagnostics.base import example
from incdsl.diagnostics.render import human
from incdsl.frontend import analyze_source
from incdsl.linter.finding import RULES
from incdsl.linter.fixes import fixed
from incdsl.linter.lint import Selection, lint
from incdsl.source import Source
from tests.golden import matches

CODES = sorted(RULES)
FOLDER = Path(__file__).with_name("golden")
CONV = "unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu\n"


def selection(code):
    return Selection(device=RULES[code].device) if code in RULES else Selection()


def found(text, code=""):
    return lint(analyze_source(Source("spec.inc", text)), selection(code))


def codes(text, code=""):
    return [each.code for each in found(text, code)]


def net(body, before=CONV, shape="[64, 28, 28]"):
    """A net on an input of this shape, with a unit `conv`."""
    return example(body, before, shape=shape)


# All rules alike


@pytest.mark.parametrize("code", CODES)
def test_the_wrong_example_is_found_and_said_like_this(code):
    problems = found(RULES[code].wrong, code)
    assert [each.code for each in problems] == [code]
    matches(FOLDER / f"{code}.txt", "\n\n".join(map(human, problems)) + "\n")


@pytest.mark.parametrize("code", CODES)
def test_the_right_example_is_clean(code):
    assert codes(RULES[code].right, code) == []


@pytest.mark.parametrize("code", [code for code in CODES if code != "W440"])
def test_a_comment_on_the_line_leaves_it_out(code):
    (problem,) = found(RULES[code].wrong, code)
    lines = RULES[code].wrong.split("\n")
    lines[problem.span.line - 1] += f"  # lint: ignore {code} it is a test"
    assert codes("\n".join(lines), code) == []


@pytest.mark.parametrize("code", [code for code in CODES if code != "W440"])
def test_another_code_in_the_comment_does_not(code):
    (problem,) = found(RULES[code].wrong, code)
    lines = RULES[code].wrong.split("\n")
    lines[problem.span.line - 1] += "  # lint: ignore W401 it is a test"
    assert codes("\n".join(lines), code) == sorted([code, "W440"], key=lambda each: each == "W440")


@pytest.mark.parametrize("code", [code for code in CODES if code != "W440"])
def test_it_can_be_selected_and_ignored(code):
    analysis = analyze_source(Source("spec.inc", RULES[code].wrong))
    device = RULES[code].device
    assert [each.code for each in lint(analysis, Selection((code,), device=device))] == [code]
    assert [each.code for each in lint(analysis, Selection(("W4",), (code,), device))] == []
    assert [each.code for each in lint(analysis, Selection((code,), ("W4",), device))] == [code]


WITH_FIX = {"W410", "W411", "W413", "W414", "W415", "W417", "W420", "W431", "W435", "W438", "W440"}
SAFE = {"W435", "W438", "W440"}


@pytest.mark.parametrize("code", CODES)
def test_the_fixed_example_is_clean(code):
    (problem,) = found(RULES[code].wrong, code)
    assert (problem.fix is not None) == (code in WITH_FIX)
    assert bool(problem.fix and problem.fix.safe) == (code in SAFE)
    source = Source("spec.inc", RULES[code].wrong)
    done = fixed(source, selection=selection(code), unsafe=True)
    assert [each.code for each in done.left] == ([] if code in WITH_FIX else [code])
    assert (done.text == source.text) == (code not in WITH_FIX)
    assert fixed(source, selection=selection(code)).text == (done.text if code in SAFE else source.text)
    if code in WITH_FIX:
        before, after = (analyze_source(Source("spec.inc", text)).net() for text in (source.text, done.text))
        outputs = [
            [str(each.net.graph.shapes()[n]) for n in each.net.graph.outputs.values()] for each in (before, after)
        ]
        assert outputs[0] == outputs[1]
        assert (before.cost.keys == after.cost.keys) == (code in SAFE | {"W420"})
        assert (before.cost.macs == after.cost.macs) == (code in SAFE | {"W420", "W431"})


@pytest.mark.parametrize("code", CODES)
def test_a_rule_has_a_page_and_says_why(code):
    kind = RULES[code]
    assert code not in REGISTRY
    assert kind.__doc__
    assert kind.title
    assert kind.because
    assert Path(kind.look.__code__.co_filename).name.startswith(code.lower())
    (problem,) = found(kind.wrong, code)
    assert problem.why().startswith(kind.because)
    assert kind.paper in problem.why()
    assert "\n" not in problem.message()


# Costs, which are those that the nets have


def macs(text):
    return analyze_source(Source("spec.inc", text)).net().cost.macs


def test_the_reductions_of_figure_9_are_named_with_both_costs_and_the_better_form():
    """35x35x320 to 17x17x640: for each of nine cells `2 (d/2)² k²`, `2 d² k²`, `(d/2)² k²`, as in the paper."""
    (squeezed,), (expensive,) = found(RULES["W410"].wrong), found(RULES["W411"].wrong)
    assert squeezed.found.macs == macs(RULES["W410"].wrong) == 9 * 2 * 17**2 * 320**2
    assert expensive.found.macs == macs(RULES["W411"].wrong) == 9 * 2 * 35**2 * 320**2
    assert RULES["W410"].right == RULES["W411"].right
    assert squeezed.found.parallel == expensive.found.parallel == macs(RULES["W410"].right) == 9 * 17**2 * 320**2
    assert "0.533 GMACs" in squeezed.help()
    assert "2.26 GMACs" in expensive.help()
    assert "0.266 GMACs" in squeezed.help()
    better = "reduce { | conv2d 3x3/2 @320 valid | maxpool 3x3/2 valid } : [640, 17, 17]"
    for text in (RULES["W410"].wrong, RULES["W411"].wrong):
        assert better in " ".join(fixed(Source("spec.inc", text), unsafe=True).text.split())


@pytest.mark.parametrize("code", ["W413", "W414", "W415", "W417"])
def test_the_costs_are_those_of_both_examples(code):
    (problem,) = found(RULES[code].wrong)
    others = 64 * 192 * 28 * 28 if code == "W417" else 0  # the other rail
    assert problem.before + others == macs(RULES[code].wrong)
    assert problem.after + others == macs(RULES[code].right)


@pytest.mark.parametrize(
    ("step", "factors"),
    [
        ("conv 5x5 @32", "3x3 @32, 3x3"),
        ("conv 5x5 @96 valid", "3x3, 3x3"),
        ("conv 5x5/2 @512 half", "3x3, 3x3"),
        ("conv 7x7 @64", "3x3, 3x3, 3x3"),
        ("conv 7x7 @48 valid", "3x3 @48, 3x3, 3x3"),
        ("conv 5x5 @64 same", "3x3, 3x3"),
    ],
)
@pytest.mark.parametrize("size", [35, 36])
def test_small_kernels_cost_what_is_said_and_see_as_much(step, factors, size):
    text = net(f"output y = x -> {step} : [_, _, _]", shape=f"[64, {size}, {size}]")
    (problem,) = [each for each in found(text) if each.code == "W413"]
    done = fixed(Source("spec.inc", text), selection=Selection(("W413",)), unsafe=True)
    assert f"{step} as {factors}" in done.text
    assert (macs(text), macs(done.text)) == (problem.before, problem.after)
    assert f"{round(100 * (problem.before - problem.after) / problem.before)}%" in problem.message()


def test_the_savings_are_those_of_the_paper():
    """With as many filters as channels: 28% for a 5x5, 45% for a 7x7, 71% for a 7x7 as 1x7 and 7x1."""
    grid35, grid17 = "[64, 35, 35]", "[64, 17, 17]"
    assert "cost 28% less" in found(net("output y = x -> conv 5x5 @64", shape=grid35))[0].message()
    assert "cost 45% less" in found(net("output y = x -> conv 7x7 @64", shape=grid35))[0].message()
    assert "cost 71% less" in found(net("output y = x -> conv 7x7 @64", shape=grid17))[0].message()


# What each rule finds, and what it leaves alone

MODULE = "block M = concat {{ {} }}\n"
HEAD = "  output y = x -> gap -> linear @10"
FOUND = [
    ("W410", "output y = x -> avgpool 2x2/2 valid -> batchnorm -> relu -> conv 3x3 @96 : [96, 14, 14]"),
    ("W411", "output y = x -> conv 1x1 @96 -> maxpool 2x2/2 valid : [96, 14, 14]"),
    ("W412", "output y = x -> conv 1x3 @64"),
    ("W412", "output y = x -> maxpool 3x3/2 half -> maxpool 3x3/2 half -> conv 3x3 @64 as 3x1, 1x3 : [64, 7, 7]"),
    ("W413", "output y = x -> conv 7x7 @64"),
    ("W414", "output y = x -> maxpool 2x2/2 valid -> conv 5x5 @64 : [64, 14, 14]"),
    ("W416", "output y = x -> plain 7x7 @64 as 3x3, 3x3, 3x3 -> relu"),
    ("W417", "output y = x -> M"),
    ("W430", "output y = x -> gap -> groupnorm 64"),
    ("W431", "output y = x -> convtranspose2d 2x2/2 @64 valid -> batchnorm : [64, 56, 56]"),
    ("W431", "output y = x -> gap -> linear @8 -> batchnorm -> linear @2"),
    ("W432", "output y = x -> maxpool 2x2/1 pad 1 : [64, 29, 29]"),
    ("W432", "output y = x -> conv 4x4/2 @64 half : [64, 14, 14]"),
    ("W433", "output y = x -> conv 1x1/2 @64 : [64, 14, 14]"),
    ("W433", "output y = x -> maxpool 2x2/3 valid : [64, 9, 9]"),
    ("W434", "output y = x -> dropout 0.1 -> conv 3x3 @64"),
    ("W434", "output y = x -> dropout 0.1 -> add { | identity | maxpool 3x3 } -> batchnorm"),
    ("W435", "output y = x -> conv 3x3 @64 -> maxpool 3x3 -> relu"),
    ("W435", "output y = x -> sigmoid -> relu"),
    ("W435", "output y = x -> silu -> silu"),
    ("W437", "output y = x -> concat { | avgpool 3x3 | avgpool 3x3/1 tfsame (count_include_pad: false) }"),
    ("W438", "a = x -> maxpool 2x2/2 valid\n  output y = a -> relu"),
    ("W420", "aux h = x -> avgpool 5x5/4 valid -> flatten -> dropout 0.1 -> linear @10\n" + HEAD),
    ("W419", "aux h (weight: 0.3) = x -> gap -> linear @10\n" + HEAD),
    ("W436", "aux h (weight: 0.0) = x -> conv 1x1 @8 -> gap -> linear @10\n" + HEAD),
    ("W421", "output y = x -> add { | gate: gap -> conv2d 1x1 @64 -> upsample 28 | conv 3x3 @64 }"),
]
LEFT_ALONE = [
    ("W410", "output y = x -> maxpool 2x2/2 valid -> conv 3x3 @95 : [95, 14, 14]"),
    ("W410", "output y = x -> maxpool 3x3 -> conv 3x3 @128"),
    ("W410", "output y = x -> reduce { | conv 3x3/2 @64 half | maxpool 3x3/2 half -> conv 1x1 @96 } : [160, 14, 14]"),
    ("W410", "output a = x -> maxpool 2x2/2 valid : [64, 14, 14]\n  output y = a -> conv 3x3 @128"),
    ("W411", "output y = x -> conv 3x3 @95 -> maxpool 2x2/2 valid : [95, 14, 14]"),
    ("W411", "a = x -> conv 3x3 @128\n  output y = a -> maxpool 2x2/2 valid : [128, 14, 14]\n  output z = a -> relu"),
    ("W411", "output y = x -> conv 3x3/2 @128 half -> maxpool 2x2/2 valid : [128, 7, 7]"),
    ("W412", "output y = x -> maxpool 2x2/2 valid -> conv 7x7 @64 as 1x7, 7x1 : [64, 14, 14]"),
    ("W412", "output y = x -> conv 3x3 @128 as { | 1x3 | 3x1 }"),
    ("W412", "output y = x -> depthwise 1x7"),
    ("W413", "output y = x -> conv 3x3 @64"),
    ("W413", "output y = x -> conv 5x5 @64 as 3x3, 3x3"),
    ("W413", "output y = x -> depthwise 5x5"),
    ("W413", "output y = x -> conv 5x5/2 @96 half : [96, 14, 14]"),
    ("W413", "output y = x -> conv 5x5 @64 pad 8 (dilation: 4)"),
    ("W413", "output y = x -> maxpool 4x4/4 valid -> maxpool 3x3 -> conv2d 7x7 @64 valid -> flatten"),
    ("W414", "output y = x -> conv 5x5 @64"),
    ("W414", "output y = x -> maxpool 2x2/2 valid -> conv 5x5/2 @64 half : [64, 7, 7]"),
    ("W414", "output y = x -> maxpool 2x2/2 valid -> conv 3x3 @64 : [64, 14, 14]"),
    ("W415", "output y = x -> conv 3x3 @64 valid as 3x1, 1x3 : [64, 26, 26]"),
    ("W416", "output y = x -> conv 7x7 @64 as 3x3, 3x3, 3x3"),
    ("W416", "output y = x -> plain 3x3 @64 as { | 1x3 | 3x1 }"),
    ("W417", "output y = x -> concat { | conv 1x1 @32 -> conv 3x3 @32 | maxpool 3x3 }"),
    ("W417", "output y = x -> concat { | conv 3x3 @65 | maxpool 3x3 }"),
    ("W417", "output y = x -> conv 3x3 @16"),
    ("W417", "output y = x -> add { | conv 3x3 @64 | identity }"),
    ("W418", "aux h = x -> conv 1x1 @8 -> gap -> linear @10\n" + HEAD),
    ("W419", "aux h = x -> gap -> dropout 0.1 -> linear @10\n" + HEAD),
    ("W420", "aux h = x -> avgpool 4x4/4 valid -> flatten -> dropout 0.1 -> linear @10\n" + HEAD),
    ("W420", "output y = x -> avgpool 5x5/4 valid : [64, 6, 6]"),
    ("W421", "output y = x -> concat { | maxpool 3x3 | conv 3x3 @256 }"),
    ("W421", "output y = x -> mul { | conv 3x3 @64 | gap -> conv2d 1x1 @64 -> sigmoid }"),
    ("W421", "a = x -> conv 3x3 @256\n  b = x -> conv 1x1 @8\n  output y = concat { | a | b }"),
    ("W430", "output y = x -> maxpool 14x14/14 valid -> batchnorm : [64, 2, 2]"),
    ("W430", "output y = x -> gap -> flatten -> batchnorm -> linear @3"),
    ("W430", "output y = x -> gap -> groupnorm 32"),
    ("W431", "output y = x -> conv2d 3x3 @64 -> groupnorm 8"),
    ("W431", "output y = x -> conv2d 3x3 @64 -> relu -> batchnorm"),
    ("W431", "a = x -> conv2d 3x3 @64\n  output y = a -> batchnorm\n  output z = a -> relu"),
    ("W432", "output y = x -> conv2d 4x4/4 @64 valid : [64, 7, 7]"),
    ("W432", "output y = x -> maxpool 2x2/2 valid : [64, 14, 14]"),
    ("W432", "output y = x -> convtranspose2d 4x4/2 @64 pad 1 : [64, 56, 56]"),
    ("W433", "output y = x -> add { | conv 3x3/2 @64 half | conv 1x1/2 @64 } : [64, 14, 14]"),
    ("W433", "output y = x -> add { | conv 3x3/2 @64 half | identity -> conv 1x1/2 @64 } : [64, 14, 14]"),
    ("W433", "output y = x -> maxpool 3x3/3 valid : [64, 9, 9]"),
    ("W434", "output y = x -> conv 3x3 @64 -> dropout 0.1 -> gap -> linear @3"),
    ("W434", "output y = x -> dropout 0.0 -> conv 3x3 @64"),
    ("W434", "output y = x -> dropout 0.5 -> conv2d 3x3 @64 -> groupnorm 8"),
    ("W435", "output y = x -> conv 3x3 @64 -> conv2d 3x3 @64 -> relu"),
    ("W435", "output y = x -> relu -> sigmoid"),
    ("W435", "output y = x -> gelu -> relu"),
    ("W435", "output y = x -> relu6 -> dropout 0.5 -> relu6"),
    ("W436", "aux h (weight: 0.1) = x -> conv 1x1 @8 -> gap -> linear @10\n" + HEAD),
    ("W437", "output y = x -> concat { | avgpool 3x3 | avgpool 3x3 valid (count_include_pad: false) -> pad 1 }"),
    ("W438", "a = x -> maxpool 2x2/2 valid : [64, 14, 14]\n  output y = a -> relu"),
    ("W438", "output y = x -> gap"),
    ("W438", "output y = x -> conv 3x3 @128"),
]  # fmt: skip
MORE = "unit plain = conv2d (bias: false)\nunit depthwise = conv2d (groups: in, width: in, bias: false)\n"
BLOCK = "block M = concat { | conv 1x1 @32 | conv 5x5 @32 }\n"


@pytest.mark.parametrize(("code", "body"), FOUND, ids=lambda value: value if len(value) < 5 else "")
def test_a_rule_finds(code, body):
    assert code in codes(net(body, CONV + MORE + BLOCK), code)


@pytest.mark.parametrize(("code", "body"), LEFT_ALONE, ids=lambda value: value if len(value) < 5 else "")
def test_a_rule_leaves_alone(code, body):
    text = net(body, CONV + MORE + BLOCK)
    assert incdsl.analyze(text).errors == ()
    assert code not in codes(text, code)


def test_every_rule_has_a_case_on_both_sides():
    assert {code for code, _ in LEFT_ALONE} | {"W439", "W440"} == set(CODES)


@pytest.mark.parametrize(
    ("body", "widths"),
    [
        ("conv2d 1x1 @20 -> conv2d 3x3 @64 -> gap -> linear @10", [20]),
        ("conv2d 1x1 @20 -> conv2d 1x1 @30", [20]),
        ("conv2d 1x1 @24 -> gap -> linear @12 -> linear @10", [12]),
        ("conv2d 1x1 @24", []),
        ("conv2d 3x3 @100 (groups: 4) -> relu", []),
    ],
)
def test_channels_are_counted_for_gpus_alone(body, widths):
    text = net(f"output y = x -> {body}", "", "[64, 28, 28]")
    assert [each.width for each in found(text, "W439") if each.code == "W439"] == widths
    assert "W439" not in codes(text)


# Numbers in words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("output y = x -> conv 1x1/2 @64 : [64, 14, 14]", "never reads 75% of the cells"),
        ("output y = x -> maxpool 2x2/3 valid : [64, 9, 9]", "never reads 59% of the cells"),
        ("output y = x -> conv 3x1/2 @64 pad 1x0 : [64, 14, 14]", "never reads 50% of the cells"),
    ],
)
def test_the_share_of_cells_that_are_not_read(body, words):
    (problem,) = [each for each in found(net(body)) if each.code == "W433"]
    assert words in problem.message()


@pytest.mark.parametrize(
    ("pool", "size", "left", "fitting"),
    [
        ("5x5/3", 17, 0, ""),
        ("5x5/3", 14, 0, ""),
        ("5x5/3", 16, 2, "7x7"),
        ("5x5/3", 18, 1, "3x3"),
        ("3x3/2", 12, 1, "2x2"),
    ],
)
def test_what_the_pool_of_a_head_leaves_out(pool, size, left, fitting):
    body = f"aux h = x -> avgpool {pool} valid -> flatten -> dropout 0.1 -> linear @10\n{HEAD}"
    problems = [each for each in found(net(body, shape=f"[64, {size}, {size}]")) if each.code == "W420"]
    assert len(problems) == (left > 0)
    for each in problems:
        assert (each.left, each.fitting) == ((left, left), fitting)
        assert f"{round(100 * (1 - ((size - left) / size) ** 2))}%" in each.message()


# Where fixes are made


def mended(text, code, unsafe=True):
    return fixed(Source("spec.inc", text), selection=Selection((code,)), unsafe=unsafe).text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("unit c = conv2d -> batchnorm", "unit c = conv2d (bias: false) -> batchnorm"),
        ("unit c = conv2d (stride: 1) -> batchnorm", "unit c = conv2d (stride: 1, bias: false) -> batchnorm"),
        ("unit c = a: conv2d (bias: true) -> batchnorm", "unit c = a: conv2d (bias: false) -> batchnorm"),
    ],
)
def test_the_bias_is_switched_off_where_the_op_is_written(before, after):
    body = "output y = x -> c 3x3 @8 -> c 5x5 @8 as 3x3, 3x3"
    assert mended(net(body, f"{before}\n"), "W431") == net(body, f"{after}\n")


@pytest.mark.parametrize(
    ("units", "body"),
    [
        ("unit c = conv2d\n", "output y = x -> a: c 3x3 @8 -> batchnorm -> b: c 3x3 @8 -> relu"),
        (
            "unit conv = conv2d\n",
            "output y = x -> conv 5x5 @64 as { | 1x5 | 5x1 } -> batchnorm -> conv 3x3 @8 -> batchnorm",
        ),
        ("", "output y = x -> conv2d 5x5 @64 as 3x3, 3x3 -> batchnorm"),
    ],
)
def test_a_bias_that_some_use_needs_stays(units, body):
    text = net(body, units)
    assert "W431" in codes(text)
    assert mended(text, "W431") == text


def test_an_activation_goes_only_where_its_own_chain_makes_it_idle():
    """What flows into a block is for its uses to say, here and in other files."""
    block = "block B = maxpool 3x3 -> relu -> conv2d 3x3 @64\n"
    (problem,) = found(net("output y = x -> relu -> B", block))
    assert (problem.code, problem.fix) == ("W435", None)
    own = "block B = conv2d 3x3 @64 -> relu -> maxpool 3x3 -> relu\n"
    text = net("output y = x -> B -> B", own)
    assert mended(text, "W435") == text.replace("maxpool 3x3 -> relu", "maxpool 3x3")


def test_an_activation_that_a_variant_needs_stays():
    units = "unit conv = conv2d -> relu\nunit plain = conv2d\n"
    text = net("output y = x -> conv 3x3 @8 -> relu", units)
    assert mended(text, "W435") != text
    both = text + "net V = N with {\n  unit conv = conv2d\n}\n"
    assert codes(both.replace("unit plain = conv2d\n", "")) == ["W435"]
    assert mended(both, "W435") == both


@pytest.mark.parametrize(
    "step",
    ["a: relu", "relu : [16, 28, 28]", "relu if true", "relu  # why\n  "],
    ids=["label", "shape", "if", "comment"],
)
def test_a_step_with_more_to_it_stays(step):
    text = net(f"output y = x -> conv 3x3 @16 -> {step} -> sigmoid")
    assert mended(text, "W435") == text or "# why" in mended(text, "W435")


def test_a_reduction_that_a_parameter_decides_is_left_to_people():
    text = example(
        "output y = x -> maxpool 3x3/2 half -> conv2d 3x3 @w : [w, 14, 14]", params="(w = 128)", shape="[64, 28, 28]"
    )
    (problem,) = found(text)
    assert (problem.code, problem.fix) == ("W410", None)


def test_a_fix_keeps_what_else_a_step_says():
    text = net("output y = x -> a: conv2d 3x3 @128 (bias: false) -> maxpool 3x3/2 half : [128, 14, 14]", "")
    after = " ".join(mended(text, "W411").split())
    assert "reduce { | a: conv2d 3x3/2 @64 half (bias: false) | maxpool 3x3/2 half } : [128, 14, 14]" in after
    assert codes(mended(text, "W411")) == []


def test_pools_and_grids_that_do_not_meet_get_no_fix():
    text = net("output y = x -> conv 3x3 @128 valid -> maxpool 2x2/2 valid : [128, 13, 13]")
    (problem,) = found(text)
    assert (problem.code, problem.fix) == ("W411", None)
