"""Ops that sweep a window over height and width."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import ClassVar, Literal, final

from incdsl.ops.base import Demand, Op, Sigil, Sizes, Tensor, Window, divides, image
from incdsl.ops.code import Call, Lowering, Method, Operand, Setting, Value
from incdsl.ops.fields import Amounts, Flag, Positive, Sizes as PairOfSizes
from incdsl.values import Extent, Image, Pair, Shape

ONE = Pair(1, 1)
ZERO = Pair(0, 0)


class Windowed(Op):
    """What convolutions and pools share."""

    kernel: PairOfSizes
    stride: PairOfSizes = ONE
    padding: Amounts = ZERO

    keywords: ClassVar[Mapping[str, str]] = {"width": "out_channels", "kernel": "kernel_size", "ceil": "ceil_mode"}

    def windows(self) -> tuple[Window, Window]:
        ceil, dilation = bool(getattr(self, "ceil", False)), getattr(self, "dilation", ONE)
        height, width = (
            Window(int(k), int(s), int(p), int(d), ceil)
            for k, s, p, d in zip(self.kernel, self.stride, self.padding, dilation, strict=True)
        )
        return height, width

    def _swept(self, shape: Shape) -> Image:
        x = image(self.word, shape)
        height, width = self.windows()
        return Image(x.channels, x.height.window(*height), x.width.window(*width))


class Conv2d(Windowed):
    """A convolution; `width` filters, each over `in / groups` channels. Macs: output size · filters · filter size."""

    dilation: PairOfSizes = ONE
    width: Positive
    groups: Positive = 1
    bias: Flag = True

    word: ClassVar[str] = "conv2d"
    example: ClassVar[str] = "conv2d 3x3/2 @32 half (groups: 2)"
    torch: ClassVar[str] = "torch.nn.Conv2d"
    sigils: ClassVar[Mapping[Sigil, str]] = {
        "kernel": "kernel",
        "stride": "stride",
        "width": "width",
        "padding": "padding",
    }
    signature: ClassVar[tuple[str, ...]] = (
        "in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias",
    )  # fmt: skip
    runtime_args: ClassVar[frozenset[str]] = frozenset({"width"})
    owns_output: ClassVar[bool] = True

    def infer(self, *inputs: Shape) -> Shape:
        x = self._swept(inputs[0])
        divides("groups", self.groups, "channels that flow in", x.channels)
        divides("groups", self.groups, "filters", self.width)
        return x.with_channels(self.width)

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        weight = Tensor("weight", (int(self.width), inputs[0].channels // int(self.groups), *map(int, self.kernel)))
        return (weight, Tensor("bias", (int(self.width),))) if self.bias else (weight,)

    def macs(self, inputs: tuple[Sizes, ...], output: Sizes) -> int:
        return prod(output) * (inputs[0][0] // int(self.groups)) * int(self.kernel[0]) * int(self.kernel[1])

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("in_channels", inputs[0].channels, positional=True),
            Setting("out_channels", self.width, positional=True),
            Setting("kernel_size", self.kernel, positional=True),
            Setting("stride", self.stride, default=ONE),
            Setting("padding", self.padding, default=ZERO),
            Setting("dilation", self.dilation, default=ONE),
            Setting("groups", self.groups, default=1),
            Setting("bias", self.bias, default=True),
        )
        return Lowering(Call("nn.Conv2d", settings=settings))


class Pool(Windowed):
    """What pools share: padding of at most half the kernel, and ceil mode."""

    ceil: Flag = False

    sigils: ClassVar[Mapping[Sigil, str]] = {
        "kernel": "kernel",
        "stride": "stride",
        "padding": "padding",
        "ceil": "ceil",
    }

    def infer(self, *inputs: Shape) -> Shape:
        return self._swept(inputs[0])


@final
class MaxPool2d(Pool):
    """The largest value of each window; padding never wins."""

    dilation: PairOfSizes = ONE

    word: ClassVar[str] = "maxpool"
    example: ClassVar[str] = "maxpool 3x3/2 half"
    torch: ClassVar[str] = "torch.nn.MaxPool2d"

    def demands(self, *inputs: Shape) -> Iterable[Demand]:
        x = image(self.word, inputs[0])
        axes: tuple[tuple[Literal["height", "width"], Extent, Window], ...] = (
            ("height", x.height, self.windows()[0]),
            ("width", x.width, self.windows()[1]),
        )
        for axis, extent, window in axes:
            if window.dilation > 1 and window.padding:
                # A window that starts in the padding first meets the input at cell `start mod dilation`.
                starts = range(-window.padding, 0, window.stride)
                least = 1 + max(start % window.dilation for start in starts)
                yield Demand(axis, extent, least, "a dilated window would lie in the padding alone")

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("kernel_size", self.kernel, positional=True),
            Setting("stride", self.stride),
            Setting("padding", self.padding, default=ZERO),
            Setting("dilation", self.dilation, default=ONE),
            Setting("ceil_mode", self.ceil, default=False),
        )
        return Lowering(Call("nn.MaxPool2d", settings=settings), Call("F.max_pool2d", (Operand(),), settings))


@final
class AvgPool2d(Pool):
    """The mean of each window; `count_include_pad: false` leaves padding out of the divisor, as TensorFlow does."""

    count_include_pad: Flag = True

    word: ClassVar[str] = "avgpool"
    example: ClassVar[str] = "avgpool 3x3/2 half ceil (count_include_pad: false)"
    torch: ClassVar[str] = "torch.nn.AvgPool2d"

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("kernel_size", self.kernel, positional=True),
            Setting("stride", self.stride),
            Setting("padding", self.padding, default=ZERO),
            Setting("ceil_mode", self.ceil, default=False),
            Setting("count_include_pad", self.count_include_pad),
        )
        return Lowering(Call("nn.AvgPool2d", settings=settings), Call("F.avg_pool2d", (Operand(),), settings))


@final
class AdaptiveAvgPool2d(Op):
    """The mean of `size` windows that divide the image as evenly as they can."""

    size: PairOfSizes

    word: ClassVar[str] = "adaptiveavgpool"
    example: ClassVar[str] = "adaptiveavgpool 4x4"
    torch: ClassVar[str] = "torch.nn.AdaptiveAvgPool2d"
    sigils: ClassVar[Mapping[Sigil, str]] = {"kernel": "size"}
    keywords: ClassVar[Mapping[str, str]] = {"size": "output_size"}

    def infer(self, *inputs: Shape) -> Shape:
        x = image(self.word, inputs[0])
        return Image(x.channels, Extent.fixed(self.size[0]), Extent.fixed(self.size[1]))

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (Setting("output_size", self.size, positional=True),)
        return Lowering(
            Call("nn.AdaptiveAvgPool2d", settings=settings), Call("F.adaptive_avg_pool2d", (Operand(),), settings)
        )


@final
class GlobalAvgPool(Op):
    """The mean over height and width: [C, H, W] to [C, 1, 1]."""

    word: ClassVar[str] = "gap"
    example: ClassVar[str] = "gap"
    torch: ClassVar[str] = "torch.nn.AdaptiveAvgPool2d(1)"

    def infer(self, *inputs: Shape) -> Shape:
        x = image(self.word, inputs[0])
        return Image(x.channels, Extent.fixed(1), Extent.fixed(1))

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(
            Call("nn.AdaptiveAvgPool2d", (Value(1),)),
            Method(Operand(), "mean", (Value((2, 3)),), (Setting("keepdim", True),)),
        )


@final
class Upsample(Op):
    """The image enlarged by a whole factor, by repetition (`nearest`) or interpolation (`bilinear`)."""

    factor: Positive
    mode: Literal["nearest", "bilinear"] = "nearest"

    word: ClassVar[str] = "upsample"
    example: ClassVar[str] = "upsample 2 (mode: bilinear)"
    torch: ClassVar[str] = "torch.nn.Upsample"
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "factor"}
    keywords: ClassVar[Mapping[str, str]] = {"factor": "scale_factor"}

    def infer(self, *inputs: Shape) -> Shape:
        x = image(self.word, inputs[0])
        factor = int(self.factor)
        return Image(x.channels, x.height.floor_affine(factor, 0, 1), x.width.floor_affine(factor, 0, 1))

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (Setting("scale_factor", self.factor), Setting("mode", self.mode, default="nearest"))
        return Lowering(Call("nn.Upsample", settings=settings), Call("F.interpolate", (Operand(),), settings))
