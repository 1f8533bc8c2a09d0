"""Ops that sweep a window over height and width."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any, ClassVar, Literal, final

from incdsl.ops.base import Demand, Kind, Op, Sigil, Sizes, Tensor, divides, image
from incdsl.ops.code import Call, Lowering, Method, Operand, Setting, Value
from incdsl.ops.fields import Flag, Paddings, Positive, Sizes as PairOfSizes
from incdsl.ops.frame import ONE, ZERO, SamePad, windowed
from incdsl.ops.meaning import Own, PrimeField, Torch, Values, by_channel, whole
from incdsl.ops.padding import TF_SAME, PaddingError, Sides, as_pair, both_sides, shown
from incdsl.ops.sweep import EVERYTHING, Reach, Sweep, Window
from incdsl.values import Extent, Image, Pair, Shape


class Windowed(Op):
    """What ops with a kernel share: stride and padding along both axes. `windows` says how they sweep."""

    kernel: PairOfSizes
    stride: PairOfSizes = ONE
    padding: Paddings = ZERO

    keywords: ClassVar[Mapping[str, str]] = {"width": "out_channels", "kernel": "kernel_size", "ceil": "ceil_mode"}

    @classmethod
    def resolve_padding(cls, settings: Mapping[str, Any], name: str) -> Any:
        """Padding words mean the same on both sides; without a kernel there is nothing to resolve."""
        kernel, stride, dilation = (as_pair(settings.get(each, 1)) for each in ("kernel", "stride", "dilation"))
        if "kernel" not in settings or kernel is None or stride is None or dilation is None or min(kernel) < 1:
            return None
        spans = Pair(*(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)))
        return both_sides(settings.get("padding"), spans, stride, name)

    def windows(self) -> tuple[Sweep, Sweep]:
        raise NotImplementedError

    def swept(self, shape: Shape) -> Image:
        """The shape, which must be an image, as its windows leave it."""
        x = image(self.word, shape)
        height, width = self.windows()
        return Image(x.channels, height.over(x.height), width.over(x.width))


class Sliding(Windowed):
    """What convolutions and pools share: windows that read the input."""

    pads_lowest: ClassVar[bool] = False
    """Whether what pads it is never read, as by a maximum, and no zero."""

    def placed(self) -> tuple[Op, ...]:
        if isinstance(self.padding, Pair):
            return (self,)
        spans = Pair(*(window.span for window in self.model_copy(update={"padding": ZERO}).windows()))
        before = windowed(spans, self.stride, self.padding, lowest=self.pads_lowest)
        return before, self.model_copy(update={"padding": ZERO})

    def windows(self) -> tuple[Window, Window]:
        settings = vars(self)  # of which not every window has all
        ceil, dilation = settings.get("ceil", False), settings.get("dilation", ONE)
        kernel, stride, padding = self.kernel, self.stride, self.padding
        return (
            Window(int(kernel[0]), int(stride[0]), int(padding[0]), int(dilation[0]), ceil),
            Window(int(kernel[1]), int(stride[1]), int(padding[1]), int(dilation[1]), ceil),
        )


class Conv2d(Sliding):
    """A convolution; `width` filters, each over `in / groups` channels. MACs: output size · filters · filter size."""

    dilation: PairOfSizes = ONE
    width: Positive
    groups: Positive = 1
    bias: Flag = True

    word: ClassVar[str] = "conv2d"
    kind: ClassVar[Kind] = "convolution"
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
    calls: ClassVar[frozenset[str]] = frozenset({"nn.Conv2d"})
    owns_output: ClassVar[bool] = True

    def infer(self, *inputs: Shape) -> Shape:
        x = self.swept(inputs[0])
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

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return self._convolve(torch, inputs[0], own["weight"], own["bias"] if self.bias else None)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        weight = own["weight"]
        y = field.bilinear(lambda x, w: self._convolve(field.torch, x, w), inputs[0], weight, prod(weight.shape[1:]))
        return field.reduced(y + by_channel(own["bias"], y)) if "bias" in own else y

    def _convolve(self, torch: Torch, x: Values, weight: Values, bias: Values | None = None) -> Values:
        stride, padding, dilation = whole(self.stride), whole(self.padding), whole(self.dilation)
        return torch.nn.functional.conv2d(x, weight, bias, stride, padding, dilation, int(self.groups))


class Pool(Sliding):
    """What pools share: padding of at most half the kernel, and ceil mode."""

    ceil: Flag = False

    kind: ClassVar[Kind] = "pool"
    sigils: ClassVar[Mapping[Sigil, str]] = {
        "kernel": "kernel",
        "stride": "stride",
        "padding": "padding",
        "ceil": "ceil",
    }

    @classmethod
    def resolve_padding(cls, settings: Mapping[str, Any], name: str) -> Any:
        padding = super().resolve_padding(settings, name)
        most, given = as_pair(settings.get("kernel")), as_pair(padding)
        if most and given and any(2 * p > k for p, k in zip(given, most, strict=True)):
            raise PaddingError("above half", owner=name, padding=shown(given), kernel=shown(most))
        if most and isinstance(padding, Sides) and any(2 * p > k for p, k in zip(padding, (*most, *most), strict=True)):
            raise PaddingError("above half", owner=name, padding=str(max(padding)), kernel=shown(most))
        if isinstance(padding, Sides) or settings.get("padding") == TF_SAME:
            _hold_uneven(settings, name)
        return padding

    def infer(self, *inputs: Shape) -> Shape:
        return self.swept(inputs[0])


def _hold_uneven(settings: Mapping[str, Any], name: str) -> None:
    """Refuse what has no meaning beside sides that differ: each would be a second word on where windows end."""
    if settings.get("ceil"):
        reason = f"`ceil` says how far the windows of `{name}` reach over the end, and so does its padding"
        raise PaddingError("same", reason=reason, hint="leave out `ceil`, and pad more below and on the right")
    if max(as_pair(settings.get("dilation", 1)) or ONE) > 1:
        reason = f"a dilated window of `{name}` could lie in the padding alone"
        raise PaddingError("same", reason=reason, hint="write `valid`, `half` or `pad N`")


@final
class MaxPool2d(Pool):
    """The largest value of each window; padding never wins."""

    dilation: PairOfSizes = ONE

    pads_lowest: ClassVar[bool] = True
    word: ClassVar[str] = "maxpool"
    example: ClassVar[str] = "maxpool 3x3/2 half"
    torch: ClassVar[str] = "torch.nn.MaxPool2d"
    calls: ClassVar[frozenset[str]] = frozenset({"nn.MaxPool2d", "F.max_pool2d"})

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

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        kernel, stride, padding, dilation = map(whole, (self.kernel, self.stride, self.padding, self.dilation))
        return torch.nn.functional.max_pool2d(inputs[0], kernel, stride, padding, dilation, bool(self.ceil))

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return self.interpret(field.torch, own, *inputs)


class AvgPool2d(Pool):
    """The mean of each window; `count_include_pad: false` leaves padding out of the divisor, as TensorFlow does."""

    count_include_pad: Flag = True

    word: ClassVar[str] = "avgpool"
    example: ClassVar[str] = "avgpool 3x3/2 half ceil (count_include_pad: false)"
    torch: ClassVar[str] = "torch.nn.AvgPool2d"
    calls: ClassVar[frozenset[str]] = frozenset({"nn.AvgPool2d", "F.avg_pool2d"})

    @classmethod
    def resolve_padding(cls, settings: Mapping[str, Any], name: str) -> Any:
        padding = super().resolve_padding(settings, name)
        if settings.get("padding") == TF_SAME and settings.get("count_include_pad", True):
            reason = "TensorFlow's average does not count what `tfsame` adds"
            raise PaddingError("same", reason=reason, hint="write `(count_include_pad: false)` as well")
        return padding

    def placed(self) -> tuple[Op, ...]:
        if isinstance(self.padding, Pair) or self.count_include_pad:
            return super().placed()
        return (UnevenAvgPool2d(kernel=self.kernel, stride=self.stride, padding=self.padding),)

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("kernel_size", self.kernel, positional=True),
            Setting("stride", self.stride),
            Setting("padding", self.padding, default=ZERO),
            Setting("ceil_mode", self.ceil, default=False),
            Setting("count_include_pad", self.count_include_pad),
        )
        return Lowering(Call("nn.AvgPool2d", settings=settings), Call("F.avg_pool2d", (Operand(),), settings))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return self._pool(torch, inputs[0], count_include_pad=bool(self.count_include_pad))

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        """Sums, times the inverse of how many cells each of them counts."""
        sums = self._pool(field.torch, inputs[0], divisor_override=1)
        rows, columns = (
            self._counted(window, size, out)
            for window, size, out in zip(self.windows(), inputs[0].shape[2:], sums.shape[2:], strict=True)
        )
        inverse = [[field.inverse(r * c) for c in columns] for r in rows]
        return field.reduced(field.reduced(sums) * field.torch.tensor(inverse, dtype=sums.dtype))

    def _pool(self, torch: Torch, x: Values, **how: Any) -> Values:
        kernel, stride, padding = whole(self.kernel), whole(self.stride), whole(self.padding)
        return torch.nn.functional.avg_pool2d(x, kernel, stride, padding, bool(self.ceil), **how)

    def _counted(self, window: Window, size: int, out: int) -> list[int]:
        """How many cells each position divides by: one that is cut off at the end divides by less."""
        starts = [position * window.stride - window.padding for position in range(out)]
        ends = [min(start + window.kernel, size + window.padding) for start in starts]
        if self.count_include_pad:
            return [end - start for start, end in zip(starts, ends, strict=True)]
        return [min(end, size) - max(start, 0) for start, end in zip(starts, ends, strict=True)]


@final
class UnevenAvgPool2d(Op):
    """The mean of each window over its cells in the image, which is padded by four sides or as TensorFlow's SAME.

    What pads a window is not counted: the mean with zeros is divided by the mean of ones with zeros.
    """

    kernel: PairOfSizes
    stride: PairOfSizes = ONE
    padding: Paddings

    word: ClassVar[str] = "avgpool"
    public: ClassVar[bool] = False
    kind: ClassVar[Kind] = "pool"
    calls: ClassVar[frozenset[str]] = frozenset({"F.avg_pool2d", "F.pad", "torch.div", "torch.ones_like"})
    helpers: ClassVar[Mapping[str, str]] = {
        **SamePad.helpers,
        "avg_pool_same": '''def avg_pool_same(x: Tensor, kernel: tuple[int, int], stride: tuple[int, int]) -> Tensor:
    """Average as TensorFlow does with SAME: what pads a window is not counted."""
    means = F.avg_pool2d(pad_same(x, kernel, stride), kernel, stride)
    shares = F.avg_pool2d(pad_same(torch.ones_like(x[:1, :1]), kernel, stride), kernel, stride)
    return torch.div(means, shares)''',
        "avg_pool_padded": '''def avg_pool_padded(
    x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int, int, int]
) -> Tensor:
    """Average with a padding for each side that is not counted."""
    means = F.avg_pool2d(F.pad(x, padding), kernel, stride)
    shares = F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), padding), kernel, stride)
    return torch.div(means, shares)''',
    }

    def infer(self, *inputs: Shape) -> Shape:
        return AvgPool2d(kernel=self.kernel, stride=self.stride).infer(self._before().infer(*inputs))

    def reach(self, *inputs: Shape) -> tuple[Reach, Reach]:
        height, width = (Window(int(k), int(s)) for k, s in zip(self.kernel, self.stride, strict=True))
        return height.reach, width.reach

    def lower(self, *inputs: Shape) -> Lowering:
        name = "avg_pool_padded" if isinstance(self.padding, Sides) else "avg_pool_same"
        sides = (Value(self.padding.as_torch()),) if isinstance(self.padding, Sides) else ()
        kernel, stride = (Value(whole(pair)) for pair in (self.kernel, self.stride))
        return Lowering(None, Call(name, (Operand(), kernel, stride, *sides)), helper=name)

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        sums, counts = self._sums(torch, inputs[0])
        return sums / counts

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        """Sums, times the inverse of how many cells each of them counts."""
        sums, counts = self._sums(field.torch, inputs[0])
        inverse = [[field.inverse(int(n)) for n in row] for row in counts.tolist()]
        return field.reduced(field.reduced(sums) * field.torch.tensor(inverse, dtype=sums.dtype))

    def _before(self) -> Op:
        return windowed(self.kernel, self.stride, self.padding, lowest=False)

    def _sums(self, torch: Torch, x: Values) -> tuple[Values, Values]:
        """Of each window the sum of its cells, and how many of them are in the image."""
        padded, ones = (self._before().interpret(torch, {}, each) for each in (x, torch.ones_like(x[:1, :1])))
        kernel, stride = whole(self.kernel), whole(self.stride)
        sums, counts = (
            torch.nn.functional.avg_pool2d(each, kernel, stride, divisor_override=1) for each in (padded, ones)
        )
        return sums, counts[0, 0]


@final
class AdaptiveAvgPool2d(Op):
    """The mean of `size` windows that divide the image as evenly as they can."""

    size: PairOfSizes

    word: ClassVar[str] = "adaptiveavgpool"
    kind: ClassVar[Kind] = "pool"
    example: ClassVar[str] = "adaptiveavgpool 4x4"
    torch: ClassVar[str] = "torch.nn.AdaptiveAvgPool2d"
    sigils: ClassVar[Mapping[Sigil, str]] = {"kernel": "size"}
    keywords: ClassVar[Mapping[str, str]] = {"size": "output_size"}
    calls: ClassVar[frozenset[str]] = frozenset({"nn.AdaptiveAvgPool2d", "F.adaptive_avg_pool2d"})

    def infer(self, *inputs: Shape) -> Shape:
        x = image(self.word, inputs[0])
        return Image(x.channels, Extent.fixed(self.size[0]), Extent.fixed(self.size[1]))

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (Setting("output_size", self.size, positional=True),)
        return Lowering(
            Call("nn.AdaptiveAvgPool2d", settings=settings), Call("F.adaptive_avg_pool2d", (Operand(),), settings)
        )

    def reach(self, *inputs: Shape) -> tuple[Reach, Reach]:
        return EVERYTHING

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return torch.nn.functional.adaptive_avg_pool2d(inputs[0], whole(self.size))

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        """Window i of n goes from the cell that holds i/n of the size to the one that holds (i + 1)/n."""
        x = inputs[0]
        rows, columns = (
            [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
            for size, count in zip(x.shape[2:], whole(self.size), strict=True)
        )
        means = [[_mean(field, x[:, :, a:b, c:d]) for c, d in columns] for a, b in rows]
        return field.torch.stack([field.torch.stack(row, -1) for row in means], -2)


@final
class GlobalAvgPool(Op):
    """The mean over height and width: [C, H, W] to [C, 1, 1]."""

    word: ClassVar[str] = "gap"
    kind: ClassVar[Kind] = "pool"
    example: ClassVar[str] = "gap"
    torch: ClassVar[str] = "torch.nn.AdaptiveAvgPool2d(1)"
    calls: ClassVar[frozenset[str]] = frozenset({"nn.AdaptiveAvgPool2d"})

    def infer(self, *inputs: Shape) -> Shape:
        x = image(self.word, inputs[0])
        return Image(x.channels, Extent.fixed(1), Extent.fixed(1))

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(
            Call("nn.AdaptiveAvgPool2d", (Value(1),)),
            Method(Operand(), "mean", (Value((2, 3)),), (Setting("keepdim", True),)),
        )

    def reach(self, *inputs: Shape) -> tuple[Reach, Reach]:
        return EVERYTHING

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return torch.nn.functional.adaptive_avg_pool2d(inputs[0], 1)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return _mean(field, inputs[0])[:, :, None, None]


def _mean(field: PrimeField, x: Values) -> Values:
    """The mean of an image: [N, C]."""
    return field.reduced(field.reduced(x.sum((2, 3))) * field.inverse(x.shape[2] * x.shape[3]))
