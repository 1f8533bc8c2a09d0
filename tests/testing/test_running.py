"""What counts as running: neither broadcasts nor empty windows, unless they are meant."""

import pytest

from incdsl.analysis.sizes import SizeSet
from incdsl.testing.checks import legal_sizes, probes
from incdsl.testing.choices import Seeded
from incdsl.testing.running import Subject
from tests.nets import compiled

HEAD = "inc 1\nnet N {\n  input x [2, H, W]\n  output y = x -> "
DEEP = "mul { | identity | gap -> conv2d 1x1 @2 } -> conv2d 3x3/2 @2 half"
CHAINS = {
    "a gate behind many strides": " -> ".join([DEEP] * 7),
    "a gate of few cells": "conv2d 2x2 @2 valid -> mul { | identity | gap }",
    "a sum": "add { | conv2d 3x3/2 @2 half -> upsample 2 | conv2d 3x3 @2 }",
    "a product": "mul { | maxpool 2x2/2 valid | conv2d 3x3/2 @2 half }",
    "windows of padding": "maxpool 3x3/6 pad 1 ceil (dilation: 2)",
    "a crop to nothing": "conv2d 5x3 @3 valid -> crop (bottom: 1) -> gap -> linear @3",
    "a sum of what is fixed": "add { | adaptiveavgpool 3x3 | conv2d 3x3/2 @2 half }",
}


@pytest.mark.parametrize("name", CHAINS)
def test_legal_sizes_are_those_that_run_as_meant(name):
    subject = Subject(compiled(f"{HEAD}{CHAINS[name]}\n}}\n"))
    assert list(legal_sizes(subject)) == []
    subject.close()


def test_a_broadcast_that_is_not_meant_is_refused():
    subject = Subject(compiled(f"{HEAD}{CHAINS['a sum of what is fixed']}\n}}\n"))
    assert subject.answer({"H": 5, "W": 6}) == [(2, 3, 3)]
    assert subject.answer({"H": 2, "W": 6}) is None  # PyTorch repeats the one row of the second rail


def test_a_wrong_set_is_told():
    subject = Subject(compiled(f"{HEAD}conv2d 3x3/2 @2 valid\n}}\n"))
    legal = subject.done.sizes.training
    legal["H"] = SizeSet(4)
    (found,) = list(legal_sizes(subject, exhaustive=True, axes="H"))
    assert found.startswith("shapes at H = 3, W = 3: the compiler says None, PyTorch [(2, 1, 1)]")
    subject.close()


@pytest.mark.parametrize(
    ("legal", "tried"),
    [
        (SizeSet(5), {4, 5, 6}),
        (SizeSet(5, 9), {4, 5, 6, 9, 10, 11}),
        (SizeSet(2, period=2), {1, 2, 3, 4, 5}),
        (SizeSet(0, only=(7, 20)), {6, 7, 8, 9, 19, 20, 21, 22}),
    ],
    ids=str,
)
def test_sizes_are_tried_where_the_set_changes(legal, tried):
    chosen = probes(legal, Seeded(0)._random)
    assert tried <= set(chosen)
    assert len(chosen) <= len(tried) + 8
