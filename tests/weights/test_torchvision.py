"""torchvision's own Inception-v3, if it is installed, as checkpoint and as the model that outputs are compared with."""

import pytest
import torch

from incdsl.runtime.harness import randomized
from tests.modules import distance, generated
from tests.nets import net_of
from tests.peers._torchvision import torchvision
from tests.process import V3

ARGUMENTS = ("--against", "torchvision.models:inception_v3", "--with", "init_weights=false")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A checkpoint of torchvision's model, wrapped as training scripts do."""
    folder = tmp_path_factory.mktemp("torchvision")
    torch.manual_seed(0)
    state = torchvision.models.inception_v3(init_weights=False).state_dict()
    torch.save({"model": {f"module.{key}": value for key, value in state.items()}}, folder / "v3.pth")
    return folder / "v3.pth"


def test_converted_weights_give_torchvisions_logits(call, published):
    result = call("map", V3, "--from", published, "-o", "m.toml")
    assert result.exit_code == 0, result.output
    assert "580 tensors have the same name on both sides" in result.stdout
    assert "all names start with `module.`, which is left out" in result.stdout
    result = call("convert", V3, "--from", published, "--map", "m.toml", "-o", "v3.safetensors", *ARGUMENTS)
    assert result.exit_code == 0, result.output
    assert "logits of torchvision.models:inception_v3 on random 2x3x299x299: relative difference" in result.stdout
    assert "logits and auxiliary logits of" in result.stdout


@pytest.mark.parametrize(
    ("spec", "on"), [("v3", False), ("v3", True), ("v3_torchvision", False), ("v3_torchvision", True)]
)
def test_a_transform_of_the_input_is_noticed(call, published, spec, on):
    """`weights=` switches it on, and no state_dict has it."""
    path = V3.with_name(f"{spec}.inc")
    assert call("map", path, "--from", published, "-o", "m.toml").exit_code == 0
    words = (*ARGUMENTS, "--with", f"transform_input={str(on).lower()}")
    result = call("convert", path, "--from", published, "--map", "m.toml", "-o", "v3.safetensors", *words)
    if on == (spec == "v3_torchvision"):
        assert result.exit_code == 0, result.output
        told = (
            "transforms its input (transform_input is on)" if on else "has transform_input off; built with pretrained"
        )
        assert f"warning: torchvision.models:inception_v3 {told}" in result.stdout
    else:
        assert result.exit_code == 1
        assert "error[E708]" in result.stderr
        assert ("help: its transform_input is on: specs/v3_torchvision.inc" in result.stderr) == on


@pytest.mark.parametrize(("spec", "name"), [("v3", "inception_v3"), ("googlenet", "googlenet")])
def test_the_variant_is_what_torchvision_builds_with_weights(spec, name):
    torch.manual_seed(0)
    theirs = randomized(getattr(torchvision.models, name)(init_weights=False, transform_input=True)).double().eval()
    images = torch.randn(1, 3, 107, 130, dtype=torch.float64)
    apart = {}
    for variant in (spec, f"{spec}_torchvision"):
        net = generated(net_of(V3.with_name(f"{variant}.inc")).text)().double().eval()
        net.load_state_dict(theirs.state_dict(), strict=True)
        with torch.no_grad():
            apart[variant] = distance(net(images), theirs(images))
    assert apart[f"{spec}_torchvision"] < 1e-14 < 1e-8 < apart[spec]


def test_two_exchanged_tensors_are_noticed(call, published, tmp_path):
    assert call("map", V3, "--from", published, "-o", "m.toml").exit_code == 0
    text = (tmp_path / "m.toml").read_text()
    first, second = (f'from = "Mixed_6c.{rail}.conv.weight"' for rail in ("branch1x1", "branch_pool"))
    text = text.replace(first, "@").replace(second, first).replace("@", second)
    (tmp_path / "m.toml").write_text(text)
    result = call("convert", V3, "--from", published, "--map", "m.toml", "-o", "v3.pt", *ARGUMENTS)
    assert result.exit_code == 1
    assert "error[E708]" in result.stderr
    assert not (tmp_path / "v3.pt").exists()
