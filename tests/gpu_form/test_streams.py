"""Rails on streams: nothing is read before it is written, no memory is given away while it is used, no bit differs."""

import sys

import pytest
import torch

from incdsl.codegen.gpu import Gpu
from incdsl.compiler import for_inference
from incdsl.diagnostics import CompileError
from incdsl.runtime.harness import noise, outputs, randomized
from incdsl.runtime.load import load_net, load_text
from incdsl.testing.campaign import compiled as compiled_net
from incdsl.testing.choices import Seeded
from incdsl.testing.random_nets import make
from tests.gpu_form.memory import Memory, watched
from tests.nets import EXAMPLES, SPECS, compiled, nets_of

SEEDS = range(8_000, 8_120)
CARELESS = 8_322
"""A net in which a fork must keep what its rails read."""
SMALL = ["fpn", "hrnet", "pan", "unet", "aspp", "mixnet"]
RAILS = """inc 1
net N {
  input x [4, 9, 8]
  output y = x -> concat { | conv2d 3x3 @4 -> relu -> conv2d 3x3 @4 | conv2d 1x1 @4 -> tanh | maxpool 3x3 }
}
"""


def form(done, streams=4, **others):
    return for_inference(done, form=Gpu("fp32", streams, **others))


def forks(done):
    return len({lane.fork for lane in done.net.schedule.lanes.values()})


def instance(done, state, **settings):
    """A deployed module in float64, and the Python module that it stands in."""
    loaded = load_text(done.text, done.net.name)
    return getattr(loaded, done.net.name).from_training(state, **settings).double(), loaded


def run(module, inputs):
    with torch.no_grad():
        return outputs(module(*inputs))


def watch(done, sizes=None, change=lambda watched: watched):
    """What a model of memory says of a run; the numbers are those of one stream to the last bit."""
    sizes = sizes or {
        axis: size or next(iter(done.sizes.evaluation[axis])) for axis, size in done.net.conditions.nominal.items()
    }
    state = randomized(load_net(done)()).double().state_dict()
    inputs = [x.double() for x in noise(done, sizes)]
    module, loaded = instance(form(done), state, dtype=torch.float64)
    plain, other = instance(form(done, 1), state, dtype=torch.float64)
    memory = Memory()
    if hasattr(loaded, "Fork"):
        loaded.Fork = change(watched(memory, loaded.Fork))
    with memory:
        found = run(module, inputs)
    expected = run(plain, inputs)
    for each in (loaded, other):
        sys.modules.pop(each.__name__, None)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    return memory


@pytest.mark.parametrize("share", range(2))
def test_random_nets(share):
    forked = crossings = 0
    for seed in SEEDS[share::2]:
        try:
            done = compiled_net(make(Seeded(seed)))
        except CompileError:
            continue
        if forks(form(done)):
            memory = watch(done)
            assert memory.races == [], seed
            forked += 1
            crossings += memory.crossings
    assert forked > 10
    assert crossings > 4 * forked


@pytest.mark.parametrize("name", SMALL)
def test_networks_with_several_doors(name):
    for done in nets_of(EXAMPLES / f"{name}.inc").values():
        least = {axis: next(iter(sizes)) for axis, sizes in done.sizes.evaluation.items()}
        memory = watch(
            done,
            {
                axis: max(size, 33) if max(size, 33) in done.sizes.evaluation[axis] else size
                for axis, size in least.items()
            },
        )
        assert memory.races == []


def test_inception_v3():
    (done,) = nets_of(SPECS / "v3.inc").values()
    assert forks(form(done)) == 11
    memory = watch(done, {"H": 75, "W": 84})
    assert memory.races == []
    assert memory.crossings > 22


def test_a_fork_that_is_not_joined_is_a_race():
    def change(watched):
        watched.join = lambda self: None
        return watched

    assert any("reads before it is written" in race for race in watch(compiled(RAILS), change=change).races)


def test_a_rail_that_does_not_wait_is_a_race():
    def change(watched):
        class Hasty(watched):
            def __init__(self, *read):
                super().__init__(*read)
                self.start = {}

        return Hasty

    text = RAILS.replace("x -> concat", "x -> sigmoid -> concat")
    assert any("reads before it is written" in race for race in watch(compiled(text), change=change).races)


def test_what_rails_read_is_kept():
    """One rail lets go of what came from another's stream, and that is given the memory too early."""

    def change(watched):
        class Careless(watched):
            def __init__(self, *read):
                super().__init__(*read)
                self.read = ()

        return Careless

    done = compiled_net(make(Seeded(CARELESS)))
    assert watch(done).races == []
    races = watch(done, change=change).races
    assert races
    assert all("memory that is still in use" in race for race in races)


@pytest.mark.parametrize("streams", [1, 2, 3, 4, 8])
def test_there_are_no_more_streams_than_asked_for(streams):
    (done,) = nets_of(SPECS / "v3.inc").values()
    text = form(done, streams).text
    used = {number for number in range(16) if f"fork.rail({number})" in text}
    assert used == set(range(min(streams, 4) if streams > 1 else 0))
    assert ("class Fork:" in text) == (streams > 1)


def test_rails_that_wait_for_each_other_run_in_order():
    chain = "inc 1\nnet N {\n  input x [4, 9, 8]\n  output y = x -> conv2d 3x3 @4 -> relu -> conv2d 3x3 @4\n}\n"
    assert forks(form(compiled(chain))) == 0
    assert "Fork" not in form(compiled(chain)).text


def test_blocks_that_are_built_alike_share_a_class():
    """Though the longest rail is another one in each: widths decide nothing about the code."""
    text = """inc 1
block B(left, right) = concat { | conv2d 3x3 @left | conv2d 5x5 @right }
net N {
  input x [4, 32, 32]
  output y = x -> a: B(left: 512, right: 1) -> b: B(left: 1, right: 512)
}
"""
    text = form(compiled(text)).text
    assert text.count("\nclass B") == 1
