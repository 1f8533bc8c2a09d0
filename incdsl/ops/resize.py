"""Images made larger or smaller: by a whole factor, or to the size of another value."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar, Literal, final

from pydantic import ValidationInfo, field_validator

from incdsl.ops.base import Kind, Op, Sigil, image
from incdsl.ops.code import AsFloat, Call, Lowering, Operand, Setting, Size
from incdsl.ops.fields import Flag, Positive
from incdsl.ops.meaning import Own, PrimeField, Torch, Values
from incdsl.ops.sweep import Reach
from incdsl.values import Extent, Image, Shape

Mode = Literal["nearest", "bilinear"]


class Scaling(Op):
    """What ops share that interpolate: how, and where the cells in the corners come to stand."""

    mode: Mode = "nearest"
    align_corners: Flag = False

    kind: ClassVar[Kind] = "copy"

    @field_validator("align_corners")
    @classmethod
    def _interpolates(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("mode") == "nearest":
            raise ValueError("needs `mode: bilinear`")
        return value

    def how(self) -> tuple[Setting, ...]:
        """The arguments of PyTorch that say how."""
        if self.mode == "nearest":
            return ()
        return Setting("mode", self.mode), Setting("align_corners", self.align_corners, default=False)

    def spread(self, factor: Fraction) -> Reach:
        """How an axis that becomes `factor` times as long looks at what it was.

        A cell is spread over `factor` cells, or, interpolated, over twice as many; less one if the factor is odd, for
        every cell then keeps its place, unless corners are aligned.
        """
        parts = factor.numerator
        size = Fraction(2 * parts - 1, parts) if self.mode == "nearest" else Fraction(3 * parts - 1, parts)
        if self.mode == "bilinear" and (
            factor == 1 or (factor.denominator == 1 and parts % 2 and not self.align_corners)
        ):
            size -= Fraction(1, parts)
        return Reach(size, 1 / factor)


def _float32(value: float) -> float:
    (rounded,) = struct.unpack("f", struct.pack("f", value))
    return float(rounded)


@final
class Upsample(Scaling):
    """The image enlarged by a whole factor, by repetition (`nearest`) or interpolation (`bilinear`).

    With `align_corners: true` the cells in the corners keep their values, and those between them are as far apart as
    they have to be.
    """

    factor: Positive

    @field_validator("factor")
    @classmethod
    def _repeats(cls, value: int, info: ValidationInfo) -> int:
        """PyTorch multiplies positions by 1 / factor in float32, which for some factors misses the next cell."""
        if info.data.get("mode") == "nearest" and _float32(_float32(1 / value) * value) < 1:
            raise ValueError(f"must repeat evenly, but PyTorch rounds 1 / {int(value)} down")
        return value

    word: ClassVar[str] = "upsample"
    example: ClassVar[str] = "upsample 2 (mode: bilinear)"
    torch: ClassVar[str] = "torch.nn.Upsample"
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "factor"}
    keywords: ClassVar[Mapping[str, str]] = {"factor": "scale_factor"}
    calls: ClassVar[frozenset[str]] = frozenset({"nn.Upsample", "F.interpolate"})

    def infer(self, *inputs: Shape) -> Shape:
        x = image(self.word, inputs[0])
        factor = int(self.factor)
        return Image(x.channels, x.height.floor_affine(factor, 0, 1), x.width.floor_affine(factor, 0, 1))

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(
            Call("nn.Upsample", settings=(Setting("scale_factor", self.factor), *self.how())),
            Call("F.interpolate", (Operand(),), (Setting("scale_factor", AsFloat(self.factor)), *self.how())),
        )

    def reach(self, *inputs: Shape) -> tuple[Reach, Reach]:
        return (self.spread(Fraction(int(self.factor))),) * 2

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        x, factor = inputs[0], int(self.factor)
        if self.mode == "nearest":
            return x.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
        corners = bool(self.align_corners)
        return torch.nn.functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=corners)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        if self.mode == "nearest":
            return self.interpret(field.torch, own, *inputs)
        return field.across(inputs[0], lambda x: self.interpret(field.torch, own, x))


@final
class Resize(Scaling):
    """The image at the height and width of another value, `like`, by repetition (`nearest`) or interpolation.

    `like` names a value, or in a block `in`. So a decoder fits its encoder at every size, odd ones among them.
    """

    word: ClassVar[str] = "resize"
    example: ClassVar[str] = "maxpool 3x3/2 half -> resize (like: x, mode: bilinear)"
    torch: ClassVar[str] = "torch.nn.functional.interpolate"
    sized_by: ClassVar[tuple[str, ...]] = ("like",)
    calls: ClassVar[frozenset[str]] = frozenset({"F.interpolate"})

    def infer(self, *inputs: Shape) -> Shape:
        x, like = (image(self.word, shape) for shape in inputs)
        return Image(x.channels, like.height, like.width)

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(None, Call("F.interpolate", (Operand(),), (Setting("size", Size(Operand(1))), *self.how())))

    def reach(self, *inputs: Shape) -> tuple[Reach, Reach]:
        """Its factor is that by which the two sizes grow with the input's; sizes that do not grow have theirs."""
        x, like = (image(self.word, shape) for shape in inputs)
        return self.spread(_ratio(x.height, like.height)), self.spread(_ratio(x.width, like.width))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        corners = None if self.mode == "nearest" else bool(self.align_corners)
        size = inputs[1].shape[2:]
        return torch.nn.functional.interpolate(inputs[0], size=size, mode=self.mode, align_corners=corners)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        if self.mode == "nearest":
            return self.interpret(field.torch, own, *inputs)
        return field.across(inputs[0], lambda x: self.interpret(field.torch, own, x, inputs[1]))


def _ratio(old: Extent, new: Extent) -> Fraction:
    if old.slope and new.slope:
        return new.slope / old.slope
    return Fraction(max(1, new.offset), max(1, old.offset)) if old.is_fixed and new.is_fixed else Fraction(1)
