"""The generated Inception-v3 on a CUDA device: the numbers of the CPU, in every way that people run it."""

import pytest
import torch
from torch import nn

from tests.modules import assert_near, distance
from tests.references.networks import filled, without_dropout

pytestmark = pytest.mark.gpu

DEVICE = "cuda"
NAME = "torchvision.inception_v3"
SHAPE = (2, 3, 299, 299)
FLOAT32 = 1e-4
"""Relative l2 distance to float64 on the CPU, where float32 is at 4e-7."""
BFLOAT16 = 0.03
"""As above; bfloat16 autocast on the CPU is at 5e-3."""
FLOAT64 = 1e-8
"""For gradients, which float32 misses by percents: a maximum or a sign that flips sends them elsewhere."""


@pytest.fixture(autouse=True)
def without_tf32():
    """Products in full float32: TF32 keeps 10 bits of each factor."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.fixture(scope="module")
def image():
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


@pytest.fixture(scope="module")
def expected(image):
    """The logits of the CPU in float64."""
    with torch.no_grad():
        return filled(NAME)(image)


@pytest.fixture
def net():
    """The net on the device, for evaluation."""
    return filled(NAME).to(DEVICE, torch.float32)


through_inductor = pytest.mark.filterwarnings("default")
"""The compiler behind `torch.compile` warns about itself; elsewhere a warning is an error."""


def on_device(image):
    return image.to(DEVICE, torch.float32)


def test_float32(net, image, expected):
    with torch.no_grad():
        actual = net(on_device(image))
    assert actual.device.type == DEVICE
    assert actual.dtype == torch.float32
    assert_near(actual, expected, FLOAT32)


def test_another_network_is_told_apart(net, image, expected):
    """The tolerances still see one weight that is 1% off, and the coarsest one a bias."""
    with torch.no_grad():
        net.Mixed_7c.branch1x1.conv.weight.mul_(1.01)
        assert distance(net(on_device(image)), expected) > 2 * FLOAT32
        net.fc.bias.add_(1)
        assert distance(net(on_device(image)), expected) > 2 * BFLOAT16


def test_bfloat16_autocast(net, image, expected):
    with torch.no_grad(), torch.autocast(DEVICE, torch.bfloat16):
        actual = net(on_device(image))
    assert actual.dtype == torch.bfloat16
    assert_near(actual, expected, BFLOAT16)


def test_channels_last(net, image, expected):
    """The layout survives concatenations and pools, so that no kernel in between converts."""
    layouts = {}
    for name, module in net.named_children():
        module.register_forward_hook(lambda _, __, y, name=name: layouts.update({name: layout(y)}))
    net.to(memory_format=torch.channels_last)
    with torch.no_grad():
        actual = net(on_device(image).contiguous(memory_format=torch.channels_last))
    assert_near(actual, expected, FLOAT32)
    grids = {name: kept for name, kept in layouts.items() if kept is not None}
    assert {"maxpool2", "Mixed_5b", "Mixed_6a", "Mixed_7c"} <= grids.keys()
    assert all(grids.values()), grids


def layout(y):
    """Whether an image is stored channels last; nothing where both layouts are the same."""
    if y.ndim != 4 or y.shape[2] == y.shape[3] == 1:
        return None
    return y.is_contiguous(memory_format=torch.channels_last)


@through_inductor
def test_compile(net, image, expected):
    compiled = torch.compile(net, fullgraph=True)
    with torch.no_grad():
        assert_near(compiled(on_device(image)), expected, FLOAT32)


def loss_of(result):
    """A loss to which both outputs contribute."""
    assert result._fields == ("logits", "AuxLogits")
    return result.logits.square().mean() + 0.3 * result.AuxLogits.square().mean()


@through_inductor
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_training_step(image, compiled):
    """Loss, gradients and statistics of one step without dropout, in float64."""
    nets = [without_dropout(filled(NAME).train()) for _ in range(2)]
    nets[1].to(DEVICE)
    runners = [nets[0], torch.compile(nets[1], fullgraph=True) if compiled else nets[1]]
    losses = [loss_of(runner(x)) for runner, x in zip(runners, (image, image.to(DEVICE)), strict=True)]
    for loss in losses:
        loss.backward()
    assert_near(losses[1], losses[0], FLOAT64)
    expected = dict(nets[0].named_parameters())
    assert all(p.grad.any() for p in expected.values())
    far = {n: distance(p.grad, expected[n].grad) for n, p in nets[1].named_parameters()}
    assert max(far.values()) <= FLOAT64, max(far.items(), key=lambda item: item[1])
    for name, buffer in nets[1].named_buffers():
        assert_near(buffer, nets[0].get_buffer(name), FLOAT64)


def test_training_step_in_float32(net, image):
    expected = loss_of(without_dropout(filled(NAME).train())(image))
    actual = loss_of(without_dropout(net.train())(on_device(image)))
    actual.backward()
    assert_near(actual, expected, FLOAT32)
    assert all(p.grad.isfinite().all() for p in net.parameters())


def test_dropout_and_mixed_precision_training(net, image):
    """A step as people write it: autocast, dropout on, an optimizer with state; the loss on the batch goes down."""
    target = torch.tensor([3, 7], device=DEVICE)
    optimizer = torch.optim.SGD(net.train().parameters(), lr=1e-3, momentum=0.9)
    torch.manual_seed(0)
    losses = []
    for _ in range(6):
        with torch.autocast(DEVICE, torch.bfloat16):
            result = net(on_device(image))
            heads = [nn.functional.cross_entropy(y, target) for y in result]
            loss = heads[0] + net.aux_weights["AuxLogits"] * heads[1]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(p.isfinite().all() for p in net.parameters())
    assert min(losses[3:]) < losses[0], losses
