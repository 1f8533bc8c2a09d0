"""Examples that torchvision has too are the same networks, with weights copied in the order of their state_dicts."""

import pytest
import torch

from incdsl.compiler import for_inference
from incdsl.runtime.harness import doubles
from incdsl.runtime.load import load_net
from tests.modules import assert_near, generated, noise
from tests.nets import EXAMPLES, net_of, nets_of
from tests.peers._torchvision import torchvision
from tests.references import detfill

backbone_utils = torchvision.models.detection.backbone_utils

EXACT = 1e-12
PEERS = {
    "resnet18": "resnet18",
    "mobilenet_v2": "mobilenet_v2",
    "shufflenet_v2": "shufflenet_v2_x1_0",
    "densenet": "densenet121",
    "convnext": "convnext_tiny",
    "efficientnet": "efficientnet_b0",
    "regnet": "regnet_y_400mf",
    "squeezenet": "squeezenet1_1",
    "mobilenet_v3": "mobilenet_v3_small",
}
NAMED = ("resnet18", "convnext", "efficientnet", "regnet", "squeezenet", "mobilenet_v3")
"""Those with torchvision's names."""


@pytest.fixture(scope="module", params=PEERS)
def pair(request):
    """Our net and torchvision's, with the same numbers, in float64."""
    peer = getattr(torchvision.models, PEERS[request.param])(weights=None).double().eval()
    peer.load_state_dict(detfill.state([(name, tuple(t.shape)) for name, t in peer.state_dict().items()]))
    net = generated(net_of(EXAMPLES / f"{request.param}.inc").text)().double().eval()
    theirs = peer.state_dict().values()
    net.load_state_dict(dict(zip(net.state_dict(), theirs, strict=True)))
    return net, peer


def test_evaluation(pair):
    net, peer = pair
    with torch.no_grad():
        expected = peer(noise(2, 3, 64, 75))
        assert_near(net(noise(2, 3, 64, 75)), expected, EXACT)
    assert expected.std() > 1e-3


def test_parameters(pair):
    net, peer = pair
    assert [p.shape for p in net.parameters()] == [p.shape for p in peer.parameters()]


def ours(key):
    """Our name of what torchvision calls so: the blocks of a RegNet have dashes there, which no attribute can have."""
    return key.replace("-", ".") if key.startswith("trunk_output.") else key


@pytest.mark.parametrize("name", NAMED)
def test_torchvisions_names(name):
    done = net_of(EXAMPLES / f"{name}.inc")
    peer, net = getattr(torchvision.models, PEERS[name])(weights=None), generated(done.text)()
    assert list(net.state_dict()) == [ours(key) for key in peer.state_dict()]
    assert done.cost.params == sum(p.numel() for p in peer.parameters())


@pytest.fixture(scope="module")
def pyramids():
    """Our pyramid and torchvision's, with the same numbers, in float64."""
    with torch.device("meta"):
        peer = backbone_utils.resnet_fpn_backbone(
            backbone_name="resnet18", weights=None, norm_layer=torch.nn.BatchNorm2d, trainable_layers=5
        )
    peer = peer.to_empty(device="cpu").double().eval()
    peer.load_state_dict(detfill.state([(name, tuple(t.shape)) for name, t in peer.state_dict().items()]))
    net = generated(nets_of(EXAMPLES / "fpn.inc")["ResNet18FPN"].text)().double().eval()
    net.load_state_dict(peer.state_dict(), strict=True)
    return net, peer


def test_the_pyramid_has_torchvisions_names(pyramids):
    net, peer = pyramids
    assert list(net.state_dict()) == list(peer.state_dict())
    assert sum(p.numel() for p in peer.parameters()) == sum(p.numel() for p in net.parameters()) == 13_783_616


@pytest.mark.parametrize("size", [(64, 96), (29, 62)])
def test_the_pyramid_is_torchvisions(pyramids, size):
    net, peer = pyramids
    with torch.no_grad():
        expected = list(peer(noise(2, 3, *size)).values())
        found = net(noise(2, 3, *size))
    for mine, its in zip(found, expected, strict=True):
        assert_near(mine, its, EXACT)
        assert its.std() > 1e-3


def test_the_deployed_pyramid_is_torchvisions(pyramids):
    _, peer = pyramids
    done = nets_of(EXAMPLES / "fpn.inc")["ResNet18FPN"]
    with doubles():
        deployed = load_net(for_inference(done)).from_training(peer.state_dict()).eval()
    with torch.no_grad():
        expected = peer(noise(2, 3, 64, 96)).values()
        for mine, its in zip(deployed(noise(2, 3, 64, 96)), expected, strict=True):
            assert_near(mine, its, 1e-10)
