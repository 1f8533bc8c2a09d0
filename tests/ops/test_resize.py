"""`resize` takes the size of another value, and nothing else of it."""

import pytest
import torch
from torch.nn import functional as F

from incdsl.analysis.cost import receptive_fields
from incdsl.analysis.kernels import kernels
from incdsl.compiler import for_inference
from incdsl.runtime.certify import certify
from incdsl.runtime.harness import randomized
from incdsl.runtime.load import load_net
from incdsl.runtime.verify import verify
from tests.modules import assert_same, generated, noise
from tests.nets import codes, compiled, predicted, problems, spec

CHECKS = ("state_dict", "numbers", "gradients", "torch.fx", "torch.export", "DistributedDataParallel")
HOW = ["", ", mode: bilinear", ", mode: bilinear, align_corners: true"]
DECODER = """inc 1
block Pooled(width) = concat {{
  | conv2d 1x1 @width
  | gap -> conv2d 1x1 @width -> resize (like: in{how})
}}
unit up = resize ({unit})
net N {{
  input x [3, 33, 31]
  a = x -> conv1: conv2d 3x3/2 @4 half
  b = a -> conv2: conv2d 3x3/2 @4 half -> pooled: Pooled(width: 2)
  output y = add {{ | a | b -> up (like: a) }}
}}
"""


def net(how=""):
    return DECODER.format(how=how, unit=how.removeprefix(", "))


@pytest.mark.parametrize("how", HOW)
def test_a_decoder_fits_its_encoder_at_every_size(how):
    done = compiled(net(how))
    assert all(done.sizes.evaluation[axis].least == 1 for axis in "HW")
    module = randomized(generated(done.text)().double().eval())
    options = {} if not how else {"mode": "bilinear", "align_corners": "true" in how}
    for height, width in ((33, 31), (1, 1), (2, 5), (12, 7)):
        x = noise(2, 3, height, width)
        a = module.conv1(x)
        b = module.conv2(a)
        pooled = F.interpolate(module.pooled.branch_b(b.mean((2, 3), keepdim=True)), size=b.shape[2:], **options)
        b = torch.cat([module.pooled.branch_a(b), pooled], 1)
        y = module(x)
        assert_same(y, a + F.interpolate(b, size=a.shape[2:], **options))
        assert tuple(y.shape[1:]) == predicted(done, {"H": height, "W": width})


@pytest.mark.parametrize("how", HOW)
def test_it_holds_up_in_every_check(how):
    done = compiled(net(how))
    assert {check.verdict for check in verify(done, CHECKS)} == {"ok"}
    deployed = for_inference(done)
    assert all(evidence.passed for evidence in certify(done, deployed))
    assert "F.interpolate" in deployed.text


@pytest.mark.filterwarnings("ignore:.torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize("how", HOW)
def test_it_scripts(how):
    module = generated(compiled(net(how)).text)().eval()
    x = torch.randn(1, 3, 9, 12)
    with torch.no_grad():
        assert_same(torch.jit.script(module)(x), module(x))


def test_of_the_other_value_nothing_is_read():
    """Neither its receptive field nor its numbers count."""
    done = compiled(spec("conv2d 5x5 @8 -> resize (like: x)"))
    first = receptive_fields(done.net.graph)
    assert [field.size for field in first[done.net.graph.outputs["y"]]] == [5, 5]
    far = """inc 1
net N {
  input x [8, 16, 16]
  far = x -> gap
  output z = far -> relu
  output y = x -> gap -> identity -> resize (like: x)
}
"""
    one = compiled(far)
    assert kernels(one.net).numbers == 2 * (8 * 256 + 8) + 2 * 8 + 8 + 8 * 256


def test_a_field_through_a_whole_factor_is_that_of_upsample():
    for mode in ("nearest", "bilinear"):
        chains = [
            f"a: conv2d 3x3/2 @4 half -> {up} -> conv2d 3x3 @4"
            for up in (f"upsample 2 (mode: {mode})", f"resize (like: x, mode: {mode})")
        ]
        fields = [
            receptive_fields(done.net.graph)[done.net.graph.outputs["y"]] for done in map(compiled, map(spec, chains))
        ]
        assert fields[0] == fields[1]


def test_a_value_that_only_gives_its_size_is_used():
    text = """inc 1
net N {
  input x [8, 16, 16]
  small = x -> maxpool 2x2/2 valid
  output y = x -> gap -> resize (like: small) : [8, 8, 8]
}
"""
    module = load_net(compiled(text))()
    assert module(torch.zeros(1, 8, 10, 6)).shape == (1, 8, 5, 3)


NET = """inc 1
block B(act) = conv2d 1x1 @8 -> act
unit two = n: batchnorm -> c: resize
net N(w = 3) {{
  input x [8, 16, 16]
  a = x -> maxpool 3x3/2 half
  output y = {}
}}
"""


@pytest.mark.parametrize(
    ("chain", "code", "told"),
    [
        ("a -> resize", "E204", "like"),
        ("a -> resize (like: z)", "E212", "z"),
        ("a -> resize (like: a, like: x)", "E203", "twice"),
        ("a -> resize (like: w) -> conv2d 1x1 @w", "E203", "as `like: x`"),
        ("a -> resize (like: 3)", "E203", "as `like: x`"),
        ("a -> resize (like: in)", "E212", "no `in`"),
        ("a -> resize (lik: x)", "E202", "lik"),
        ("a -> B(act: resize (like: x))", "E203", "of the same class"),
        ("a -> l: resize (like: x)", "E215", "label"),
        ("a -> gap -> flatten -> resize (like: x)", "E309", "image"),
        ("a -> resize (like: x, align_corners: true)", "E203", "bilinear"),
        ("a -> upsample 2 (align_corners: true)", "E203", "bilinear"),
    ],
)
def test_mistakes_are_told(chain, code, told):
    found = problems(NET.format(chain))
    assert code in [each.code for each in found]
    assert any(told in each.message() for each in found if each.code == code)


def test_a_head_has_no_size_for_others():
    text = """inc 1
net N {
  input x [8, 16, 16]
  aux h = x -> conv2d 1x1 @4
  output y = x -> gap -> resize (like: h)
}
"""
    assert codes(text) == ["E209"]


def test_another_mistake_poisons_what_takes_its_size():
    text = """inc 1
net N {
  input x [8, 16, 16]
  a = x -> convv 3x3
  output y = x -> gap -> resize (like: a) -> relu
}
"""
    assert codes(text) == ["E201"]
