"""Every shipped spec compiles without a warning, and its module runs as the compiler says."""

import pytest
import torch

from tests.modules import generated
from tests.nets import SPECS, nets_of

PATHS = sorted(SPECS.rglob("*.inc"))
every_spec = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(SPECS).as_posix())


def smallest(sizes):
    """The smallest legal sizes, not square if there is a choice."""
    found = {}
    for i, (axis, legal) in enumerate(sizes.items()):
        members = iter(legal)
        found[axis] = next(members)
        if i:
            found[axis] = next(members, found[axis])
    return found


def on_meta(done, sizes, **settings):
    """The module, and images of these sizes: shapes without numbers."""
    graph = done.net.graph
    shapes = graph.shapes()
    with torch.device("meta"):
        net = generated(done.text)(**settings)
        return net, [torch.empty(2, *shapes[node].at(sizes)) for node in graph.inputs.values()]


def shapes_of(outputs):
    """Shapes without the batch."""
    outputs = [outputs] if isinstance(outputs, torch.Tensor) else outputs
    return [tuple(output.shape[1:]) for output in outputs]


@every_spec
def test_there_are_no_warnings(path):
    assert nets_of(path)
    assert all(done.warnings == () for done in nets_of(path).values())


@every_spec
def test_lines_are_short(path):
    assert max(len(line) for line in path.read_text(encoding="utf-8").splitlines()) <= 120


@every_spec
def test_what_is_stated_is_more_than_parameters(path):
    """Parameters alone do not notice a stride, and MACs no label: whole nets state their keys too."""
    for done in nets_of(path).values():
        stated = {each.fact for each in done.net.expectations}
        assert {"params", "macs"} <= stated
        assert "keys" in stated or path.parent != SPECS


@every_spec
def test_the_module_runs_at_its_smallest_size(path):
    for done in nets_of(path).values():
        sizes = smallest(done.sizes.evaluation)
        net, images = on_meta(done, sizes)
        shapes = done.net.graph.shapes()
        expected = [shapes[node].at(sizes) for node in done.net.graph.outputs.values()]
        assert shapes_of(net.eval()(*images)) == expected
        assert sum(p.numel() for p in net.parameters()) == done.cost.params


@every_spec
def test_the_module_trains_at_its_nominal_size(path):
    for done in nets_of(path).values():
        graph, sizes = done.net.graph, done.net.conditions.nominal
        net, images = on_meta(done, sizes)
        shapes = graph.shapes()
        expected = [shapes[node].at(sizes) for node in (*graph.outputs.values(), *(h.node for h in graph.heads))]
        outputs = net.train()(*images)
        assert shapes_of(outputs) == expected
        outputs = [outputs] if isinstance(outputs, torch.Tensor) else outputs
        sum(output.sum() for output in outputs).backward()
        assert all(p.grad is not None for p in net.parameters())
