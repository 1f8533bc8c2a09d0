"""torchvision's checkpoints in deployed modules: one call, the same logits."""

import pytest
import torch

import incdsl
from incdsl.runtime.harness import randomized
from tests.modules import distance
from tests.peers._torchvision import torchvision

NETS = {"v3": "inception_v3", "googlenet": "googlenet"}


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("spec", NETS)
def test_a_checkpoint_of_torchvision_in_one_call(spec, suffix, tmp_path):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    published = randomized(getattr(torchvision.models, NETS[spec])(init_weights=False)).eval()
    path = tmp_path / f"weights{suffix}"
    save_file(published.state_dict(), path) if suffix == ".safetensors" else torch.save(published.state_dict(), path)
    net = incdsl.deploy(f"specs/{spec}.inc", path)
    x = torch.randn(2, 3, 107, 130)
    with torch.no_grad():
        assert distance(net(x), published(x)) < 1e-5
        assert distance(net.double()(x.double()), published.double()(x.double())) < 1e-6
