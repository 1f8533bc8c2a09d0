"""An op with weights in a package of its own: compiled, counted, verified and certified by what it says of itself."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch.utils.flop_counter import FlopCounterMode

import incdsl
from incdsl.analysis.cost import receptive_fields
from incdsl.analysis.depth import convolutions, depth
from incdsl.analysis.kernels import kernels
from incdsl.cli import cli
from incdsl.compiler import compile_net, for_inference
from incdsl.diagnostics import CompileError
from incdsl.diagnostics.render import human
from incdsl.ops import Op, find
from incdsl.runtime.certify import certify
from incdsl.runtime.deploy import NotCertified, certified
from incdsl.runtime.verify import verify
from incdsl.source import Source
from incdsl.testing import check_net, check_shape_rule
from incdsl.testing.checks import legal_sizes
from incdsl.testing.running import Subject
from tests.modules import generated
from tests.ops.seen import farthest

PACKAGE = (Path(__file__).parent / "packages" / "acme_deconv.py").read_text(encoding="utf-8")
NET = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu
unit up = up: acme.deconv (bias: false) -> bn: batchnorm -> relu
net Mirror(width = 8) {
  input image [3, 20, 24]
  fine = image -> enter: conv 3x3 @width
  deep = fine -> maxpool 2x2/2 valid -> bottom: conv 3x3 @(2 * width)
  wide = deep -> up1: up 4x4/2 @width half
  odd = deep -> odd: acme.deconv 3x3/2 @(2 * width) half (output_padding: 1, groups: 2)
  output mask = concat { | fine | wide | odd } -> Refine -> acme.deconv 3x3 @4 -> scale 0.5
}
block Refine = concat { | a: conv 1x1 @4 | b: conv 1x1 @6 -> acme.deconv 3x3 @6 same (dilation: 2) }
"""


@pytest.fixture(autouse=True)
def acme(install):
    """The package, installed."""
    install("acme", PACKAGE)


def net(text=NET):
    return compile_net(Source("mirror.inc", text))


def chain(steps, shape="[4, 9, 9]"):
    return net(f"inc 1\nnet N {{\n  input x {shape}\n  output y = x -> {steps}\n}}\n")


def test_it_is_the_packages_own():
    op = find("acme.deconv")
    assert not op.is_own()
    assert op.__mro__[1] is Op


def test_its_shape_rule_is_pytorchs():
    check_shape_rule(find("acme.deconv"), max_examples=400)


def test_a_net_with_it_is_what_is_said_and_computed(recwarn):
    done = net()
    check_net(NET)
    assert [str(each.message) for each in recwarn] == []
    assert done.net.graph.outputs


def test_it_is_counted_as_pytorch_counts():
    done = net()
    module = generated(done.text)()
    assert done.cost.params == sum(p.numel() for p in module.parameters())
    with FlopCounterMode(display=False) as counter:
        module.eval()(torch.randn(1, 3, 20, 24))
    assert 2 * done.cost.macs == counter.get_total_flops()
    assert kernels(done.net).convolution == convolutions(done.net.graph) == 8
    assert depth(done.net.graph) == 6


@pytest.mark.parametrize(
    ("step", "seen"),
    [
        ("acme.deconv 4x4/2 @3 half", 2),
        ("acme.deconv 2x2/2 @3 valid", 1),
        ("acme.deconv 3x3/2 @3 half (output_padding: 1)", 2),
        ("acme.deconv 5x5 @3 same", 5),
        ("acme.deconv 3x3/2 @3 half -> conv2d 3x3 @2", 3),
        ("maxpool 2x2/2 valid -> acme.deconv 4x4/2 @3 half -> conv2d 3x3 @2", 6),
        ("acme.deconv 3x3 @3 (dilation: 2)", 5),
    ],
)
def test_how_far_it_sees_is_how_far_gradients_reach(step, seen):
    done = chain(step, "[2, 24, 24]")
    graph = done.net.graph
    for field in receptive_fields(graph)[graph.outputs["y"]]:
        assert field.size == seen
    assert farthest(generated(done.text)().double().eval(), 2, 24) == (seen, seen)


@pytest.mark.parametrize(
    ("step", "size"),
    [
        ("acme.deconv 4x4/2 @3 half", 18), ("acme.deconv 2x2/2 @3 valid", 18), ("acme.deconv 3x3 @3", 9),
        ("acme.deconv 3x3/2 @3 half", 17), ("acme.deconv 3x3/2 @3 pad 0 (output_padding: 1)", 20),
        ("acme.deconv 3x3 @3 same (dilation: 3)", 9),
    ],
)  # fmt: skip
def test_padding_words_mean_what_it_says(step, size):
    done = chain(step)
    assert generated(done.text)()(torch.zeros(1, 4, 9, 9)).shape == (1, 3, size, size)


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("acme.deconv 3x3/2 @3", "E306"),
        ("acme.deconv 2x2 @3 same", "E307"),
        ("acme.deconv 3x3 @3 (output_padding: 1)", "E203"),
        ("acme.deconv 3x3 @3 (groups: 2)", "E310"),
        ("acme.deconv 1x1 @3 pad 9", "E303"),
        ("gap -> flatten -> acme.deconv 1x1 @3", "E309"),
        ("acme.deconv 3x3 @3 ceil", "E205"),
    ],
)
def test_its_mistakes_have_the_languages_codes(step, code):
    with pytest.raises(CompileError) as caught:
        chain(step)
    assert [each.code for each in caught.value.diagnostics] == [code]


def test_rails_that_disagree_are_explained():
    with pytest.raises(CompileError) as caught:
        chain("concat { | upsample 2 | identity -> upsample 2 | acme.deconv 4x4/2 @3 valid }")
    (found,) = caught.value.diagnostics
    assert "2·(9 − 1) + 4 − 2·0 + 0 = 20" in human(found)
    assert "write `half` here" in human(found)


def test_legal_sizes_are_exact():
    subject = Subject(net(NET.replace("20, 24", "H, W")))
    assert str(subject.done.sizes.evaluation["H"]) == "even, >= 2"
    assert list(legal_sizes(subject, exhaustive=True, axes="H")) == []
    subject.close()


def test_every_check_of_verify_is_made_and_holds():
    names = {
        "state_dict", "parameters", "multiply-accumulates", "shapes at legal sizes", "sizes too small are refused",
        "numbers", "gradients", "torch.fx", "torch.compile", "DistributedDataParallel",
    }  # fmt: skip
    found = {check.name: check for check in verify(net(), names)}
    assert {name: check.detail for name, check in found.items() if not check.passed} == {}
    assert found["numbers"].detail.endswith("the graph's, op by op, in float64")


def test_numbers_are_really_compared(monkeypatch):
    honest = find("acme.deconv").interpret
    monkeypatch.setattr(find("acme.deconv"), "interpret", lambda self, *given: honest(self, *given) * 1.001)
    (check,) = verify(net(), ["numbers"])
    assert check.verdict == "FAIL"


def test_it_is_certified_beside_what_is_rewritten():
    done = net()
    deployed = for_inference(done)
    assert {event.rule for event in deployed.net.trace if event.applied} >= {"FoldBatchNorm", "MergeSiblingConvs"}
    found = {each.name: each for each in certify(done, deployed)}
    assert {name: each.verdict for name, each in found.items()} == {"prime field": "ok", "float64": "ok"}
    assert "certified against the training module: equal in a prime field at " in certified(done).text


def test_the_field_is_really_asked(monkeypatch):
    """A rewrite that leaves its bias out is seen by its own rule."""
    from incdsl.runtime import certify as certificates

    honest = certificates.evaluate

    def without_bias(expr, field):
        layer = honest(expr, field)
        return {**layer, "bias": layer["bias"] * 0} if without_bias.on and "bias" in layer else layer

    done = net()
    deployed = for_inference(done)
    without_bias.on = True
    monkeypatch.setattr(certificates, "evaluate", without_bias)
    layers = certificates._layers
    monkeypatch.setattr(
        certificates, "_layers", lambda field, filters: layers(field, filters) if filters else _plain(honest, field)
    )
    assert next(certify(done, deployed)).verdict == "FAIL"


def _plain(evaluate, field):
    from incdsl.ir.weight_expr import Kept

    return lambda node: evaluate(Kept(node.path), field)


# An op that does not say what it computes


@pytest.fixture
def silent(monkeypatch):
    """The op without its meaning."""
    for method in ("interpret", "on_residues"):
        monkeypatch.delattr(find("acme.deconv"), method)


def test_what_it_does_not_say_is_not_checked(silent):
    (check,) = verify(net(), ["numbers"])
    assert (check.verdict, check.detail) == ("not checked", "`deconv` does not say what it computes")
    with pytest.warns(UserWarning, match="the outputs were not compared: `deconv` does not say what it computes"):
        check_net(NET)


def test_a_certificate_says_what_it_could_not_check(silent, tmp_path):
    done = net()
    assert [each.verdict for each in certify(done, for_inference(done))] == ["not checked", "ok"]
    words = "not checked in a prime field, for `deconv` has no rule there"
    head = f"certified against the training module: in float64 to 1e-10; {words}"
    assert head in incdsl.compile(NET, inference=True)
    (tmp_path / "mirror.inc").write_text(NET, encoding="utf-8")
    command = ["deploy", str(tmp_path / "mirror.inc"), "-o", str(tmp_path)]
    run = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert run.exit_code == 0
    assert words in run.output
    assert head in (tmp_path / "mirror.py").read_text(encoding="utf-8")
    torch.save(generated(done.text)().state_dict(), tmp_path / "mirror.pt")
    with pytest.warns(UserWarning, match=words):
        incdsl.deploy(NET, tmp_path / "mirror.pt")


def test_what_is_nowhere_checked_is_not_certified(silent, monkeypatch):
    squares = " -> ".join(["mul { | identity | identity }"] * 13)
    done = chain(f"{squares} -> acme.deconv 1x1 @2")
    assert "not certified; not checked in a prime field" in certified(done).certificate


def test_a_mistake_beside_it_is_still_no_certificate(silent, monkeypatch):
    from incdsl.passes.rules import merge_sibling_convs

    honest = merge_sibling_convs.Merged
    monkeypatch.setattr(merge_sibling_convs, "Merged", lambda parts: honest(parts[::-1]))
    text = NET.replace("b: conv 1x1 @6", "b: conv 1x1 @4")
    with pytest.raises(NotCertified, match="float64"):
        certified(net(text))
