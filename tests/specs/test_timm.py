"""Examples with timm's names are its networks: names and shapes in its order, and logits, recorded with 1.0.31."""

import hashlib
import json

import pytest
import torch

from tests.nets import EXAMPLES, net_of
from tests.process import ROOT
from tests.references import detfill
from tests.references.networks import far_from
from tests.specs.test_examples import filled

RECORDED = json.loads((ROOT / "tests" / "references" / "timm_examples.json").read_text(encoding="utf-8"))
"""By our name: `peer`, its name in timm; `keys`, the hash of a line with name and shape for each entry of its
state_dict; `logits` of the image and the numbers of `detfill`, in the order of the state_dict, in float64."""


@pytest.fixture(scope="module", params=RECORDED)
def pair(request):
    """Our net in float64, for evaluation, and the facts of timm's."""
    return filled(net_of(EXAMPLES / f"{request.param}.inc")), RECORDED[request.param]


def test_names_and_shapes(pair):
    net, facts = pair
    lines = [f"{key} {list(tensor.shape)}" for key, tensor in net.state_dict().items()]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == facts["keys"]
    assert sum(p.numel() for p in net.parameters()) == facts["parameters"]


def test_logits(pair):
    net, facts = pair
    with torch.no_grad():
        assert far_from(net(detfill.image((1, 3, 96, 75))), facts["logits"]) <= 1e-12
