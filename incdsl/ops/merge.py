"""Ops that join values, or take them apart along the channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

from incdsl.ops.base import Kind, Op, ShapeError, Sigil, divides, image
from incdsl.ops.code import Call, Channels, Infix, Lowering, Operand, Operands, Setting
from incdsl.ops.fields import NonNegative, Positive
from incdsl.ops.meaning import Own, PrimeField, Torch, Values
from incdsl.values import Extent, Image, Shape, Vector


class Joining(Op):
    """An op with any number of inputs, all of the same height and width."""


@final
class Concat(Joining):
    """The channels of all rails, one after the other."""

    word: ClassVar[str] = "concat"
    kind: ClassVar[Kind] = "copy"
    example: ClassVar[str] = "concat { | conv2d 1x1 @4 | maxpool 3x3 }"
    torch: ClassVar[str] = "torch.cat"
    calls: ClassVar[frozenset[str]] = frozenset({"torch.cat"})
    owns_output: ClassVar[bool] = True

    def infer(self, *inputs: Shape) -> Shape:
        channels = inputs[0].channels
        for other in inputs[1:]:
            channels = channels + other.channels
        return inputs[0].with_channels(channels)

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(None, Call("torch.cat", (Operands(),), (Setting("dim", 1),)))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return torch.cat(inputs, 1)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return field.torch.cat(inputs, 1)


@final
class Add(Joining):
    """The sum of all rails."""

    word: ClassVar[str] = "add"
    example: ClassVar[str] = "add { | identity | conv2d 3x3 @8 }"
    torch: ClassVar[str] = "torch.add"
    owns_output: ClassVar[bool] = True

    def infer(self, *inputs: Shape) -> Shape:
        if len({int(x.channels) for x in inputs}) > 1:
            raise ShapeError("channels", "rails of `add` disagree on channels")
        return inputs[0]

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(None, Infix("+", tuple(Operand(i) for i in range(len(inputs)))))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        total = inputs[0]
        for rail in inputs[1:]:
            assert rail.shape == total.shape
            total = total + rail
        return total

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        total = inputs[0]
        for rail in inputs[1:]:
            total = field.reduced(total + rail)
        return total


@final
class Mul(Joining):
    """The product of all rails; a rail [C, 1, 1] scales the channels of the others."""

    word: ClassVar[str] = "mul"
    example: ClassVar[str] = "mul { | identity | gap -> conv2d 1x1 @8 -> sigmoid }"
    torch: ClassVar[str] = "torch.mul"

    def infer(self, *inputs: Shape) -> Shape:
        if len({int(x.channels) for x in inputs}) > 1:
            raise ShapeError("channels", "rails of `mul` disagree on channels")
        return next((x for x in inputs if not is_scale(x)), inputs[0])

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(None, Infix("*", tuple(Operand(i) for i in range(len(inputs)))))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        product = inputs[0]
        for rail in inputs[1:]:
            assert rail.shape == product.shape or 1 in (*rail.shape[-1:], *product.shape[-1:])
            product = product * rail
        return product

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        product = inputs[0]
        for rail in inputs[1:]:
            product = field.reduced(product * rail)
        return product


@final
class Slice(Op):
    """Channels `start` up to, but not including, `stop`."""

    start: NonNegative = 0
    stop: Positive

    word: ClassVar[str] = "slice"
    kind: ClassVar[Kind] = "view"
    example: ClassVar[str] = "slice (start: 2, stop: 6)"

    def infer(self, *inputs: Shape) -> Shape:
        if not self.start < self.stop <= inputs[0].channels:
            raise ShapeError(
                "channels",
                f"{int(self.start)} to {int(self.stop)} are not within the {int(inputs[0].channels)} channels",
            )
        return inputs[0].with_channels(self.stop - self.start)

    def form(self, *inputs: Shape) -> object:
        return self.stop == inputs[0].channels

    def lower(self, *inputs: Shape) -> Lowering:
        stop = None if self.form(*inputs) else self.stop
        return Lowering(None, Channels(Operand(), self.start, stop))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return inputs[0].narrow(1, int(self.start), int(self.stop) - int(self.start))

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return inputs[0][:, int(self.start) : int(self.stop)]


@final
class ChannelShuffle(Op):
    """Channels dealt from `groups` groups in turn (ShuffleNet, arXiv:1707.01083)."""

    groups: Positive

    word: ClassVar[str] = "channelshuffle"
    kind: ClassVar[Kind] = "copy"
    example: ClassVar[str] = "channelshuffle 2"
    torch: ClassVar[str] = "torch.nn.ChannelShuffle"
    calls: ClassVar[frozenset[str]] = frozenset({"nn.ChannelShuffle", "F.channel_shuffle"})
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "groups"}

    def infer(self, *inputs: Shape) -> Shape:
        x = image(self.word, inputs[0])
        divides("groups", self.groups, "channels", x.channels)
        return x

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (Setting("groups", self.groups, positional=True),)
        return Lowering(Call("nn.ChannelShuffle", settings=settings), Call("F.channel_shuffle", (Operand(),), settings))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        """Channel i of the output is number `i // groups` of group `i % groups`."""
        groups, channels = int(self.groups), inputs[0].shape[1]
        return inputs[0][:, [(i % groups) * (channels // groups) + i // groups for i in range(channels)]]

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return field.torch.nn.functional.channel_shuffle(inputs[0], int(self.groups))


def is_scale(shape: Shape) -> bool:
    """Whether a shape is [C, 1, 1], which `mul` broadcasts."""
    one = Extent.fixed(1)
    return isinstance(shape, Vector) or (isinstance(shape, Image) and shape.height == one == shape.width)
