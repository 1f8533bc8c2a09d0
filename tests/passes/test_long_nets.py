"""Long nets: the work per node stays the same, and no chain is too long."""

import cProfile
import pstats

import pytest

from incdsl.compiler import compile_net, for_inference
from incdsl.passes.levels import optimized
from incdsl.source import Source
from tests.passes.subjects import largest_error

HEAD = "inc 1\nunit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu\n"
CHAIN = "net N {{\n  input x [8, 16, 16]\n  output y = x -> f.0..: conv 3x3 @8 times {count}\n}}\n"
BLOCK = (
    "block B = concat {{ | a: conv2d 1x1 @4 -> relu | b: conv2d 1x1 @2 -> relu | avgpool 3x3 -> c: conv2d 1x1 @2 }}\n"
)
NETS = {
    "units": HEAD + CHAIN,
    "blocks": HEAD + BLOCK + CHAIN.replace("conv 3x3 @8", "B"),
}
REPEATED = {
    "factors": "x -> a: conv2d 1x1 @8 -> {steps}".replace("{steps}", " -> ".join(["scale 0.99"] * 100)),
    "norms": "x -> a: conv2d 1x1 @8 -> " + " -> ".join(["batchnorm"] * 70),
    "pools": "x -> " + " -> ".join(["avgpool 3x3"] * 70) + " -> a: conv2d 1x1 @4",
    "identities": "x -> a: conv2d 1x1 @8 -> " + " -> ".join(["identity", "relu"] * 200),
    "concats": "x -> " + "concat { | identity | " * 40 + "a: conv2d 1x1 @2" + " }" * 40,
    "siblings": "x -> concat { " + " ".join(f"| a{i}: conv2d 1x1 @1" for i in range(300)) + " }",
    "products": "x -> " + " -> ".join(f"a{i}: conv2d 1x1 @8" for i in range(70)),
}


def compiled(kind, count):
    return compile_net(Source("long.inc", NETS[kind].format(count=count)), max_steps=10**7).net


def calls_per_node(kind, count):
    net = compiled(kind, count)
    profile = cProfile.Profile()
    profile.runcall(optimized, net, "inference")
    return pstats.Stats(profile).total_calls / len(net.graph)


@pytest.mark.parametrize("count", [800, pytest.param(14_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", NETS)
def test_the_work_per_node_stays_the_same(kind, count):
    """14,000 blocks are 98,000 nodes."""
    assert calls_per_node(kind, count) <= 1.1 * calls_per_node(kind, 100)


@pytest.mark.parametrize("kind", REPEATED)
def test_no_chain_is_too_long(kind):
    done = compile_net(Source("long.inc", f"inc 1\nnet N {{\n  input x [8, 9, 8]\n  output y = {REPEATED[kind]}\n}}\n"))
    assert largest_error(done, for_inference(done), [{"H": 5, "W": 4}]) <= 1e-9
