"""When a module replays its calls, and that a replay does what the call would do; a graph is stood in for."""

import copy
import pickle
import threading
import warnings

import pytest
import torch
from torch import nn

from incdsl.runtime.carried import graphed


class Recorded:
    """What stands in for a CUDA graph: the call again, on the memory that was captured."""

    def __init__(self, forward, given):
        self.forward, self.given, self.replays = forward, given, 0
        self.made = forward(*given)

    def replay(self, inputs):
        for own, x in zip(self.given, inputs, strict=True):
            own.copy_(x)
        self.replays += 1
        found = self.forward(*self.given)
        parts = [found] if isinstance(found, torch.Tensor) else list(found)
        for own, y in zip([self.made] if isinstance(self.made, torch.Tensor) else self.made, parts, strict=True):
            own.copy_(y)
        return self.made.clone() if isinstance(self.made, torch.Tensor) else tuple(y.clone() for y in self.made)


class Net(graphed.GraphedModule):
    """A convolution that counts how often it runs by itself."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.runs = 0

    def forward(self, x):
        self.runs += 1
        return torch.relu(self.conv(x))

    def on_gpu(self, inputs):
        return True


@pytest.fixture
def net(monkeypatch):
    monkeypatch.setattr(graphed, "Graph", Recorded)
    torch.manual_seed(0)
    return Net().eval().to(memory_format=torch.channels_last)


def image(height=8, seed=0, dtype=torch.float32):
    return torch.randn(2, 3, height, 9, generator=torch.Generator().manual_seed(seed)).to(dtype)


@torch.no_grad()
def test_the_first_call_is_captured_and_the_others_replay(net):
    for seed in range(3):
        assert torch.equal(net(image(seed=seed)), net.forward(image(seed=seed).to(memory_format=torch.channels_last)))
    (graph,) = net.graphs.values()
    assert graph.replays == 3


@torch.no_grad()
def test_outputs_are_the_callers_own(net):
    first = net(image(seed=1))
    kept = first.clone()
    net(image(seed=2)).zero_()
    assert torch.equal(first, kept)


@torch.no_grad()
def test_each_shape_has_its_graph_up_to_a_bound(net):
    net.max_graphs = 3
    for height in range(4, 10):
        assert net(image(height)).shape[2] == height - 2
    assert len(net.graphs) == 3
    assert torch.equal(net(image(9, seed=4)), net.forward(image(9, seed=4).to(memory_format=torch.channels_last)))


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_inputs_of_other_types_and_layouts_are_taken(net, dtype):
    x = image(dtype=dtype)
    assert torch.equal(net(x), net(x.float()))
    assert torch.equal(net(x), net(x.to(memory_format=torch.channels_last)))
    assert net(x).dtype == torch.float32


def plain(net, call):
    """Whether a call ran by itself, and no graph was made or replayed."""
    before = net.runs, len(net.graphs)
    found = call()
    return (net.runs, len(net.graphs)) == (before[0] + 1, before[1]), found


def test_with_gradients_it_is_an_ordinary_module(net):
    by_itself, y = plain(net, lambda: net(image()))
    assert by_itself
    y.sum().backward()
    assert net.conv.weight.grad is not None


@torch.no_grad()
def test_while_training_it_is_an_ordinary_module(net):
    assert plain(net.train(), lambda: net(image()))[0]


@torch.no_grad()
def test_under_autocast_it_is_an_ordinary_module(net):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert plain(net, lambda: net(image()))[0]


@torch.no_grad()
def test_hooks_run(net):
    seen = []
    handle = net.register_forward_hook(lambda *_: seen.append(1))
    assert plain(net, lambda: net(image()))[0]
    handle.remove()
    net(image())
    assert (seen, len(net.graphs)) == ([1], 1)


@torch.no_grad()
def test_off_the_gpu_it_is_an_ordinary_module(net):
    net.on_gpu = lambda inputs: graphed.GraphedModule.on_gpu(net, inputs)
    assert plain(net, lambda: net(image()))[0]


def test_in_inference_mode_and_outside_of_it(net):
    """Memory that is captured there must be written elsewhere, too."""
    with torch.inference_mode():
        first = net(image(seed=1))
    with torch.no_grad():
        second = net(image(seed=1))
    assert torch.equal(first, second)
    assert len(net.graphs) == 1
    assert not second.is_inference()


@torch.no_grad()
def test_weights_may_change(net):
    before = net(image())
    net.conv.bias.add_(1)
    assert not torch.equal(net(image()), before)
    assert len(net.graphs) == 1


@torch.no_grad()
@pytest.mark.parametrize("assign", [False, True])
def test_weights_that_are_loaded_are_seen(net, assign):
    before = net(image())
    net.load_state_dict({key: value + 1 for key, value in net.state_dict().items()}, assign=assign)
    assert net.graphs == {}
    assert not torch.equal(net(image()), before)


@torch.no_grad()
def test_what_moves_is_captured_again(net):
    net(image())
    net.double()
    assert net.graphs == {}
    assert net(image()).dtype == torch.float64


@torch.no_grad()
@pytest.mark.parametrize("again", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])  # noqa: S301
def test_copies_have_graphs_of_their_own(net, again):
    net(image())
    other = again(net)
    assert other.graphs == {}
    net.conv.bias.add_(1)
    assert not torch.equal(net(image()), other(image()))


@torch.no_grad()
def test_what_cannot_be_captured_runs_by_itself(net, monkeypatch):
    def refuse(forward, given):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(graphed, "Graph", refuse)
    with pytest.warns(UserWarning, match="not captured as a CUDA graph: operation not permitted"):
        first = net(image())
    with warnings.catch_warnings(action="error"):
        assert torch.equal(net(image()), first)


def test_threads_wait_for_each_other(net):
    """All share the memory that was captured."""
    with torch.no_grad():
        expected = [net(image(seed=seed)) for seed in range(8)]
    found = {}

    def call(seed):
        with torch.no_grad():
            for _ in range(20):
                found[seed] = net(image(seed=seed))

    threads = [threading.Thread(target=call, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(found[seed], expected[seed]) for seed in range(8))


@torch.no_grad()
def test_several_outputs_and_inputs(net):
    class Two(Net):
        def forward(self, x, y):
            return super().forward(x), self.conv(y)

    two = Two().eval().to(memory_format=torch.channels_last)
    for seed in range(2):
        a, b = two(image(seed=seed), image(6, seed=seed))
        assert (a.shape[2], b.shape[2]) == (6, 4)
    assert len(two.graphs) == 1


@torch.no_grad()
def test_it_compiles_as_one_graph(net):
    compiled = torch.compile(net, fullgraph=True, backend="eager")
    assert torch.equal(compiled(image()), net.forward(image().to(memory_format=torch.channels_last)))
    assert net.graphs == {}


@torch.no_grad()
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("deterministic", [False, True])
def test_cudnn_tries_its_kernels_while_a_call_is_captured(net, before, deterministic):
    seen = []
    plain = net.forward
    net.forward = lambda x: (seen.append(torch.backends.cudnn.benchmark), plain(x))[1]
    with torch.backends.cudnn.flags(enabled=True, benchmark=before, deterministic=deterministic):
        net(image())
        assert torch.backends.cudnn.benchmark is before
    assert seen[0] is not deterministic
