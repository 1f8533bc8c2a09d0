"""Examples that torchvision has too are the same networks, with weights copied in the order of their state_dicts."""

import pytest
import torch

from tests.modules import assert_near, generated, noise
from tests.nets import EXAMPLES, net_of
from tests.peers._torchvision import torchvision
from tests.references import detfill

EXACT = 1e-12
PEERS = {
    "resnet18": "resnet18",
    "mobilenet_v2": "mobilenet_v2",
    "shufflenet_v2": "shufflenet_v2_x1_0",
    "densenet": "densenet121",
}


@pytest.fixture(scope="module", params=PEERS)
def pair(request):
    """Our net and torchvision's, with the same numbers, in float64."""
    with torch.device("meta"):
        peer = getattr(torchvision.models, PEERS[request.param])(weights=None)
    peer = peer.to_empty(device="cpu").double().eval()
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


def test_resnet18_has_torchvisions_names():
    done = net_of(EXAMPLES / "resnet18.inc")
    with torch.device("meta"):
        peer, net = torchvision.models.resnet18(weights=None), generated(done.text)()
    assert list(net.state_dict()) == list(peer.state_dict())
    assert done.cost.params == sum(p.numel() for p in peer.parameters())
