"""`compare`: the papers' arithmetic, what a subject may be, rows side by side, and both formats."""

import json
import shlex
from itertools import pairwise

import pytest

from incdsl.analysis.difference import aligned
from incdsl.analysis.table import Row
from incdsl.ir.graph import Graph, Instance
from tests import process

V3 = "specs/v3.inc"


@pytest.fixture
def compared(call):
    """`compared("A", "B")`: what the document says of each subject."""

    def run(*subjects):
        result = call("compare", *subjects, "--format", "json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)["compared"]

    return run


def on(steps, dims="[16, 32, 32]"):
    """Steps of no spec on an input; 16 filters after 16 channels, as the papers count."""
    return f"::{steps}@{dims}"


def saved(one, other, fact="params"):
    return 1 - other[fact] / one[fact]


# What the papers say


@pytest.mark.parametrize(
    ("whole", "factors", "saving", "weights"),
    [
        ("conv2d 5x5 @16 (bias: false)", "3x3, 3x3", 1 - 18 / 25, (25, 18)),
        ("conv2d 3x3 @16 (bias: false)", "3x1, 1x3", 1 / 3, (9, 6)),
        ("conv2d 3x3 @16 valid (bias: false)", "2x2, 2x2", 1 / 9, (9, 8)),
        ("conv2d 7x7 @16 (bias: false)", "1x7, 7x1", 1 - 14 / 49, (49, 14)),
    ],
)
def test_factorizations_save_what_the_paper_says(compared, whole, factors, saving, weights):
    """28 %, 33 %, only 11 %, 71 % (arXiv:1512.00567, sections 3.1 and 3.2)."""
    one, other = compared(on(whole), on(f"{whole} as {factors}"))
    assert (one["params"], other["params"]) == tuple(256 * n for n in weights)
    assert saved(one, other) == pytest.approx(saving)
    assert one["receptive_field"] == other["receptive_field"]
    assert (one["depth"], other["depth"]) == (1, 2)
    if "valid" not in whole:
        assert saved(one, other, "macs") == pytest.approx(saving)


@pytest.mark.parametrize(("kernel", "pool"), [("1x1", "maxpool 2x2/2 valid"), ("3x3", "maxpool 3x3/2 half")])
def test_grid_reductions_are_those_of_the_paper(compared, kernel, pool):
    """A pool before the convolution costs a quarter but is a bottleneck; side by side costs less and is none."""
    after, before, beside = compared(
        on(f"conv2d {kernel} @32 -> {pool}"),
        on(f"{pool} -> conv2d {kernel} @32"),
        on(f"reduce {{ | conv2d {kernel}/2 @16 half | {pool} }}"),
    )
    assert after["outputs"] == before["outputs"] == beside["outputs"] == ["32 x 16 x 16"]
    assert before["macs"] * 4 == after["macs"]
    assert beside["macs"] * 2 == before["macs"]
    wider = [each["narrowest"]["wider_after"] for each in (after, before, beside)]
    assert wider == [1, 2, 1]
    assert before["narrowest"] == {"numbers": 16 * 16 * 16, "at": "maxpool", "wider_after": 2}


def test_the_paper_s_safe_reduction_costs_three_times_a_quarter_more(compared):
    """Figure 9: pool after a convolution of twice the filters, against the cheap one with its bottleneck."""
    cheap, safe = compared(on("maxpool 2x2/2 valid -> conv2d 1x1 @32"), on("conv2d 1x1 @32 -> maxpool 2x2/2 valid"))
    assert safe["macs"] - cheap["macs"] == 3 * cheap["macs"]


# Subjects


def test_a_block_is_what_it_is_inside_its_net(compared, call):
    rows = json.loads(call("summary", V3, "--format", "json").stdout)["rows"]
    (row,) = [row for row in rows if row["name"] == "Mixed_5b"]
    block, chain = compared(
        f"{V3}::InceptionA(pool: 32)@[192, 35, 35]", f"{V3}::InceptionA(pool: 32) -> InceptionA(pool: 64)@[192,35,35]"
    )
    assert {k: block[k] for k in ("params", "macs", "activations")} == {
        k: row[k] for k in ("params", "macs", "activations")
    }
    assert (block["depth"], block["convolutions"], block["receptive_field"]) == (3, 7, [5, 5])
    assert block["narrowest"]["at"] == "concat"
    assert (chain["depth"], chain["convolutions"], chain["receptive_field"]) == (6, 14, [9, 9])


def test_a_net_by_name_with_parameters_and_another_size(compared):
    plain, named, fewer, small = compared(
        V3, f"{V3}::InceptionV3", f"{V3}::InceptionV3(classes: 10)", f"{V3}@[3, 151, 151]"
    )
    assert {**plain, "subject": ""} == {**named, "subject": ""}
    assert plain["subject"] == f"{V3}::InceptionV3"
    assert (plain["params"], plain["train_params"], plain["depth"]) == (23_834_568, 27_161_264, 48)
    assert plain["params"] - fewer["params"] == 990 * 2049
    assert small["params"] == plain["params"]
    assert small["macs"] < plain["macs"] / 4
    assert small["outputs"] == plain["outputs"] == ["1000"]


def test_another_size_gives_what_the_spec_would(compared, folder):
    text = (folder / "one.inc").read_text(encoding="utf-8")
    (folder / "large.inc").write_text(text.replace("[3, 8, 8]", "[3, 20, 30]"), encoding="utf-8")
    resized, written = compared("one.inc@[3, 20, 30]", "large.inc")
    assert {**resized, "subject": ""} == {**written, "subject": ""}


def test_parameters_of_a_net_are_values(compared):
    plain, changed = compared("lists.inc", "lists.inc::N(widths: [4, 8, 16], wide: false)")
    assert (plain["convolutions"], changed["convolutions"]) == (2, 3)
    (half, _) = compared("one.inc::N(p: 0.25)", "one.inc")
    assert half["params"] == 16


def test_names_of_the_comparison_give_way_to_those_of_the_spec(compared, folder):
    text = "inc 1\nblock Steps = conv2d 1x1 @in\nblock x = Steps -> Steps\nblock step = x\n"
    (folder / "names.inc").write_text(text, encoding="utf-8")
    one, other = compared("names.inc::x -> step@[3, 8, 8]", "one.inc")
    assert one["params"] == 4 * 12
    assert other["params"] == 16


def test_imported_units_and_variants_are_compared(compared):
    plain, fid, step = compared(V3, "specs/v3_fid.inc", "specs/v3_fid.inc::conv 3x3 @8@[3, 8, 8]")
    assert fid["params"] - plain["params"] == 8 * 2049
    assert (step["params"], step["convolutions"]) == (3 * 8 * 9 + 16, 1)


def test_vectors_flow_in(compared):
    one, other = compared("::linear @8@[4]", "::linear @2 -> linear @8 @ [4]")
    assert (one["params"], other["params"]) == (40, 34)
    assert other["narrowest"] == {"numbers": 2, "at": "step_1", "wider_after": 4}


@pytest.mark.parametrize(
    ("subject", "word"),
    [
        (f"{V3}::InceptionA(pool: 32)", "say what flows into"),
        (f"{V3}::Inception", "there is no net `Inception`, did you mean `InceptionV3`?"),
        (f"{V3}::conv 1x1 @4", "the spec's nets are: InceptionV3"),
        ("", "write SPEC, SPEC::NET"),
        ("::", "write SPEC, SPEC::NET"),
        (f"{V3}@3,299,299", "write SPEC, SPEC::NET"),
        (f"{V3}@[3, H, W]", "an input is written"),
        ("::relu } net Y { input x [3,4,4] output y = x@[3, 4, 4]", "no chain of steps"),
        ("::relu output z = x@[3, 4, 4]", "no chain of steps"),
        ("::relu", "the spec's nets are: none"),
        ("::relu@[3, 8]", "an input is written"),
        ("::relu@[]", "an input is written"),
        (f"{V3}@[3, 74, 74]", "H, W >= 75"),
        (f"{V3}@[1, 299, 299]", "the net reads [3, 299, 299]"),
        (f"{V3}@[3]", "the net reads [3, 299, 299]"),
        (f"{V3}::InceptionV3(10)", "write `NET(name: value, …)`"),
        (f"{V3}::InceptionV3(classes: relu(a: 1))", "parameters are words"),
        (f"{V3}::InceptionV3(classes: 1 + 1)", "parameters are words"),
    ],
)
def test_what_is_no_subject_is_told(call, subject, word):
    result = call("compare", "one.inc", subject)
    assert result.exit_code == 2
    assert word in " ".join(result.stderr.split())
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("subject", "code", "exit_code"),
    [
        ("wrong.inc", "E201", 1),
        ("two.inc", "E218", 1),
        ("missing.inc", "E105", 2),
        ("missing.inc::relu@[3, 8, 8]", "E105", 2),
        ("::conv2d 3x3/2 @4@[3, 8, 8]", "E306", 1),
        ("::conv2d 9x9 @4 valid@[3, 8, 8]", "E303", 1),
        ("::relu }@[3, 8, 8]", "E101", 1),
        ("::relu@[0, 8, 8]", "E203", 1),
        (f"{V3}::InceptionV3(klasses: 10)", "E216", 1),
        (f"{V3}::InceptionA(pol: 32)@[192, 35, 35]", "E211", 1),
    ],
)
def test_what_is_wrong_has_its_code(call, subject, code, exit_code):
    result = call("compare", subject, "one.inc")
    assert f"error[{code}]" in result.stderr
    assert (result.exit_code, result.stdout) == (exit_code, "")


@pytest.mark.parametrize("subjects", [[], ["one.inc"], ["one.inc"] * 27], ids=len)
def test_two_or_more_are_compared(call, subjects):
    assert call("compare", *subjects).exit_code == 2


# The table


def test_the_table_shows_numbers_and_ratios(call):
    result = call("compare", on("conv2d 5x5 @16 (bias: false)"), on("conv2d 5x5 @16 (bias: false) as 3x3, 3x3"))
    lines = {line[:17].strip(): line[17:].split() for line in result.stdout.splitlines()}
    assert lines["parameters"] == ["6,400", "4,608", "-28.0", "%"]
    assert lines["GMACs (= GFLOPs)"] == ["0.00655", "(=", "0.0131)", "0.00472", "(=", "0.00944)", "-28.0", "%"]
    assert lines["depth"] == ["1", "2", "+100.0", "%"]
    assert lines["receptive field"] == ["5", "5", "="]
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize("by", ["block", "layer"])
def test_inception_v3_beside_a_variant_fits_100_columns(call, folder, by):
    (folder / "variant.inc").write_text(variant(), encoding="utf-8")
    result = call("compare", V3, "variant.inc", "--by", by)
    assert result.exit_code == 0, result.stderr
    assert by == "layer" or max(map(len, result.stdout.splitlines())) <= 100
    assert "-23.3 %" in result.stdout or by == "layer"


def variant():
    """Inception-v3 with a module more, one narrower, and other pools in the 17x17 modules."""
    text = "".join(line for line in process.V3.read_text(encoding="utf-8").splitlines(True) if "expect" not in line)
    block, rest = text[: text.index("# Figure 7")], text[text.index("# Figure 7") :]
    for old, new in [
        ("Mixed_5d: InceptionA(pool: 64) ", "Mixed_5d: InceptionA(pool: 64) -> Mixed_5e: InceptionA(pool: 64) "),
        ("Mixed_6c: InceptionB(width: 160)", "Mixed_6c: InceptionB(width: 128)"),
        ("avg 3x3 -> conv 1x1 @192\n", "maxpool 3x3 -> conv 1x1 @192\n"),
    ]:
        block = block.replace(old, new)
    return block + rest


def test_rows_are_marked(call, folder):
    (folder / "variant.inc").write_text(variant(), encoding="utf-8")
    document = json.loads(call("compare", V3, "variant.inc", "--by", "block", "--format", "json").stdout)
    marks = {(row["b"] or row["a"])["name"]: row["mark"] for row in document["rows"]}
    assert marks.pop("Mixed_5e") == "added"
    changed = {name for name, mark in marks.items() if mark == "changed"}
    assert changed == {"Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"}
    assert {mark for name, mark in marks.items() if name not in changed} == {"same"}
    pool = next(row for row in document["rows"] if row["a"] and row["a"]["name"] == "Mixed_6b")
    assert pool["a"]["params"] == pool["b"]["params"], "only the kind of a pool differs"


def test_a_spec_beside_itself_is_the_same(call):
    document = json.loads(call("compare", V3, V3, "--by", "op", "--format", "json").stdout)
    assert {row["mark"] for row in document["rows"]} == {"same"}
    one, other = document["compared"]
    assert one == other
    assert len(document["rows"]) > 300


def test_rows_of_three_are_not_shown(call):
    result = call("compare", "one.inc", "one.inc", "one.inc", "--by", "block")
    assert result.exit_code == 2
    assert call("compare", "one.inc", "one.inc", "one.inc").exit_code == 0


def table_rows(text):
    return [Row(name, kind) for name, kind in (word.split(":") for word in text.split())]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("a:x b:x", "a:x b:x", "a=a b=b"),
        ("a:x b:x", "b:x", "a- b=b"),
        ("b:x", "a:x b:x", "+a b=b"),
        ("a:x", "b:x", "a=b"),
        ("a:x", "b:y", "a- +b"),
        ("a:x b:y c:z", "a:x d:y c:z", "a=a b=d c=c"),
        ("a:x b:y", "d:x e:z f:y", "a=d +e b=f"),
        ("", "a:x", "+a"),
    ],
)
def test_rows_are_aligned_by_name_then_kind(left, right, expected):
    graph = Graph(Instance("net", "N", "", None))
    pairs = aligned(table_rows(left), table_rows(right), (graph, graph))
    shown = [
        f"{p.left.name}={p.right.name}" if p.left and p.right else f"{p.left.name}-" if p.left else f"+{p.right.name}"
        for p in pairs
    ]
    assert " ".join(shown) == expected
    for side, rows in (("left", table_rows(left)), ("right", table_rows(right))):
        assert [getattr(p, side).name for p in pairs if getattr(p, side)] == [row.name for row in rows]


def test_a_free_size_is_unknown(call, folder):
    text = (folder / "one.inc").read_text(encoding="utf-8")
    (folder / "free.inc").write_text(text.replace("[3, 8, 8]", "[3, H, W]"), encoding="utf-8")
    result = call("compare", "one.inc", "free.inc")
    lines = {line[:17].strip(): line[17:].split() for line in result.stdout.splitlines()}
    assert lines["GMACs (= GFLOPs)"][-1] == lines["activations"][-1] == lines["narrowest"][-1] == "?"
    one, free = json.loads(call("compare", "one.inc", "free.inc@[3, 8, 8]", "--format", "json").stdout)["compared"]
    assert {**one, "subject": ""} == {**free, "subject": ""}


def test_warnings_and_names_stay_out_of_the_document(call):
    result = call("compare", "alike.inc", "::relu -> \x1b[31mrelu@[3, 8, 8]", "--format", "json")
    assert result.exit_code == 1
    assert "\x1b" not in result.stderr
    result = call("compare", "alike.inc", "alike.inc", "--format", "json")
    assert "warning[W401]" in result.stderr
    assert json.loads(result.stdout)["version"] == 1


def test_colours_are_for_terminals(call, monkeypatch):
    plain = call("compare", "two.inc::Small", "two.inc::Large").stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = call("compare", "two.inc::Small", "two.inc::Large").stdout
    assert "\x1b" not in plain
    assert "\x1b" in coloured
    widths = [len(line) for line in plain.splitlines() if "%" in line and "Counted" not in line]
    assert all(a == b for a, b in pairwise(widths))


def test_the_table_of_the_documentation_is_the_one_that_is_shown(call):
    page = (process.ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
    line, *shown = page.partition("$ incdsl compare ")[2].partition("```")[0].splitlines()
    result = call("compare", *shlex.split(line))
    assert "\n".join(shown) in "\n".join(each.rstrip() for each in result.stdout.splitlines())


def test_mistakes_in_steps_are_shown_in_the_steps(call):
    output = call("compare", f"{V3}::relu -> InceptionA(pol: 3)@[3, 8, 8]", V3)
    assert output.exit_code == 1
    assert "<steps>:1:20" in output.stderr
    assert "1 | relu -> InceptionA(pol: 3)\n" in output.stderr


def test_standard_input_is_one_spec(call):
    output = call("compare", "-", "-", input="inc 1\n")
    assert output.exit_code == 2
    assert "standard input is one spec" in output.stderr


def test_a_size_for_several_inputs(compared, folder):
    spec = (
        "inc 1\nnet N {\n  input x [3, S, S]\n  input z [4, S, S]\n"
        "  output y = concat { | x | z } -> conv2d 3x3 @2\n}\n"
    )
    for name, size in (("eight", "8"), ("two", "2")):
        (folder / f"{name}.inc").write_text(spec.replace("S", size), encoding="utf-8")
    one, other = compared("eight.inc@[3, 2, 2]", "two.inc")
    assert one["macs"] == other["macs"] == 7 * 9 * 2 * 4
