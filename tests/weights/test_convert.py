"""From a checkpoint to weights that load: by the command line, with the numbers compared."""

import re
import tomllib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from incdsl.diagnostics import CompileError
from incdsl.runtime import convert
from tests.modules import generated, noise
from tests.nets import compiled
from tests.process import V3, python

NET = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> left: conv2d 3x3 @4 -> right: conv2d 3x3 @4\n}\n"
TWINS = (
    "inc 1\nnet N {\n  input x [3, 8, 8]\n"
    "  output y = x -> concat { | a: conv2d 1x1 @4 | b: conv2d 1x1 @4 } -> gap -> fc: linear @5\n}\n"
)


class Twins(nn.Module):
    """The second net, by hand; with `head` it has an output more."""

    def __init__(self, scale=1.0, wrong=False):
        super().__init__()
        self.scale, self.wrong = scale, wrong
        self.a, self.b, self.fc = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1), nn.Linear(8, 5)

    def forward(self, x):
        if self.wrong:
            raise ValueError("not today")
        return self.fc(torch.cat([self.a(x), self.b(x)], 1).mean((2, 3)) * self.scale)


@pytest.fixture
def twins(tmp_path):
    """The net's spec, a checkpoint of it, and one with its two rails exchanged."""
    torch.manual_seed(0)
    state = Twins().double().state_dict()
    (tmp_path / "twins.inc").write_text(TWINS)
    save_file(state, tmp_path / "twins.safetensors")
    exchanged = {{"a": "b", "b": "a"}.get(k[0], k[0]) + k[1:] if k[1] == "." else k: v for k, v in state.items()}
    torch.save({"state_dict": exchanged, "epoch": 3}, tmp_path / "exchanged.pt")
    return tmp_path


@pytest.mark.parametrize("name", ["slim.npz", "slim.safetensors"])
def test_slims_inception_v3_gives_the_same_logits(call, folder, v3, filled, name):
    result = call("map", V3, "--from", folder / name, "-o", "slim.toml")
    assert result.exit_code == 0, result.output
    result = call("convert", V3, "--from", folder / name, "--map", "slim.toml", "-o", "v3.safetensors")
    assert result.exit_code == 0, result.output
    net = generated(v3.text)().double().eval()
    net.load_state_dict(load_file("v3.safetensors"), strict=True)
    image = noise(2, 3, 107, 130)
    with torch.no_grad():
        expected, seen = filled(image), net(image)
    assert (expected - seen).abs().max() <= 1e-10 * expected.abs().max()
    assert all(torch.equal(value, net.state_dict()[key]) for key, value in filled.state_dict().items())


@pytest.mark.parametrize("source", ["own.pt", "own.safetensors"])
def test_without_the_head(call, folder, v3, source):
    options = ("--from", folder / source)
    assert call("map", V3, *options, "--without-aux", "--ignore", "AuxLogits*", "-o", "m.toml").exit_code == 0
    assert "aux = false" in Path("m.toml").read_text()
    assert call("convert", V3, *options, "--map", "m.toml", "-o", "v3.pt").exit_code == 0
    generated(v3.text)(aux=False).load_state_dict(torch.load("v3.pt", weights_only=True), strict=True)


# Against the source model


def against(call, name, *more):
    options = ("twins.inc", "--from", name, "--map", "m.toml", "-o", "out.safetensors", *more)
    return call("convert", *options, "--against", "tests.weights.test_convert:Twins")


def test_outputs_are_compared(call, twins):
    assert call("map", "twins.inc", "--from", "twins.safetensors", "-o", "m.toml").exit_code == 0
    result = against(call, "twins.safetensors")
    assert result.exit_code == 0, result.output
    assert re.search(
        r"logits of tests\S+:Twins on random 2x3x8x8: relative difference \d\.\de[-+]\d\d\n", result.stdout
    )
    assert load_file("out.safetensors").keys() == Twins().state_dict().keys()


def test_what_was_unwrapped_is_told(call, twins):
    result = call("map", "twins.inc", "--from", "exchanged.pt")
    assert "exchanged.pt: the state_dict is below `state_dict`; left aside: epoch\n" in result.stdout


def test_tensors_exchanged_under_right_names_are_caught(call, twins):
    """The map is the only possible one; the numbers are not those of the model that the checkpoint is said to be of."""
    call("map", "twins.inc", "--from", "twins.safetensors", "-o", "m.toml")
    text = Path("m.toml").read_text()
    text = re.sub('from = "([ab])', lambda match: 'from = "' + {"a": "b", "b": "a"}[match[1]], text)
    Path("m.toml").write_text(text)
    result = against(call, "twins.safetensors")
    assert result.exit_code == 1
    assert re.search(r"error\[E708\]: .*relative difference \d\.\de[-+]\d\d; 1e-10 is allowed", result.stderr)
    assert not (twins / "out.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--with", "scale=1.001"], "relative difference"),
        (["--with", "scale=0"], "not those|relative difference"),
        (["--with", "colour=red"], "unexpected keyword argument"),
        (["--with", "wrong=true"], "ValueError: not today"),
    ],
)
def test_a_source_model_that_is_another_one(call, twins, arguments, reason):
    call("map", "twins.inc", "--from", "twins.safetensors", "-o", "m.toml")
    result = against(call, "twins.safetensors", *arguments)
    assert result.exit_code == 1
    assert re.search(reason, result.stderr)
    assert not (twins / "out.safetensors").exists()


@pytest.mark.parametrize("name", ["absent_module:Net", "math:sqrt", "tests.weights.test_convert:NET", "torch.nn:ReLU"])
def test_a_source_model_that_is_none(call, twins, name):
    call("map", "twins.inc", "--from", "twins.safetensors", "-o", "m.toml")
    result = call(
        "convert", "twins.inc", "--from", "twins.safetensors", "--map", "m.toml", "-o", "o.pt", "--against", name
    )  # fmt: skip
    assert result.exit_code == 1
    assert "error[E708]" in result.stderr


@pytest.mark.parametrize("value", [float("nan"), 0.0])
def test_outputs_that_tell_nothing_are_no_agreement(call, twins, value):
    state = {key: torch.full_like(tensor, value) for key, tensor in load_file("twins.safetensors").items()}
    save_file(state, "dead.safetensors")
    call("map", "twins.inc", "--from", "dead.safetensors", "-o", "m.toml")
    result = against(call, "dead.safetensors")
    assert result.exit_code == 1
    assert "not finite, or all zero" in result.stderr


HEADED = (
    "inc 1\nnet N {\n  input x [3, 8, 8]\n  t = x -> a: conv2d 1x1 @4\n"
    "  aux early = t -> gap -> fc: linear @5\n  output y = t -> gap -> fc: linear @5\n}\n"
)


def headed():
    return generated(compiled(HEADED).text)()


def test_the_heads_are_compared_too():
    """One number of the head is another, which evaluation does not show."""
    done, net = compiled(HEADED), headed().double().eval()
    state = dict(net.state_dict())
    told = convert.compare(done, net, headed(), "headed", state)
    assert [line.partition(" of ")[0] for line in told] == ["logits", "logits and auxiliary logits"]
    state["early.fc.bias"] = state["early.fc.bias"] + 1e-3
    with pytest.raises(CompileError, match="auxiliary logits: relative difference"):
        convert.compare(done, net, headed(), "headed", state)


# The map


@pytest.fixture
def mapped(call, twins):
    """The text of a map, and a conversion with another text."""
    assert call("map", "twins.inc", "--from", "twins.safetensors", "-o", "m.toml").exit_code == 0

    def with_text(text):
        (twins / "m.toml").write_text(text)
        return call("convert", "twins.inc", "--from", "twins.safetensors", "--map", "m.toml", "-o", "out.pt")

    return (twins / "m.toml").read_text(), with_text


def test_a_map_is_toml_with_reasons(mapped):
    document = tomllib.loads(mapped[0])
    assert document["spec"] == {"name": "twins.inc", "net": "N", "keys": document["spec"]["keys"], "aux": False}
    assert document["checkpoint"]["name"] == "twins.safetensors"
    assert document["tensors"]["a.weight"] == {"from": "a.weight"}
    assert '"a.weight" = { from = "a.weight" }  # same name\n' in mapped[0]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("format = 1", "format = 2", "its format is 2, not 1"),
        ("format = 1", "format = ", "Invalid value"),
        ("[tensors]", "[others]", "`tensors` is missing"),
        ("aux = false", "aux = 0", "`aux` is no bool"),
        ('{ from = "a.weight" }', "{ fill = nan }", "`fill` is a number and"),
        ('{ from = "a.weight" }', '{ from = "a.weight", fill = 1.0 }', "`fill` is a number and"),
        ('{ from = "a.weight" }', '{ from = "a.weight", cast = "int" }', "has `from`, `view` and `permute`, or"),
        ('{ from = "a.weight" }', '{ from = "a.weight", permute = [1, 0, 2, 3] }', "becomes [3, 4, 1, 1], not [4, 3,"),
        ('{ from = "a.weight" }', '{ from = "a.weight", permute = [0, 0, 2, 3] }', "is not a permutation of 4 axes"),
        ('{ from = "a.weight" }', '{ from = "a.weight", view = [5] }', "cannot be viewed as [5]"),
        ('{ from = "a.weight" }', '{ from = "b.weight" }', "it neither uses `a.weight` nor lists it as `unused`"),
        ('{ from = "a.weight" }', '{ from = "c.weight" }', "the checkpoint has no `c.weight`"),
        ('"a.weight" =', '"z.weight" =', "it lacks `a.weight`"),
        ("unused = []", 'unused = ["fc.bias"]', "it uses `fc.bias` more than once"),
    ],
)  # fmt: skip
def test_a_map_that_does_not_fit_is_refused(mapped, twins, old, new, reason):
    text, with_text = mapped
    assert text.count(old) == 1
    result = with_text(text.replace(old, new))
    assert result.exit_code == 1
    assert "error[E706]" in result.stderr
    assert reason in result.stderr
    assert not (twins / "out.pt").exists()


@pytest.mark.parametrize(("what", "word"), [("keys", "net"), ("fingerprint", "checkpoint")])
def test_a_map_for_something_else_is_refused(mapped, what, word):
    text, with_text = mapped
    result = with_text(re.sub(f'{what} = ".*"', f'{what} = "0123456789abcdef"', text))
    assert result.exit_code == 1
    assert f"error[E707]: m.toml was made for another {word}" in result.stderr


def test_nothing_is_overwritten_unasked(call, mapped, twins):
    (twins / "out.pt").write_text("here")
    for arguments in (
        ("map", "twins.inc", "--from", "twins.safetensors", "-o", "m.toml"),
        ("convert", "twins.inc", "--from", "twins.safetensors", "--map", "m.toml", "-o", "out.pt"),
    ):
        result = call(*arguments)
        assert result.exit_code == 2
        assert "exists; --force overwrites it" in result.stderr
    assert call("map", "twins.inc", "--from", "twins.safetensors", "-o", "m.toml", "--force").exit_code == 0


@pytest.mark.parametrize("spelling", ["twins.safetensors", "./x/../twins.safetensors", "link.pt", "hard.pt", "m.toml"])
def test_what_is_read_is_not_overwritten(call, mapped, twins, spelling):
    (twins / "x").mkdir()
    (twins / "link.pt").symlink_to(twins / "twins.safetensors")
    (twins / "hard.pt").hardlink_to(twins / "twins.safetensors")
    before = (twins / "twins.safetensors").read_bytes(), mapped[0]
    for source, mapping in (("twins.safetensors", "m.toml"), ("link.pt", "m.pt")):
        (twins / "m.pt").write_text(mapped[0])
        output = "m.pt" if spelling == "m.toml" and mapping == "m.pt" else spelling
        if output.endswith("toml"):
            continue
        result = call("convert", "twins.inc", "--from", source, "--map", mapping, "-o", output, "--force")
        assert result.exit_code == 2
        assert re.search("is the (checkpoint|map) that is read; write to another file", result.stderr)
    assert ((twins / "twins.safetensors").read_bytes(), (twins / "m.toml").read_text()) == before


@pytest.mark.parametrize("name", ["twins.safetensors", "new.pt", "new.PTH", "new.npz", "twins.inc", "link"])
def test_a_map_is_no_checkpoint(call, twins, name):
    (twins / "link").symlink_to(twins / "twins.safetensors")
    before = {p: p.read_bytes() for p in twins.iterdir()}
    result = call("map", "twins.inc", "--from", "twins.safetensors", "-o", name, "--force")
    assert result.exit_code == 2
    assert re.search("ends like a checkpoint, but a map is a .toml file|that is read; write", result.stderr)
    assert {p: p.read_bytes() for p in twins.iterdir()} == before


# Training checkpoints


def trained(twins):
    """A training checkpoint with weights, their average, and an optimizer."""
    state = load_file(twins / "twins.safetensors")
    average = {key: 2 * value for key, value in state.items()}
    moments = {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]}
    torch.save({"state_dict": state, "ema": {"module": average}, "optimizer": moments}, twins / "train.pth")
    return average


def test_an_entry_of_a_training_checkpoint(call, twins):
    average = trained(twins)
    result = call("map", "twins.inc", "--from", "train.pth", "-o", "m.toml")
    assert result.exit_code == 1
    assert "error[E711]: train.pth holds 2 state_dicts of the same shapes: `state_dict`, `ema.module`" in result.stderr
    assert "help: `--entry state_dict` or `--entry ema.module` takes one of them" in result.stderr
    options = ("--from", "train.pth", "--entry", "ema.module")
    assert call("map", "twins.inc", *options, "-o", "ema.toml").exit_code == 0
    assert tomllib.loads(Path("ema.toml").read_text())["checkpoint"]["entry"] == "ema.module"
    result = call("convert", "twins.inc", "--from", "train.pth", "--map", "ema.toml", "-o", "o.safetensors")
    assert result.exit_code == 0, result.output
    found = load_file("o.safetensors")
    assert all(torch.equal(found[key], value) for key, value in average.items())


def test_a_state_dict_of_other_shapes_is_told(call, twins):
    """A discriminator beside the generator cannot be meant."""
    state = load_file(twins / "twins.safetensors")
    torch.save({"state_dict": state, "discriminator": {"fc.weight": torch.zeros(1, 5)}}, twins / "gan.pth")
    result = call("map", "twins.inc", "--from", "gan.pth")
    assert result.exit_code == 0, result.output
    assert "gan.pth: it holds other state_dicts: discriminator\n" in result.stdout


@pytest.mark.parametrize("entry", ["emma", "ema", "ema.module.a.weight", "optimizer.state.0", ".", "..", "a" * 5000])
def test_an_entry_that_is_no_state_dict(call, twins, entry):
    trained(twins)
    result = call("map", "twins.inc", "--from", "train.pth", "--entry", entry)
    assert result.exit_code == 1
    others = "takes that one" if entry == "ema" else "`--entry state_dict` takes that one; others are `ema.module`"
    assert others in result.stderr


def test_several_or_unusual_state_dicts(call, twins):
    state = load_file(twins / "twins.safetensors")
    for names, reason in ((("model", "net"), "several state_dicts\n  help: `--entry model` takes that one; others are"),
                          (("ema",), "`ema` is not a tensor\n  help: `--entry ema` takes that one")):  # fmt: skip
        torch.save(dict.fromkeys(names, state), twins / "some.pt")
        assert reason in call("map", "twins.inc", "--from", "some.pt").stderr
        assert call("map", "twins.inc", "--from", "some.pt", "--entry", names[-1]).exit_code == 0
    assert call("map", "twins.inc", "--from", "twins.safetensors", "--entry", "ema").exit_code == 2


def test_a_folder_that_refuses_keeps_what_was_there(call, twins):
    (twins / "file").write_text("here")
    result = call("map", "twins.inc", "--from", "twins.safetensors", "-o", "file/m.toml")
    assert result.exit_code == 2
    assert "error[E603]" in result.stderr


def test_names_are_escaped_in_the_map(call, tmp_path):
    (tmp_path / "n.inc").write_text(NET)
    strange = '\n" = 1\n[x]\u2028\u007f\U0001f600'
    state = {f"{strange}/{i}.{k}": v for i, n in ((0, 3), (1, 4)) for k, v in nn.Conv2d(n, 4, 3).state_dict().items()}
    save_file(state, tmp_path / "c.safetensors")
    result = call("map", "n.inc", "--from", "c.safetensors", "-o", "m.toml")
    assert result.exit_code == 0, result.output
    assert '\n"' not in result.stdout
    tensors = tomllib.loads((tmp_path / "m.toml").read_text())["tensors"]
    assert {row["from"] for row in tensors.values()} == set(state)


# Without torch, without safetensors


def test_mapping_needs_no_torch(folder, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')\n")
    for name in ("slim.safetensors", "slim.npz"):
        found = python("-m", "incdsl", "weights", "map", "specs/v3.inc", "--from", str(folder / name), cwd=tmp_path)
        assert found.returncode == 0, found.stderr


def test_the_missing_package_is_named(call, folder, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = call("map", V3, "--from", folder / "slim.safetensors")
    assert result.exit_code == 2
    assert "pip install 'incdsl[weights]'" in result.stderr
