"""Products and quotients that a spec gives names have them in the constructor, too."""

import pytest
import torch

from incdsl.testing.checks import outcome
from tests.modules import built
from tests.nets import compiled

NET = "net N {{\n  input x [4, 16, 16]\n  output y = x -> a: B({a}) -> b: B({b})\n}}\n"


def text(body, params="p, q", a="p: 3, q: 5", b="p: 4, q: 6"):
    return f"inc 1\nblock B({params}) {{\n  {body}\n}}\n" + NET.format(a=a, b=b)


BODIES = {
    "let w = p * q // 4\n  output y = in -> conv2d 3x3 @(2 * w) -> conv2d 1x1 @w": (["w = (p * q) // 4"], "2 * w"),
    "let w = p * q // 4\n  l, r = in -> conv2d 1x1 @(3 * w) -> split (sizes: [w, 2 * w])\n"
    "  output y = concat { | l | r -> relu }": (["w = (p * q) // 4", "self.w = w"], "2 * self.w"),
    "let v = p * q\n  let w = v // 3\n  output y = in -> conv2d 3x3 @w -> conv2d 1x1 @(v + w)": (
        ["v = p * q", "w = v // 3"], "v + w",
    ),
    "let w = 2 * p + q\n  output y = in -> conv2d 3x3 @w": ([], "2 * p + q"),
    "let w = p * q\n  output y = in -> conv2d 3x3 @(p * q)": (["w = p * q"], "w, 3"),
    "let w = p * q // 4\n  output y = in -> 0: conv2d 3x3 @w -> 1: batchnorm -> relu": (
        ["w = (p * q) // 4"], "nn.BatchNorm2d(w)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
def test_how_they_are_written(body):
    spec = text(body)
    if "let w = p * q\n  output y = in -> conv2d 3x3 @(p * q)" in body:
        spec = spec.replace("@(p * q)", "@(p * q) -> conv2d 1x1 @w")
    done, net = built(spec)
    lines, used = BODIES[body]
    written = done.text[done.text.index("class B(") :]
    for line in lines:
        assert f"        {line}\n" in written
    assert used in written
    assert ("w = " in written) == bool(lines)
    assert net(torch.randn(2, 4, 16, 16, dtype=torch.float64)).shape[0] == 2
    assert outcome(done) == ([], [])


def test_one_of_a_net_and_one_that_is_a_number():
    """What is decided at compile time is a number, and has no line."""
    spec = (
        "inc 1\nnet N(p = 6, q = 4) {\n  let w = p * q // 5\n  let n = q // 3\n  input x [4, 16, 16]\n"
        "  output y = x -> conv2d 3x3 @w -> conv2d 1x1 @(2 * w) times n\n}\n"
    )
    done = compiled(spec)
    assert "        w = (4 * p) // 5\n" in done.text
    assert "n = " not in done.text.split("def __init__")[1].split("def forward")[0].replace("bn = ", "")
    assert outcome(done) == ([], [])
