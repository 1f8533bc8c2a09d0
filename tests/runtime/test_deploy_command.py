"""`incdsl deploy`: the module, its certificate, its weights, and what happens when there is none of these."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

import incdsl
from incdsl.cli import cli
from incdsl.compiler import compile_net, for_inference, read
from incdsl.passes.rules.commute_avgpool import CommuteAvgPool
from incdsl.runtime.certify import certify
from incdsl.runtime.harness import randomized
from incdsl.runtime.load import load_text
from tests.modules import distance


def call(*arguments):
    """A command in this process: exit code and all that it said."""
    result = CliRunner().invoke(cli, [str(a) for a in arguments])
    return result.exit_code, result.output


def classes(path):
    """The training class and the deployed one."""
    done = compile_net(read(path))
    texts = done.text, for_inference(done).text
    return [getattr(load_text(text, done.net.name), done.net.name) for text in texts]


@pytest.fixture
def misplaced_bias(monkeypatch):
    """A compiler that forgets where the bias goes when it moves a pool."""
    monkeypatch.setattr(CommuteAvgPool, "bias_behind", False)


def test_the_file_says_what_was_done_and_that_it_is_certified(small):
    code, said = call("deploy", small, "-o", ".")
    assert code == 0, said
    text = (small.parent / "small.py").read_text(encoding="utf-8")
    assert "#   for inference: DropHeads, " in text
    assert "CommuteAvgPool x 2" in text
    assert "#   certified against the training module: equal in a prime field at " in text
    assert f"regenerate: incdsl deploy {small} -o ." in text
    assert "nn.BatchNorm2d" not in text


def test_it_is_formatted_and_clean(small):
    call("deploy", small, "-o", ".")
    for words in (
        ["check", "--isolated", "--line-length", "120"],
        ["format", "--isolated", "--check", "--line-length", "120"],
    ):
        result = subprocess.run([sys.executable, "-m", "ruff", *words, "small.py"], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout


def test_the_same_bytes_again(small):
    call("deploy", small, "-o", ".")
    assert call("deploy", small, "-o", ".", "--check")[0] == 0
    assert "unchanged" in call("deploy", small, "-o", ".")[1]


def test_what_is_not_proved_is_not_written(small, misplaced_bias):
    code, said = call("deploy", small, "-o", ".")
    assert code == 1
    assert "which is a bug in incdsl: prime field: " in said
    assert "float64: differs by " in said
    assert not (small.parent / "small.py").exists()


def test_uncertified_says_so(small, misplaced_bias):
    assert call("deploy", small, "--uncertified", "-o", ".")[0] == 0
    assert "#   not certified" in (small.parent / "small.py").read_text(encoding="utf-8")


def test_without_torch_the_certificate_is_asked_for(small, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, said = call("deploy", small)
    assert code == 2
    assert "--uncertified" in said


def test_each_half_of_the_certificate_sees_the_mistake(small, misplaced_bias):
    done = compile_net(read(small))
    assert [each.passed for each in certify(done, for_inference(done))] == [False, False]


def test_weights_follow(small):
    training, deployed = classes(small)
    module = randomized(training()).eval()
    after = deployed.from_training(module.state_dict()).eval()
    x = torch.randn(4, 3, 19, 16)
    with torch.no_grad():
        assert distance(after(x), module(x)) < 1e-6
        assert torch.equal(after(x).argmax(1), module(x).argmax(1))


def test_weights_are_computed_in_float64_and_rounded_once(small):
    training, deployed = classes(small)
    module = randomized(training())
    norm, conv = module.stem.bn.double(), module.stem.conv.weight.double()
    exact = conv * (norm.weight / torch.sqrt(norm.running_var + 1e-3)).view(-1, 1, 1, 1)
    assert torch.equal(deployed.from_training(module.float().state_dict()).stem.conv.weight, exact.float())


def test_a_checkpoint_that_does_not_fit_is_refused(small):
    training, deployed = classes(small)
    state = training().state_dict()
    with pytest.raises(KeyError, match=r"no place for extra\.weight"):
        deployed.from_training({**state, "extra.weight": torch.zeros(1)})
    missing = {key: value for key, value in state.items() if not key.startswith("stem.bn")}
    with pytest.raises(KeyError, match=r"no layer stem\.bn"):
        deployed.from_training(missing)
    headless = {key: value for key, value in state.items() if not key.startswith("Early.")}
    assert deployed.from_training(headless)


def test_a_wrapped_checkpoint_is_told_from_a_state_dict(small):
    training, deployed = classes(small)
    state = training().state_dict()
    for given in ({"state_dict": state, "epoch": 3}, {"state_dict": state, "optimizer": {}}):
        with pytest.raises(ValueError, match=f"state_dict, given a dictionary of {', '.join(given)}"):
            deployed.from_training(given)
    with pytest.raises(KeyError, match=r"no layer stem\.conv; it has model\.Early\.fc\.bias, model"):
        deployed.from_training({f"model.{key}": value for key, value in state.items()})


def test_other_classes(small):
    training, deployed = classes(small)
    assert deployed.from_training(training(classes=7).state_dict(), classes=7).fc.out_features == 7


def test_passes_tells_what_fired(small):
    code, said = call("passes", small)
    assert code == 0
    assert "FoldBatchNorm  9 applied" in said
    assert "Small: " in said
    document = json.loads(call("passes", small, "--format", "json")[1])
    assert {"rule", "path", "applied", "text"} <= document["events"][0].keys()
    assert document["kernels"]["after"]["convolution"] < document["kernels"]["before"]["convolution"]


def test_tune_records_and_the_module_states_it(small):
    code, said = call("tune", small, "--rounds", "3", "-o", "small.json")
    assert code == 0, said
    record = json.loads((small.parent / "small.json").read_text(encoding="utf-8"))
    times = [each["milliseconds"] for each in record["choices"]]
    assert times == sorted(times)
    assert len(times) == 12
    assert sum(each["also"] == ["PackConvs"] for each in record["choices"]) == 3
    assert sum(each["also"] == ["UseWinograd"] for each in record["choices"]) == 3
    record["choices"][0] |= {"without": ["MergeSiblingConvs"], "also": ["PackConvs"]}
    (small.parent / "small.json").write_text(json.dumps(record), encoding="utf-8")
    code, said = call("deploy", small, "--tuned", "small.json", "-o", ".")
    assert code == 0, said
    text = (small.parent / "small.py").read_text(encoding="utf-8")
    assert ", with PackConvs, without MergeSiblingConvs" in text
    assert "self.merged" not in text
    assert "PackedConv2d(" in text


def test_packed_is_an_option(small):
    code, said = call("deploy", small, "--packed", "-o", ".")
    assert code == 0, said
    text = (small.parent / "small.py").read_text(encoding="utf-8")
    assert "class PackedConv2d(nn.Conv2d):" in text
    assert "nn.Conv2d(" not in text
    code, said = call("deploy", small, "--packed", "-o", ".", "--check")
    assert (code, "is current" in said) == (0, True)


def test_a_record_of_another_net_is_refused(small):
    call("tune", small, "--rounds", "3", "-o", "small.json")
    small.write_text(small.read_text(encoding="utf-8").replace("@16", "@12"), encoding="utf-8")
    code, said = call("deploy", small, "--tuned", "small.json")
    assert code == 2
    assert "another net" in said
    (small.parent / "small.json").write_text("{}", encoding="utf-8")
    assert call("deploy", small, "--tuned", "small.json")[0] == 2


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_one_call_from_a_checkpoint_to_the_deployed_module(small, suffix):
    from safetensors.torch import save_file

    training, _ = classes(small)
    module = randomized(training()).eval()
    path = small.parent / f"weights{suffix}"
    save_file(module.state_dict(), path) if suffix == ".safetensors" else torch.save(module.state_dict(), path)
    after = incdsl.deploy(small, path)
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        assert distance(after(x), module(x)) < 1e-6
    assert not after.training


def test_deploy_refuses_a_rewrite_that_is_wrong(small, misplaced_bias):
    from incdsl.runtime.deploy import NotCertified

    training, _ = classes(small)
    torch.save(training().state_dict(), small.parent / "weights.pt")
    with pytest.raises(NotCertified, match="prime field"):
        incdsl.deploy(small, small.parent / "weights.pt")


def test_compile_writes_the_training_module(small):
    for option in (["--inference"], ["--packed"], ["--uncertified"]):
        assert call("compile", small, *option)[0] == 2


# Weights


@pytest.fixture
def trained(small):
    """A training module, and its checkpoint of Lightning's kind."""
    module = randomized(classes(small)[0]()).eval()
    state = {f"model.{key}": value for key, value in module.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 2}, "last.ckpt")
    return module


def test_weights_are_written_beside_the_module(small, trained):
    code, said = call("deploy", small, "--weights", "last.ckpt", "-o", "out")
    assert code == 0, said
    assert "last.ckpt: the state_dict is below `state_dict`; left aside: epoch\n" in said
    assert "last.ckpt -> out/small.safetensors  (" in said
    assert "small.inc -> out/small.py  (Small, " in said
    after = load_text(Path("out/small.py").read_text(encoding="utf-8"), "Small").Small().eval()
    after.load_state_dict(load_file("out/small.safetensors"), strict=True)
    x = torch.randn(2, 3, 19, 16)
    with torch.no_grad():
        assert distance(after(x), trained(x)) < 1e-6
    assert call("deploy", small, "--weights", "last.ckpt", "-o", "out")[0] == 0


def test_what_is_said_of_the_checkpoint(small, trained):
    state = trained.state_dict()
    torch.save({"model": state, "ema": {**state, "queue": torch.zeros(3)}}, "two.pth")
    code, said = call("deploy", small, "--weights", "two.pth", "--entry", "ema", "--ignore", "queue", "--fresh", "fc")
    assert code == 0, said
    assert "as the module initializes them: fc\n" in said
    assert Path("deployed/small.safetensors").exists()


def test_two_that_fit_and_a_file_that_does_not(small, trained):
    state = trained.state_dict()
    torch.save({"model": state, "ema": state}, "two.pth")
    torch.save({**state, "queue": torch.zeros(3)}, "more.pth")
    for name, told in (("two.pth", "`--entry model` or `--entry ema`"), ("more.pth", "`--ignore queue`")):
        code, said = call("deploy", small, "--weights", name)
        assert (code, told in said) == (1, True), said
        assert not Path("deployed").exists()


def test_against_the_model_that_it_is_of(small, trained):
    torch.save(trained.state_dict(), "own.pth")
    words = ["--weights", "own.pth", "--against", "torch.nn:Linear", "--with", "in_features=3", "--with"]
    code, said = call("deploy", small, *words, "out_features=2")
    assert code == 1
    assert "error[E708]: the net does not agree with Linear: it cannot be loaded" in said


def test_a_checkpoint_is_never_overwritten(small, trained):
    torch.save(trained.state_dict(), "small.safetensors")
    before = Path("small.safetensors").read_bytes()
    for words, code in ((["--weights", "last.ckpt"], 1), (["--weights", "small.safetensors", "--force"], 2)):
        assert call("deploy", small, *words, "-o", ".")[0] == code
        assert Path("small.safetensors").read_bytes() == before
        assert not Path("small.py").exists()
    assert call("deploy", small, "--weights", "last.ckpt", "-o", ".", "--force")[0] == 0


@pytest.mark.parametrize("words", [["--entry", "ema"], ["--fresh", "fc"], ["--ignore", "x"], ["--same", "a=b"],
                                   ["--rails-in-order"], ["--against", "a:b"], ["--with", "a=b"]])  # fmt: skip
def test_what_is_about_a_checkpoint_needs_one(small, words):
    code, said = call("deploy", small, *words)
    assert (code, "needs --weights CHECKPOINT" in said) == (2, True)


def test_a_device_that_is_not_there(small):
    code, said = call("tune", small, "--device", "nowhere")
    assert (code, "PyTorch has no device 'nowhere' here" in said) == (2, True)


def test_the_head_tells_the_command_that_writes_it_again(small):
    call("tune", small, "--rounds", "3", "-o", "small.json")
    code, said = call("deploy", small, "--tuned", "small.json", "-o", ".")
    assert code == 0, said
    text = (small.parent / "small.py").read_text(encoding="utf-8")
    assert f"incdsl deploy {small} -o . --tuned small.json" in text.split("\n")[1]


def test_a_record_with_an_unknown_rule_is_refused(small):
    call("tune", small, "--rounds", "3", "-o", "small.json")
    record = json.loads((small.parent / "small.json").read_text(encoding="utf-8"))
    record["choices"][0]["without"] = ["Nope"]
    (small.parent / "small.json").write_text(json.dumps(record), encoding="utf-8")
    assert call("deploy", small, "--tuned", "small.json")[0] == 2


def test_a_norm_with_a_scale_that_the_net_does_not_learn_is_refused(tmp_path):
    text = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> a: conv2d 3x3 @2 -> n: batchnorm (scale: false)\n}\n"
    (tmp_path / "n.inc").write_text(text, encoding="utf-8")
    training, deployed = classes(tmp_path / "n.inc")
    state = training().state_dict()
    assert "n.weight" not in state
    deployed.from_training(state)
    with pytest.raises(ValueError, match="has a scale, which the net does not learn"):
        deployed.from_training({**state, "n.weight": torch.ones(2)})


def test_a_norm_of_other_channels_is_refused(small):
    training, deployed = classes(small)
    state = training().state_dict()
    name = next(name for name in state if name.endswith("running_var"))
    path = name.removesuffix(".running_var")
    with pytest.raises(ValueError, match=f"{path} lacks a tensor, or has other channels"):
        deployed.from_training({**state, name: torch.ones(1)})
    with pytest.raises(ValueError, match=f"{path} lacks a tensor"):
        deployed.from_training({key: tensor for key, tensor in state.items() if key != name})


RAILS = """inc 1
net N {
  input x [4, 9, 8]
  inner = x -> first: batchnorm -> e: conv2d 1x1 @4 (groups: 2)
  total = inner -> add { | norm: batchnorm | a: conv2d 3x3 @4 | b: conv2d 1x1 @4 }
  output y = total -> concat { | c: conv2d 1x1 @3 | d: conv2d 3x3 @2 } -> last: batchnorm
}
"""
NORM = ("weight", "bias", "running_mean", "running_var")
OTHER = {
    "one filter for all": {"b.weight": (1, 4, 1, 1), "b.bias": (1,)},
    "a bias for all": {"b.bias": (1,)},
    "a norm of the identity with other channels": {f"norm.{name}": (1,) for name in NORM},
    "a norm with more channels than the concat": {f"last.{name}": (6,) for name in NORM},
    "a norm in front with another group": {f"first.{name}": (6,) for name in NORM},
    "a norm in front with one variance for all": {"first.running_var": (1,)},
    "a norm with fewer channels than the concat": {f"last.{name}": (4,) for name in NORM},
}


@pytest.mark.parametrize("shapes", OTHER.values(), ids=OTHER)
def test_no_rail_is_stretched_and_no_channel_dropped(tmp_path, shapes):
    (tmp_path / "rails.inc").write_text(RAILS, encoding="utf-8")
    training, deployed = classes(tmp_path / "rails.inc")
    state = randomized(training()).state_dict()
    names = {key.partition(".")[0] for key in deployed.from_training(state).state_dict()}
    assert names == {"e", "a", "c", "d"}
    with pytest.raises((ValueError, RuntimeError)):
        deployed.from_training(state | {name: torch.ones(shape) for name, shape in shapes.items()})


def test_check_holds_the_weights_to_the_checkpoint(small):
    """Whether they were never written, come of another checkpoint, or were changed by a bit."""
    training, _ = classes(small)
    first, second = small.parent / "first.pt", small.parent / "second.pt"
    torch.save(randomized(training(), 1).state_dict(), first)
    torch.save(randomized(training(), 2).state_dict(), second)
    folder = small.parent / "out"
    call("deploy", small, "-o", folder)
    code, said = call("deploy", small, "-o", folder, "--check", "--weights", first)
    assert code == 1
    assert "small.safetensors does not exist" in said
    assert f"--weights {first}" in said
    assert call("deploy", small, "-o", folder, "--weights", first)[0] == 0
    code, said = call("deploy", small, "-o", folder, "--check", "--weights", first)
    assert (code, "and its weights are current" in said) == (0, True)
    code, said = call("deploy", small, "-o", folder, "--check", "--weights", second)
    assert (code, "small.safetensors is out of date" in said) == (1, True)
