"""The digits: trained to 98 %, deployed as the same function, auxiliary gradients, two processes as one."""

import re
import shutil
import sys
from importlib.util import module_from_spec, spec_from_file_location
from itertools import chain

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

import incdsl
from tests.modules import assert_near, assert_same, distance
from tests.process import ROOT, python

FOLDER = ROOT / "examples" / "digits"
TRAIN, DEPLOY = str(FOLDER / "train.py"), str(FOLDER / "deploy.py")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
EXACT = 1e-12


def imported(path):
    """A file as a module of its own."""
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def recipe():
    """train.py, not run, where deploy.py finds it."""
    module = imported(FOLDER / "train.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "train", module)
        yield module


@pytest.fixture(scope="module")
def net_class():
    return incdsl.load(FOLDER / "digits.inc").Digits


@pytest.fixture(scope="module")
def digits(recipe):
    return recipe.digits()


def said(*command, out):
    """What the script wrote; it must succeed."""
    done = python(*command, "--out", str(out), cwd=out)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder after training, and what training said."""
    out = tmp_path_factory.mktemp("digits")
    return out, said(TRAIN, out=out)


@pytest.fixture(scope="module")
def deployed(trained):
    """The folder after deployment, and what it said."""
    out, _ = trained
    return out, said(DEPLOY, out=out)


@pytest.fixture(scope="module")
def both(deployed, net_class):
    """The training module and the deployed one, with their weights as they lie on the disk."""
    out, _ = deployed
    before, after = net_class(), imported(out / "deployed" / "digits.py").Digits()
    before.load_state_dict(torch.load(out / "weights.pt", weights_only=True))
    after.load_state_dict(load_file(out / "deployed" / "digits.safetensors"))
    return before.eval(), after.eval()


def right_of(text):
    """How many of the digits held out a run of train.py got right."""
    return int(re.search(r"^held out: (\d+) of 360 right", text, re.MULTILINE)[1])


# The data


def test_the_split_holds_a_fifth_of_each_class_out(digits):
    images, labels, new_images, new_labels = digits
    assert images.shape == (1437, 1, 8, 8)
    assert new_images.shape == (360, 1, 8, 8)
    share = new_labels.bincount() / (labels.bincount() + new_labels.bincount())
    assert share.sub(0.2).abs().max() < 0.005
    assert (images.min(), images.max()) == (-1, 1)


def test_images_move_by_at_most_a_pixel(recipe, digits):
    images = digits[0][:200]
    moved = recipe.moved(images, epoch=3)
    padded = F.pad(images, (1, 1, 1, 1), value=-1.0)
    places = torch.stack([padded[:, :, i : i + 8, j : j + 8] for i in range(3) for j in range(3)])
    assert (places == moved).flatten(2).all(2).any(0).all()
    assert not torch.equal(moved, recipe.moved(images, epoch=4))


@pytest.mark.parametrize("count", [2, 4])
def test_shares_of_processes_are_the_batch_of_one(recipe, count):
    cpu = torch.device("cpu")
    alone = list(recipe.Place(cpu).batches(1437, epoch=2))
    shares = [recipe.Place(cpu, rank, count).batches(1437, epoch=2) for rank in range(count)]
    together = [sorted(chain(*step)) for step in zip(*shares, strict=True)]
    assert together == [sorted(batch) for batch in alone]
    assert [len(batch) for batch in alone] == [64] * 22
    assert alone != list(recipe.Place(cpu).batches(1437, epoch=3))


# Training and deployment


def test_accuracy_on_digits_held_out(trained):
    assert right_of(trained[1]) / 360 >= 0.98


def test_no_progress_bar_without_a_terminal(trained):
    assert len(trained[1].splitlines()) == 2


def test_the_deployed_module_is_certified_and_rewritten(deployed):
    banner = (deployed[0] / "deployed" / "digits.py").read_text(encoding="utf-8").split('"""')[0]
    assert "certified against the training module: equal in a prime field" in banner
    for rule in ("DropHeads", "FoldBatchNorm", "CommuteAvgPool x 3", "MergeSiblingConvs x 3"):
        assert rule in banner


def test_the_form_for_cpus_has_the_same_classes(trained, deployed, tmp_path):
    """Its convolutions are by Winograd's schemes, chosen for a batch of 64."""
    shutil.copy(trained[0] / "weights.pt", tmp_path)
    told = said(DEPLOY, "--device", "cpu", out=tmp_path)
    assert f"right: {right_of(trained[1])} before and {right_of(trained[1])} after" in told
    assert "same class: 360 of 360" in told
    assert "10 convolutions by Winograd's schemes" in (tmp_path / "deployed" / "digits.py").read_text(encoding="utf-8")


def test_the_deployed_module_is_the_same_function(both, digits):
    before, after = both
    images = torch.cat([digits[0], digits[2]])
    with torch.inference_mode():
        expected, actual = before(images), after(images)
    assert_same(actual.argmax(1), expected.argmax(1))
    assert (actual - expected).abs().max() <= 1e-5


def test_the_deployed_module_keeps_the_accuracy(trained, deployed, both, recipe, digits):
    count = right_of(trained[1])
    assert recipe.right(both[1], *digits[2:]) == count
    assert f"right: {count} before and {count} after" in deployed[1]
    assert "same class: 360 of 360" in deployed[1]


def test_deployment_notices_a_wrong_weight(both, digits, recipe, monkeypatch):
    deploy = imported(FOLDER / "deploy.py")
    before, after = both
    assert deploy.compare(before, after, *digits[2:])
    monkeypatch.setitem(after.fc._parameters, "bias", after.fc.bias + 2e-5)
    assert not deploy.compare(before, after, *digits[2:])


# Gradients


def test_the_head_adds_its_weight_times_its_own_gradient(recipe, net_class, digits):
    torch.manual_seed(1)
    net = net_class().double().train()
    labels = digits[1][:32]
    outputs = net(digits[0][:32].double())
    assert net.aux_weights == {"early": 0.3}

    def gradients(loss):
        found = torch.autograd.grad(loss, net.parameters(), retain_graph=True, allow_unused=True)
        return dict(zip(dict(net.named_parameters()), found, strict=True))

    without = gradients(recipe.loss_of(outputs, labels, {}))
    of_both = gradients(recipe.loss_of(outputs, labels, net.aux_weights))
    of_head = gradients(F.cross_entropy(outputs.early, labels, label_smoothing=0.1))
    seen = {"without": set(), "head": set(), "shared": set()}
    for name, gradient in of_both.items():
        if without[name] is None:
            seen["head"].add(name.split(".")[0])
            assert_near(gradient, 0.3 * of_head[name], EXACT)
        elif of_head[name] is None:
            seen["without"].add(name.split(".")[0])
            assert_same(gradient, without[name])
        else:
            seen["shared"].add(name.split(".")[0])
            assert_near(gradient, without[name] + 0.3 * of_head[name], EXACT)
            assert distance(gradient, without[name]) > 1e-3
    assert seen == {
        "without": {"reduction", "mixed4", "fc"}, "head": {"early"}, "shared": {"stem", "mixed8a", "mixed8b"},
    }  # fmt: skip


# Processes


def test_two_processes_give_the_gradients_of_one(tmp_path, recipe, net_class, digits):
    out = tmp_path / "two"
    out.mkdir()
    text = said(*TORCHRUN, TRAIN, "--check-gradients", out=out)
    assert text.startswith("gradients of 2 and of 1: ")
    together = torch.load(out / "gradients.pt", weights_only=True)

    def here(place):
        torch.manual_seed(recipe.SEED)
        return recipe.gradients(net_class(), *digits[:2], place)

    cpu = torch.device("cpu")
    alone, half = here(recipe.Place(cpu)), here(recipe.Place(cpu, 0, 2))
    assert together.keys() == alone.keys()
    for name, gradient in alone.items():
        assert gradient.dtype == torch.float64
        assert_near(together[name], gradient, EXACT)
        assert distance(half[name], gradient) > 1e-3, f"{name} would not tell a share from the batch"


@pytest.mark.long
def test_two_processes_train(tmp_path, net_class):
    text = said(*TORCHRUN, TRAIN, "--epochs", "3", out=tmp_path)
    assert " on 2 x cpu\n" in text
    assert right_of(text) / 360 >= 0.9
    net_class().load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))


@pytest.mark.long
def test_two_processes_train_to_the_same_accuracy(tmp_path):
    assert right_of(said(*TORCHRUN, TRAIN, out=tmp_path)) / 360 >= 0.98
