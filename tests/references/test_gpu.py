"""The generated Inception-v3 on a CUDA device: the numbers of the CPU, in every way that people run it."""

from contextlib import contextmanager

import pytest
import torch
from torch import nn

from incdsl.compiler import for_inference
from incdsl.runtime.tune import Setting, missing, record, tune
from tests.modules import assert_near, assert_same, built, distance, generated, noise
from tests.nets import compiled as checked
from tests.references.networks import filled, ours, without_dropout

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


@pytest.mark.long
@through_inductor
def test_compile_the_whole_net(net, image, expected):
    compiled = torch.compile(net, fullgraph=True)
    with torch.no_grad():
        assert_near(compiled(on_device(image)), expected, FLOAT32)


def loss_of(result):
    """A loss to which both outputs contribute."""
    assert result._fields == ("logits", "AuxLogits")
    return result.logits.square().mean() + 0.3 * result.AuxLogits.square().mean()


def assert_same_step(nets, runner, image):
    """Loss, gradients and statistics of one step in float64: by the first net on the CPU, by the runner of the other.

    Nothing is dropped.
    """
    losses = [loss_of(nets[0](image)), loss_of(runner(image.to(DEVICE)))]
    for loss in losses:
        loss.backward()
    assert_near(losses[1], losses[0], FLOAT64)
    expected = dict(nets[0].named_parameters())
    assert all(p.grad.any() for p in expected.values())
    far = {n: distance(p.grad, expected[n].grad) for n, p in nets[1].named_parameters()}
    assert max(far.values()) <= FLOAT64, max(far.items(), key=lambda item: item[1])
    for name, buffer in nets[1].named_buffers():
        assert_near(buffer, nets[0].get_buffer(name), FLOAT64)


def test_training_step(image):
    nets = [without_dropout(filled(NAME).train()) for _ in range(2)]
    assert_same_step(nets, nets[1].to(DEVICE), image)


BLOCK = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm (eps: 1e-3) -> relu
net Block {
  input image [3, 17, 17]
  grid = image -> stem: conv 3x3/2 @32 valid
  aux AuxLogits (weight: 0.4) = grid -> Head
  output logits = grid -> mixed: InceptionC -> dropout 0.5 -> head: Head
}
block InceptionC = concat {
  | branch1x1: conv 1x1 @20
  | branch3x3: conv 1x1 @24 -> conv 3x3 @48 as { | 1x3 @24 | 3x1 @24 }
  | branch_pool: avgpool 3x3/1 half -> conv 1x1 @12
}
block Head = gap -> fc: linear @10
"""
"""What training Inception-v3 has, once: rails in rails, a pool before a convolution, a dropout, an auxiliary head."""


@pytest.fixture
def blocks():
    """The block twice in training mode, with the same numbers in float64 and nothing dropped; the second on the device.

    It stands for the whole net where that takes minutes to compile.
    """
    nets = [without_dropout(built(BLOCK).net.train()) for _ in range(2)]
    return nets[0], nets[1].to(DEVICE)


@pytest.fixture
def small_image():
    return noise(4, 3, 17, 17)


@through_inductor
def test_compile(blocks, small_image):
    nets = [each.eval() for each in blocks]
    compiled = torch.compile(nets[1].float(), fullgraph=True)
    with torch.no_grad():
        assert_near(compiled(on_device(small_image)), nets[0](small_image), FLOAT32)


@through_inductor
def test_compiled_training_step(blocks, small_image):
    assert_same_step(blocks, torch.compile(blocks[1], fullgraph=True), small_image)


def captured(call, held):
    """A CUDA graph of a call that reads `held`, called with what is to be read instead."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = call()

    def replay(x):
        held.copy_(x)
        graph.replay()
        return result

    return replay


def test_captured_training_step(blocks, small_image):
    """A graph of forward and backward, replayed with an image that it was not captured with."""
    held = torch.zeros_like(small_image, device=DEVICE)

    def step():
        blocks[1].zero_grad()
        loss = loss_of(blocks[1](held))
        loss.backward()
        return loss.detach()

    replay = captured(step, held)
    blocks[1].load_state_dict(blocks[0].state_dict())  # the statistics, which the first calls have changed
    loss = replay(small_image.to(DEVICE))
    expected = loss_of(blocks[0](small_image))
    expected.backward()
    assert_near(loss, expected, FLOAT64)
    for (name, parameter), other in zip(blocks[0].named_parameters(), blocks[1].parameters(), strict=True):
        assert distance(other.grad, parameter.grad) <= FLOAT64, name
    for name, buffer in blocks[1].named_buffers():
        assert_near(buffer, blocks[0].get_buffer(name), FLOAT64)


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


@pytest.fixture(scope="module")
def deployed_state():
    return filled(NAME).state_dict()


def deployed(state, also=()):
    """The deployed module with the weights of the training module, on the device in float32."""
    done = for_inference(ours(NAME), also=frozenset(also))
    return generated(done.text).from_training(state).eval().to(DEVICE)


@pytest.mark.parametrize("also", [(), ("PackConvs",), ("EnlargeKernels",)], ids=["default", "packed", "enlarged"])
def test_deployed(deployed_state, image, expected, also):
    """Also with what is packed on a CPU: here it is an ordinary convolution."""
    with torch.no_grad():
        actual = deployed(deployed_state, also)(on_device(image))
    assert actual.device.type == DEVICE
    assert_near(actual, expected, FLOAT32)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bf16", "fp16"])
def test_deployed_in_half_precision(deployed_state, image, expected, dtype):
    net = deployed(deployed_state).to(dtype, memory_format=torch.channels_last)
    with torch.no_grad():
        actual = net(image.to(DEVICE, dtype, memory_format=torch.channels_last))
    assert actual.dtype == dtype
    assert_near(actual, expected, BFLOAT16)


def test_deployed_in_a_cuda_graph(deployed_state, image):
    """Replayed with another image than it was captured with, to the last bit."""
    net = deployed(deployed_state)
    held = torch.zeros_like(on_device(image))
    with torch.no_grad(), deterministic_convolutions():
        replay = captured(lambda: net(held), held)
        first = replay(on_device(image)).clone()
        second = replay(on_device(-image)).clone()
        assert_same(first, net(on_device(image)))
        assert_same(second, net(on_device(-image)))
    assert distance(first, second) > FLOAT32


@contextmanager
def deterministic_convolutions():
    """The same algorithm of cuDNN at every call."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


def test_deployed_on_a_stream_of_its_own(deployed_state, image, expected):
    net, x = deployed(deployed_state), on_device(image)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.no_grad(), torch.cuda.stream(stream):
        actual = net(x)
    stream.synchronize()
    assert_near(actual, expected, FLOAT32)


def test_tune_measures_what_may_be_fastest_on_a_gpu():
    done = checked(BLOCK)
    assert missing(DEVICE) == ""
    found = tune(done, Setting(DEVICE, 2, "bfloat16", (17, 17)), compiled=False, rounds=3)
    assert {each.choice.also for each in found} == {(), ("EnlargeKernels",), ("UseKernels",)}
    assert {each.choice.streams for each in found} == {0, 1, 2, 4}
    assert {each.choice.channels_last for each in found} == {False, True}
    assert all(each.milliseconds > 0 for each in found)
    assert record(done, Setting(DEVICE, 2, "bfloat16", (17, 17)), found)["processor"] == torch.cuda.get_device_name()
