"""Fine-tuning: 10 classes from a checkpoint of 1000, all else bit by bit, and the loss falls."""

import re
import shlex

import pytest
import torch
from click.testing import CliRunner

import incdsl
from incdsl.cli import cli
from tests.examples.test_digits import imported, said
from tests.process import ROOT

SCRIPT = ROOT / "examples" / "finetune" / "finetune.py"
LOSSES = re.compile(r"loss ([\d.]+) at the first step, ([\d.]+) at step 20")
PAGE = (ROOT / "docs" / "finetune.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def finetuned(tmp_path_factory):
    """The folder after the example, and what it said."""
    out = tmp_path_factory.mktemp("finetune")
    return out, said(str(SCRIPT), out=out)


def test_the_example_takes_over_all_but_the_classifiers_and_learns(finetuned):
    first, second = finetuned[1].splitlines()
    assert first == (
        "358 tensors as in the checkpoint; fresh: aux1.fc2.weight, aux1.fc2.bias, aux2.fc2.weight, aux2.fc2.bias, "
        "fc.weight, fc.bias"
    )
    start, end = map(float, LOSSES.fullmatch(second).groups())
    assert end < 0.7 * start


def test_what_is_taken_over_is_looked_at(finetuned):
    """The example's own comparison notices a tensor that is another."""
    example = imported(SCRIPT)
    net = incdsl.load(example.SPEC).GoogLeNet(classes=10)
    state = dict(net.state_dict())
    assert len(example.taken_over(net, state)) == len(state)
    state["conv1.bn.bias"] = state["conv1.bn.bias"] + 1e-6
    assert len(example.taken_over(net, state)) == len(state) - 1


def test_the_weights_it_leaves_are_those_of_the_net(finetuned):
    out, _ = finetuned
    net = incdsl.load("specs/googlenet.inc").GoogLeNet(classes=10)
    net.load_state_dict(torch.load(out / "finetuned.pth", weights_only=True))


def test_the_output_on_the_page_is_the_scripts(finetuned):
    """But for the losses, which another processor rounds otherwise."""
    first, _ = finetuned[1].splitlines()
    assert re.search(f"^```\n{re.escape(first)}\n{LOSSES.pattern}\n```$", PAGE, re.MULTILINE)


def test_the_console_is_what_the_page_shows(finetuned, monkeypatch):
    monkeypatch.chdir(finetuned[0])
    monkeypatch.setenv("NO_COLOR", "1")
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        for part in re.split(r"^\$ incdsl ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            result = CliRunner().invoke(cli, shlex.split(command), catch_exceptions=False)
            assert result.stdout + result.stderr == shown
