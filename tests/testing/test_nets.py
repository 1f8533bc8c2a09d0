"""Random nets are what the compiler says of them, and what an interpreter of their graphs computes."""

import re

import pytest
import torch
from hypothesis import HealthCheck, given, settings

from incdsl.diagnostics import CompileError
from incdsl.ops import REGISTRY
from incdsl.syntax.parser import parse
from incdsl.syntax.printer import show
from incdsl.testing import blocks, nets, ops
from incdsl.testing.campaign import compiled, run
from incdsl.testing.checks import legal_sizes, outcome
from incdsl.testing.choices import Seeded
from incdsl.testing.mutate import nearly
from incdsl.testing.random_nets import make
from incdsl.testing.running import Subject

torch.set_num_threads(1)
SHARES = 4
NETS = 240
few = settings(max_examples=30, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("share", range(SHARES))
def test_nets_are_what_is_said_and_computed(share):
    tally = run(range(share, NETS, SHARES))
    assert tally.mismatches == []
    assert tally.not_compared <= tally.nets / 50
    assert tally.accepted >= 0.85 * tally.nets
    assert tally.steps > 8 * tally.accepted


def test_every_op_appears():
    seen = set()
    for seed in range(300):
        spec = make(Seeded(seed))
        try:
            seen |= {node.op.word for node in compiled(spec).net.graph}
        except CompileError:
            continue
    assert REGISTRY.keys() - seen == set()


SIGNS = {
    "sequential factors": r" as \dx\d( @\w+)?, ",
    "parallel factors": r" as \{ \| ",
    "times": r" times ",
    "for": r" for w\d+ in ",
    "if": r" if p\d",
    "and": r" if .* and ",
    "or": r" if .* or ",
    "a rail for each": r"\| for k",
    "a rail under a condition": r"\| if ",
    "shares": r"concat \(split",
    "split": r"split 2|split \(sizes",
    "add": r"add \{",
    "mul": r"mul \{",
    "reduce": r"reduce \{",
    "head": r"  aux ",
    "two inputs": r"input z",
    "free size": r"\[\d, H, W\]",
    "path": r"\w\.(0|a): ",
    "counting": r"\d\.\.: ",
    "own width": r"@in\b",
    "arithmetic": r"\(p\d+ [-+]",
    "ceil": r" ceil",
    "groups": r"groups: [2-9]",
    "depthwise": r"\(groups: in",
    "dilation": r"dilation: 2",
    "flatten": r"-> flatten",
    "linear": r"-> linear",
    "variant": r"net V = N",
    "without": r"without",
    "other unit": r"with \{\n  unit",
    "override": r"net V = .*\n(.*\n)*?  part\d+(\.\w+)*: ",
    "an op as parameter": r"\(f\d: \w",
    "with settings": r"f\d: \w+\(",
    "block in a block": r"block B2.*(\n.+)* B1",
    "parameters with defaults": r"block B\d\(.*=",
    "assertion": r" : \[",
    "body": r"block B\d.*\{\n  main",
    "shared value": r"(?s)= (v\d+)\n? .*= \1\n? ",
    "parts": r"\w+\d, \w+\d: u",
    "a block of several inputs": r"block P\d.*\{\n  input i1, i2",
    "of several outputs": r"block P\d.*\{\n(  .*\n|\}\n    .*\n)*?  output o.*\n(  .*\n)*?  output o",
    "several values flow in": r"= \(\w+, \w+\) -> ",
    "one value by two ports": r"= \((\w+), \1\) -> ",
    "one behind another": r"= \(?\w+.* -> (\w+: )?P\d.* -> (\w+: )?[PM]\d",
    "what is not needed": r"  (_, v\d+|v\d+, _)",
    "an output that is an input": r"output o\d = (i\d|image)\n",
    "outputs of a block": r"  output v\d+, v\d+ = ",
    "a net as a step": r"= \w+ -> (\w+(\.\w+)*: )?M\d",
    "with arguments": r"-> (\w+(\.\w+)*: )?M\d\(p",
    "a net with a head as a step": r"net M\d.*\{\n(  .*\n)*?  aux h",
    "a net in a chain": r"(\| | -> .* -> ).*M\d",
    "a unit that starts with a norm": r"unit u\d = ((part\d|0): )?batchnorm",
    "numbered parts of a unit": r"unit u\d(\(.*\))? = 0: ",
    "a numbered step of a block": r"(= |-> |\| )\d+: \w",
}


def test_every_construct_appears():
    text = "\n".join(make(Seeded(seed)).text for seed in range(800))
    assert [name for name, sign in SIGNS.items() if not re.search(sign, text)] == []


def sized(count):
    """The first made nets whose sizes are not all fixed, compiled."""
    found = []
    seed = 0
    while len(found) < count:
        seed += 1
        try:
            done = compiled(make(Seeded(seed), steps=4))
        except CompileError:
            continue
        if set(done.sizes.training) == {"H", "W"}:
            found.append(done)
    return found


@pytest.mark.parametrize("share", range(SHARES))
def test_legal_sizes_up_to_256(share):
    for i, done in enumerate(sized(32)):
        if i % SHARES == share:
            subject = Subject(done)
            assert list(legal_sizes(subject, exhaustive=True, axes="HW" if i < 5 else "H")) == []
            subject.close()


def test_what_is_nearly_legal_is_right_or_refused():
    """A number, a kernel, a padding or a merge changed in each net."""
    accepted = refused = 0
    for seed in range(200):
        choices = Seeded(seed)
        spec = make(choices)
        spec = spec._replace(file=nearly(choices, spec.file))
        try:
            done = compiled(spec)
        except CompileError:
            refused += 1
            continue
        accepted += 1
        assert outcome(done, seed).differences == [], spec.text
    assert accepted > 20
    assert refused > 20


def test_the_printer_writes_what_the_parser_reads():
    for seed in range(150):
        text = make(Seeded(seed)).text
        assert show(parse(text).file) == text


@few
@given(nets(steps=3))
def test_nets_of_hypothesis(spec):
    hold(spec)


@few
@given(blocks())
def test_blocks_of_hypothesis(spec):
    hold(spec)


@few
@given(ops("conv2d", near=True))
def test_an_op_of_hypothesis(spec):
    hold(spec)


def hold(spec):
    try:
        done = compiled(spec)
    except CompileError:
        return
    assert outcome(done).differences == []
