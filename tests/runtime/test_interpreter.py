"""The comparison with the interpreter fails when it should."""

import pytest
import torch

from incdsl.ops import REGISTRY
from incdsl.runtime.harness import TOLERANCE
from incdsl.runtime.interpret import MEANING, interpret
from incdsl.testing.checks import numbers
from incdsl.testing.running import Subject
from tests.modules import distance
from tests.nets import compiled

TEXT = """inc 1
net N {
  input x [4, 12, 12]
  a = x -> first: conv2d 3x3 @4 -> avgpool 3x3/2 half ceil (count_include_pad: false) -> bn: batchnorm
  output y = a -> concat { | left: conv2d 1x1 @3 | maxpool 3x3 } -> last: conv2d 1x1 @5
}
"""


@pytest.fixture
def subject():
    made = Subject(compiled(TEXT))
    yield made
    made.close()


def error(subject, text=TEXT, state=None):
    """How far the module is from an interpreter of another net, or with another state."""
    graph = compiled(text).net.graph
    inputs = subject.inputs(subject.sizes)
    (output,) = subject.run(inputs)
    known = interpret(graph, inputs, state or subject.module.state_dict())
    return distance(output, known[graph.outputs["y"]])


def test_they_agree(subject):
    assert list(numbers(subject)) == []
    assert error(subject) <= TOLERANCE


@pytest.mark.parametrize("key", ["first.weight", "last.weight", "bn.running_var", "left.weight"])
def test_a_weight_that_is_one_percent_off_is_seen(subject, key):
    state = {k: v.clone() for k, v in subject.module.state_dict().items()}
    state[key].view(-1)[0] *= 1.01
    assert error(subject, state=state) > 1e3 * TOLERANCE


def test_a_dropped_bias_is_seen(subject):
    state = dict(subject.module.state_dict())
    state["first.bias"] = torch.zeros_like(state["first.bias"])
    assert error(subject, state=state) > 1e3 * TOLERANCE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(count_include_pad: false)", "(count_include_pad: true)"),
        ("concat { | left: conv2d 1x1 @3 | maxpool 3x3 }", "concat { | maxpool 3x3 | left: conv2d 1x1 @3 }"),
        ("avgpool 3x3/2 half ceil (count_include_pad: false)", "maxpool 3x3/2 half ceil"),
        ("batchnorm", "batchnorm (eps: 1.1e-5)"),
    ],
    ids=["divisor", "concat", "pool", "eps"],
)
def test_another_net_is_seen(subject, old, new):
    assert error(subject, TEXT.replace(old, new)) > 1e3 * TOLERANCE


def test_it_knows_every_op():
    assert MEANING.keys() == REGISTRY.keys()


def test_it_reads_neither_shape_rules_nor_lowerings(subject, monkeypatch):
    for kind in REGISTRY.values():
        for name in ("infer", "lower", "tensors", "demands"):
            monkeypatch.setattr(kind, name, None)
    inputs = subject.inputs({"H": 12, "W": 12})
    assert interpret(subject.graph, inputs, subject.module.state_dict())
