"""Layers that stay as they are initialized: another number of classes, another head, heads that a checkpoint lacks."""

import re
import tomllib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import incdsl
from incdsl.diagnostics import CompileError
from incdsl.runtime.harness import randomized
from incdsl.weights.checkpoint import checkpoint
from incdsl.weights.decisions import Decisions
from incdsl.weights.match import correspond
from tests.modules import generated
from tests.nets import SPECS, compiled, net_of
from tests.weights.slim import slim_name
from tests.weights.test_correspondence import decided, matched, own, refused, slim_entries

NET = """inc 1
net Small(classes = 10) {
  input image [3, 32, 32]
  body = image -> conv1: conv2d 3x3 @8 -> relu
  aux early = body -> conv: conv2d 1x1 @8 -> gap -> fc: linear @classes
  output logits = body -> conv2: conv2d 3x3 @8 -> gap -> fc: linear @classes
}
"""
FRESH = ("early.fc", "fc")


@pytest.fixture
def ten(tmp_path, monkeypatch):
    """A module of ten classes, its checkpoint and spec in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("net.inc").write_text(NET, encoding="utf-8")
    net = randomized(incdsl.load("net.inc").Small())
    save_file(net.state_dict(), "ten.safetensors")
    return net


def small(classes=10):
    return compiled(NET.replace("classes = 10", f"classes = {classes}")).net


def same_as(net, module, but=()):
    """Whether all tensors but some are those of another module, bit by bit; and those some are not."""
    theirs = module.state_dict()
    return all(torch.equal(value, theirs[key]) != key.startswith(but) for key, value in net.state_dict().items())


# Offered


@pytest.mark.parametrize("prefix", ["", "module.", "model.net."])
def test_another_number_of_classes_is_told_with_what_to_write(prefix):
    codes, text = refused(small(3), {f"{prefix}{key}": shape for key, shape in own(small()).items()})
    assert codes == {"E712"}
    assert text == (
        "`early.fc`, `fc` have 3 outputs each, and the checkpoint 10 `--fresh early.fc --fresh fc` leaves them as "
        "initialized, for other classes; `--set classes=10` gives the net as many outputs"
    )


def test_what_the_message_says_can_be_typed(call, ten):
    refusal = call("map", "net.inc", "--from", "ten.safetensors", "--set", "classes=3")
    fresh, other = re.findall("`(--[^`]*)`", refusal.stderr)
    assert call("map", "net.inc", "--from", "ten.safetensors", "--set", "classes=3", *fresh.split()).exit_code == 0
    assert call("map", "net.inc", "--from", "ten.safetensors", *other.split()).exit_code == 0


def test_one_of_two_widths_that_differ():
    shapes = own(small()) | {"fc.weight": [1000, 8], "fc.bias": [1000]}
    codes, text = refused(small(), shapes)
    assert codes == {"E712"}
    assert text.startswith("`fc` has 10 outputs, and the checkpoint 1,000 `--fresh fc` leaves it as initialized")


def test_a_width_in_the_middle_is_no_classifier():
    shapes = own(small()) | {"conv1.weight": [16, 3, 3, 3], "conv1.bias": [16]}
    assert refused(small(), shapes)[0] == {"E714"}


def test_a_classifier_without_bias_is_another_layer():
    shapes = own(small(3))
    del shapes["fc.bias"]
    assert refused(small(), shapes)[0] == {"E714"}


def test_a_classifier_that_the_checkpoint_lacks_can_begin_anew(call, ten):
    state = {key: value for key, value in ten.state_dict().items() if not key.startswith("fc.")}
    save_file(state, "body.safetensors")
    refusal = call("map", "net.inc", "--from", "body.safetensors")
    assert "error[E702]" in refusal.stderr
    (fresh,) = re.findall("`(--fresh [^`]*)` leaves it as initialized", refusal.stderr)
    assert call("map", "net.inc", "--from", "body.safetensors", *fresh.split()).exit_code == 0


def test_a_layer_in_the_middle_is_not_offered_to_begin_anew():
    shapes = {key: shape for key, shape in own(small()).items() if not key.startswith("conv2.")}
    codes, text = refused(small(), shapes)
    assert codes == {"E702"}
    assert "--fresh" not in text


# Taken


@pytest.mark.parametrize("classes", [3, 10])
def test_fresh_layers_need_nothing(classes):
    found = correspond(small(classes), checkpoint("c", own(small()).items()), decided(fresh=FRESH))
    fresh = {pair.key for pair in found.pairs if pair.origin.fresh}
    assert fresh == set(found.unused) == {f"{layer}.{last}" for layer in FRESH for last in ("weight", "bias")}
    assert {p.key: p.origin.source for p in found.pairs if not p.origin.fresh} == {
        key: key for key in own(small()) if key not in fresh
    }


def test_fresh_layers_of_slims_names(v3):
    found = matched(v3.net, slim_entries(1001), fresh=["AuxLogits.fc", "fc"])
    expected = {key: slim_name(key) for key in own(v3.net)}
    assert found == {key: "" if re.match(r"(AuxLogits\.)?fc\.", key) else name for key, name in expected.items()}


def test_another_head():
    """What the old one has is left out by name; nothing is left out that could be another layer's."""
    net = compiled(
        NET.replace("gap -> fc: linear @classes\n}", "gap -> fc: linear @7 -> relu -> last: linear @5\n}")
    ).net
    found = correspond(net, checkpoint("c", own(small()).items()), decided(fresh=["fc", "last"]))
    assert set(found.unused) == {"fc.weight", "fc.bias"}
    renamed = {
        key.replace("fc.", "classifier.", 1) if key.startswith("fc.") else key: s for key, s in own(small(3)).items()
    }
    net = compiled(
        NET.replace("@classes\n}", "@4 -> relu -> last: linear @5\n}").replace("(classes = 10)", "(classes = 3)")
    ).net
    codes, text = refused(net, renamed, fresh=["fc", "last"])
    assert codes == {"E703"}
    assert "`--ignore 'classifier.*'` leaves entries out" in text
    assert matched(net, renamed, fresh=["fc", "last"], ignore=["classifier.*"])["early.fc.bias"] == "early.fc.bias"


def test_a_whole_head_that_the_checkpoint_lacks():
    shapes = {key: shape for key, shape in own(small()).items() if not key.startswith("early.")}
    codes, text = refused(small(), shapes)
    assert codes == {"E704"}
    assert "`--fresh early` keeps it as initialized" in text
    found = matched(small(), shapes, fresh=["early"])
    assert {key for key, source in found.items() if not source} == {k for k in own(small()) if k.startswith("early.")}


def test_a_head_is_absent_and_the_width_differs():
    shapes = {key: shape for key, shape in own(small()).items() if not key.startswith("early.")}
    codes, text = refused(small(3), shapes)
    assert codes == {"E704", "E712"}
    assert "`--fresh fc` leaves it as initialized" in text
    assert "early.fc" not in text
    assert matched(small(3), shapes, fresh=["early", "fc"])["conv1.weight"] == "conv1.weight"


def test_one_of_two_heads_is_absent(v1):
    shapes = {key: shape for key, shape in own(v1.net).items() if not key.startswith("aux2.")}
    codes, text = refused(v1.net, shapes)
    assert codes == {"E704"}
    assert "for the auxiliary head `aux2`" in text
    assert (
        "`--without-aux` with `--ignore 'aux1.*'` leaves all heads out; `--fresh aux2` keeps it as initialized" in text
    )
    assert matched(v1.net, shapes, without_aux=True, ignore=["aux1.*"]).keys() == {
        key for key in own(v1.net) if not key.startswith("aux")
    }
    assert matched(v1.net, shapes, fresh=["aux2"])["aux1.conv.conv.weight"] == "aux1.conv.conv.weight"


def test_a_pattern_that_means_no_layer():
    codes, text = refused(small(), own(small()), fresh=["classifer"])
    assert codes == {"E710"}
    assert "`--fresh classifer` matches no layer of the net" in text


# In modules and files


def test_a_module_to_train_further(ten):
    net = incdsl.pretrained("net.inc", "ten.safetensors", classes=3, fresh=FRESH)
    assert net.training
    assert net.fc.out_features == net.early.fc.out_features == 3
    assert same_as(net, ten, FRESH)


def test_without_its_head(ten):
    net = incdsl.pretrained("net.inc", "ten.safetensors", without_aux=True, ignore="early.*")
    assert net.early is None
    assert same_as(net, ten)


def test_a_file_has_all_tensors_and_says_which_are_fresh(call, ten):
    options = ("net.inc", "--from", "ten.safetensors", "--set", "classes=3")
    assert call("map", *options, "--fresh", "*fc", "-o", "m.toml").exit_code == 0
    document = tomllib.loads(Path("m.toml").read_text(encoding="utf-8"))
    assert document["tensors"]["fc.weight"] == {"fresh": True}
    done = call("convert", *options, "--map", "m.toml", "-o", "three.safetensors")
    assert done.exit_code == 0, done.output
    assert "as the module initializes them: early.fc, fc\n" in done.stdout
    net = generated(compiled(NET).text)(classes=3)
    net.load_state_dict(load_file("three.safetensors"), strict=True)
    assert same_as(net, ten, FRESH)
    assert net.fc.weight.std() > 0


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{ fresh = false }", "`fresh` is true and stands alone"),
        ('{ fresh = true, from = "fc.weight" }', "`fresh` is true and stands alone"),
        ('{ from = "" }', "`from` is empty"),
    ],
)
def test_a_map_of_fresh_tensors_is_checked(call, ten, row, reason):
    options = ("net.inc", "--from", "ten.safetensors")
    assert call("map", *options, "-o", "m.toml").exit_code == 0
    text = Path("m.toml").read_text(encoding="utf-8")
    Path("m.toml").write_text(text.replace('{ from = "fc.weight" }', row), encoding="utf-8")
    refused = call("convert", *options, "--map", "m.toml", "-o", "o.pt")
    assert refused.exit_code == 1
    assert reason in refused.stderr


def test_fresh_layers_are_not_compared(ten):
    with pytest.raises(CompileError, match=r"E708.*`early\.fc`, `fc` are fresh"):
        incdsl.pretrained("net.inc", "ten.safetensors", fresh=FRESH, against=ten)


def test_numbers_of_another_precision(ten):
    save_file({key: value.half() for key, value in ten.state_dict().items()}, "half.safetensors")
    net = incdsl.pretrained("net.inc", "half.safetensors", fresh=FRESH)
    assert {value.dtype for value in net.state_dict().values()} == {torch.float32}
    assert torch.equal(net.conv1.weight, ten.conv1.weight.half().float())


def test_a_block_that_the_net_has_not_is_one_message_and_layers_of_other_shapes_one_each():
    """A variant for gray images without the head: what the messages say makes it fit."""
    text = (
        'inc 1\nfrom "specs/v3.inc" use InceptionV3\nnet Gray = InceptionV3(classes: 10) with {\n'
        "  input image [1, 299, 299]\n  without AuxLogits\n}\n"
    )
    gray, shapes = compiled(text).net, own(net_of(SPECS / "v3.inc").net)
    with pytest.raises(CompileError) as caught:
        correspond(gray, checkpoint("v3.pth", shapes.items()))
    found = caught.value.diagnostics
    assert [each.code for each in found] == ["E714", "E714", "E703"]
    fresh = tuple(each.layer for each in found if each.code == "E714")
    assert fresh == ("Conv2d_1a_3x3.conv", "fc")
    assert found[-1].patterns == ("AuxLogits.*",)
    decided = Decisions(fresh=fresh, ignore=found[-1].patterns)
    assert len(correspond(gray, checkpoint("v3.pth", shapes.items()), decided).pairs) == len(own(gray))
