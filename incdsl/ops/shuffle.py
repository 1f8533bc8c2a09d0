"""Ops that move values between the channels and the cells of an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import ClassVar, final

from incdsl.ops.base import Demand, Kind, Op, ShapeError, Sigil, image
from incdsl.ops.code import Call, Lowering, Operand, Setting
from incdsl.ops.fields import Positive
from incdsl.ops.meaning import Own, PrimeField, Torch, Values
from incdsl.ops.sweep import Reach
from incdsl.values import Image, Shape


@final
class PixelShuffle(Op):
    """Groups of `factor`² channels as squares of `factor` by `factor` cells: [C·r², H, W] to [C, H·r, W·r]."""

    factor: Positive

    word: ClassVar[str] = "pixelshuffle"
    kind: ClassVar[Kind] = "copy"
    example: ClassVar[str] = "pixelshuffle 2"
    torch: ClassVar[str] = "torch.nn.PixelShuffle"
    calls: ClassVar[frozenset[str]] = frozenset({"nn.PixelShuffle", "F.pixel_shuffle"})
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "factor"}
    keywords: ClassVar[Mapping[str, str]] = {"factor": "upscale_factor"}
    cuts: ClassVar[str] = "factor"

    def infer(self, *inputs: Shape) -> Shape:
        x, factor = image(self.word, inputs[0]), int(self.factor)
        if int(x.channels) % factor**2:
            reason = f"{factor} x {factor} cells take {factor**2} channels, which do not divide {int(x.channels)}"
            raise ShapeError("divide", reason)
        return Image(x.channels // factor**2, x.height.floor_affine(factor, 0, 1), x.width.floor_affine(factor, 0, 1))

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (Setting("upscale_factor", self.factor, positional=True),)
        return Lowering(Call("nn.PixelShuffle", settings=settings), Call("F.pixel_shuffle", (Operand(),), settings))

    def reach(self, *inputs: Shape) -> tuple[Reach, Reach]:
        """A cell becomes a square of cells."""
        factor = int(self.factor)
        return (Reach(1 + Fraction(factor - 1, factor), Fraction(1, factor)),) * 2

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        """Channel `c·r² + i·r + j` gives row i and column j of each square of channel c."""
        x, factor = inputs[0], int(self.factor)
        count, channels, height, width = x.shape
        squares = x.reshape(count, channels // factor**2, factor, factor, height, width)
        return squares.permute(0, 1, 4, 2, 5, 3).reshape(count, -1, height * factor, width * factor)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return field.torch.nn.functional.pixel_shuffle(inputs[0], int(self.factor))


@final
class PixelUnshuffle(Op):
    """Squares of `factor` by `factor` cells as channels: [C, H·r, W·r] to [C·r², H, W], which must come out even."""

    factor: Positive

    word: ClassVar[str] = "pixelunshuffle"
    kind: ClassVar[Kind] = "copy"
    example: ClassVar[str] = "pixelunshuffle 2"
    torch: ClassVar[str] = "torch.nn.PixelUnshuffle"
    calls: ClassVar[frozenset[str]] = frozenset({"nn.PixelUnshuffle", "F.pixel_unshuffle"})
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "factor"}
    keywords: ClassVar[Mapping[str, str]] = {"factor": "downscale_factor"}

    def infer(self, *inputs: Shape) -> Shape:
        x, factor = image(self.word, inputs[0]), int(self.factor)
        return Image(x.channels * factor**2, x.height.floor_affine(1, 0, factor), x.width.floor_affine(1, 0, factor))

    def demands(self, *inputs: Shape) -> Iterable[Demand]:
        x, factor = image(self.word, inputs[0]), int(self.factor)
        reason = f"squares of {factor} x {factor} cells do not come out even"
        yield Demand("height", x.height, factor, reason, multiple=factor)
        yield Demand("width", x.width, factor, reason, multiple=factor)

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (Setting("downscale_factor", self.factor, positional=True),)
        return Lowering(Call("nn.PixelUnshuffle", settings=settings), Call("F.pixel_unshuffle", (Operand(),), settings))

    def reach(self, *inputs: Shape) -> tuple[Reach, Reach]:
        """The channels of a cell together see a square."""
        return (Reach(Fraction(int(self.factor)), Fraction(int(self.factor))),) * 2

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        """Row i and column j of each square of channel c are channel `c·r² + i·r + j`."""
        x, factor = inputs[0], int(self.factor)
        count, channels, height, width = x.shape
        squares = x.reshape(count, channels, height // factor, factor, width // factor, factor)
        return squares.permute(0, 1, 3, 5, 2, 4).reshape(count, -1, height // factor, width // factor)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return field.torch.nn.functional.pixel_unshuffle(inputs[0], int(self.factor))
