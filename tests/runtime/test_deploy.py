"""`incdsl.deploy`: whatever checkpoint says whose weights are whose, and what its caller is told."""

import re
from warnings import catch_warnings

import pytest
import torch
from torch import nn

import incdsl
from incdsl.diagnostics import CompileError
from incdsl.runtime.harness import randomized
from tests.modules import distance

NET = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm (eps: 1e-3) -> relu
net Small(classes = 10) {
  input image [3, 32, 32]
  body = image -> stem: conv 3x3/2 @8 half -> mid: conv 3x3 @8
  aux side (weight: 0.3) = body -> gap -> fc: linear @classes
  late = body -> more: conv 3x3 @16
  aux top (weight: 0.3) = late -> gap -> fc: linear @classes
  output logits = late -> last: conv 1x1 @8 -> gap -> fc: linear @classes
}
"""


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A training module with random weights; its spec is in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.inc").write_text(NET, encoding="utf-8")
    return randomized(incdsl.load("net.inc").Small()).eval()


def saved(entries, name="weights.pth"):
    torch.save(entries, name)
    return name


def gives(net, module):
    """Whether a deployed module computes what a training module does."""
    image = torch.randn(2, 3, 16, 20)
    with torch.no_grad():
        return distance(net(image), module(image)) < 1e-5


def renamed(state, prefix="", **words):
    return {prefix + re.sub(r"^\w+", lambda m: words.get(m[0], m[0]), key): value for key, value in state.items()}


# Heads under any name, or none


@pytest.mark.parametrize("prefix", ["", "model.", "_orig_mod.", "backbone.", "a.b."])
@pytest.mark.parametrize("heads", [("side", "top"), ("aux_1", "aux_2"), ("side", ""), ("", "x"), ("", "")])
def test_heads_do_not_matter(trained, prefix, heads):
    left_out = tuple(f"{own}." for own, name in zip(("side", "top"), heads, strict=True) if not name)
    state = {key: value for key, value in trained.state_dict().items() if not key.startswith(left_out)}
    assert gives(incdsl.deploy("net.inc", saved(renamed(state, prefix, side=heads[0], top=heads[1]))), trained)


def test_heads_of_another_width_do_not_matter(trained):
    """Somebody trained further, and replaced the last classifier only."""
    state = trained.state_dict()
    state |= {"top.fc.weight": torch.zeros(1000, 16), "top.fc.bias": torch.zeros(1000)}
    assert gives(incdsl.deploy("net.inc", saved(state)), trained)


def test_the_weights_of_a_head_are_not_those_of_the_classifier(trained):
    """Both are linear layers from 8 to 10 features."""
    state = {key: value for key, value in trained.state_dict().items() if not key.startswith("fc.")}
    with pytest.raises(CompileError, match=r"error\[E702\]: the checkpoint has nothing for `fc`"):
        incdsl.deploy("net.inc", saved(state))


def test_a_tensor_that_no_head_has_is_refused(trained):
    state = trained.state_dict() | {"queue": torch.zeros(4, 7)}
    with pytest.raises(CompileError, match=r'error\[E703\].*`queue`.*\n.*`ignore="queue"`'):
        incdsl.deploy("net.inc", saved(state))
    assert gives(incdsl.deploy("net.inc", saved(state), ignore="queue"), trained)


# Several state_dicts


@pytest.fixture
def both(trained):
    """Weights, and others that are their average."""
    averaged = randomized(incdsl.load("net.inc").Small(), seed=1).eval()
    return trained.state_dict(), averaged


@pytest.mark.parametrize(
    ("raw", "average", "prefix"),
    [
        ("state_dict", "state_dict_ema", ""), ("model", "ema", ""), ("model", "model_ema", "module."),
        ("net", "net_ema", ""), ("model_state_dict", "swa", "module."),
    ],
)  # fmt: skip
def test_neither_of_two_that_fit_is_taken_unasked(both, raw, average, prefix):
    state, averaged = both
    counted = {"n_averaged": torch.tensor(3)} if average == "swa" else {}
    path = saved({raw: state, average: renamed(averaged.state_dict(), prefix) | counted, "epoch": 3})
    with pytest.raises(CompileError) as caught:
        incdsl.deploy("net.inc", path)
    assert str(caught.value) == (
        f"error[E711]: weights.pth holds 2 state_dicts of the same shapes: `{raw}`, `{average}`\n"
        f'  help: `entry="{raw}"` or `entry="{average}"` takes one of them'
    )
    with catch_warnings(record=True, action="always") as told:
        assert gives(incdsl.deploy("net.inc", path, entry=average, ignore=list(counted)), averaged)
    assert str(told[0].message) == f"weights.pth: the state_dict is below `{average}`, as asked for"


def test_a_state_dict_under_an_unusual_name(both):
    path = saved({"ema": both[0]})
    with pytest.raises(CompileError, match=r'`ema` is not a tensor\n  help: `entry="ema"` takes that one'):
        incdsl.deploy("net.inc", path)


def test_what_was_unwrapped_is_a_warning(trained):
    path = saved({"state_dict": renamed(trained.state_dict(), "module."), "epoch": 3})
    with catch_warnings(record=True, action="always") as caught:
        incdsl.deploy("net.inc", path)
    assert [str(each.message) for each in caught] == [
        "weights.pth: the state_dict is below `state_dict`; left aside: epoch",
        "weights.pth: all names start with `module.`, which is left out",
    ]
    assert {each.filename for each in caught} == {__file__}


# What else is decided


RAILS = "inc 1\nnet R {\n  input x [3, 8, 8]\n  output y = x -> concat { | a: conv2d 1x1 @4 | b: conv2d 1x1 @4 }\n}\n"


def test_rails_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = randomized(incdsl.load(RAILS).R())
    path = saved(renamed(net.state_dict(), a="branch_0", b="branch_1"))
    with pytest.raises(CompileError, match=r"`rails_in_order=True` assumes that numbers follow the order of rails"):
        incdsl.deploy(RAILS, path)
    assert gives(incdsl.deploy(RAILS, path, rails_in_order=True), net)


def test_against_a_model_that_agrees_and_one_that_does_not(trained):
    path = saved(trained.state_dict())
    again = incdsl.load("net.inc").Small()
    before = {key: value.clone() for key, value in again.state_dict().items()}
    with pytest.warns(UserWarning, match="weights.pth: logits of Small on random .*: relative difference"):
        assert gives(incdsl.deploy("net.inc", path, against=again), trained)
    assert again.training
    assert all(torch.equal(value, before[key]) for key, value in again.state_dict().items())
    other = incdsl.load(NET.replace("1e-3", "1e-5"), "Small").Small()
    with pytest.raises(CompileError, match=r"E708.*relative difference"):
        incdsl.deploy("net.inc", path, against=other)
    with pytest.raises(CompileError, match=r"E708.*it cannot be loaded, RuntimeError"):
        incdsl.deploy("net.inc", path, against=nn.Linear(3, 2))


def test_no_advice_names_a_flag(trained):
    """Every message of a call from Python, as far as a checkpoint can bring it about."""
    state = trained.state_dict()
    few = {key: value for key, value in state.items() if not key.startswith("side.")}
    wide = state | {"fc.weight": torch.zeros(1000, 8), "fc.bias": torch.zeros(1000)}
    asked = [
        (incdsl.deploy, wide, {}), (incdsl.deploy, state | {"q.x": torch.zeros(3)}, {}),
        (incdsl.deploy, {"a": state}, {}), (incdsl.deploy, state, {"ignore": "nothing*"}),
        (incdsl.deploy, state, {"fresh": ["nothing"]}), (incdsl.pretrained, few, {}),
        (incdsl.pretrained, {"model": state, "ema": state}, {}),
    ]  # fmt: skip
    codes = set()
    for call, entries, options in asked:
        with pytest.raises(CompileError) as caught:
            call("net.inc", saved(entries), **options)
        codes |= {each.code for each in caught.value.diagnostics}
        assert not re.search(r"(^|[\s`])--?[a-z]", str(caught.value)), str(caught.value)
    assert codes == {"E701", "E703", "E704", "E710", "E711", "E712"}
