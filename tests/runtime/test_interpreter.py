"""The comparison with the interpreter fails when it should."""

import pytest
import torch

from incdsl.ops import REGISTRY, Op
from incdsl.ops.cpu import PackedConv2d
from incdsl.ops.deployed import ActivationFloor, ChannelBias
from incdsl.ops.gpu import BiasedAvgPool2d, Filled, FlooredConv2d, FusedConv2d, Put, Room
from incdsl.runtime.harness import TOLERANCE
from incdsl.runtime.interpret import interpret
from incdsl.runtime.verdict import NotChecked
from incdsl.testing.checks import check_net, numbers, outcome
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


@pytest.mark.parametrize("method", ["interpret", "on_residues"])
def test_every_op_says_what_it_computes(method):
    deployed = [
        ChannelBias,
        ActivationFloor,
        PackedConv2d,
        FusedConv2d,
        FlooredConv2d,
        BiasedAvgPool2d,
        Room,
        Put,
        Filled,
    ]
    kinds = [*REGISTRY.values(), *deployed]
    assert [kind.word for kind in kinds if getattr(kind, method) is getattr(Op, method)] == []


def test_what_overflows_is_neither_right_nor_wrong():
    squares = " -> ".join(["mul { | identity | identity }"] * 13)
    made = Subject(compiled(f"inc 1\nnet N {{\n  input x [4, 12, 12]\n  output y = x -> {squares}\n}}\n"))
    with pytest.raises(NotChecked, match="y: not finite"):
        list(numbers(made))
    assert outcome(made.done) == ([], ["y: not finite"])
    with pytest.warns(UserWarning, match="the outputs were not compared: y: not finite"):
        check_net(made.done.source.text)
    made.close()


def test_a_module_that_alone_overflows_is_wrong(subject, monkeypatch):
    honest = Subject.run
    monkeypatch.setattr(Subject, "run", lambda self, inputs: [y / 0 for y in honest(self, inputs)])
    assert len(list(numbers(subject))) == 1


def test_it_reads_neither_shape_rules_nor_lowerings(subject, monkeypatch):
    for kind in REGISTRY.values():
        for name in ("infer", "lower", "tensors", "demands"):
            monkeypatch.setattr(kind, name, None)
    inputs = subject.inputs({"H": 12, "W": 12})
    assert interpret(subject.graph, inputs, subject.module.state_dict())
