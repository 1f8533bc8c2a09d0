"""Certificates: every kind of weight expression is right in the field, and mistakes that floats could hide are seen."""

import pytest
import torch

from incdsl.compiler import compile_net, for_inference, read
from incdsl.ir import weight_expr
from incdsl.ir.weight_expr import (
    Channels,
    Composed,
    Enlarged,
    Folded,
    IdentityOf,
    Kept,
    Merged,
    Normalized,
    Prenormed,
    Scaled,
    Summed,
    Transposed,
    Unscaled,
    Unshifted,
)
from incdsl.runtime import certify as certificates
from incdsl.runtime.certify import certify
from incdsl.runtime.field import PRIME, Field
from incdsl.runtime.weights import Reals, evaluate
from incdsl.source import Source
from tests.nets import EXAMPLES, SPECS, net_of, nets_of

HEAD = (
    "inc 1\nunit conv = conv: conv2d (bias: false) -> bn: batchnorm (eps: 1e-3) -> relu\n"
    "unit cb = conv: conv2d -> bn: batchnorm\n"
)
FILES = sorted([*SPECS.glob("*.inc"), *EXAMPLES.glob("*.inc")])
LARGE = {"inception_resnet_v1", "inception_resnet_v2", "v4", "xception", "densenet", "unet"}


def spec(chain, shape="[4, 12, 12]"):
    return Source("spec.inc", f"{HEAD}net N {{\n  input x {shape}\n  output y = x -> {chain}\n}}\n")


def evidence(source):
    return evidence_of(compile_net(source))


def evidence_of(done):
    return {each.name: each for each in certify(done, for_inference(done))}


CHAINS = {
    "a fold": "conv 3x3 @8 -> conv 1x1 @4",
    "a merge": "concat { | conv 1x1 @4 | conv 1x1 @3 -> conv 3x3 @4 | conv 1x1 @2 }",
    "a counted pool": "concat { | conv 1x1 @4 | avgpool 3x3 -> conv 1x1 @2 }",
    "a pool that does not count": "concat { | conv 1x1 @4 | avgpool 3x3 (count_include_pad: false) -> conv 1x1 @2 }",
    "a scale": "add { | identity | conv2d 3x3 @4 -> scale 0.17 }",
    "a composition": "conv2d 1x1 @6 (bias: false) -> conv2d 3x3 @4",
    "what is transposed": (
        "convtranspose2d 4x4/2 @6 half -> batchnorm -> relu -> convtranspose2d 3x3 @4 (groups: 2) -> batchnorm"
    ),
    "a long sum": "conv2d 1x1 @4200 -> relu -> conv2d 3x3 @2 -> convtranspose2d 1x1 @4200 -> convtranspose2d 3x3 @2",
    "a normalization": "normalize (scale: [1.5, 2, 3, 0.5], shift: [0.5, 1, -2, 0.25]) -> conv2d 3x3 @4 valid",
    "a sum": ("add { | identity | batchnorm | conv 3x3 @4 | cb 3x3 @4 | conv2d 1x1 @4 | conv2d 3x1 @4 } -> batchnorm"),
    "a sum in groups": "add { | batchnorm | conv2d 1x1 @4 (groups: 2) | conv2d 3x3 @4 (groups: 2, bias: false) }",
    "a norm of a concat": "concat { | conv2d 1x1 @4 | cb 3x3 @3 | convtranspose2d 3x3 @2 same } -> batchnorm",
    "a norm in front": "batchnorm -> add { | conv2d 1x1 @6 (groups: 2) | conv2d 1x1 @6 -> relu }",
    "a normalization without a shift": "normalize (scale: [1.5, 2, 3, 0.5], shift: [0, 0, 0, 0]) -> conv2d 3x3 @4",
    "a ceil pool": "concat { | maxpool 3x3/2 valid ceil | avgpool 3x3/2 valid ceil -> conv 1x1 @2 }",
    "what is not linear": "conv 3x3 @8 -> gelu -> groupnorm 2 -> prelu -> softmax -> lrn 3 -> upsample 2 -> layernorm",
}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_chains_are_certified(chain):
    found = evidence(spec(chain))
    assert all(each.passed for each in found.values()), found
    assert found["prime field"].words


@pytest.mark.parametrize("path", [p for p in FILES if p.stem not in LARGE], ids=lambda p: p.stem)
def test_shipped_nets_are_certified(path, monkeypatch):
    monkeypatch.setattr(certificates, "_STEPS", (0, 9))
    for done in nets_of(path).values():
        found = evidence_of(done)
        assert all(each.passed and each.words for each in found.values()), found


PORTS = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu
net Two {
  input image [3, 24, 24]
  c3, c4 = image -> body: Body(width: 4)
  d3, d4 = (c3, c4) -> exchange: Exchange(width: 6) -> again: Exchange(width: 4)
  _, last = (d3, c4) -> third: Exchange(width: 2)
  output fine = d3 -> dropout 0.5 -> conv2d 1x1 @2
  output coarse = add { | d4 -> conv 1x1 @2 | last }
}
net Body(width = 8) {
  input image [3, 24, 24]
  output c3 = image -> a: conv 3x3/2 @width half
  aux early (weight: 0.3) = c3 -> gap -> fc: linear @3
  output c4 = c3 -> b: conv 3x3/2 @(2 * width) half
}
block Exchange(width) {
  input fine, coarse
  output up = add { | fine -> a: conv 3x3 @width | coarse -> b: conv2d 1x1 @width (bias: false) -> upsample 2 } -> relu
  output down = add { | fine -> c: conv2d 3x3/2 @width half -> batchnorm | coarse -> d: conv 1x1 @width } -> scale 0.5
}
"""


def test_blocks_of_several_ports_and_nets_as_steps_are_certified():
    """The head of the net inside is gone, and what each port hands over is what it was."""
    done = compile_net(Source("ports.inc", PORTS), "Two")
    found = evidence_of(done)
    assert all(each.passed and each.words for each in found.values()), found
    deployed = for_inference(done)
    assert {event.rule for event in deployed.net.trace if event.applied} >= {"DropHeads", "FoldBatchNorm"}
    assert [head.name for head in done.net.graph.heads] == ["body_early"]
    assert deployed.text.count("BatchNorm2d") == 0


def test_a_narrow_unet_is_certified():
    found = evidence_of(net_of(EXAMPLES / "unet.inc", width=4))
    assert all(each.passed and each.words for each in found.values()), found


@pytest.mark.long
@pytest.mark.parametrize("path", [p for p in FILES if p.stem in LARGE], ids=lambda p: p.stem)
def test_large_nets_are_certified(path):
    assert all(each.passed and each.words for each in evidence(read(path)).values())


def layers():
    generator = torch.Generator().manual_seed(0)
    state = {
        "a.weight": torch.randn(6, 4, 1, 1, generator=generator), "a.bias": torch.randn(6, generator=generator),
        "b.weight": torch.randn(5, 6, 3, 3, generator=generator), "b.bias": torch.randn(5, generator=generator),
        "c.weight": torch.randn(6, 2, 1, 1, generator=generator),
        "n.weight": torch.randn(6, generator=generator), "n.bias": torch.randn(6, generator=generator),
        "n.running_mean": torch.randn(6, generator=generator), "n.running_var": torch.rand(6, generator=generator),
    }  # fmt: skip
    return state, {p: {k.split(".")[1]: tuple(t.shape) for k, t in state.items() if k[0] == p} for p in "abcn"}


@pytest.mark.parametrize(
    "expr",
    [
        Kept("a"), Folded(Kept("a"), Kept("n"), 1e-3), Merged((Kept("a"), Kept("a"))), Scaled(Kept("a"), 0.3),
        Normalized(Kept("a"), (1.0, 2.0, 3.0, 4.0), (0.5, 0.0, 1.0, 2.0)), Enlarged(Kept("a"), (3, 3)),
        Summed((Kept("a"), Kept("a"))), Folded(Kept("a"), Channels(Kept("n"), 0, None), 1e-3),
        Folded(Kept("a"), Unshifted(Unscaled(Kept("n"))), 1e-3),
        Enlarged(Folded(IdentityOf(Kept("c")), Kept("n"), 1e-3), (3, 3)),
        Prenormed(Kept("b"), Kept("n"), 1e-3), Prenormed(Kept("c"), Kept("n"), 1e-3, 3),
        Composed(Folded(Kept("a"), Kept("n"), 1e-3), Kept("b")), Transposed(Kept("b"), 1),
        weight_expr.WeightOf(Kept("a")), weight_expr.BiasOf(Kept("b")),
    ],
    ids=lambda e: type(e).__name__,
)  # fmt: skip
def test_every_expression_has_one_shape_in_both_algebras(expr):
    state, shapes = layers()
    real, residues = evaluate(expr, Reals(state)), evaluate(expr, Field(shapes, 0))
    assert {k: t.shape for k, t in real.items()} == {k: t.shape for k, t in residues.items()}
    assert all(bool(((t >= 0) & (t < PRIME) & (t == t.floor())).all()) for t in residues.values())


def test_every_kind_of_expression_is_evaluated():
    kinds = {k for k in vars(weight_expr).values() if isinstance(k, type) and k.__module__ == weight_expr.__name__}
    tried = {
        Kept,
        Folded,
        Channels,
        Unscaled,
        Unshifted,
        Merged,
        Scaled,
        Normalized,
        Prenormed,
        Enlarged,
        Summed,
        IdentityOf,
        Composed,
        Transposed,
        weight_expr.WeightOf,
        weight_expr.BiasOf,
    }
    assert kinds == tried


def test_a_wrong_epsilon_is_seen_in_floats(monkeypatch):
    """In the field any epsilon is as good as another; the emitted file is where it counts."""
    from incdsl.passes.rules import fold_batch_norm

    monkeypatch.setattr(fold_batch_norm, "Folded", lambda inner, norm, eps: Folded(inner, norm, 2 * eps))
    assert not evidence(spec("conv 3x3 @8"))["float64"].passed


def test_a_wrong_key_is_seen(monkeypatch):
    from incdsl.passes.rules import merge_sibling_convs

    monkeypatch.setattr(merge_sibling_convs, "Merged", lambda parts: Merged(parts[::-1]))
    found = evidence(spec("concat { | conv 1x1 @4 | conv 1x1 @4 }"))
    assert not found["prime field"].passed
    assert not found["float64"].passed
