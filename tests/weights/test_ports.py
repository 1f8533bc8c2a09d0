"""Foreign checkpoints of nets with blocks of several ports and nets as steps."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

import incdsl
from incdsl.analysis.cost import state_dict
from incdsl.runtime.harness import randomized
from incdsl.weights.checkpoint import checkpoint
from incdsl.weights.decisions import Decisions
from incdsl.weights.match import correspond
from tests.modules import assert_near, generated, noise
from tests.nets import EXAMPLES, compiled, nets_of
from tests.weights import foreign

NET = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu
net Detector {
  input image [3, 32, 32]
  c3, c4 = image -> body: Body(width: 6)
  p3, p4 = (c3, c4) -> fuse: Fuse(width: 5)
  output fine = p3 -> near: conv2d 1x1 @2
  output coarse = p4 -> far: conv2d 1x1 @3
}
net Body(width = 8) {
  input image [3, 32, 32]
  output c3 = image -> stem: conv 3x3/2 @width half
  aux early = c3 -> gap -> fc: linear @4
  output c4 = c3 -> deep: conv 3x3/2 @(2 * width) half
}
block Fuse(width) {
  input high, low
  output fine = add { | high -> skip: conv2d 3x3 @width | low -> lateral: conv2d 1x1 @width -> upsample 2 }
  output coarse = low -> out: conv2d 3x3 @width
}
"""
HEAD = "backbone.aux_classifier"
THEIRS = {
    "body.stem.conv": "backbone.layer0.0", "body.stem.bn": "backbone.layer0.1", "body.early.fc": HEAD,
    "body.deep.conv": "backbone.layer1.0", "body.deep.bn": "backbone.layer1.1", "fuse.skip": "neck.top",
    "fuse.lateral": "neck.side", "fuse.out": "neck.bottom", "near": "heads.a", "far": "heads.b",
}  # fmt: skip
"""What somebody else calls the layers of the net."""


class Theirs(nn.Module):
    """The net by hand, under those names."""

    def __init__(self):
        super().__init__()
        layers = [
            nn.Sequential(nn.Conv2d(i, o, 3, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())
            for i, o in ((3, 6), (6, 12))
        ]
        self.backbone = nn.ModuleDict({"layer0": layers[0], "layer1": layers[1], "aux_classifier": nn.Linear(6, 4)})
        self.neck = nn.ModuleDict(
            {"top": nn.Conv2d(6, 5, 3, 1, 1), "side": nn.Conv2d(12, 5, 1), "bottom": nn.Conv2d(12, 5, 3, 1, 1)}
        )
        self.heads = nn.ModuleDict({"a": nn.Conv2d(5, 2, 1), "b": nn.Conv2d(5, 3, 1)})

    def forward(self, x):
        c3 = self.backbone["layer0"](x)
        c4 = self.backbone["layer1"](c3)
        fine = self.neck["top"](c3) + F.interpolate(self.neck["side"](c4), scale_factor=2)
        outputs = self.heads["a"](fine), self.heads["b"](self.neck["bottom"](c4))
        return (*outputs, self.backbone["aux_classifier"](c3.mean((2, 3)))) if self.training else outputs


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """A module of somebody else, its checkpoint in the current folder beside our spec."""
    monkeypatch.chdir(tmp_path)
    module = randomized(Theirs().double().eval())
    save_file(module.state_dict(), "theirs.safetensors")
    Path("net.inc").write_text(NET, encoding="utf-8")
    return module


def own_names(entries):
    """Our keys for foreign ones."""
    ours = {name: path for path, name in THEIRS.items()}
    return {f"{ours[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": value for key, value in entries.items()}


def test_a_renamed_checkpoint_loads_and_gives_the_same_outputs(call, theirs):
    spec = "net.inc::Detector"
    assert call("map", spec, "--from", "theirs.safetensors", "-o", "map.toml").exit_code == 0
    command = ("convert", spec, "--from", "theirs.safetensors", "--map", "map.toml", "-o", "ours.safetensors")
    result = call(*command, "--against", "tests.weights.test_ports:Theirs")
    assert result.exit_code == 0, result.output
    assert "logits and auxiliary logits of tests" in result.output
    found = load_file("ours.safetensors")
    expected = own_names(theirs.state_dict())
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], value) for key, value in expected.items())
    net = generated(compiled(NET, "Detector").text)().double().eval()
    net.load_state_dict(found, strict=True)
    with torch.no_grad():
        for mine, its in zip(net(noise(2, 3, 32, 48))[:2], theirs(noise(2, 3, 32, 48)), strict=True):
            assert_near(mine, its, 1e-12)


def test_a_checkpoint_without_the_head_of_a_net_inside(call, theirs):
    state = {key: value for key, value in theirs.state_dict().items() if not key.startswith(HEAD)}
    save_file(state, "bare.safetensors")
    refused = call("map", "net.inc::Detector", "--from", "bare.safetensors", "-o", "map.toml")
    assert refused.exit_code == 1
    assert "`body_early`" in refused.output
    options = ("net.inc::Detector", "--from", "bare.safetensors")
    assert call("map", *options, "--without-aux", "-o", "map.toml").exit_code == 0
    assert call("convert", *options, "--map", "map.toml", "-o", "ours.pt").exit_code == 0
    net = generated(compiled(NET, "Detector").text)(aux=False).double()
    net.load_state_dict(torch.load("ours.pt", weights_only=True), strict=True)


@pytest.mark.parametrize("with_head", [True, False])
def test_it_is_deployed_from_either(theirs, with_head):
    state = {k: v for k, v in own_names(theirs.state_dict()).items() if with_head or not k.startswith("body.early")}
    torch.save(state, "state.pt")
    net = incdsl.deploy("net.inc", "state.pt", "Detector")
    with torch.no_grad():
        for mine, its in zip(net(noise(2, 3, 32, 48).float()), theirs(noise(2, 3, 32, 48)), strict=True):
            assert_near(mine, its, 1e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("style", ["stems", "positions"])
def test_the_pyramid_under_other_names(style, seed):
    """Numbers tell apart what shapes do not: the last four convolutions are alike."""
    net = nets_of(EXAMPLES / "fpn.inc")["ResNet18FPN"].net
    names = foreign.renamed(net, seed, style, groups=False)
    own = {key: list(tensor.shape) for key, tensor in state_dict(net.graph, net.graph.shapes())}
    shapes = {names[key]: shape for key, shape in own.items()}
    found = correspond(net, checkpoint("theirs", shapes.items()), Decisions(rails_in_order=True))
    assert {pair.key: pair.origin.source for pair in found.pairs} == names
