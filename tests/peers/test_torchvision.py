"""The generated Inception-v3 is torchvision's, bit for bit, and the tools that take torchvision's take it."""

from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

import incdsl
from tests.compare import assert_near, assert_same, assert_same_tensors
from tests.nets import noise, randomized
from tests.peers._torchvision import torchvision
from tests.references import detfill

SPEC = Path(__file__).parents[2] / "specs" / "v3.inc"
RETRACED = 1e-5
"""For float32 after a tool has reordered operations."""


@cache
def ours():
    return incdsl.load(SPEC)


def pair(aux):
    """Our net and torchvision's, the same numbers in both."""
    peer = torchvision.models.inception_v3(weights=None, aux_logits=aux, init_weights=False)
    net = ours().InceptionV3(aux=aux)
    entries = [(name, tuple(tensor.shape)) for name, tensor in peer.state_dict().items()]
    peer.load_state_dict(detfill.state(entries))
    net.load_state_dict(peer.state_dict(), strict=True)
    return net, peer


@pytest.fixture(scope="module", params=[True, False], ids=["aux", "noaux"])
def nets(request):
    return pair(request.param)


@pytest.fixture
def net():
    """Our net alone, for evaluation."""
    return pair(aux=True)[0].eval()


def test_checkpoints_are_interchangeable(nets):
    net, peer = nets
    assert_same_tensors(net.state_dict(), peer.state_dict())
    peer.load_state_dict(randomized(ours().InceptionV3(aux=net.AuxLogits is not None)).state_dict(), strict=True)
    assert not torch.equal(peer.fc.weight, net.fc.weight)
    peer.load_state_dict(net.state_dict(), strict=True)
    assert [n for n, _ in net.named_parameters()] == [n for n, _ in peer.named_parameters()]


@pytest.mark.parametrize("size", [(299, 299), (75, 107)])
def test_evaluation(nets, size):
    x = noise(2, 3, *size, dtype=torch.float32)
    net, peer = (each.eval() for each in nets)
    with torch.no_grad():
        expected = peer(x)
        assert_same(net(x), expected)
    assert expected.std() > 0.01


def trained(net, x):
    """Outputs, gradients and state after one step; the net is as before."""
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    net.train().zero_grad()
    torch.manual_seed(11)
    result = net(x)
    outputs = (result,) if isinstance(result, torch.Tensor) else tuple(result)
    losses = [nn.functional.cross_entropy(y, torch.arange(len(y))) for y in outputs]
    (losses[0] + 0.4 * sum(losses[1:])).backward()
    after = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    net.load_state_dict(before)
    gradients = {name: p.grad for name, p in net.named_parameters()}
    return {str(i): y.detach() for i, y in enumerate(outputs)}, gradients, after


def test_training(nets):
    x = noise(2, 3, 299, 299, dtype=torch.float32)
    (outputs, gradients, state), (peer_outputs, peer_gradients, peer_state) = (trained(each, x) for each in nets)
    assert len(outputs) == 1 + (nets[0].AuxLogits is not None)
    assert_same_tensors(outputs, peer_outputs)
    assert_same_tensors(gradients, peer_gradients)
    assert_same_tensors(state, peer_state)
    assert all(gradient.any() for gradient in gradients.values())
    name = "Mixed_7c.branch_pool.bn.running_mean"
    assert not torch.equal(state[name], nets[0].state_dict()[name])


def test_names_of_outputs_and_loss():
    net = ours().InceptionV3().train()
    outputs = net(noise(2, 3, 299, 299, dtype=torch.float32))
    assert type(outputs)._fields == ("logits", "AuxLogits")
    assert net.aux_weights == {"AuxLogits": 0.4}


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


@pytest.mark.parametrize("free", [{0: "batch"}, {2: "height", 3: "width"}, {0: "batch", 2: "height", 3: "width"}])
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
