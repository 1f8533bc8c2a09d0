"""Instances of generated classes are copied and pickled, also into a process that has loaded nothing."""

import copy
import pickle
import subprocess
import sys

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import incdsl
from incdsl.runtime.load import load_text
from tests.process import ROOT

TEXT = (
    "inc 1\nblock B(width) = conv2d 3x3 @width -> batchnorm -> relu\nnet N(classes = 4) {\n  input x [3, 8, 8]\n"
    "  b = x -> B(width: 8) times 2\n  aux h = b -> gap -> fc: linear @classes\n"
    "  output y = b -> gap -> fc: linear @classes\n}\n"
)
READING = """
import io, pickle, sys, torch
parts = pickle.load(open(sys.argv[1], "rb"))
for model in (pickle.loads(parts["pickled"]), torch.load(io.BytesIO(parts["saved"]), weights_only=False)):
    assert type(model).__name__ == "N" and not model.training
    assert torch.equal(model(parts["x"]), parts["y"])
    model.train()(parts["x"]).h.sum().backward()
assert "B" in str(model)
"""


class Maps(Dataset):
    """A data set that computes with a net, as one that makes features of images does."""

    def __init__(self, net):
        self.net = net

    def __len__(self):
        return 4

    def __getitem__(self, i):
        with torch.no_grad():
            return self.net(torch.full((1, 3, 8, 8), float(i)))[0]


@pytest.fixture
def net():
    torch.manual_seed(0)
    return incdsl.load(TEXT).N().eval()


def test_another_process_unpickles(net, tmp_path):
    import io

    saved = io.BytesIO()
    torch.save(net, saved)
    x = torch.randn(2, 3, 8, 8)
    parts = {"pickled": pickle.dumps(net), "saved": saved.getvalue(), "x": x, "y": net(x).detach()}
    (tmp_path / "parts.pkl").write_bytes(pickle.dumps(parts))
    command = [sys.executable, "-c", READING, str(tmp_path / "parts.pkl")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_workers_of_a_data_loader_have_it(net):
    loader = DataLoader(Maps(net), batch_size=2, num_workers=1, multiprocessing_context="spawn")
    found = torch.cat(list(loader))
    assert torch.equal(found, torch.stack([Maps(net)[i] for i in range(4)]))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])  # noqa: S301 - made here
def test_copies_are_of_the_same_class(net, copied):
    other = copied(net)
    assert type(other) is type(net)
    assert type(other.b[0]) is type(net.b[0])
    assert all(map(torch.equal, other.state_dict().values(), net.state_dict().values()))
    assert (other.fc.weight is net.fc.weight) == (copied is copy.copy)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_tuples_of_outputs_are_pickled(net, protocol):
    outputs = net.train()(torch.zeros(2, 3, 8, 8))
    again = pickle.loads(pickle.dumps(type(outputs)(*(value.detach() for value in outputs)), protocol))  # noqa: S301 - made here
    assert type(again) is type(outputs)
    assert all(map(torch.equal, again, outputs))


def test_the_text_is_pickled_once(net):
    assert pickle.dumps(net).count(b"class N(nn.Module)") == 1


def test_a_text_is_loaded_once():
    assert incdsl.load(TEXT) is incdsl.load(TEXT)
    assert incdsl.load(TEXT) is not incdsl.load(TEXT, classes=5)


def test_a_text_that_cannot_be_loaded_is_not_half_loaded():
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            load_text("x = 1 // 0\n", "Broken")
