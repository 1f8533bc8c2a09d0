"""Ops that move the frame of an image: cells added around it, and cells cut off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, final

from pydantic import ValidationInfo, field_validator

from incdsl.ops.base import Kind, Op, Sigil, image
from incdsl.ops.code import Call, Cells, Lowering, Operand, Setting, Value
from incdsl.ops.fields import Amounts, NonNegative, Sizes as PairOfSizes
from incdsl.ops.meaning import Own, PrimeField, Torch, Values
from incdsl.ops.padding import TF_SAME, Sides
from incdsl.values import Image, Pair, Shape

ONE = Pair(1, 1)
ZERO = Pair(0, 0)
LOWEST = float("-inf")
"""What pads a maximum: it never wins."""


class Framing(Op):
    """What `pad` and `crop` share: the same number of cells on all sides, or a number for each side."""

    around: Amounts = ZERO
    top: NonNegative = 0
    left: NonNegative = 0
    bottom: NonNegative = 0
    right: NonNegative = 0

    @field_validator("top", "left", "bottom", "right")
    @classmethod
    def _once(cls, value: int, info: ValidationInfo) -> int:
        if any(info.data.get("around", ZERO)):
            raise ValueError(f"cannot stand beside a number for all sides, `{cls.word} {info.data['around'].text}`")
        return value

    def cells(self) -> Sides:
        """How many cells each side gains or loses."""
        height, width = map(int, self.around)
        return Sides(int(self.top) + height, int(self.left) + width, int(self.bottom) + height, int(self.right) + width)


class Padding(Framing):
    """What ops share that add cells of one value around an image."""

    fill: ClassVar[float] = 0.0

    word: ClassVar[str] = ""
    kind: ClassVar[Kind] = "copy"

    def infer(self, *inputs: Shape) -> Shape:
        x, (top, left, bottom, right) = image("pad", inputs[0]), self.cells()
        return Image(x.channels, x.height.floor_affine(1, top + bottom, 1), x.width.floor_affine(1, left + right, 1))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        """The image in the middle of a larger one."""
        return self._framed(inputs[0], self.fill)

    def _framed(self, x: Values, fill: float) -> Values:
        top, left, bottom, right = self.cells()
        count, channels, height, width = x.shape
        y = x.new_full((count, channels, top + height + bottom, left + width + right), fill)
        y[:, :, top : top + height, left : left + width] = x
        return y


@final
class Pad(Padding):
    """Zeros around the image: `pad 1` on all sides, `pad 1x2` above and below and on both sides, or for each side."""

    word: ClassVar[str] = "pad"
    paddings: ClassVar[str] = "`1`, `1x2`, `(top: 1)`"
    example: ClassVar[str] = "pad (bottom: 1, right: 1)"
    torch: ClassVar[str] = "torch.nn.ZeroPad2d"
    sigils: ClassVar[Mapping[Sigil, str]] = {"padding": "around"}
    calls: ClassVar[frozenset[str]] = frozenset({"nn.ZeroPad2d", "F.pad"})

    def lower(self, *inputs: Shape) -> Lowering:
        padding = (Value(self.cells().as_torch()),)
        return Lowering(Call("nn.ZeroPad2d", padding), Call("F.pad", (Operand(), *padding)))

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return self._framed(inputs[0], 0)


@final
class LowPad(Padding):
    """Minus infinity around the image, for a maximum that is not padded alike on both sides."""

    fill: ClassVar[float] = LOWEST

    word: ClassVar[str] = "pad"
    paddings: ClassVar[str] = "`1`, `1x2`, `(top: 1)`"
    public: ClassVar[bool] = False
    calls: ClassVar[frozenset[str]] = frozenset({"F.pad", "torch.inf"})

    def lower(self, *inputs: Shape) -> Lowering:
        value = Setting("value", LOWEST)
        return Lowering(None, Call("F.pad", (Operand(), Value(self.cells().as_torch())), (value,)))

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return self._framed(inputs[0], -1)


@final
class SamePad(Op):
    """What windows need around the image to divide its size by their stride, rounded up: TensorFlow's SAME.

    Of `max((⌈n / stride⌉ − 1)·stride + kernel − n, 0)` cells the smaller half stands before the image. A kernel that is
    smaller than the stride needs fewer cells than there are: those that no window reads are left out.
    """

    kernel: PairOfSizes
    stride: PairOfSizes = ONE
    fill: Literal["zero", "lowest"] = "zero"

    word: ClassVar[str] = "pad"
    paddings: ClassVar[str] = "`1`, `1x2`, `(top: 1)`"
    public: ClassVar[bool] = False
    kind: ClassVar[Kind] = "copy"
    calls: ClassVar[frozenset[str]] = frozenset({"F.pad", "torch.inf"})
    helpers: ClassVar[Mapping[str, str]] = {
        "pad_same": '''def pad_same(
    x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], value: float = 0.0
) -> Tensor:
    """Pad as TensorFlow's SAME: windows reach over the end by so much, and the smaller half goes before the image."""
    rows = kernel[0] - 1 - (x.shape[2] - 1) % stride[0]
    columns = kernel[1] - 1 - (x.shape[3] - 1) % stride[1]
    top, left = (rows + abs(rows)) // 4, (columns + abs(columns)) // 4
    return F.pad(x, [left, columns - left, top, rows - top], value=value)'''
    }

    def infer(self, *inputs: Shape) -> Shape:
        """`(n − 1) // stride · stride + kernel`, along each axis."""
        x = image(self.word, inputs[0])
        height, width = (
            extent.floor_affine(1, -1, int(s)).floor_affine(int(s), int(k), 1)
            for extent, k, s in zip((x.height, x.width), self.kernel, self.stride, strict=True)
        )
        return Image(x.channels, height, width)

    def lower(self, *inputs: Shape) -> Lowering:
        kernel, stride = (Value(tuple(map(int, pair))) for pair in (self.kernel, self.stride))
        value = (Value(LOWEST),) if self.fill == "lowest" else ()
        return Lowering(None, Call("pad_same", (Operand(), kernel, stride, *value)), helper="pad_same")

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return self._framed(torch, inputs[0], LOWEST if self.fill == "lowest" else 0.0)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return self._framed(field.torch, inputs[0], -1 if self.fill == "lowest" else 0)

    def _framed(self, torch: Torch, x: Values, fill: float) -> Values:
        amounts: list[int] = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel[::-1], self.stride[::-1], strict=True):
            total = (-(-size // int(stride)) - 1) * int(stride) + int(kernel) - size
            before = max(total, 0) // 2
            amounts += [before, total - before]
        return torch.nn.functional.pad(x, amounts, value=fill)


@final
class Crop(Framing):
    """Cells cut off: `crop 2` on all sides, `crop 1x2` above and below and on both sides, or for each side."""

    word: ClassVar[str] = "crop"
    kind: ClassVar[Kind] = "view"
    example: ClassVar[str] = "crop (top: 1, left: 1)"
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "around", "kernel": "around"}

    def infer(self, *inputs: Shape) -> Shape:
        x, (top, left, bottom, right) = image(self.word, inputs[0]), self.cells()
        return Image(x.channels, x.height.floor_affine(1, -top - bottom, 1), x.width.floor_affine(1, -left - right, 1))

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(None, Cells(Operand(), *self.cells()))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        x, (top, left, bottom, right) = inputs[0], self.cells()
        return x.narrow(2, top, x.shape[2] - top - bottom).narrow(3, left, x.shape[3] - left - right)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return self.interpret(field.torch, own, *inputs)


def windowed(kernel: Pair, stride: Pair, padding: Pair | Sides | str, *, lowest: bool) -> Op:
    """The op that pads for windows of this size, as four sides say or as TensorFlow's SAME."""
    if isinstance(padding, Sides):
        return (LowPad if lowest else Pad)(**padding._asdict())
    assert padding == TF_SAME
    return SamePad(kernel=kernel, stride=stride, fill="lowest" if lowest else "zero")
