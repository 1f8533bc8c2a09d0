"""The form for a GPU on one: what it replays is what it computes, on any number of streams."""

import threading

import pytest
import torch

from incdsl.codegen.gpu import Gpu
from incdsl.compiler import for_inference
from incdsl.runtime.harness import noise, outputs, randomized
from incdsl.runtime.load import load_net
from tests.modules import assert_near
from tests.nets import EXAMPLES, SPECS, nets_of

pytestmark = pytest.mark.gpu
DEVICE = "cuda"
LIMITS = {"fp32": 1e-4, "fp16": 2e-2, "bf16": 5e-2}
NETS = [SPECS / "v3.inc", EXAMPLES / "hrnet.inc", EXAMPLES / "fpn.inc", EXAMPLES / "resnet18.inc"]


@pytest.fixture(autouse=True)
def exact_convolutions():
    """The same algorithm of cuDNN at every call, and no TF32."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


def made(done, **settings):
    """The training module in float64 on the CPU, and the form for a GPU with its weights."""
    training = randomized(load_net(done)()).double().eval()
    form = for_inference(done, form=Gpu(**settings))
    return training, load_net(form).from_training(training.state_dict()).to(DEVICE)


def images(done, seed=0, batch=2):
    sizes = {axis: size or 64 for axis, size in done.net.conditions.nominal.items()}
    return [x.double() for x in noise(done, sizes, batch, seed)]


@pytest.mark.parametrize("dtype", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("path", NETS, ids=lambda path: path.stem)
def test_it_replays_what_the_training_module_computes(path, dtype):
    done = list(nets_of(path).values())[-1]
    training, net = made(done, dtype=dtype)
    with torch.no_grad():
        for seed in range(3):  # captured, and replayed with other images
            inputs = images(done, seed)
            for a, b in zip(outputs(net(*[x.to(DEVICE) for x in inputs])), outputs(training(*inputs)), strict=True):
                assert_near(a.double().cpu(), b, LIMITS[dtype])
    assert len(net.graphs) == 1
    assert None not in net.graphs.values()


@pytest.mark.parametrize("streams", [1, 2, 4])
@pytest.mark.parametrize("path", NETS[:3], ids=lambda path: path.stem)
def test_the_bits_are_those_of_a_plain_call(path, streams):
    done = list(nets_of(path).values())[-1]
    _, net = made(done, dtype="fp32", streams=streams)
    with torch.no_grad():
        for seed in range(5):
            inputs = [net.like_weights(x.to(DEVICE)) for x in images(done, seed, batch=1)]
            for a, b in zip(outputs(net(*inputs)), outputs(net.forward(*inputs)), strict=True):
                assert torch.equal(a, b)


def test_shapes_threads_and_streams_share_memory():
    """Graphs of three shapes, called from four threads on streams of their own."""
    (done,) = nets_of(SPECS / "v3.inc").values()
    _, net = made(done, dtype="fp32")
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(1, 3, size, 107, generator=generator).to(DEVICE) for size in (107, 139, 171)]
    with torch.no_grad():
        expected = [net(x) for x in inputs]
    torch.cuda.synchronize()
    wrong = []

    def call(start):
        stream = torch.cuda.Stream()
        with torch.no_grad(), torch.cuda.stream(stream):
            for i in range(start, start + 12):
                found = net(inputs[i % 3])
                stream.synchronize()
                if not torch.equal(found, expected[i % 3]):
                    wrong.append(i)

    threads = [threading.Thread(target=call, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(net.graphs) == 3


def test_memory_does_not_grow():
    (done,) = nets_of(SPECS / "v3.inc").values()
    _, net = made(done)
    x = torch.randn(8, 3, 299, 299, device=DEVICE)
    with torch.no_grad():
        net(x)
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        for _ in range(20):
            net(x)
        torch.cuda.synchronize()
    assert torch.cuda.memory_allocated() == before


def test_with_kernels():
    (done,) = nets_of(SPECS / "v3.inc").values()
    training, net = made(done, dtype="fp16", kernels=True)
    inputs = images(done)
    with torch.no_grad():
        assert_near(net(inputs[0].to(DEVICE)).double().cpu(), training(*inputs), LIMITS["fp16"])


def test_compiled_inside_its_graph():
    done = list(nets_of(EXAMPLES / "se.inc").values())[-1]
    training, net = made(done, dtype="fp32", streams=1)
    net.forward = torch.compile(net.forward)
    inputs = images(done)
    with torch.no_grad():
        for _ in range(2):
            assert_near(net(inputs[0].to(DEVICE)).double().cpu(), training(*inputs), LIMITS["fp32"])
    assert None not in net.graphs.values()
