"""The generated Inception-v3 and GoogLeNet are torchvision's, bit for bit, and the tools that take its take ours."""

import copy
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import nn

import incdsl
from incdsl.runtime.harness import randomized
from tests.modules import assert_near, assert_same, assert_same_tensors, distance, noise
from tests.peers._torchvision import torchvision
from tests.references import detfill

SPECS = Path(__file__).parents[2] / "specs"
RETRACED = 1e-5
"""For float32 after a tool has reordered operations."""


class Peer(NamedTuple):
    """A network of torchvision, and ours."""

    make: str
    spec: str
    name: str
    heads: tuple[str, ...]
    """Ours, in the order of torchvision's outputs."""
    weight: float
    sizes: tuple[tuple[int, int], ...]
    """The nominal one, and a small one."""
    statistic: str
    """One that is made late, and that a training step changes."""
    training: torch.dtype = torch.float32
    gradients: float = 0.0
    """How far they may be: where a head reads a value beside other steps, autograd adds up in another order."""


PEERS = {
    "v3": Peer(
        "inception_v3", "v3", "InceptionV3", ("AuxLogits",), 0.4, ((299, 299), (75, 107)),
        "Mixed_7c.branch_pool.bn.running_mean",
    ),
    "googlenet": Peer(
        "googlenet", "googlenet", "GoogLeNet", ("aux2", "aux1"), 0.3, ((224, 224), (15, 87)),
        "inception5b.branch4.1.bn.running_mean", torch.float64, 1e-12,
    ),
}  # fmt: skip


@cache
def ours(peer):
    """Our class."""
    return getattr(incdsl.load(SPECS / f"{peer.spec}.inc"), peer.name)


def pair(peer, aux):
    """Our net and torchvision's, the same numbers in both."""
    theirs = getattr(torchvision.models, peer.make)(weights=None, aux_logits=aux, init_weights=False)
    net = ours(peer)(aux=aux)
    entries = [(name, tuple(tensor.shape)) for name, tensor in theirs.state_dict().items()]
    theirs.load_state_dict(detfill.state(entries))
    net.load_state_dict(theirs.state_dict(), strict=True)
    return net, theirs


class Nets(NamedTuple):
    """What most tests compare."""

    peer: Peer
    aux: bool
    net: nn.Module
    theirs: nn.Module


@pytest.fixture(scope="module", params=[(name, aux) for name in PEERS for aux in (True, False)], ids=str)
def nets(request):
    name, aux = request.param
    return Nets(PEERS[name], aux, *pair(PEERS[name], aux))


@pytest.fixture
def net():
    """Our Inception-v3 alone, for evaluation."""
    return pair(PEERS["v3"], aux=True)[0].eval()


def test_checkpoints_are_interchangeable(nets):
    peer, aux, net, theirs = nets
    assert_same_tensors(net.state_dict(), theirs.state_dict())
    theirs.load_state_dict(randomized(ours(peer)(aux=aux)).state_dict(), strict=True)
    assert not torch.equal(theirs.fc.weight, net.fc.weight)
    theirs.load_state_dict(net.state_dict(), strict=True)
    assert [n for n, _ in net.named_parameters()] == [n for n, _ in theirs.named_parameters()]


@pytest.mark.parametrize("which", [0, 1])
def test_evaluation(nets, which):
    x = noise(2, 3, *nets.peer.sizes[which], dtype=torch.float32)
    with torch.no_grad():
        expected = nets.theirs.eval()(x)
        assert_same(nets.net.eval()(x), expected)
    assert expected.std() > 0.01


def trained(net, x, heads=()):
    """Outputs, gradients and state after one step of a copy; heads are put into the order given."""
    net = copy.deepcopy(net).to(x.dtype).train()
    torch.manual_seed(11)
    result = net(x)
    outputs = (result,) if isinstance(result, torch.Tensor) else tuple(result)
    if heads and len(outputs) > 1:
        outputs = (result.logits, *(getattr(result, head) for head in heads))
    losses = [nn.functional.cross_entropy(y, torch.arange(len(y))) for y in outputs]
    (losses[0] + 0.4 * sum(losses[1:])).backward()
    gradients = {name: p.grad for name, p in net.named_parameters()}
    return {str(i): y.detach() for i, y in enumerate(outputs)}, gradients, net.state_dict()


def test_training(nets):
    peer, aux, net, theirs = nets
    x = noise(2, 3, *peer.sizes[0], dtype=peer.training)
    outputs, gradients, state = trained(net, x, peer.heads)
    their_outputs, their_gradients, their_state = trained(theirs, x)
    assert len(outputs) == 1 + len(peer.heads) * aux
    assert_same_tensors(outputs, their_outputs)
    assert_same_tensors(state, their_state)
    assert list(gradients) == list(their_gradients)
    far = {name: distance(gradients[name], their_gradients[name]) for name in gradients}
    assert max(far.values()) <= peer.gradients * aux, max(far.items(), key=lambda item: item[1])
    assert all(gradient.any() for gradient in gradients.values())
    assert distance(state[peer.statistic], net.state_dict()[peer.statistic]) > 1e-3


@pytest.mark.parametrize("name", PEERS)
def test_names_of_outputs_and_loss(name):
    peer = PEERS[name]
    net = ours(peer)().train()
    outputs = net(noise(2, 3, *peer.sizes[0], dtype=torch.float32))
    assert type(outputs)._fields == ("logits", *sorted(peer.heads))
    assert net.aux_weights == dict.fromkeys(sorted(peer.heads), peer.weight)


def test_feature_extraction(net):
    x = noise(1, 3, 107, 107, dtype=torch.float32)
    # As with torchvision's own: the auxiliary head is traced in training only.
    with pytest.warns(UserWarning, match="eval mode are a subsequence of those obtained in train mode"):
        extractor = torchvision.models.feature_extraction.create_feature_extractor(net, {"Mixed_5d": "f"})
    seen = []
    net.Mixed_5d.register_forward_hook(lambda module, args, output: seen.append(output.clone()))
    with torch.no_grad():
        net(x)
        found = extractor.eval()(x)
    assert list(found) == ["f"]
    assert_same(found["f"], seen[0])


def test_symbolic_trace(net):
    x = noise(1, 3, 107, 130, dtype=torch.float32)
    traced = torch.fx.symbolic_trace(net)
    with torch.no_grad():
        assert_same(traced(x), net(x))


@pytest.mark.parametrize(
    "free", [pytest.param({0: "batch"}, marks=pytest.mark.long), {0: "batch", 2: "height", 3: "width"}]
)
def test_export(net, free):
    # torch.export takes sizes of 1 for constants; below 107 the last grid would be such a size (torchvision's too).
    least = {"batch": 2, "height": 107, "width": 107}
    axes = {axis: torch.export.Dim(name, min=least[name]) for axis, name in free.items()}
    traced = (2, 3, 128, 149)
    program = torch.export.export(net, (torch.zeros(traced),), dynamic_shapes=(axes,)).module()
    for other in [(3, 3, 128, 149), (2, 3, 107, 149), (2, 3, 128, 299)]:
        x = noise(*(other[axis] if axis in free else traced[axis] for axis in range(4)), dtype=torch.float32)
        with torch.no_grad():
            assert_near(program(x), net(x), RETRACED)


@pytest.mark.parametrize("training", [False, True])
def test_compile(net, training):
    x = noise(2, 3, 299, 299, dtype=torch.float32)
    net.train(training)
    compiled = torch.compile(net, fullgraph=True, backend="eager")
    results = []
    for each in (net, compiled):
        torch.manual_seed(5)
        result = each(x)
        results.append(result if training else (result,))
    for actual, expected in zip(*results, strict=True):
        assert_near(actual, expected, RETRACED)
