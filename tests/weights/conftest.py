"""Inception-v3 with random weights, its checkpoints on disk, and the command line."""

import pytest
from click.testing import CliRunner

from incdsl.cli import cli
from tests.nets import net_of
from tests.process import V3


@pytest.fixture(scope="session")
def v3():
    """The compilation of the shipped spec."""
    return net_of(V3)


@pytest.fixture(scope="session")
def v1():
    """The compilation of the shipped GoogLeNet, which has two heads."""
    return net_of(V3.with_name("googlenet.inc"))


@pytest.fixture(scope="session")
def filled(v3):
    """An instance with random weights; its norms have a factor of 1, as slim's."""
    import torch

    from incdsl.runtime.harness import randomized
    from tests.modules import generated

    net = randomized(generated(v3.text)().double().eval())
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if name.endswith("bn.weight"):
                tensor.fill_(1)
    return net


@pytest.fixture(scope="session")
def folder(filled, tmp_path_factory):
    """`own.pt`, `own.safetensors`, `slim.npz` and `slim.safetensors`: the same numbers."""
    import numpy
    import torch
    from safetensors.torch import save_file

    from tests.weights.slim import slim

    place = tmp_path_factory.mktemp("checkpoints")
    state, arrays = filled.state_dict(), slim(filled.state_dict())
    torch.save(state, place / "own.pt")
    save_file(state, place / "own.safetensors")
    numpy.savez(place / "slim.npz", **arrays)
    save_file({k: torch.from_numpy(v.copy()) for k, v in arrays.items()}, place / "slim.safetensors")
    return place


@pytest.fixture
def call(tmp_path, monkeypatch):
    """`call("map", …)`: the result of one `incdsl weights` command in a new folder; nothing may escape it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments):
        return CliRunner().invoke(cli, ["weights", *map(str, arguments)], catch_exceptions=False)

    return run
