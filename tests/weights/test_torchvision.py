"""torchvision's own Inception-v3, if it is installed, as checkpoint and as the model that outputs are compared with."""

import pytest
import torch

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
