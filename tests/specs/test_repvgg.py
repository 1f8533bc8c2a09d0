"""RepVGG-A0 is timm's `repvgg_a0`, recorded with version 1.0.31, while it trains and as it is deployed."""

import hashlib

import pytest
import torch
from torch import nn

import incdsl
from incdsl.compiler import for_inference
from incdsl.runtime.certify import certify
from incdsl.runtime.harness import doubles
from incdsl.runtime.load import load_net
from tests.modules import assert_near
from tests.nets import EXAMPLES, net_of
from tests.references import detfill
from tests.references.networks import far_from
from tests.specs.test_examples import filled

LOGITS = {
    "shape": [1, 1000],
    "argmax": [509],
    "first8": [
        762572.9573742687, -616611.7249928766, -66623.46877459234, 927533.0869213258,
        75925.03526750521, -423860.4840262331, 569138.8539395652, 34042.04003815814,
    ],
    "sum": -21111805.41257735,
    "l2": 19701602.91122101,
}  # fmt: skip
"""Of the image and the numbers of `detfill`, in the order of timm's state_dict, in float64."""
KEYS = "214f86c4df3360aa8a5b4dde59107146cea43f42bb3433e1c40b983a144eb6bc"
"""Of a line with name and shape for each entry of timm's state_dict, in its order."""
DEPLOYED_PARAMETERS = 8_309_384
"""Of timm's module after `reparameterize`."""


@pytest.fixture(scope="module")
def done():
    return net_of(EXAMPLES / "repvgg.inc")


@pytest.fixture(scope="module")
def trained(done):
    return filled(done)


@pytest.fixture(scope="module")
def deployed(done, trained):
    with doubles():
        return load_net(for_inference(done)).from_training(trained.state_dict()).eval()


def distance(net):
    with torch.no_grad():
        return far_from(net(detfill.image((1, 3, 96, 75))), LOGITS)


def test_the_training_module_is_timms(done, trained):
    lines = [f"{key} {list(tensor.shape)}" for key, tensor in trained.state_dict().items()]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == KEYS
    assert done.cost.params == 9_108_968
    assert distance(trained) <= 1e-12


def test_the_deployed_module_is_a_plain_chain(deployed):
    convs = [module for module in deployed.modules() if isinstance(module, nn.Conv2d)]
    assert len(convs) == 22
    assert {conv.kernel_size for conv in convs} == {(3, 3)}
    kinds = {type(module) for module in deployed.modules() if not list(module.children())}
    assert kinds == {nn.Conv2d, nn.Linear}
    assert sum(p.numel() for p in deployed.parameters()) == DEPLOYED_PARAMETERS
    assert distance(deployed) <= 1e-12


def test_the_deployed_module_is_certified(done):
    assert all(each.passed for each in certify(done, for_inference(done)))


def test_a_checkpoint_is_deployed(trained, deployed, tmp_path):
    torch.save(trained.state_dict(), tmp_path / "repvgg.pth")
    net = incdsl.deploy(EXAMPLES / "repvgg.inc", tmp_path / "repvgg.pth")
    with torch.no_grad():
        image = detfill.image((1, 3, 96, 75))
        assert_near(net(image.float()), deployed(image).float(), 1e-5)
