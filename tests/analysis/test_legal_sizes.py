"""The legal sizes of a net are exactly those at which PyTorch runs it on the CPU."""

import torch
from hypothesis import given, settings, strategies as st

from incdsl.diagnostics import CompileError
from tests.modules import generated
from tests.nets import compiled, predicted, spec

SIZES = range(1, 25)

thoroughly = settings(max_examples=100)


@st.composite
def steps(draw):
    """A step with a window, or one that enlarges."""
    word = draw(st.sampled_from(["conv2d", "conv2d", "maxpool", "avgpool", "upsample"]))
    if word == "upsample":
        return f"upsample {draw(st.integers(1, 3))}"
    kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    padding = draw(st.integers(0, 4 if word == "conv2d" else kernel // 2))
    ceil = "ceil" if word != "conv2d" and draw(st.booleans()) else ""
    return f"{word} {kernel}x{kernel}/{stride} {'@2' if word == 'conv2d' else ''} pad {padding} {ceil}"


chains = st.lists(steps(), min_size=1, max_size=3).map(" -> ".join)


class Runner:
    """A chain as PyTorch runs it, at one size of a square image after the other."""

    def __init__(self, chain):
        self.done = compiled(spec(chain, shape="[2, H, W]"))
        self.net = generated(self.done.text)().eval()

    def shape(self, size):
        try:
            return tuple(self.net(torch.zeros(1, 2, size, size)).shape[1:])
        except RuntimeError:
            return None


def holds(runner, size, shape):
    """Whether our answer for a size is the shape that PyTorch gives, or a refusal as PyTorch's is."""
    legal = runner.done.sizes.evaluation
    if (size in legal["H"]) != (size in legal["W"]):
        return False
    return shape == (predicted(runner.done, {"H": size, "W": size}) if size in legal["H"] else None)


@thoroughly
@given(chains)
def test_of_a_chain(chain):
    runner = Runner(chain)
    wrong = [n for n in SIZES if not holds(runner, n, runner.shape(n))]
    assert not wrong


@thoroughly
@given(chains, chains)
def test_of_rails(left, right):
    """Rails run where both do and agree; a spec without any such size is refused."""
    shapes, rails = {}, [Runner(chain) for chain in (left, right)]
    for size in SIZES:
        ends = [rail.shape(size) for rail in rails]
        agree = None not in ends and ends[0][1:] == ends[1][1:]
        shapes[size] = (ends[0][0] + ends[1][0], *ends[0][1:]) if agree else None
    try:
        runner = Runner(f"concat {{ | {left} | {right} }}")
    except CompileError as error:
        assert {diagnostic.code for diagnostic in error.diagnostics} == {"E315"}  # noqa: PT017
        assert not any(shapes.values())
        return
    wrong = [n for n in SIZES if not holds(runner, n, shapes[n]) or runner.shape(n) != shapes[n]]
    assert not wrong
