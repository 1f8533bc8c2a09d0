"""What the printer writes parses to the tree that it came from."""

import pytest

from incdsl.syntax.node import content
from incdsl.syntax.parser import parse
from incdsl.syntax.printer import WIDTH, show
from tests.process import ROOT

FOLDERS = (ROOT / "specs", ROOT / "examples", ROOT / "tests" / "golden" / "generated")
SPECS = sorted(path for folder in FOLDERS for path in folder.rglob("*.inc"))
ODD = """inc 1
# About the file
from "a.inc" use A, b

# A unit
unit u = conv: conv2d (bias: false, kernel: [1, 7]) -> leakyrelu (slope: 1e-05)
block B(a, b = [1, [2, 3]], c = -1, d = relu, e = leakyrelu(slope: 0.5), f = valid, g = true) {
  x, y = in -> split 2 (sizes: [4, 4])
  z = (x -> relu) -> features.3..: u 3x3/2 @(a * (b + 1) // 2) half times 3 : [_, 8, 8]
  output w = z -> concat (split: [1, 2]) { | if a + 1 == 2: in -> relu | for k, m in [[1, 2]]: a: u 1x1 @k } if a >= 3
}
net N(n = 10) {
  input x [3, H, W]
  aux early (weight: 0.3) = x -> gap -> fc: linear @n
  output y = x -> conv1, bn1: u 7x7/2x1 @64 pad 3x2 -> maxpool 3x3/n pad 1 ceil -> u 5x5 @96 as 3x3 @(n - 1), 3x3
  output z = x -> u 3x3 @8 as { | 1x3 @4 | 3x1 } -> p: dropout 0.5 -> (relu -> relu) for q in n -> u /2 @in
  expect params = 27_161_264
  expect keys = "4f189a04c26ece82"
}
net V(k = 2) = N(n: k - (1 - 2) - -k * (3 // (2 * 2))) with {
  unit u = conv2d
  a.b: maxpool 3x3 -> u 1x1 @192
  without early
  expect params = 3 - (2 - 1)
}
net W = N
"""


def parsed(text):
    found = parse(text)
    assert not found.problems
    return found.file


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.name)
def test_specs_come_back(path):
    once = parsed(path.read_text(encoding="utf-8"))
    again = parsed(show(once))
    assert content(again) == content(once)
    assert show(again) == show(once)


def test_odd_constructs_come_back():
    once = parsed(ODD)
    assert content(parsed(show(once))) == content(once)


def test_lines_are_short():
    for path in (ROOT / "specs").glob("*.inc"):
        assert max(map(len, show(parsed(path.read_text(encoding="utf-8"))).splitlines())) <= WIDTH + 10


def test_a_difference_is_seen():
    assert content(parsed(ODD)) != content(parsed(ODD.replace("pad 3x2", "pad 3x1")))
    assert content(parsed(ODD)) != content(parsed(ODD.replace("3 - (2 - 1)", "3 - 2 - 1")))
