"""E301 blames the rails that differ from most, with the arithmetic of the step that made the difference."""

import pytest

from incdsl.diagnostics.render import human
from tests.nets import problems, spec

DOWN = "block Down = conv2d 1x1 @4 ->\n  conv2d 3x3/2 @4 pad 1\n"


def told(chain, before=""):
    (found,) = problems(spec(chain, before, "[3, 35, 35]"))
    assert found.code == "E301"
    return human(found)


@pytest.mark.parametrize(
    ("rails", "said"),
    [
        # The step that made the odd grid, and the padding that would mend it
        (
            ["conv2d 3x3/2 @4 valid", "maxpool 3x3/2 valid", "conv2d 3x3/2 @4 pad 1"],
            ["<- (35 + 2·1 − 3)//2 + 1 = 18", "two of three rails are 17x17; write `valid` here"],
        ),
        # Padding that is better left out
        (["conv2d 3x3 @4", "relu", "conv2d 3x3 @4 valid"], ["(35 − 3)//1 + 1 = 33", "leave out the padding here"]),
        # In the line of a block, where the rail only names it
        (["conv2d 3x3/2 @4 valid", "maxpool 3x3/2 valid", "d: Down"], ["= 18", "write `valid` in line 3"]),
        # A rail that changes nothing is not told of what stands before the merge
        (["conv2d 2x2 @4 valid", "maxpool 2x2/1 valid", "identity"], ["<- keeps height and width"]),
        (["conv2d 2x2 @4 valid", "maxpool 2x2/1 valid", "relu -> tanh"], ["<- keeps height and width"]),
    ],
)
def test_the_odd_rail_is_blamed(rails, said):
    text = told(f"conv2d 1x1 @3 -> concat {{ | {' | '.join(rails)} }}", DOWN)
    assert all(each in text for each in said)
    assert text.count("<-") == 1


def test_what_flows_in_is_not_blamed():
    text = told("conv2d 3x3/2 @4 half -> concat { | conv2d 2x2 @4 valid | conv2d 2x2 @4 valid | identity }")
    assert "(35" not in text
    assert "here" not in text


@pytest.mark.parametrize(
    "rails",
    [
        ["relu", "tanh", "maxpool 3x3/2 valid", "conv2d 3x3/2 @4 valid"],
        ["relu", "maxpool 3x3/2 valid", "maxpool 3x3/2 half"],
    ],
)
def test_nobody_is_blamed_without_a_majority(rails):
    text = told(f"concat {{ | {' | '.join(rails)} }}")
    assert "<-" not in text
    assert "help" not in text


@pytest.mark.parametrize(
    ("rails", "computed", "ways"),
    [
        ("relu | maxpool 3x3/2 valid", ["keeps height and width", "(35 − 3)//2 + 1 = 17"], []),
        (
            "conv2d 3x3/2 @4 half | maxpool 2x2/2 valid",
            ["(35 + 2·1 − 3)//2 + 1 = 18", "(35 − 2)//2 + 1 = 17"],
            ["for 17x17 write `valid` in the first rail", "for 18x18 write `ceil` in the second rail"],
        ),
        (
            "conv2d 3x3/2 @4 half | conv2d 3x3/2 @4 valid",
            ["(35 + 2·1 − 3)//2 + 1 = 18", "(35 − 3)//2 + 1 = 17"],
            ["for 17x17 write `valid` in the first rail", "for 18x18 write `half` in the second rail"],
        ),
    ],
)
def test_of_two_rails_both_computations_are_shown(rails, computed, ways):
    text = told(f"concat {{ | {rails} }}")
    assert [part.split("\n")[0] for part in text.split("<- ")[1:]] == computed
    assert [way in text for way in ways] == [True] * len(ways)
    assert ("help" in text) == bool(ways)
