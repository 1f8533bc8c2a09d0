"""The levels on the shipped specs: every level, and each rule alone, gives the same numbers."""

import subprocess
import sys
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from incdsl.compiler import check_file, compile_net, read
from incdsl.passes.levels import optimized
from incdsl.passes.rule import Refusal
from incdsl.source import Source
from tests.passes.subjects import ALL, BEFORE, RULES, after, largest_error, text_of, trains_alike

ROOT = Path(__file__).parents[2]
NETS = sorted(p.relative_to(ROOT).as_posix() for folder in ("specs", "examples") for p in (ROOT / folder).glob("*.inc"))
QUICK = ["specs/v1.inc", "examples/shufflenet_v2.inc", "examples/se.inc"]
"""Specs that differ in what rules find, and run fast."""

REWRITES = [rule for rule in ALL if not issubclass(rule, Refusal)]


@cache
def compiled(path):
    (done,) = check_file(read(str(ROOT / path)))[:1]
    return done


def smallest(legal):
    """The smallest legal sizes, the second axis one step further."""
    axes = [list(islice(iter(sizes), 2)) for sizes in legal.values()]
    return [dict(zip(legal, [axis[min(i, len(axis) - 1)] for i, axis in enumerate(axes)], strict=True))]


def every(level, also=()):
    return [rule() for rule in RULES[level] if rule.by_default or rule in also]


def paths(*also):
    return [path if path in (*QUICK, *also) else pytest.param(path, marks=pytest.mark.long) for path in NETS]


@pytest.mark.parametrize("path", paths())
def test_the_module_for_inference_agrees(path):
    done = compiled(path)
    deployed = after(done, *every("inference"))
    assert largest_error(done, deployed, smallest(done.sizes.evaluation), [{}]) <= 1e-10


@pytest.mark.parametrize("path", paths())
def test_the_module_for_training_is_bitwise_the_same(path):
    done = compiled(path)
    trained = after(done, *every("train"), train=True)
    assert trains_alike(done, trained, smallest(done.sizes.training))


@pytest.mark.long
@pytest.mark.parametrize("rule", REWRITES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NETS)
def test_a_rule_alone_agrees(path, rule):
    done = compiled(path)
    alone = after(done, rule())
    if any(event.applied and event.rule == rule.__name__ for event in alone.net.trace):
        assert largest_error(done, alone, smallest(done.sizes.evaluation), [{}]) <= 1e-10


@pytest.mark.parametrize("path", paths("specs/v3.inc", "specs/inception_resnet_v1.inc"))
def test_every_rule_alone_compiles(path):
    """The engine's checks and the emitter's hold, and a rule that finds nothing changes nothing."""
    done = compiled(path)
    for rule in ALL:
        alone = after(done, rule())
        if not any(event.applied and event.rule == rule.__name__ for event in alone.net.trace):
            before = after(done, *(each() for each in BEFORE.get(rule, ())))
            assert [node.name for node in alone.net.graph] == [node.name for node in before.net.graph]
        assert alone.text


def test_rules_that_keep_training_are_those_of_its_level():
    assert set(RULES["train"]) == {rule for rule in ALL if rule.training}
    assert all(rule.exact for rule in RULES["train"])


def test_levels_follow_what_was_asked_for():
    net = compiled("specs/v3.inc").net
    names = {event.rule for event in optimized(net, "inference").trace}
    assert "EnlargeKernels" not in names
    assert "MergeSiblingConvs" in names
    less = {event.rule for event in optimized(net, "inference", {"MergeSiblingConvs"}).trace}
    assert less == names - {"MergeSiblingConvs"}
    more = [e for e in optimized(net, "inference", also={"EnlargeKernels"}).trace if e.rule == "EnlargeKernels"]
    assert sum(event.applied for event in more) == 4


def test_the_last_blocks_of_inception_v3_enlarge_and_merge():
    done = compiled("specs/v3.inc")
    deployed = after(done, *every("inference", also=[rule for rule in ALL if not rule.by_default]))
    assert largest_error(done, deployed, smallest(done.sizes.evaluation), [{}]) <= 1e-10


def test_the_order_is_that_of_one_run():
    """Two runs, and interpreters with other hash seeds, give the same graph."""
    code = (
        "from incdsl.compiler import compile_net, for_inference, read\n"
        "from incdsl.ir.dump import dump\n"
        "done = for_inference(compile_net(read('specs/v4.inc')))\n"
        "print(dump(done.net.graph), *done.net.trace, *done.net.weight_exprs.items(), done.text)\n"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(texts) == 1
    done = compiled("specs/v4.inc")
    once, again = (text_of(after(done, *every("inference"))) for _ in range(2))
    assert once == again


CHAINS = {
    "a scale in front of a norm": ("conv2d 3x3 @4 -> scale 0.5 -> batchnorm -> scale 2.0 -> relu", "conv2d relu"),
    "a norm behind rails that are one": (
        "add { | identity | batchnorm | conv2d 3x3 @3 -> batchnorm | conv2d 1x1 @3 -> scale 0.5 } -> batchnorm -> relu",
        "conv2d relu",
    ),
    "a norm behind norms of parts": (
        "concat { | conv2d 3x3 @4 -> batchnorm | conv2d 1x1 @4 } -> batchnorm -> relu",
        "conv2d relu conv2d relu concat",
    ),
    "a norm that can go both ways": (
        "maxpool 3x3 -> conv2d 1x1 @4 -> batchnorm -> conv2d 3x3 @9 valid (dilation: 2)",
        "maxpool conv2d conv2d",
    ),
    "a norm that can only go forward": ("relu -> batchnorm -> conv2d 3x3 @4 valid -> batchnorm", "relu conv2d"),
}


@pytest.mark.parametrize(("chain", "words"), CHAINS.values(), ids=CHAINS)
def test_no_norm_is_left(chain, words):
    text = f"inc 1\nnet N {{\n  input x [3, H, W]\n  output y = x -> {chain}\n}}\n"
    done = compile_net(Source("chain.inc", text))
    deployed = after(done, *every("inference"))
    assert [node.op.word for node in deployed.net.graph][1:] == words.split()
    assert largest_error(done, deployed) <= 1e-10
