"""`net X = Y(…) with { … }`: a variant states its difference, and everything else stays."""

import re

import pytest

from incdsl.compiler import check_file, compile_net, read
from incdsl.diagnostics import CompileError
from incdsl.source import Source
from tests import nets
from tests.process import ROOT

BASE = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm (eps: 1e-3) -> relu
unit avg = avgpool (count_include_pad: true)
block Mixed(width) = concat {
  | wide: conv 3x3 @width
  | deep: conv 1x1 @4 -> conv 5x5 @width as 3x3, 3x3
  | branch_pool: avg 3x3 -> conv 1x1 @width
}
net Base(classes = 10, width = 8, keep = 0.5) {
  input x [3, 16, 16]
  y = x -> a: Mixed(width: width) -> b: Mixed(width: 4) -> tail: Mixed(width: 4) times 2 : [12, 16, 16]
  aux Early (weight: 0.3) = y -> gap -> fc: linear @classes
  output logits = y -> gap -> dropout (p: keep) -> fc: linear @classes
  expect params = 4_104
}
"""


def spec(lines):
    """The base net and some variants."""
    return Source("spec.inc", f"{BASE}{lines}\n")


def variant(lines, name="V"):
    """The compilation of one net of them."""
    return compile_net(spec(lines), name)


def codes(lines):
    """The codes of what is wrong with them."""
    return nets.codes(spec(lines))


def body(text):
    """A generated module without what names the net."""
    return re.sub(r"\b(Base|V)(Outputs)?\b", "NET", text.split('"""', 2)[2])


def test_the_base_is_right():
    assert codes("") == []


def test_a_variant_without_changes_is_the_net():
    assert body(variant("net V = Base").text) == body(variant("", "Base").text)
    assert body(variant("net V = Base with { }").text) == body(variant("", "Base").text)


def test_parameters_that_are_given_no_value_stay_parameters(generated):
    import torch

    done = variant("net V = Base(classes: 7)")
    net = generated(done.text)(width=5, keep=0.1)
    assert net(torch.zeros(2, 3, 16, 16))[0].shape == (2, 7)
    assert "classes" not in done.net.params


def test_parameters_are_handed_on(generated):
    import torch

    done = variant("net V(labels = 3, part = 2) = Base(classes: labels + 1, width: part * 2)")
    assert list(done.net.params) == ["labels", "part", "keep"]
    net = generated(done.text)(labels=8, part=3)
    assert net.eval()(torch.zeros(2, 3, 16, 16)).shape == (2, 9)
    assert net.a.wide.conv.out_channels == 6
    assert compile_net(spec("net V(labels = 3) = Base(classes: labels + 1)"), "V", {"labels": 5}).cost.params > 0


def test_a_rail_is_replaced_and_keeps_its_name(generated):
    import torch

    done = variant("net V = Base with { b.branch_pool: maxpool 3x3 -> conv 1x1 @4 }")
    base, changed = generated(variant("", "Base").text)(), generated(done.text)()
    assert list(base.state_dict()) == list(changed.state_dict())
    changed.load_state_dict(base.state_dict(), strict=True)
    assert "class Mixed_2(nn.Module)" in done.text
    x = torch.randn(2, 3, 16, 16)
    assert not torch.equal(base.eval()(x), changed.eval()(x))
    assert torch.equal(base.a(x), changed.a(x))


def test_a_step_is_replaced_and_keeps_its_name(generated):
    done = variant("net V = Base with { a.deep_1: conv 3x3 @6  a.wide: conv 1x1 @8 -> conv 3x3 @8 }")
    net = generated(done.text)()
    assert net.a.deep_1.conv.kernel_size == (3, 3)
    assert net.a.deep_1.conv.out_channels == net.a.deep_2.conv.in_channels == 6
    assert [name for name, _ in net.a.named_children()][:2] == ["wide_1", "wide_2"]


def test_a_whole_block_is_replaced(generated):
    done = variant("block Plain = conv 3x3 @12\nnet V = Base with { b: Plain }")
    assert list(dict(generated(done.text)().b.named_children())) == ["conv"]


def test_one_of_a_repetition_is_replaced(generated):
    done = variant("net V = Base with { tail.1.branch_pool: conv 1x1 @4  }")
    net = generated(done.text)()
    assert type(net.tail[0]).__name__ == "Mixed"
    assert type(net.tail[1]).__name__ == "Mixed_2"
    done = variant("net V = Base with { tail.0: conv 1x1 @12 }")
    assert type(generated(done.text)().tail[0]).__name__ == "Conv"


def test_expressions_of_a_replacement_are_those_of_the_place(generated):
    done = variant("net V = Base with { a.wide: conv 3x3 @(2 * width) -> conv 1x1 @(width + in) }")
    assert generated(done.text)(width=10).a.wide_2.conv.out_channels == 13


def test_a_unit_is_redefined_everywhere():
    text = variant("net V = Base with { unit avg = avgpool (count_include_pad: false) }").text
    assert "count_include_pad=False" in text
    assert "count_include_pad=True" not in text
    text = variant("net V = Base with { unit conv = conv: conv2d -> act: prelu }").text
    assert "BatchNorm2d" not in text


def test_a_head_is_left_out_or_replaced(generated):
    done = variant("net V = Base with { without Early }")
    assert not done.net.graph.heads
    done = variant("net V = Base with { Early.fc: conv2d 1x1 @16 -> flatten -> linear @classes }")
    assert next(key for key in generated(done.text)().state_dict() if key.startswith("Early")) == "Early.fc_1.weight"


def test_variants_of_variants_have_the_last_word(generated):
    lines = """net W = Base(classes: 5) with { unit avg = avgpool (count_include_pad: false)  a.wide: conv 1x1 @8 }
net V(w = 4) = W(width: w) with { a.wide: conv 5x5 @width  unit avg = maxpool }"""
    net = generated(variant(lines).text)()
    assert net.a.wide.conv.kernel_size == (5, 5)
    assert net.fc.out_features == 5
    assert "max_pool2d" in variant(lines).text


def test_facts_are_the_variants_own():
    assert codes("net V = Base(classes: 5)") == []
    assert codes("net V = Base(classes: 5) with { expect params = 3 }") == ["E305"]
    assert codes("net V(n = 5) = Base(classes: n) with { expect macs = n }") == ["E305"]


def test_shapes_of_the_base_still_hold():
    assert codes("net V = Base with { tail.1: conv 3x3 @9 }") == ["E304"]


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("net V = V", "E210"),
        ("net V = W\nnet W = V", "E210"),
        ("net V = Missing", "E221"),
        ("net V = Mixed", "E221"),
        ("net V = Base(clases: 3)", "E211"),
        ("net V = Base(3)", "E211"),
        ("net V = Base(classes: 3, classes: 4)", "E211"),
        ("net V(classes = 3) = Base", "E206"),
        ("net V(n = 3) = Base", "E208"),
        ("net V = Base with { a.wid: conv 3x3 @8 }", "E220"),
        ("net V = Base with { a.deep_3: conv 3x3 @8 }", "E220"),
        ("net V = Base with { a.wide.conv: conv2d 3x3 @8  c: relu }", "E220"),
        ("net V = Base with { unit pool = avgpool }", "E220"),
        ("net V = Base with { unit Mixed = relu }", "E220"),
        ("net V = Base with { without Late }", "E220"),
        ("net V = Base with { without Early  without Early }", "E206"),
        ("net V = Base with { a.wide: relu  a.wide: relu }", "E206"),
        ("net V = Base with { a.wide: nothing }", "E201"),
        ("net V = Base with { a.wide: conv 3x3/2 @8 valid }", "E301"),
        ("net V = Base with { unit conv = conv 1x1 @2 }", "E209"),
        ("net V = Base with { output y = relu }", "E220"),
    ],
)
def test_what_is_wrong_with_a_variant(lines, code):
    assert code in codes(lines)


def test_one_mistake_gives_one_message():
    assert codes("net V = Base with { a.wid: conv 3x3 @8 }") == ["E220"]
    assert codes("net V = Missing") == ["E221"]


def test_settings_reach_a_variant():
    source = spec("net V(n = 5) = Base(classes: n)")
    assert [each.net.name for each in check_file(source, {"n": 4})] == ["Base", "V"]
    with pytest.raises(CompileError):
        compile_net(source, "V", {"classes": 4})


def test_the_network_of_the_inception_distance(generated):
    """What differs from v3.inc: 1008 classes, pools that do not count their padding, a last pool of maxima."""
    done = compile_net(read(ROOT / "specs" / "v3_fid.inc"))
    base = compile_net(read(ROOT / "specs" / "v3.inc"))
    net, plain = generated(done.text)(), generated(base.text)(classes=1008, aux=False)
    net.load_state_dict(plain.state_dict(), strict=True)
    pools = [n.op for n in done.net.graph if n.op.word in ("avgpool", "maxpool")]
    assert [type(p).__name__ for p in pools].count("MaxPool2d") == 5
    assert {p.count_include_pad for p in pools if p.word == "avgpool"} == {False}
    assert net.fc.out_features == 1008


def test_a_change_may_drop_the_last_use_of_a_parameter():
    """The block stands in a file that the author of the variant may not be able to edit."""
    text = """inc 1
    net Base {
      input x [3, 8, 8]
      output y = x -> one: Two(pool: 4) -> two: Two(pool: 5)
    }
    block Two(pool) = concat { | a: conv2d 1x1 @4 | b: conv2d 1x1 @pool }
    net Other = Base with { one.b: maxpool 3x3 }
    """
    done = compile_net(Source("dropped.inc", text), "Other")
    assert done.cost.params == 88


def test_a_name_of_the_varied_file_is_to_be_imported():
    text = 'inc 1\nfrom "specs/v3.inc" use InceptionV3\n'
    text += "net V = InceptionV3 with { Mixed_7c.branch_pool: maxpool 3x3 -> conv 1x1 @192 }\n"
    (problem,) = nets.problems(text)
    assert problem.help() == "`conv` is defined beside `InceptionV3`; import it as well: `use InceptionV3, conv`"
    assert not nets.codes(text.replace("use InceptionV3\n", "use InceptionV3, conv\n"))
