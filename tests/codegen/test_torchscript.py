"""TorchScript takes every generated module, in training and in evaluation, and computes what it computes."""

import warnings

import pytest
import torch

from incdsl.ops import REGISTRY
from incdsl.runtime.harness import noise
from incdsl.runtime.load import load_net
from tests.nets import EXAMPLES, SPECS, compiled, nets_of, spec

HEADS = """inc 1
net Body(classes = 10) {
  input x [3, 16, 16]
  v = x -> conv2d 3x3 @8
  aux h (weight: 0.3) = v -> gap -> fc: linear @classes
  aux h2 (weight: 0.3) = v -> gap -> fc: linear @classes
  output y = v -> gap -> fc: linear @classes
}
net Outer {
  input x [3, 16, 16]
  b = x -> body: Body
  output y = b -> scores: linear @2
}
net Two {
  input x [3, 16, 16]
  v = x -> conv2d 3x3 @8
  aux h (weight: 0.3) = v -> gap -> fc: linear @2
  output y = v -> gap -> fc: linear @2
  output z = v -> upsample 2 (mode: bilinear)
}
net One {
  input x [3, 16, 16]
  v = x -> conv2d 3x3 @8
  aux h (weight: 0.3) = v -> gap -> fc: linear @2
  output y = v -> gap -> fc: linear @2
}
"""
FACTORS = """block Up(f) = upsample (factor: f) -> a: conv2d 1x1 @4
block Module(f) = up: upsample (factor: f, mode: bilinear) -> a: conv2d 1x1 @4
block Twice(f) = Up(f: f) -> Module(f: f * 2)
"""


def scripted(done, **arguments):
    """Hold the scripted module to the module, in training and in evaluation."""
    inputs = noise(done, {axis: size or 16 for axis, size in done.net.conditions.nominal.items()})
    module = load_net(done)(**arguments)
    with torch.no_grad(), warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        for mode in (True, False):
            script = torch.jit.script(module.train(mode))
            found = []
            for each in (module, script):
                torch.manual_seed(0)
                found.append(each(*inputs))
            one, other = ([y] if isinstance(y, torch.Tensor) else [*y] for y in found)
            assert len(one) == len(other)
            for y, z in zip(one, other, strict=True):
                assert y is z is None or torch.allclose(y, z, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("net", ["Body", "Outer", "Two", "One"])
@pytest.mark.parametrize("aux", [True, False])
def test_nets_with_heads(net, aux):
    scripted(compiled(HEADS, net), aux=aux)


@pytest.mark.parametrize("chain", ["Up(f: 2) -> Up(f: 3)", "Module(f: 2) -> Module(f: 3)", "Twice(f: 2)", "upsample 2"])
def test_factors_that_are_parameters(chain):
    scripted(compiled(spec(chain, FACTORS)))


def test_a_factor_that_is_decided_at_compile_time_is_a_number():
    text = compiled(spec("upsample (factor: f)", params="(f = 2)")).text
    assert "F.interpolate(x, scale_factor=2.0)" in text
    assert "scale_factor=float(self.f)" in compiled(spec("Up(f: 2) -> Up(f: 3)", FACTORS)).text


@pytest.mark.parametrize("word", [word for word, op in REGISTRY.items() if op.public])
def test_every_op(word):
    op = REGISTRY[word]
    scripted(compiled(spec(op.example, shape="[8]" if op.example_rank == 1 else "[8, 16, 16]")))


@pytest.mark.parametrize("path", [EXAMPLES / "fpn.inc", EXAMPLES / "digits" / "digits.inc", SPECS / "googlenet.inc"])
def test_shipped_nets(path):
    for done in nets_of(path).values():
        scripted(done)
