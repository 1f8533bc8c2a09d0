"""Shape rules of all ops hold, and rules that are wrong are told with the simplest setting."""

from typing import ClassVar

import pytest

from incdsl.ops import REGISTRY, Op, Tensor
from incdsl.ops.code import Call, Lowering, Operand, Setting
from incdsl.ops.fields import Positive
from incdsl.ops.merge import Slice
from incdsl.testing import check_net, check_shape_rule
from incdsl.values import Image, Pair


@pytest.mark.parametrize("word", sorted(REGISTRY))
def test_of_the_language(word):
    check_shape_rule(REGISTRY[word], max_examples=60)


class Pooled(Op):
    """A pool of 2x2 whose rule can be broken."""

    stride: Positive = 2
    word: ClassVar[str] = "pooled"
    extra: ClassVar[int] = 0

    def infer(self, *inputs):
        x = inputs[0]
        extents = (e.window(2, self.stride, 0).floor_affine(1, self.extra, 1) for e in (x.height, x.width))
        return Image(x.channels, *extents)

    def lower(self, *inputs):
        settings = (Setting("kernel_size", Pair(2, 2)), Setting("stride", self.stride))
        return Lowering(Call("nn.MaxPool2d", settings=settings), Call("F.max_pool2d", (Operand(),), settings))

    @classmethod
    def draw(cls, choices, *inputs):
        if not isinstance(inputs[0], Image):
            return {"stride": 1}
        return {"stride": choices.number(1, 3)}


class Images(Pooled):
    """A pool that refuses vectors."""

    def infer(self, *inputs):
        from incdsl.ops.base import image

        image(self.word, inputs[0])
        return super().infer(*inputs)


class Large(Images):
    """A rule that gives one cell too many."""

    extra: ClassVar[int] = 1


class Owning(Images):
    """A rule that claims a parameter."""

    def tensors(self, *inputs):
        return (Tensor("weight", (1,)),)


class Counting(Images):
    """A rule that claims work."""

    def macs(self, inputs, output):
        return 1


class Shy(Images):
    """A rule that refuses what runs."""

    def infer(self, *inputs):
        from incdsl.ops import ShapeError

        if inputs[0].channels == 3:
            raise ShapeError("channels", "three is too many")
        return super().infer(*inputs)


def test_a_right_rule_passes():
    check_shape_rule(Images)


@pytest.mark.parametrize(
    ("op", "told"),
    [
        (Large, r"`pooled` \(stride: 1\) on \[1, 1, 1\]: the compiler says \[1, 1, 1\], PyTorch RuntimeError"),
        (Owning, r"the state_dict is \[\('weight', \(1,\)\)\], PyTorch's \[\]"),
        (Counting, r"multiply-accumulates is 1, PyTorch's 0"),
        (Shy, r"on \[3, 2, 2\]: refused \(three is too many\), PyTorch gives \[3, 1, 1\]"),
    ],
)
def test_a_wrong_rule_is_told(op, told):
    with pytest.raises(AssertionError, match=told):
        check_shape_rule(op)


def test_what_is_refused_on_purpose_is_said():
    check_shape_rule(Shy, stricter=lambda op, x, y: x.channels == 3)
    with pytest.raises(AssertionError, match="`slice`"):
        check_shape_rule(Slice, stricter=lambda *_: False)


NET = "inc 1\nnet N {{\n  input x [3, {}]\n  output y = x -> conv2d 3x3/2 @4 valid -> relu\n}}\n"


@pytest.mark.parametrize("size", ["H, W", "9, 12"])
def test_a_net_passes(size):
    assert check_net(NET.format(size)).cost.params == 112


@pytest.mark.parametrize(
    ("name", "wrong", "told"),
    [
        ("infer", lambda self, *x: Image(self.width, x[0].height, x[0].width), "Kernel size can't be greater|shapes"),
        ("macs", lambda self, *_: 1, "multiply-accumulates"),
        ("tensors", lambda self, *_: (Tensor("weight", (4, 3, 3, 3)), Tensor("bias", (3,))), "keys"),
    ],
)
def test_a_net_with_a_wrong_rule_is_told(monkeypatch, name, wrong, told):
    monkeypatch.setattr(REGISTRY["conv2d"], name, wrong)
    with pytest.raises(AssertionError, match=told):
        check_net(NET.format("9, 12"))
