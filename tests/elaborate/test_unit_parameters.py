"""Parameters of units: beside the settings that a use says to the op inside."""

import pytest
import torch

import incdsl
from incdsl.syntax import tree
from tests.nets import codes, compiled, keys, problems, spec

CONV = "unit conv(act = relu) = conv: conv2d (bias: false) -> bn: batchnorm -> act\n"
WIDE = """unit wide(more, kind = plain | tall) =
  conv2d (bias: false) -> conv2d 1x1 @(more + in) -> relu if kind == tall
"""
GROUPED = "unit grouped(g = 2) = a: conv2d (groups: g) -> b: batchnorm\n"


@pytest.mark.parametrize(
    ("use", "code"),
    [
        ("conv 3x3 @4", "F.relu("),
        ("conv 3x3 @4 (act: silu)", "F.silu("),
        ("conv 3x3 @4 (bias: true, act: tanh)", "torch.tanh("),
        ("conv 3x3 @4 (act: leakyrelu(slope: 0.2))", "F.leaky_relu("),
        ("conv 5x5 @4 (act: silu) as 3x3, 3x3", "F.silu("),
        ("B(norm: conv(act: silu))", "F.silu("),
        ("B(norm: conv)", "F.relu("),
    ],
)
def test_a_unit_takes_its_own_parameters_and_settings_of_its_op(use, code):
    assert code in compiled(spec(use, CONV + "block B(norm) = norm 3x3 @4 -> norm 1x1 @4\n")).text


def test_classes_differ_by_what_they_are_given():
    text = compiled(spec("conv 3x3 @4 -> conv 3x3 @4 (act: silu) -> conv 1x1 @4", CONV)).text
    assert text.count("class Conv") == 2
    assert text.count("= Conv(") == 2


def test_numbers_are_arguments_of_the_class():
    text = compiled(spec("grouped 3x3 @4 -> grouped 3x3 @8 (g: 4)", GROUPED)).text
    assert text.count("class Grouped") == 1
    assert "groups=g" in text


def test_a_number_may_follow_what_flows_in_and_words_choose():
    done = compiled(spec("wide 3x3 @4 (more: 3) -> wide 3x3 @2 (more: 1, kind: tall)", WIDE))
    assert [int(shape.channels) for shape in done.net.graph.shapes().values()] == [8, 4, 11, 2, 12, 12]


def test_the_module_computes_what_it_says():
    path = spec("conv 3x3 @4 (act: silu) -> grouped 3x3 @4 (g: 4) -> wide 3x3 @4 (more: 3)", CONV + GROUPED + WIDE)
    net = incdsl.load(path).N().eval()
    assert net(torch.zeros(1, 8, 16, 16)).shape == (1, 7, 16, 16)
    assert list(net.state_dict()) == keys(compiled(path))


@pytest.mark.parametrize(
    ("chain", "units", "message"),
    [
        ("conv 3x3 @4 (act: rulu)", CONV, "nothing is called `rulu`"),
        ("conv 3x3 @4 (activation: relu)", CONV, "`conv` has no setting `activation`"),
        ("wide 3x3 @4", WIDE, "`wide` needs `more`"),
        ("wide 3x3 @4 (more: 1, more: 2)", WIDE, "`more` is given twice"),
        ("wide 3x3 @4 (more: 1, kind: low)", WIDE, "`kind` of `wide` is one of `plain`, `tall`"),
        ("u 3x3 @4", "unit u(groups = 2) = conv2d (groups: groups)\n", "`groups` is a setting of `conv2d`"),
        (
            "u 3x3 @4",
            "unit u(kernel_size = 2) = conv2d (groups: kernel_size)\n",
            "`kernel_size` is a setting of `conv2d`",
        ),
        (
            "u 3x3 @4",
            "unit u(in_channels = 2) = conv2d (groups: in_channels)\n",
            "`in_channels` is a setting of `conv2d`",
        ),
        ("u 3x3 @4", "unit u(act = relu) = conv2d -> relu\n", "parameter `act` is never used"),
        ("u 3x3 @4", "unit u(a = 1, a = 2) = conv2d (groups: a)\n", "`a` is a parameter already"),
    ],
)
def test_what_does_not_fit_is_told(chain, units, message):
    assert message in [problem.message() for problem in problems(spec(chain, units))]


def test_a_variant_redefines_a_unit_with_parameters():
    base = spec("conv 3x3 @4 (act: silu)", CONV)
    done = compiled(base + "net V = N with { unit conv(act = tanh) = conv2d -> act }\n", "V")
    assert [node.op.word for node in done.net.graph if node.op.word] == ["conv2d", "silu"]
    assert codes(base + "net V = N with { unit conv = conv2d -> relu }\n")


def test_a_unit_with_parameters_that_nobody_uses_is_looked_at():
    text = spec("relu", "unit u(act = relu) = conv2d -> rulu -> act\n")
    assert "nothing is called `rulu`" in [problem.message() for problem in problems(text)]


@pytest.mark.parametrize(
    ("default", "wrong"),
    [
        ("rellu", "rellu"),
        ("lekyrelu(slope: 0.1)", "lekyrelu"),
        ("leakyrelu(slope: slop)", "slop"),
        ("w + wide", "wide"),
        ("[w, make_divisible(wide, 2)]", "wide"),
        ("relu if wide == 2 else tanh", "wide"),
        ("relu if w == 2 else tanhh", "tanhh"),
    ],
)
@pytest.mark.parametrize("body", ["block u(w, p = {}) = conv2d 1x1 @w -> p", "unit u(w, p = {}) = conv2d 1x1 @w -> p"])
def test_a_default_is_looked_at_though_every_use_says_something_else(default, wrong, body):
    (found,) = problems(spec("a: u(w: 3, p: relu) -> b: u(w: 4, p: tanh)", body.format(default) + "\n"))
    assert found.span.text == wrong


@pytest.mark.parametrize("default", ["silu", "leakyrelu(slope: 0.1 * w)", "silu if w == 3 else gelu"])
def test_what_it_means_is_known(default):
    text = spec("a: u(w: 3, p: relu)", f"block u(w, p = {default}) = conv2d 1x1 @w -> p\n")
    analysis = incdsl.analyze(text)
    assert not analysis.problems
    words = {name.text if isinstance(name, tree.Name) else name.name for name in analysis.references}
    assert {"silu", "leakyrelu", "gelu"} & words == {word for word in ("silu", "leakyrelu", "gelu") if word in default}
