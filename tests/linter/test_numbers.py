"""The numbers of findings, counted another way; and where fixes of reductions and biases end."""

from itertools import product

import pytest

from incdsl.compiler import in_flops, in_macs
from incdsl.diagnostics.base import example
from incdsl.frontend import analyze_source
from incdsl.linter import words
from incdsl.linter.factors import sequences
from incdsl.linter.fixes import fixed
from incdsl.linter.lint import Selection, lint
from incdsl.linter.view import View
from incdsl.linter.windows import axes, unread
from incdsl.ops.window import MaxPool2d
from incdsl.source import Source

CONV = "unit conv = conv2d (bias: false) -> relu\n"


def analysis(text):
    return analyze_source(Source("spec.inc", text))


def spec(body, before=CONV, shape="[64, 28, 28]"):
    return example(body, before, shape=shape)


def found(code, body, before=CONV, shape="[64, 28, 28]"):
    return lint(analysis(spec(body, before, shape)), Selection((code,)))


# Words


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(1, 3, "33%"), (0, 5, "0%"), (5, 5, "100%"), (1, 1000, "1%"), (999, 1000, "99%"), (0.75, 1, "75%")],
)
def test_shares_in_percent(part, whole, text):
    assert words.share(part, whole) == text


def test_costs_in_words():
    assert in_macs(9_999_999) == "9,999,999 MACs"
    assert in_macs(10_000_000) == "0.01 GMACs"
    assert in_macs(597_196_800) == "0.597 GMACs"
    assert in_flops(597_196_800) == "1.19 GFLOPs"
    assert in_flops(9_999_999) == "19,999,998 FLOPs"
    assert words.saved(25, 18) == "28%"


# Cells


def cells(size, kernel, stride, padding):
    """Cells of an axis that some window reads, and the last of them."""
    count = (size + 2 * padding - kernel) // stride + 1
    windows = [range(i * stride - padding, i * stride - padding + kernel) for i in range(count)]
    return {cell for window in windows for cell in window if 0 <= cell < size}


@pytest.mark.parametrize(("size", "kernel", "stride"), list(product([7, 8, 11, 12], [1, 2, 3, 4], [1, 2, 3, 5])))
def test_cells_that_windows_read(size, kernel, stride):
    for padding in range(kernel // 2 + 1):
        pads = "valid" if stride > 1 and not padding else f"pad {padding}"
        text = spec(f"output y = x -> maxpool {kernel}x{kernel}/{stride} {pads}", "", f"[3, {size}, 12]")
        (net,) = View(analysis(text)).nets
        (node,) = net.nodes(MaxPool2d)
        height, width = axes(net, node)
        assert height.read == len(cells(size, kernel, stride, padding))
        assert height.behind == size - 1 - max(cells(size, kernel, stride, padding))
        both = len(cells(size, kernel, stride, padding)) * len(cells(12, kernel, stride, padding))
        assert unread((height, width)) == pytest.approx(1 - both / (size * 12))


@pytest.mark.parametrize(("kernel", "size", "share"), [(3, 28, 14), (5, 28, 27), (3, 8, 44), (7, 7, 98)])
def test_where_a_mean_meets_its_padding(kernel, size, share):
    inside = max(size - kernel + 1, 0)
    assert round(100 * (1 - inside**2 / size**2)) == share
    body = f"output y = x -> concat {{ | avgpool {kernel}x{kernel} | avgpool 3x3 (count_include_pad: false) }}"
    (problem,) = found("W437", body, shape=f"[8, {size}, {size}]")
    assert f"(at {share}% of its cells)" in problem.message()


def test_a_mean_that_pads_as_tensorflow_does_leaves_its_padding_out():
    body = "output y = x -> concat { | avgpool 3x3 | avgpool 3x3 | avgpool 2x2 tfsame (count_include_pad: false) }"
    (problem,) = found("W437", body)
    assert problem.message() == "this mean leaves out its padding, and 2 others count it"


# Reductions


def test_sides_of_different_length():
    (squeezed,) = found("W410", "output y = x -> maxpool 3x3/2 half -> conv 3x3 @128", shape="[64, 28, 20]")
    assert squeezed.message() == "35,840 numbers are pooled to 8,960 before they become 17,920"
    assert squeezed.found.parallel == 9 * 64 * 64 * 14 * 10
    (expensive,) = found("W411", "output y = x -> conv 1x1 @128 -> maxpool 3x3/2 half", shape="[64, 28, 20]")
    assert "on 28x20, before a pool that leaves 14x10" in expensive.message()
    assert expensive.found.parallel == 9 * 64 * 64 * 14 * 10
    assert expensive.found.macs == 64 * 128 * 28 * 20


@pytest.mark.parametrize("code", ["W410", "W411", "W413", "W414"])
@pytest.mark.parametrize("channels", [15, 16])
def test_narrow_values_are_not_worth_it(code, channels):
    body, size = {
        "W410": ("output y = x -> maxpool 3x3/2 half -> conv 3x3 @32", 28),
        "W411": ("output y = x -> conv 3x3 @32 -> maxpool 3x3/2 half", 28),
        "W413": ("output y = x -> conv 5x5 @16", 28),
        "W414": ("output y = x -> conv 5x5 @16", 14),
    }[code]
    assert len(found(code, body, shape=f"[{channels}, {size}, {size}]")) == (channels == 16)


PLAIN = "output y = x -> conv 3x3 @128 -> maxpool 3x3/2 half"


@pytest.mark.parametrize(
    ("body", "has_fix"),
    [
        (PLAIN, True),
        (PLAIN.replace("-> conv", "-> a: conv"), True),
        (PLAIN.replace("half", "half : [128, 14, 14]"), True),
        (PLAIN.replace("@128", "@(2 * x)"), True),
        (PLAIN.replace("maxpool", "p: maxpool"), False),
        (PLAIN.replace("@128", "@128 : [_, 28, 28]"), False),
        (PLAIN.replace("@128", "@128 -> relu"), False),
        (PLAIN.replace("@128", "@128 as { | 1x3 | 3x1 }"), None),
        (PLAIN.replace("@128", "(width: 128)"), False),
        (PLAIN.replace("/2 half", "/2  # why\n    half"), False),
        (PLAIN.replace("3x3/2 half", "2x2/2 pad 1"), False),
        ("let w = 128\n  " + PLAIN.replace("@128", "@w"), False),
        ("a = x -> conv 3x3 @128\n  output y = a -> maxpool 3x3/2 half", False),
    ],
)
def test_which_steps_become_a_reduction(body, has_fix):
    problems = found("W411", body)
    assert [problem.fix is not None for problem in problems] == ([] if has_fix is None else [has_fix])


def test_in_a_block_no_reduction_is_written():
    """Its uses may have other channels."""
    (problem,) = found("W411", "output y = x -> B", CONV + "block B = conv 3x3 @128 -> maxpool 3x3/2 half\n")
    assert problem.fix is None


# Factors


def test_factors_belong_together_in_each_use():
    units = "unit conv = conv2d (bias: false) -> batchnorm -> relu\nblock B = conv 7x7 @64 as 1x7, 7x1\n"
    for before in (units, units.replace("unit conv = conv2d (bias: false) -> batchnorm -> relu", "unit conv = conv2d")):
        (net,) = View(analysis(spec("output y = x -> B -> B -> conv 3x3 @64 as 3x1, 1x3", before))).nets
        groups = list(sequences(net))
        assert [len(each.nodes) for each in groups] == [2, 2, 2]
        assert [each.macs(net) for each in groups] == [28 * 28 * 64 * 64 * n for n in (14, 14, 6)]
        assert [each.square(net) for each in groups] == [28 * 28 * 64 * 64 * n for n in (49, 49, 9)]


def test_a_row_by_itself_stands_for_the_square_of_its_length():
    (net,) = View(analysis(spec("output y = x -> conv 1x5 @64 -> conv 3x3 @64 as { | 1x3 | 3x1 }"))).nets
    (row,) = sequences(net)
    assert (row.macs(net), row.square(net)) == (28 * 28 * 64 * 64 * 5, 28 * 28 * 64 * 64 * 25)


# Biases


def test_a_bias_of_factors_and_one_of_an_imported_unit_get_no_fix(tmp_path):
    (problem,) = found("W431", "output y = x -> conv2d 5x5 @64 as 3x3, 3x3 -> batchnorm")
    assert problem.fix is None
    (tmp_path / "units.inc").write_text("inc 1\nunit biased = conv2d -> batchnorm\n", encoding="utf-8")
    text = 'inc 1\nfrom "units.inc" use biased\nnet N {\n  input x [8, 16, 16]\n  output y = x -> biased 3x3 @8\n}\n'
    (problem,) = lint(analyze_source(Source("main.inc", text, tmp_path / "main.inc")))
    assert (problem.code, problem.fix, problem.span.line) == ("W431", None, 5)


# Comments


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  # lint: ignore W413 why\n  output y = x -> relu\n", "  output y = x -> relu\n"),
        ("  output y = x -> relu  # lint: ignore W413 why\n", "  output y = x -> relu\n"),
        (
            "  output y = x -> relu -> relu  # lint: ignore W413, W435 why\n",
            "  output y = x -> relu -> relu  # lint: ignore W435 why\n",
        ),
    ],
)
def test_a_useless_comment_goes_with_its_line_or_its_code(before, after):
    head = "inc 1\nnet N {\n  input x [8, 16, 16]\n"
    source = Source("spec.inc", f"{head}{before}}}\n")
    assert fixed(source).text == f"{head}{after}}}\n"


def test_a_reduction_in_front_needs_a_plain_step():
    bodies = {
        "| conv 3x3 @32": True,
        "| a: conv 3x3 @32": True,
        "| conv 3x3 @32 (bias: true)": False,
        "| conv 3x3 @32 times 1": False,
    }
    for rail, has_fix in bodies.items():
        (problem,) = found("W417", f"output y = x -> concat {{ | conv 1x1 @8 {rail} }}", "unit conv = conv2d -> relu\n")
        assert (problem.fix is not None) == has_fix, rail
