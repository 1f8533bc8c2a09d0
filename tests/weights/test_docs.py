"""docs/weights.md: its commands give the output that it shows."""

import re
import shlex
import tomllib

import numpy
import pytest

from tests.process import ROOT

PAGE = ROOT / "docs" / "weights.md"
TEXT = PAGE.read_text(encoding="utf-8")
COMMANDS = re.findall(r"^```console\n\$ incdsl weights (.*?)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
LAYERS = {
    "Branch_0/Conv2d_0a_1x1": (1, 3), "Branch_1/Conv2d_0a_1x1": (1, 3), "Branch_1/Conv2d_0b_3x3": (3, 8),
    "Branch_2/Conv2d_0b_1x1": (1, 3),
}  # fmt: skip


@pytest.fixture
def example(tmp_path):
    """The spec of the page, and its checkpoint under slim's names and under others."""
    (spec,) = re.findall(r"^```inc\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    (tmp_path / "small.inc").write_text(spec, encoding="utf-8")
    arrays = {
        "Net/Logits/Conv2d_1c_1x1/weights": numpy.ones((1, 1, 24, 10)),
        "Net/Logits/Conv2d_1c_1x1/biases": numpy.ones(10),
    }
    for name, (kernel, width) in LAYERS.items():
        arrays[f"Net/Mixed_1a/{name}/weights"] = numpy.ones((kernel, kernel, width, 8))
        for last in ("beta", "moving_mean", "moving_variance"):
            arrays[f"Net/Mixed_1a/{name}/BatchNorm/{last}"] = numpy.ones(8)
    numpy.savez(tmp_path / "small.npz", **arrays)
    words = {"Branch_0": "left", "Branch_1": "middle", "Branch_2": "right"}
    exchanged = {re.sub("Branch_.", lambda m: words[m[0]], name): array for name, array in arrays.items()}
    numpy.savez(tmp_path / "arbitrary.npz", **exchanged)
    return tmp_path


def test_the_console_is_what_the_page_shows(call, example):
    assert len(COMMANDS) == 2
    for command, shown in COMMANDS:
        result = call(*shlex.split(command))
        assert result.stdout + result.stderr == shown


def test_the_line_of_the_map_is_in_the_map(call, example):
    (line,) = re.findall(r"^```toml\n(.*?)\n```", TEXT, re.MULTILINE | re.DOTALL)
    assert call("map", "small.inc", "--from", "small.npz", "--rails-in-order", "-o", "m.toml").exit_code == 0
    text = (example / "m.toml").read_text(encoding="utf-8")
    assert line in text
    assert tomllib.loads(text)["tensors"].items() >= tomllib.loads(line).items()
