"""The examples compile, run, train, and compute what the same networks written by hand compute."""

import re

import pytest
import torch

from incdsl.runtime.harness import noise, outputs
from tests.modules import assert_near, generated
from tests.nets import EXAMPLES, net_of, nets_of
from tests.references import detfill
from tests.specs.replay import REPLAYS, Replay

EXACT = 1e-12
SIZE = {"H": 48, "W": 40}
PYRAMID = {"H": 64, "W": 32}
"""A size that every example takes: maps may be enlarged five times."""
PATHS = sorted(EXAMPLES.glob("*.inc"))
every_example = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def filled(done):
    """A net in float64, for evaluation."""
    net = generated(done.text)().double().eval()
    net.load_state_dict(detfill.state([(key, tuple(tensor.shape)) for key, tensor in net.state_dict().items()]))
    return net


def first_net(path):
    """The net that an example is about; others are its parts, or variations."""
    return next(iter(nets_of(path).values()))


def inputs(done):
    return [value.double() for value in noise(done, PYRAMID)]


def images():
    return detfill.image((2, 3, SIZE["H"], SIZE["W"]))


@every_example
def test_shapes(path):
    for done in nets_of(path).values():
        assert done.warnings == ()
        graph, net = done.net.graph, filled(done)
        with torch.no_grad():
            found = outputs(net(*inputs(done)))
        assert len(found) == len(graph.outputs)
        for node, value in zip(graph.outputs.values(), found, strict=True):
            assert value.shape[1:] == graph.shapes()[node].at(PYRAMID)


@every_example
def test_a_training_step(path):
    for done in nets_of(path).values():
        net = filled(done).train()
        before = {name: p.detach().clone() for name, p in net.named_parameters()}
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        sum(value.square().mean() for value in outputs(net(*inputs(done)))).backward()
        optimizer.step()
        assert all(p.grad.isfinite().all() for p in net.parameters())
        moved = [name for name, p in net.named_parameters() if not torch.equal(p, before[name])]
        assert len(moved) > 0.9 * len(before)


@pytest.mark.parametrize("name", REPLAYS)
def test_the_same_network_by_hand(name):
    net = filled(net_of(EXAMPLES / f"{name}.inc"))
    replay = Replay(net.state_dict())
    with torch.no_grad():
        expected = REPLAYS[name](replay, images())
        assert_near(net(images()), expected, EXACT)
    assert replay.done
    assert expected.std() > 1e-3


@every_example
def test_they_are_small_and_say_where_they_are_from(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert 15 <= len(lines) <= 60
    assert max(map(len, lines)) <= 120
    assert re.search(r"arXiv:\d{4}\.\d{5}", "\n".join(lines[1:4]))
    stated = {each.fact for each in first_net(path).net.expectations}
    assert {"params", "macs"} <= stated


def test_the_list_is_whole():
    """Each example has its line, with its number of parameters."""
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[`(\w+)\.inc`\]\(\1\.inc\) \|.*\| ([\d,]+) \|$", text, re.MULTILINE)
    assert sorted(name for name, _ in rows) == [path.stem for path in PATHS]
    for name, params in rows:
        assert first_net(EXAMPLES / f"{name}.inc").cost.params == int(params.replace(",", ""))
