"""The tool finds the map of every published network's checkpoint, under its own names and under others."""

import pytest

from incdsl.analysis.cost import state_dict
from incdsl.diagnostics import CompileError
from incdsl.weights.checkpoint import checkpoint
from incdsl.weights.match import correspond
from tests.references.networks import NAMES, compilation, family, has_aux, reference
from tests.weights import foreign
from tests.weights.test_correspondence import decided

PLAIN = [name for name in NAMES if not name.endswith("transform_input")]
FAMILIES = ["torchvision.googlenet", "timm.inception_v4", "timm.inception_resnet_v2", "timm.legacy_xception"]


@pytest.mark.parametrize("name", PLAIN)
def test_published_checkpoints(name):
    entries = [(key, tuple(shape)) for key, shape in reference(name)["state_dict"]]
    found = correspond(
        compilation(family(name).spec).net, checkpoint(name, entries), decided(without_aux=not has_aux(name))
    )
    assert {pair.key: pair.origin.source for pair in found.pairs} == {key: key for key, _ in entries}
    assert {pair.reason for pair in found.pairs} == {"same name"}


@pytest.mark.parametrize("style", ["stems", "positions"])
@pytest.mark.parametrize("name", FAMILIES)
def test_renamed_checkpoints_are_mapped_rightly_or_not_at_all(name, style):
    net = compilation(family(name).spec).net
    graph = net.graph
    shapes = {key: tensor.shape for key, tensor in state_dict(graph, graph.shapes())}
    for seed in range(2):
        names = foreign.renamed(net, seed, style)
        found, codes = None, set()
        try:
            found = correspond(net, checkpoint(name, [(names[key], shape) for key, shape in shapes.items()]))
        except CompileError as error:
            codes = {d.code for d in error.diagnostics}
        assert codes <= {"E705", "E709"}
        assert found is None or {pair.key: pair.origin.source for pair in found.pairs} == names
