"""The parameters and units of variants, and what is said where they do not fit."""

import re

import pytest

from incdsl.compiler import check_file, compile_net
from incdsl.diagnostics import CompileError
from incdsl.source import Source
from tests.elaborate.test_changes import PLAIN, described, shipped
from tests.elaborate.test_variants import BASE, variant
from tests.process import ROOT


def test_a_change_may_drop_the_last_use_of_a_parameter_of_the_net(generated):
    (done,) = check_file(shipped("v4", "last_linear: linear @10"), root=ROOT)
    assert done.net.params == {}
    assert generated(done.text)().last_linear.out_features == 10
    text = shipped("v4", "last_linear: linear @10").text.replace("InceptionV4 with", "InceptionV4(classes: 10) with")
    assert described(Source("x.inc", text)) == []


def test_a_parameter_that_heads_still_use_stays():
    assert list(variant("net V = Base with { fc: linear @4 }").net.params) == ["classes", "width", "keep"]
    assert list(variant("net V = Base with { fc: linear @4  without Early }").net.params) == ["width", "keep"]
    assert list(variant("net V = Base with { dropout: relu  a: Mixed(width: 4) }").net.params) == ["classes"]


def test_own_parameters_reach_changes_of_the_net(generated):
    done = variant("net V(q = 6, p = 0.25) = Base(width: 3) with { fc: linear @q  dropout: dropout (p: p) }")
    assert done.net.fixed == frozenset()
    net = generated(done.text)(q=9, p=0.5)
    assert net.fc.out_features == 9
    assert net.dropout.p == 0.5
    head = variant("net V(q = 6) = Base with { Early: gap -> linear @q -> relu -> linear @classes }")
    assert generated(head.text)(q=5).Early.linear_1.out_features == 5


def test_own_parameters_are_decided_inside_blocks(generated):
    done = variant("net V(q = 6, act = leakyrelu(slope: 0.2)) = Base with { a.wide: conv 3x3 @q -> act }")
    assert done.net.fixed == {"q", "act"}
    net = generated(done.text)()
    assert net.a.wide.conv.out_channels == 6
    assert "0.2" in done.text
    assert generated(variant("net V(q = 3) = Base with { a.wide: conv 3x3 @4 times q }").text)().a.wide[2]


def test_a_parameter_that_is_handed_on_is_the_same(generated):
    done = variant("net V(width = 6) = Base(width: width) with { a.wide: conv 3x3 @width }")
    assert generated(done.text)(width=9).a.wide.conv.out_channels == 9
    done = variant(
        "net A(width = 6) = Base(width: width)\nnet V(width = 5) = A(width: width) with { fc: linear @width }"
    )
    assert generated(done.text)(width=9).fc.out_features == 9
    (done,) = check_file(
        Source(
            "x.inc",
            'inc 1\nfrom "specs/v3.inc" use InceptionV3\n'
            "net X(classes = 10) = InceptionV3(classes: classes) with { AuxLogits.fc: linear @classes }\n",
        )
    )
    assert generated(done.text)(classes=7).AuxLogits.fc.out_features == 7


@pytest.mark.parametrize(
    "line",
    [
        "net V(w = 6, width = 2) = Base(width: w) with { a.wide: conv 3x3 @width }",
        "net V(width = 6) = Base(width: width) with { b.wide: conv 3x3 @width }",
        "net V(width = 6) = Base(width: width + 1) with { fc: linear @width }",
        "net V(y = 6) = Base(width: y) with { fc: linear @y }",
    ],
)
def test_a_name_that_means_two_things_is_refused(line):
    (text,) = described(Source("x.inc", PLAIN + line), "V")
    name, path = re.search("@(.*) }", line)[1], re.search("{ (.*):", line)[1]
    assert text.startswith(f"E206 `{name}` is a parameter of `V`, and means something else where `{path}` stands")


def test_in_is_what_flows_into_what_is_replaced(generated):
    net = generated(variant("net V = Base with { fc: linear @(in * 2) -> linear @(in + 1) }").text)()
    assert (net.fc_1.out_features, net.fc_2.out_features) == (24, 13)
    net = generated(variant("net V = Base with { a.deep_1: conv 1x1 @in }").text)()
    assert net.a.deep_1.conv.out_channels == 3
    net = generated(variant("net V = Base with { b.branch_pool: in -> conv 1x1 @(in // 6) }").text)()
    assert net.b.branch_pool.conv.out_channels == 4


@pytest.mark.parametrize("lines", ["net V(q = 1) = Base with { fc: linear @4 }", "net V(q = 1) = Base"])
def test_an_own_parameter_that_nothing_uses(lines):
    assert [text[:4] for text in described(Source("x.inc", PLAIN + lines), "V")] == ["E208"]


def test_units_have_no_parameters():
    line = "net V(q = 3) = Base with { unit conv = conv2d (bias: false) -> dropout (p: q) }"
    assert [text[:4] for text in described(Source("x.inc", PLAIN + line), "V")] == ["E201"]


# Units, and what else is told


def test_units_of_every_file_of_the_line_are_redefined(tmp_path):
    files = {
        "base.inc": BASE.replace("  expect params = 4_104\n", ""),
        "x.inc": 'inc 1\nfrom "base.inc" use Base\nunit own = conv2d -> batchnorm\nunit conv = conv2d -> tanh\n'
        "net X = Base with { b: own 3x3 @12 -> conv 1x1 @12 }\n",
        "z.inc": 'inc 1\nfrom "x.inc" use X\n'
        "net Z = X with { unit own = conv2d -> prelu  unit conv = c: conv2d -> gelu }\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = compile_net(Source(str(tmp_path / "z.inc"), files["z.inc"]), root=tmp_path)
    words = {node.op.word for node in done.net.graph}
    assert {"prelu", "gelu"} <= words
    assert not {"tanh", "batchnorm", "relu"} & words


def test_units_and_paths_are_different_things():
    text = PLAIN.replace("fc: linear @classes", "avg: linear @classes")
    assert described(Source("x.inc", text + "net V = Base with { unit avg = avgpool  avg: linear @3 }"), "V") == []
    lines = "net V = Base with { unit avg = avgpool  unit avg = maxpool  Early: relu  without Early }"
    assert [t[:4] for t in described(Source("x.inc", PLAIN + lines), "V")][:2] == ["E206", "E206"]


@pytest.mark.parametrize("unit", ["maxpool", "linear", "relu"])
def test_a_unit_that_does_not_fit_is_told_with_its_line(unit):
    with pytest.raises(CompileError) as caught:
        compile_net(Source("x.inc", f"{PLAIN}net V = Base with {{ unit conv = {unit} }}"), "V")
    line = PLAIN.count("\n") + 1
    assert {d.note for d in caught.value.diagnostics} == {f"`conv` is redefined at x.inc:{line}:26"}


def test_a_mistake_elsewhere_does_not_make_changes_unknown():
    wrong = PLAIN.replace("a: Mixed(width: width)", "a: Mixed(widt: width)")
    lines = "net V = Base with { tail.0.wide: conv 3x3 @4  fc: linear @3 }"
    assert [t[:4] for t in described(Source("x.inc", wrong + lines), "V")] == ["E211"]
    lines = "net V = Base with { a.wide: conv 3x3/2 @4 valid  tail.0.wide: conv 3x3 @4  tail.1.wid: relu }"
    assert sorted(t[:4] for t in described(Source("x.inc", PLAIN + lines), "V")) == ["E220", "E301"]


def test_a_net_that_varies_itself():
    (text,) = described(Source("x.inc", PLAIN + "net V = V with { fc: linear @3 }"), "V")
    assert text.startswith("E210 `V` varies itself: V > V|")
    assert "times" not in text


def test_redefined_units_do_not_lend_their_words():
    """What a path means is what the net that is varied has there."""
    assert described(Source("x.inc", PLAIN + "net V = Base with { unit avg = maxpool  b.maxpool: relu }"), "V") != []


def test_a_changed_net_computes_what_it_says(generated):
    import torch

    done = variant("net V = Base with { b.wide: conv 1x1 @4  tail.1: identity }")
    net = generated(done.text)().eval()
    assert net(torch.zeros(1, 3, 16, 16)).shape == (1, 10)


def test_parameters_that_a_variant_keeps_are_its_own():
    base = "inc 1\nnet B(classes = 4) {\n  input x [3, 16, 16]\n  output o = x -> gap -> fc: linear @classes\n}\n"
    inner = "net V(hidden = 20) = B with { fc: linear @hidden -> linear @classes }\n"
    outer = "net W = V with { fc: linear @hidden -> relu -> linear @classes }\n"
    text = compile_net(Source("kept", base + inner + outer), "W").text
    assert "def __init__(self, hidden: int = 20, classes: int = 4) -> None:" in text
    assert "self.fc_1 = nn.Linear(3, hidden)" in text
