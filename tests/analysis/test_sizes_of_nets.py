"""Legal sizes of whole nets are exactly those at which PyTorch runs them, for every height from 1 to 256."""

import re

import pytest
import torch
from torch import nn

from incdsl.compiler import compile_net, read
from incdsl.runtime.load import load_net
from incdsl.source import Source

torch.set_num_threads(1)  # threads of small nets only wait for each other

UPSAMPLED = """inc 1
net N {
  input x [4, H, W]
  small = x -> maxpool 2x2/2 valid -> conv2d 2x2/2 @4 valid -> upsample 4
  large = x -> conv2d 3x3 @4 valid
  output y = concat { | small | large }
}
"""
ODD = """inc 1
net N {
  input x [4, H, W]
  output y = x -> concat { | conv2d 3x3/2 @4 valid | maxpool 3x3/2 valid ceil } -> maxpool 5x5/3 valid
}
"""
HOLES = """inc 1
net N {
  input x [4, H, W]
  a = x -> conv2d 7x7/3 @4 pad 1 -> maxpool 3x3/2 half ceil
  b = x -> maxpool 4x4/2 valid -> conv2d 3x3/3 @4 pad 2
  output y = concat { | a | b }
}
"""


def thin() -> Source:
    """v3.inc with one filter where it has many: the same windows, fast enough to run at every size."""
    text = read("specs/v3.inc").text
    text = re.sub(r"@768 as \{.*?\}", "@2 as { | 1x3 @1 | 3x1 @1 }", text)
    text = re.sub(r"@(\d+|width|pool)\b(?! as \{)", "@1", text)
    text = re.sub(r"\((pool|width): \d+\)|\((pool|width)\)|: \[\d+, \d+, \d+\]|expect .*", "", text)
    return Source("thin.inc", text)


SPECS = {
    "v3 with thin layers": thin,
    "features": lambda: read("tests/codegen/golden/features.inc"),
    "upsampled": lambda: Source("upsampled.inc", UPSAMPLED),
    "odd": lambda: Source("odd.inc", ODD),
    "holes": lambda: Source("holes.inc", HOLES),
}


def runs(net: nn.Module, channels: int, height: int, width: int) -> bool:
    try:
        with torch.inference_mode():
            net(torch.zeros(1, channels, height, width))
    except RuntimeError:
        return False
    return True


def agrees(source: Source, axis: str, sizes: range) -> None:
    done = compile_net(source)
    net = load_net(done)().eval()
    (shape,) = (done.net.graph.shapes()[node] for node in done.net.graph.inputs.values())
    other = next(iter(done.sizes.evaluation["W" if axis == "H" else "H"]))
    said = [n for n in sizes if n in done.sizes.evaluation[axis]]
    seen = [n for n in sizes if runs(net, int(shape.channels), *((n, other) if axis == "H" else (other, n)))]
    assert said == seen


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("axis", ["H", "W"])
def test_every_size_up_to_256(name: str, axis: str) -> None:
    agrees(SPECS[name](), axis, range(1, 257))


@pytest.mark.parametrize("axis", ["H", "W"])
def test_v3_itself_around_its_smallest_size(axis: str) -> None:
    agrees(read("specs/v3.inc"), axis, range(73, 78))


def test_the_thin_net_has_the_conditions_of_v3() -> None:
    real, narrow = compile_net(read("specs/v3.inc")), compile_net(thin())
    assert narrow.sizes == real.sizes
    assert narrow.net.conditions.positive.keys() == real.net.conditions.positive.keys()


def test_some_of_them_are_no_intervals() -> None:
    said = {name: str(compile_net(SPECS[name]()).sizes.evaluation["H"]) for name in ("odd", "holes", "upsampled")}
    assert said == {
        "odd": "odd, >= 11",
        "holes": "2 to 5 above a multiple of 6, >= 5",
        "upsampled": "2 above a multiple of 4, >= 6",
    }
