"""What every op owes: words, settings, shapes, tensors, cost, and two forms that compute the same."""

import inspect
import re
from functools import cache
from operator import attrgetter

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from incdsl.analysis.cost import state_dict
from incdsl.diagnostics import CompileError
from incdsl.ops import REGISTRY
from tests.modules import assert_same, assert_same_tensors, built, generated, noise
from tests.nets import compiled, predicted, spec

WORDS = sorted(REGISTRY)
SIZES = [(16, 16), (1, 1), (2, 7), (17, 9), (31, 40)]
COUNTED = {"conv2d", "convtranspose2d", "linear"}

NO_MODULE = {"crop", "l2norm", "scale", "slice"}
"""Steps that PyTorch has no module for, and that take no label."""

every_op = pytest.mark.parametrize("word", WORDS)


def example_spec(word, *, label="", after=""):
    op = REGISTRY[word]
    label = "" if word in NO_MODULE else label
    return spec(f"{label}{op.example}{after}", shape="[8]" if op.example_rank == 1 else "[8, 16, 16]")


@cache
def example(word, label="m: "):
    return built(example_spec(word, label=label))


def placed(word):
    """The op of the example, and the shapes that flow into it."""
    graph = example(word).done.net.graph
    (node,) = (node for node in graph if type(node.op) is REGISTRY[word])
    shapes = graph.shapes()
    return node, tuple(shapes[name] for name in graph.operands(node.name))


def inputs(word, seed=1):
    """An input for each of the sizes that are legal for the example."""
    if REGISTRY[word].example_rank == 1:
        return [({}, noise(2, 8, seed=seed))]
    legal = example(word).done.sizes.evaluation
    sizes = [(h, w) for h, w in SIZES if h in legal["H"] and w in legal["W"]]
    assert sizes
    return [({"H": h, "W": w}, noise(2, 8, h, w, seed=seed)) for h, w in sizes]


def twin(word, text):
    """The net of another text with the numbers of the example."""
    net = generated(text)().double().eval()
    net.load_state_dict(example(word).net.state_dict())
    return net


def leaves(op):
    """An op that no other is derived from, or all of these."""
    return [leaf for each in op.__subclasses__() for leaf in leaves(each)] or [op]


@every_op
def test_is_described(word):
    op = REGISTRY[word]
    assert op.word == word
    assert all(getattr(each, "__final__", False) for each in leaves(op))
    assert inspect.cleandoc(vars(op)["__doc__"]).splitlines()[0].endswith(".")
    if op.torch:
        name = re.sub(r"\(.*\)", "", op.torch).removeprefix("torch.")
        assert callable(attrgetter(name)(torch))


@every_op
def test_words_name_fields(word):
    op = REGISTRY[word]
    assert set(op.sigils.values()) | op.runtime_args <= set(op.model_fields)
    call = placed(word)[0].op.lower(*placed(word)[1]).module
    if call and call.callee.startswith("nn."):
        known = inspect.signature(getattr(nn, call.callee.removeprefix("nn."))).parameters
        assert {setting.name for setting in call.settings} <= set(known)
        assert op.signature == tuple(known)[: len(op.signature)]


@every_op
def test_is_frozen_and_strict(word):
    op = placed(word)[0].op
    fields = dict(op)
    assert type(op)(**fields) == op
    for name in (*fields, "anything"):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(op, name, 1)
    with pytest.raises(ValidationError, match="not permitted"):
        type(op)(**fields, anything=1)
    for name in fields:
        with pytest.raises(ValidationError, match=name):
            type(op)(**{**fields, name: object()})


@every_op
def test_is_deterministic(word):
    node, shapes = placed(word)
    again = type(node.op)(**dict(node.op))
    assert node.op.infer(*shapes) == again.infer(*shapes)
    assert node.op.lower(*shapes) == again.lower(*shapes)
    assert compiled(example_spec(word)).text == compiled(example_spec(word)).text


@every_op
def test_shape_is_as_predicted(word):
    done, net = example(word)
    for sizes, x in inputs(word):
        assert tuple(net(x).shape) == (2, *predicted(done, sizes)), sizes


@every_op
def test_tensors_are_the_modules(word):
    done, net = example(word)
    graph = done.net.graph
    node, shapes = placed(word)
    held = {k: tuple(v.shape) for k, v in net.state_dict().items()}
    assert list(held.items()) == [(k, t.shape) for k, t in state_dict(graph, graph.shapes())]
    mine = {t.key(node.path): t for t in node.op.tensors(*shapes)}
    assert [(k, t.shape) for k, t in mine.items()] == [(k, s) for k, s in held.items() if k in mine]
    trained = {name for name, _ in net.named_parameters()}
    assert {k for k, t in mine.items() if t.trainable} == trained & mine.keys()
    assert node.op.parameters(*shapes) == sum(p.numel() for n, p in net.named_parameters() if n in mine)
    assert done.cost.params == sum(p.numel() for p in net.parameters())
    assert node.op.owns_parameters() == bool(mine)


@every_op
def test_macs_are_counted(word):
    done, net = example(word)
    x = inputs(word)[0][1][:1]
    with FlopCounterMode(display=False) as counter:
        net(x)
    assert 2 * done.cost.macs == counter.get_total_flops()
    mine = sum(n.macs for n in done.cost.nodes if n.node.op.word == word)
    assert (mine > 0) == (word in COUNTED)


@every_op
def test_both_forms_are_written(word):
    node, shapes = placed(word)
    lowering = node.op.lower(*shapes)
    labelled, bare = (example(word, label).net for label in ("m: ", ""))
    assert lowering.module or lowering.function
    assert not (node.op.owns_parameters() and lowering.function)
    if node.op.is_parameter:
        assert type(labelled.m) is nn.Parameter
    elif lowering.module:
        assert type(labelled.m).__name__ == lowering.module.callee.removeprefix("nn.")
        kept = {type(module).__name__ for module in bare.modules()}
        assert (type(labelled.m).__name__ in kept) == (lowering.function is None)


@every_op
@pytest.mark.parametrize("training", [False, True])
def test_both_forms_agree(word, training):
    bare = generated(compiled(example_spec(word)).text)().double().train(training)
    labelled = twin(word, example(word).done.text).train(training)
    names = list(bare.state_dict())
    bare.load_state_dict(dict(zip(names, labelled.state_dict().values(), strict=True)))
    for _, x in inputs(word):
        torch.manual_seed(7)
        expected = labelled(x)
        torch.manual_seed(7)
        assert_same(bare(x), expected)
    assert_same_tensors(bare.state_dict(), dict(zip(names, labelled.state_dict().values(), strict=True)))


@every_op
def test_leaves_its_input_alone(word):
    net = twin(word, compiled(example_spec(word, label="m: ")).text).train()
    _, x = inputs(word)[0]
    leaf = x.clone().requires_grad_()
    net(leaf).square().sum().backward()
    assert_same(leaf.detach(), x)
    assert leaf.grad.isfinite().all()
    assert leaf.grad.any()


@every_op
@pytest.mark.parametrize("after", ["relu", "relu6", "add { | relu | identity }"])
def test_activation_may_follow(word, after):
    """An activation in place must change no value, and no gradient, of what it overwrites."""
    plain = twin(word, example(word).done.text)
    followed = twin(word, compiled(example_spec(word, label="m: ", after=f" -> {after}")).text)
    function = {"relu": torch.relu, "relu6": lambda y: y.clamp(0, 6)}.get(after, lambda y: torch.relu(y) + y)
    leaves = [inputs(word)[0][1].clone().requires_grad_() for _ in range(2)]
    expected, actual = function(plain(leaves[0])), followed(leaves[1])
    assert_same(actual.detach(), expected.detach())
    weights = noise(*expected.shape, seed=3)
    (expected * weights).sum().backward()
    (actual * weights).sum().backward()
    assert_same(leaves[1].grad, leaves[0].grad)
    grads = [{name: p.grad for name, p in net.named_parameters()} for net in (followed, plain)]
    assert_same_tensors(*grads)


@pytest.mark.parametrize("word", sorted(NO_MODULE))
def test_what_is_no_module_takes_no_label(word):
    with pytest.raises(CompileError, match="E215"):
        compiled(spec(f"m: {REGISTRY[word].example}"))
