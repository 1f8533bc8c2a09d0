"""Times of modules: each that runs has one, and its own parts are inside of it."""

import json

from click.testing import CliRunner

from incdsl.cli import cli
from incdsl.runtime.layers import layer_times
from incdsl.runtime.load import load_net
from incdsl.runtime.tune import Setting, times_of
from tests.nets import compiled

TEXT = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu
block A(w) = concat { | a: conv 1x1 @w | b: conv 3x3 @w | maxpool 3x3 }
net N {
  input x [3, 16, 16]
  y = x -> stem: conv 3x3 @4 -> one: A(w: 4)
  aux side (weight: 0.3) = y -> gap -> head: linear @2
  output z = y -> gap -> fc: linear @10
}
"""


def test_every_module_that_runs_has_a_time():
    done = compiled(TEXT)
    found = times_of(done, Setting("cpu", 2, "float32", (16, 16)), 3)
    modules = {path for path, _ in load_net(done)().named_modules() if path}
    assert set(found) == {path for path in modules if not path.startswith("side")}  # heads run in training only
    assert all(milliseconds > 0 for milliseconds in found.values())
    assert found["one"] > max(found["one.a"], found["one.b"])
    assert found["stem"] > found["stem.conv"]


def test_no_hook_stays():
    done = compiled(TEXT)
    module = load_net(done)().eval()
    import torch

    layer_times(module, [torch.zeros(1, 3, 16, 16)], 1)
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in module.modules())


def test_a_record_becomes_heat(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "n.inc").write_text(TEXT)
    call = CliRunner().invoke
    assert call(cli, ["tune", "n.inc", "-o", "n.json", "--rounds", "3"]).exit_code == 0
    layers = json.loads((tmp_path / "n.json").read_text())["layers"]
    assert "one.b" in layers
    done = call(cli, ["draw", "n.inc", "--heat", "time", "--tuned", "n.json", "-o", "n.svg"])
    assert done.exit_code == 0
    assert "measured time of a step" in (tmp_path / "n.svg").read_text()
    (tmp_path / "n.json").write_text("{}")
    done = call(cli, ["draw", "n.inc", "--heat", "time", "--tuned", "n.json", "-o", "n.svg"])
    assert done.exit_code == 2
    assert "`incdsl tune SPEC -o n.json` records them" in done.stderr
