"""Convolutions as calls of oneDNN: the same numbers in float32 and bfloat16, whatever is done to the module."""

import copy
import io

import pytest
import torch

from incdsl.compiler import compile_net, for_inference
from incdsl.runtime.harness import randomized
from incdsl.runtime.load import load_text
from incdsl.source import Source
from tests.modules import distance, noise

SPEC = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu
net N {
  input x [3, H, W]
  stem = x -> a: conv 3x3/2 @16 valid -> b: conv 3x3 @16 -> maxpool 3x3/2 valid
  grid = stem -> concat {
    | one: conv 1x1 @8
    | two: conv 1x1 @6 -> wide: conv2d 5x5 @8 (groups: 2) -> relu
    | dilated: conv 3x3 @4
    | avgpool 3x3 -> pool: conv 1x1 @4
  }
  output y = grid -> last: conv2d 1x1 @7 (bias: false) -> gap -> fc: linear @5
}
"""
needs_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="PyTorch without oneDNN")


@pytest.fixture(scope="module")
def nets():
    done = compile_net(Source("packed.inc", SPEC))
    packed = for_inference(done, also=frozenset({"PackConvs"}))
    training, deployed = (load_text(each.text, "N").N for each in (done, packed))
    net = randomized(training().double()).eval()
    return net, deployed.from_training(net.state_dict()).eval()


@pytest.fixture
def deployed(nets):
    return copy.deepcopy(nets[1])


def close(nets, module, dtype=torch.float32, batch=2, size=(33, 47), tolerance=1e-6):
    image = noise(batch, 3, *size).to(dtype)
    with torch.no_grad():
        expected = nets[0](image.double())
        assert distance(module(image).double(), expected) <= tolerance
        assert distance(module(image.to(memory_format=torch.channels_last)).double(), expected) <= tolerance


def packed_layers(module):
    return [each for each in module.modules() if type(each).__name__ == "PackedConv2d"]


def test_every_convolution_is_packed(deployed):
    layers = packed_layers(deployed)
    assert len(layers) == sum(isinstance(each, torch.nn.Conv2d) for each in deployed.modules()) == 6
    assert [layer.relu for layer in layers].count(False) == 2  # the merged one, of which a part passes, and the last


@needs_onednn
def test_the_numbers_are_those_of_the_training_module(nets, deployed):
    close(nets, deployed)
    assert all(layer.packed is not None for layer in packed_layers(deployed))
    close(nets, deployed, batch=1, size=(64, 31))


@needs_onednn
def test_in_bfloat16(nets, deployed):
    close(nets, deployed.to(torch.bfloat16), torch.bfloat16, tolerance=0.05)


def test_in_float64_it_is_an_ordinary_convolution(nets, deployed):
    close(nets, deployed.double(), torch.float64)
    assert all(layer.packed is None for layer in packed_layers(deployed))


def test_with_gradients_it_is_an_ordinary_convolution(nets, deployed):
    image = noise(1, 3, 33, 33).float().requires_grad_()
    deployed(image).sum().backward()
    assert float(image.grad.norm()) > 0
    assert all(layer.packed is None for layer in packed_layers(deployed))


@needs_onednn
def test_new_weights_are_packed_anew(nets, deployed):
    close(nets, deployed)
    state = {name: tensor.clone() for name, tensor in deployed.state_dict().items()}
    with torch.no_grad():
        for tensor in deployed.parameters():
            tensor.mul_(2.0)
        assert distance(deployed(noise(1, 3, 33, 33).float()).double(), nets[0](noise(1, 3, 33, 33))) > 0.1
    deployed.load_state_dict(state)
    close(nets, deployed)
    close(nets, deployed.to(torch.bfloat16).to(torch.float32), tolerance=0.05)


@needs_onednn
def test_it_is_copied_and_saved_after_it_ran(nets, deployed):
    close(nets, deployed)
    close(nets, copy.deepcopy(deployed))
    written = io.BytesIO()
    torch.save(deployed.state_dict(), written)
    written.seek(0)
    deployed.load_state_dict(torch.load(written, weights_only=True))
    close(nets, deployed)


@needs_onednn
def test_in_inference_mode(nets):
    with torch.inference_mode():
        module = type(nets[1]).from_training(nets[0].state_dict()).eval()
        close(nets, module)


def test_exported_and_compiled_it_is_an_ordinary_convolution(nets, deployed):
    image = noise(2, 3, 33, 33).float()
    program = torch.export.export(deployed, (image,))
    targets = {str(node.target) for node in program.graph.nodes}
    assert "aten.conv2d.default" in targets
    assert not any("mkldnn" in target for target in targets)
    close(nets, program.module(), size=(33, 33))
