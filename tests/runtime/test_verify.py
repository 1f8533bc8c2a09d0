"""`incdsl verify` accepts what the compiler writes, and each of its checks notices a mistake in a generated module."""

import importlib.util
from collections import Counter

import pytest
import torch
from click.testing import CliRunner

from incdsl.cli import cli
from incdsl.runtime.verdict import NotChecked
from incdsl.runtime.verify import CHECKS, Mismatch, verify
from tests.nets import EXAMPLES, SPECS, compiled, nets_of

TEXT = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu
net N {
  input image [3, 32, 32]
  stem = image -> conv1: conv 3x3/2 @8 valid -> mixed: Mixed
  aux side (weight: 0.3) = stem -> gap -> fc: linear @5
  output logits = stem -> conv2: conv 3x3 @12 valid -> gap -> fc: linear @5
}
block Mixed = concat { | a: conv 1x1 @4 | b: conv 3x3 @6 | maxpool 3x3 }
"""

STRIDE, ORDER, HEAD = "Conv(3, 8, 3, stride=2)", "torch.cat([a, b, maxpool], dim=1)", "SideHead(18) if aux else None"
NORM, ENDS = "self.bn(self.conv(x))", "logits = self.fc(x)"
MISTAKES = {
    "another name": ("self.conv2", "self.conv_2", "state_dict"),
    "a bias too many": ("padding, bias=False", "padding", "state_dict, parameters, numbers"),
    "a head too many": (HEAD, "SideHead(18)", "parameters"),
    "another stride": (STRIDE, "Conv(3, 8, 3)", "multiply-accumulates, shapes at legal sizes"),
    "another padding": ("Conv(18, 12, 3)", "Conv(18, 12, 3, padding=1)", "sizes too small are refused, numbers"),
    "another order": (ORDER, "torch.cat([b, a, maxpool], dim=1)", "numbers"),
    "no activation": (f"F.relu({NORM}, inplace=True)", NORM, "numbers"),
    "another eps": ("BatchNorm2d(out_channels)", "BatchNorm2d(out_channels, eps=1e-4)", "numbers"),
    "a wrong head": ("side = self.side(x)", "side = self.side(2 * x)", "numbers"),
    "a detached rail": ("b = self.b(x)", "b = self.b(x).detach()", "gradients, DistributedDataParallel"),
    "a choice by data": (
        ENDS,
        f"{ENDS} if x.sum() > 0 else -self.fc(x)",
        "torch.fx, torch.export, torch.compile, ONNX",
    ),
    "a fixed batch": (ENDS, "logits = self.fc(x.reshape(2, 12))", "torch.export, ONNX"),
    "a print": (ENDS, f"{ENDS}\n        print(float(x.sum()), end='')", "torch.compile"),
}

SLOW = {"torch.export", "torch.compile", "ONNX"}
LARGE = {
    "bn_inception", "convnext", "densenet", "efficientnet", "ghostnet", "googlenet", "googlenet_torchvision",
    "inception_resnet_v1", "inception_resnet_v2", "mixnet", "mobilenet_v2", "preact_resnet", "regnet", "repvgg",
    "resnet18", "shufflenet_v2", "v3", "v3_fid", "v3_paper", "v3_torchvision", "v4", "xception",
}  # fmt: skip
"""Their exports take minutes together; those of v3 are tried beside torchvision's."""
TWINS = {"googlenet_torchvision", "inception_resnet_v1", "v3_fid", "v3_paper", "v3_torchvision", "v4"}
"""Large networks made of the modules of others; their numbers are those of references, in `tests/references`."""
LONG = {"factorization", "pan"}
"""Many small nets, and one with long rails; their kinds of wiring stand in other files, too."""
TRAINING = {"gradients", "DistributedDataParallel"}
SLOW_TO_COMPILE = {"fpn", "hrnet", "mobilenet_v3", "pan", "sknet", "unet", "v1", "yolov4"}
"""Up to half a minute each; what stays has their kinds of wiring, too."""
FILES = sorted([*SPECS.rglob("*.inc"), *EXAMPLES.glob("*.inc")])


def failed(done, names=None):
    return {check.name: check.detail for check in verify(done, names) if check.verdict == "FAIL"}


def unchecked(done, names=None):
    return {check.name: check.detail for check in verify(done, names) if check.verdict == "not checked"}


RUNTIME = {"ONNX"} if importlib.util.find_spec("onnxruntime") is None else set()
"""What cannot be checked where there is no ONNX Runtime."""


def test_what_the_compiler_writes_is_accepted():
    checks = list(verify(compiled(TEXT)))
    assert [check.name for check in checks] == list(CHECKS)
    assert {check.name for check in checks if not check.passed} == RUNTIME


def test_a_net_may_have_no_parameters():
    net = "inc 1\nnet N {\n  input x [3, 8, 8]\n  input z [4]\n  output y = x -> relu\n  output w = z -> tanh\n}\n"
    assert failed(compiled(net)) == {}
    assert unchecked(compiled(net)) == {
        "sizes too small are refused": "H = 1 is legal, W = 1 is legal",
        "gradients": "no parameters",
        "DistributedDataParallel": "no parameters",
        **dict.fromkeys(RUNTIME, "2 nodes, exported but not run: pip install onnxruntime"),
    }


def test_a_size_that_a_spec_fixes_is_not_checked():
    net = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> flatten -> linear @3\n}\n"
    assert "sizes too small are refused" in unchecked(compiled(net))


def test_outputs_that_overflow_are_not_checked():
    squares = " -> ".join(["mul { | identity | identity }"] * 13)
    net = f"inc 1\nnet N {{\n  input x [3, 8, 8]\n  output y = x -> {squares}\n}}\n"
    found = unchecked(compiled(net), ["numbers", "torch.fx"])
    assert found == dict.fromkeys(["numbers", "torch.fx"], "the outputs are not finite")


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_what_is_not_installed_is_not_checked(monkeypatch, package):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else found(name))
    assert unchecked(compiled(TEXT), ["ONNX"]) == {"ONNX": "pip install onnx onnxscript"}


def test_without_torch_distributed_nothing_is_distributed(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_available", lambda: False)
    assert unchecked(compiled(TEXT), ["DistributedDataParallel"])


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_noticed(mistake, capfd):
    old, new, names = MISTAKES[mistake]
    done = compiled(TEXT)
    assert old in done.text
    done.__dict__["text"] = done.text.replace(old, new)  # where the cached property keeps it
    assert failed(done, names.split(", ")).keys() == set(names.split(", "))


def test_every_check_can_fail():
    assert {name for _, _, names in MISTAKES.values() for name in names.split(", ")} == CHECKS.keys()


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.long) if path.stem in TWINS | LONG else path for path in FILES],
    ids=lambda path: path.stem,
)
def test_every_spec_and_example(path):
    """Whole networks but one are trained by the tests of `tests/specs` alone, where each parameter gets a gradient."""
    left_out = SLOW | TRAINING if path.parent == SPECS and path.stem != "v1" else SLOW
    for done in nets_of(path).values():
        assert failed(done, CHECKS.keys() - left_out) == {}


@pytest.mark.long
@pytest.mark.parametrize("path", sorted(SPECS.glob("*.inc")), ids=lambda path: path.stem)
def test_whole_networks_train(path):
    for done in nets_of(path).values():
        assert failed(done, TRAINING) == {}


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.long) if path.stem in LARGE | SLOW_TO_COMPILE else path for path in FILES],
    ids=lambda path: path.stem,
)
def test_every_spec_and_example_is_exported_and_compiled(path):
    """Of files with several nets the last one, which is not exported otherwise than the others."""
    *_, done = nets_of(path).values()
    assert failed(done, SLOW) == {}


def test_the_command_takes_every_net():
    path = SPECS / "modules" / "inception.inc"
    arguments = ["verify", str(path), f"{path}::Naive"]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert [line for line in lines if not line.startswith(" ")][:-1] == ["Naive", "Reduced", "Naive"]
    marks = Counter(line[2:13].strip() for line in lines if line.startswith(" "))
    assert set(marks) == {"ok", "not checked"}
    assert marks["not checked"] == 3 * len(RUNTIME) + 3  # no size is too small
    assert lines[-1] == f"{marks.total()} checks: {marks['ok']} ok, {marks['not checked']} not checked"


def test_the_command_fails_with_a_check(monkeypatch):
    def refuse(verifier):
        raise Mismatch("the compiler says 1, PyTorch 2")

    monkeypatch.setattr("incdsl.runtime.verify.CHECKS", {"numbers": refuse})
    done = CliRunner().invoke(cli, ["verify", str(EXAMPLES / "se.inc")], catch_exceptions=False)
    assert done.exit_code == 1
    assert done.stdout == "SEResNet\n  FAIL         numbers  the compiler says 1, PyTorch 2\n1 check: 1 failed\n"


def test_the_command_tells_what_was_not_checked_and_does_not_fail(monkeypatch):
    def refrain(verifier):
        raise NotChecked("pip install more")

    monkeypatch.setattr("incdsl.runtime.verify.CHECKS", {"numbers": refrain})
    done = CliRunner().invoke(cli, ["verify", str(EXAMPLES / "se.inc")], catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stdout == "SEResNet\n  not checked  numbers  pip install more\n1 check: 1 not checked\n"


def test_a_size_that_is_cropped_to_nothing_does_not_run():
    """PyTorch takes the mean of no cells, and gives no number."""
    chain = "conv2d 5x3 @3 valid -> crop (bottom: 1) -> gap -> linear @3"
    done = compiled(f"inc 1\nnet N {{\n  input x [3, 14, 20]\n  output y = x -> {chain}\n}}\n")
    (check,) = verify(done, ["sizes too small are refused"])
    assert (check.verdict, check.detail) == ("ok", "H = 5, W = 2")
