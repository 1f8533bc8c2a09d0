"""`gain` is a parameter of the class around it: its key is its label, wherever keys are read or written."""

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from incdsl.cli import cli
from incdsl.compiler import for_inference
from incdsl.diagnostics import CompileError
from incdsl.runtime.certify import certify
from incdsl.runtime.harness import randomized
from incdsl.runtime.load import load_net
from incdsl.runtime.verify import verify
from tests.modules import assert_near, assert_same, generated, noise
from tests.nets import codes, compiled, keys, spec

CHECKS = ("state_dict", "numbers", "gradients", "torch.fx", "torch.export", "DistributedDataParallel")
CONVNEXT = """inc 1
block Block = add {
  | identity
  | conv_dw: conv2d 7x7 @in (groups: in) -> norm: layernorm (eps: 1e-6)
      -> fc1: linear @(4 * in) (pointwise: true) -> gelu -> fc2: linear @in (pointwise: true) -> gamma: gain 1e-6
}
net N {
  input x [6, 9, 8]
  a = x -> blocks.0..: Block times 2 -> stem: conv2d 1x1 @4 -> layer_scale: gain 0.5 (shape: image)
  output y = a -> head: conv2d 1x1 @3 -> skipinit_gain: gain 2 (shape: number)
}
"""


class Block(nn.Module):
    """ConvNeXt's, written by hand."""

    def __init__(self, channels):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((channels,), 1e-6))
        self.conv_dw = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, channels)

    def forward(self, x):
        y = self.norm(self.conv_dw(x).permute(0, 2, 3, 1))
        y = self.fc2(nn.functional.gelu(self.fc1(y)))
        return x + (self.gamma * y).permute(0, 3, 1, 2)


class Net(nn.Module):
    """The net of the spec, written by hand."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(6), Block(6))
        self.stem = nn.Conv2d(6, 4, 1)
        self.layer_scale = nn.Parameter(torch.full((4, 1, 1), 0.5))
        self.head = nn.Conv2d(4, 3, 1)
        self.skipinit_gain = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return self.head(self.stem(self.blocks(x)) * self.layer_scale) * self.skipinit_gain


def test_keys_shapes_order_and_numbers_are_those_of_the_class_written_by_hand():
    done = compiled(CONVNEXT)
    ours, theirs = generated(done.text)().double(), Net().double()
    assert keys(done) == list(theirs.state_dict()) == list(ours.state_dict())
    assert [v.shape for v in theirs.state_dict().values()] == [v.shape for v in ours.state_dict().values()]
    for key in ("blocks.1.gamma", "layer_scale", "skipinit_gain"):
        assert_same(ours.state_dict()[key], theirs.state_dict()[key])
    theirs.load_state_dict(randomized(ours).state_dict())
    x = noise(2, 6, 9, 8)
    assert_near(ours(x), theirs(x), 1e-12)
    assert done.cost.params == sum(p.numel() for p in theirs.parameters())


def test_a_gain_is_deployed_and_certified():
    done = compiled(CONVNEXT)
    deployed = for_inference(done)
    assert all(evidence.passed for evidence in certify(done, deployed))
    module = randomized(load_net(done)().double()).eval()
    state = module.state_dict()
    x = noise(1, 6, 9, 8)
    with torch.no_grad():
        after = load_net(deployed).from_training(state).double().eval()
        assert_near(after(x), module(x), 1e-6)
    with pytest.raises(KeyError, match="skipinit_gain"):
        load_net(deployed).from_training({k: v for k, v in state.items() if k != "skipinit_gain"})


def test_a_gain_holds_up_in_every_check():
    assert {check.verdict for check in verify(compiled(CONVNEXT), CHECKS)} == {"ok"}


@pytest.mark.parametrize("shape", [(6,), (6, 4, 5)])
def test_a_gain_without_a_label_has_the_name_of_its_chain(shape):
    module = randomized(generated(compiled(spec("gain 0.5", shape=list(shape))).text)().double())
    ((name, gain),) = module.named_parameters()
    assert (name, gain.shape) == ("y", (6,))
    x = noise(2, *shape)
    assert_same(module(x), x * gain.reshape(6, *[1] * (len(shape) - 1)))


def test_it_starts_where_it_is_told_even_by_an_argument():
    text = """inc 1
net N(start = 0.25, width = 3) {
  input x [2, 4, 4]
  output y = x -> c: conv2d 1x1 @width -> g: gain (init: start)
}
"""
    net = generated(compiled(text, start=0.25).text)
    assert net().g.tolist() == [0.25] * 3
    assert net(width=5).g.tolist() == [0.25] * 5


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("ls1.gamma: gain", "E215"),
        ("(conv2d 1x1 @8 -> gain) times 2", "E213"),
        ("gain times 2", "E213"),
        ("g.0..: gain times 2", "E215"),
        ("gap -> flatten -> gain (shape: image)", "E309"),
    ],
)
def test_where_no_parameter_can_be_it_is_refused(step, code):
    assert codes(spec(step)) == [code]


def test_the_refusal_says_what_to_write():
    with pytest.raises(CompileError, match=r"give it a label of one word, `gamma: …`"):
        compiled(spec("ls1.gamma: gain"))


def test_a_checkpoint_finds_its_gains_whatever_they_are_called(tmp_path):
    torch.save(Net().state_dict(), tmp_path / "net.pt")
    (tmp_path / "net.inc").write_text(CONVNEXT, encoding="utf-8")
    arguments = ["weights", "map", str(tmp_path / "net.inc"), "--from", str(tmp_path / "net.pt")]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert f"{len(Net().state_dict())} tensors, each with its only possible origin" in result.output
