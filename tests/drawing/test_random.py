"""Random nets: a hundred in an ordinary run, ten thousand by `python -m tests.drawing --count 10000`."""

import random

import pytest

from incdsl.drawing.lanes import colour, nested
from tests.drawing.random_figures import hold


@pytest.mark.parametrize("seed", range(100))
def test_random_nets(seed):
    hold(seed)


@pytest.mark.long
def test_ten_thousand_random_nets():
    for seed in range(100, 10_100):
        hold(seed)


@pytest.mark.parametrize("seed", range(20))
def test_lanes_are_as_few_as_overlap_and_never_meet(seed):
    choices = random.Random(seed)
    spans = [(a, a + choices.randrange(20)) for a in (choices.randrange(60) for _ in range(40))]
    lanes, inner = colour(spans), nested(spans)
    for i, (a, b) in enumerate(spans):
        for j, (c, d) in enumerate(spans[:i]):
            assert lanes[i] != lanes[j] or b < c or d < a
    for i, (a, b) in enumerate(spans):
        for j, (c, d) in enumerate(spans[:i]):
            assert inner[i] != inner[j] or b < c or d < a
    most = max(sum(a <= x <= b for a, b in spans) for x in range(80))
    assert max(lanes) + 1 == most


def test_spans_in_one_another_are_outside_of_one_another():
    assert nested([(0, 9), (1, 8), (2, 7), (3, 4), (10, 12)]) == [3, 2, 1, 0, 0]
