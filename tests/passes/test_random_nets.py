"""Random nets at every level and by each rule alone: some here, thousands by `python -m tests.passes`."""

from collections import Counter

import pytest

from incdsl.compiler import compile_net
from incdsl.source import Source
from tests.passes.__main__ import compiled, main, mismatches
from tests.passes.random_nets import spec

FOUND = {
    "a value that outlives the output of its chain": (
        "output y = x -> part: identity -> sigmoid\n  output z = x -> concat { | identity | tanh } -> relu"
    ),
    "what is left of a repetition is numbered anew": "v = x -> steps: conv2d 1x1 @k for k in [4, 2]\n  output y = v",
    "a dropout in a repetition": "v = x -> steps: Part times 2\n  output y = v -> relu",
    "a sigmoid is never negative in the field either": "output y = x -> conv2d 3x3 @4 -> hardsigmoid -> relu",
    "one value in a group": "output y = x -> conv2d 1x1 @2 -> gap -> groupnorm 2 -> dropout 0.5",
    "heads beside several outputs": (
        "v = x -> conv2d 1x1 @3 -> batchnorm\n  aux early = v -> gap -> linear @2\n"
        "  output a = v\n  output b = v -> relu"
    ),
}
PART = "block Part = conv2d 1x1 @4 -> batchnorm -> dropout 0.1 -> conv2d 1x1 @2\n"


@pytest.mark.parametrize("seeds", [range(20), pytest.param(range(20, 60), marks=pytest.mark.long)], ids=str)
def test_levels_and_rules_give_the_same_numbers(seeds):
    nets = [done for seed in seeds if (done := compiled(seed))]
    assert len(nets) > 10
    applied = Counter()
    assert [found for done in nets for found in mismatches(done, applied)] == []
    assert applied["inference"] > 5
    assert applied["train"] > 0


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_stays_mended(name):
    used = PART if "Part" in FOUND[name] else ""
    done = compile_net(Source("found.inc", f"inc 1\n{used}net N {{\n  input x [3, H, W]\n  {FOUND[name]}\n}}\n"))
    assert list(mismatches(done, Counter())) == []


def test_what_rules_look_for_is_mostly_legal():
    assert sum(bool(compiled(seed)) for seed in range(0, 80, 2)) > 25
    assert spec(4) == spec(4) != spec(6)


def test_the_command_counts(capsys):
    assert main(["--count", "4", "--seed", "2"]) == 0
    assert "4 nets, " in capsys.readouterr().out
