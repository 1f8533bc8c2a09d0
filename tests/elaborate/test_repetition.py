"""What repeats inside what repeats: every `times`, `if` and assertion of a repeated chain counts."""

import pytest
import torch
from torch import nn

from incdsl.compiler import compile_net
from incdsl.diagnostics import CompileError
from incdsl.source import Source
from tests.modules import built
from tests.nets import spec


def leaves(chain):
    """The ops of a chain's module, as they run."""
    net = built(spec(chain)).net
    net(torch.zeros(1, 8, 16, 16, dtype=torch.float64))
    return [type(m).__name__ for m in net.modules() if not list(m.children()) and not isinstance(m, nn.Sequential)]


def codes(chain):
    """The codes of what is wrong with a chain."""
    try:
        compile_net(Source("spec", spec(chain)))
    except CompileError as error:
        return [d.code for d in error.diagnostics]
    return []


@pytest.mark.parametrize(
    ("chain", "ops"),
    [
        ("((relu times 3) times 2) times 4", ["ReLU"] * 24),
        ("(tanh -> (relu -> relu) times 3) times 2", (["Tanh"] + ["ReLU"] * 6) * 2),
        ("(tanh -> (relu -> relu) for k in [1, 2]) times 2", (["Tanh"] + ["ReLU"] * 4) * 2),
        ("(tanh -> (relu -> relu) if false) times 2", ["Tanh"] * 2),
        ("(tanh -> (relu -> relu) if true) times 2", (["Tanh"] + ["ReLU"] * 2) * 2),
        ("(conv2d 5x5 @8 as 3x3, 3x3 times 2) times 2", ["Conv2d"] * 8),
        ("(tanh -> conv2d 5x5 @8 as 3x3, 3x3 if false) times 2", ["Tanh"] * 2),
    ],
)
def test_what_repeats_inside_what_repeats(chain, ops):
    assert leaves(chain) == ops


@pytest.mark.parametrize(
    "chain",
    [
        "(tanh -> (relu -> relu) times 2 : [9, 9, 9]) times 2",
        "(tanh -> (relu -> relu) if true : [9, 9, 9]) times 2",
        "(tanh -> (relu -> relu) if false : [9, 9, 9]) times 2",
        "(tanh -> conv2d 5x5 @8 as 3x3, 3x3 : [9, 9, 9]) times 2",
        "((relu -> relu) : [9, 9, 9]) times 2",
    ],
)
def test_assertions_inside_what_repeats_are_checked(chain):
    assert codes(chain) == ["E304"]


@pytest.mark.parametrize("chain", ["(a: conv2d 3x3 @8) times 2", "(relu -> (relu -> b: relu) times 2) times 2"])
def test_labels_inside_what_repeats_are_refused(chain):
    assert codes(chain) == ["E215"]
