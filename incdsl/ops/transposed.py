"""A convolution run backwards: each cell of the input is spread over a window of the output."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar, final

from pydantic import ValidationInfo, field_validator

from incdsl.ops.base import Kind, Sigil, Sizes, Tensor, divides
from incdsl.ops.code import Call, Lowering, Setting
from incdsl.ops.fields import Amounts, Flag, Positive, Sizes as PairOfSizes
from incdsl.ops.frame import ONE, ZERO
from incdsl.ops.meaning import Own, PrimeField, Torch, Values, by_channel, whole
from incdsl.ops.padding import TF_SAME, PaddingError, Sides, as_pair
from incdsl.ops.sweep import TransposedWindow
from incdsl.ops.window import Windowed
from incdsl.values import Pair, Shape


@final
class ConvTranspose2d(Windowed):
    """A transposed convolution; `width` filters, each over `in / groups` channels.

    MACs: input size · width / groups · kernel size. Height and width become
    `(n − 1)·stride − 2·padding + dilation·(kernel − 1) + 1 + output_padding`. The weights are
    `[in, width / groups, kernel]`.
    """

    dilation: PairOfSizes = ONE
    output_padding: Amounts = ZERO
    width: Positive
    groups: Positive = 1
    bias: Flag = True

    word: ClassVar[str] = "convtranspose2d"
    paddings: ClassVar[str] = "`valid`, `same`, `half`, `pad N`"
    kind: ClassVar[Kind] = "convolution"
    example: ClassVar[str] = "convtranspose2d 3x3/2 @4 half (output_padding: 1)"
    torch: ClassVar[str] = "torch.nn.ConvTranspose2d"
    sigils: ClassVar[Mapping[Sigil, str]] = {
        "kernel": "kernel",
        "stride": "stride",
        "width": "width",
        "padding": "padding",
    }
    signature: ClassVar[tuple[str, ...]] = (
        "in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups", "bias",
        "dilation",
    )  # fmt: skip
    runtime_args: ClassVar[frozenset[str]] = frozenset({"width"})
    calls: ClassVar[frozenset[str]] = frozenset({"nn.ConvTranspose2d"})
    owns_output: ClassVar[bool] = True

    @field_validator("output_padding")
    @classmethod
    def _fits(cls, value: Pair, info: ValidationInfo) -> Pair:
        """PyTorch's rule: what is added at the end is less than a stride, or less than a dilation."""
        stride, dilation = info.data.get("stride"), info.data.get("dilation")
        if stride and dilation and any(value[i] >= max(stride[i], dilation[i]) for i in (0, 1)):
            raise ValueError("must be below the stride or the dilation")
        return value

    @classmethod
    def resolve_padding(cls, settings: Mapping[str, Any], name: str) -> Any:
        padding = super().resolve_padding(settings, name)
        if isinstance(padding, Sides) or settings.get("padding") == TF_SAME:
            reason = f"what `{name}` leaves out is the same on both sides"
            raise PaddingError("same", reason=reason, hint="write `half`, `valid` or `pad N`, and `crop (…)` behind it")
        more = as_pair(settings.get("output_padding"))
        if padding is not None and settings.get("padding") in (None, "same") and more and any(more):
            reason = f"`same` keeps the size, but `{name}` adds to it by `output_padding`"
            raise PaddingError("same", reason=reason, hint="write `half`, `valid` or `pad N`")
        return padding

    def windows(self) -> tuple[TransposedWindow, TransposedWindow]:
        settings = self.kernel, self.stride, self.padding, self.dilation, self.output_padding
        height, width = (TransposedWindow(*[int(each[axis]) for each in settings]) for axis in (0, 1))
        return height, width

    def infer(self, *inputs: Shape) -> Shape:
        x = self.swept(inputs[0])
        divides("groups", self.groups, "channels that flow in", x.channels)
        divides("groups", self.groups, "filters", self.width)
        return x.with_channels(self.width)

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        filters = int(self.width) // int(self.groups)
        weight = Tensor("weight", (int(inputs[0].channels), filters, *map(int, self.kernel)))
        return (weight, Tensor("bias", (int(self.width),))) if self.bias else (weight,)

    def macs(self, inputs: tuple[Sizes, ...], output: Sizes) -> int:
        return prod(inputs[0]) * (int(self.width) // int(self.groups)) * int(self.kernel[0]) * int(self.kernel[1])

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("in_channels", inputs[0].channels, positional=True),
            Setting("out_channels", self.width, positional=True),
            Setting("kernel_size", self.kernel, positional=True),
            Setting("stride", self.stride, default=ONE),
            Setting("padding", self.padding, default=ZERO),
            Setting("output_padding", self.output_padding, default=ZERO),
            Setting("groups", self.groups, default=1),
            Setting("bias", self.bias, default=True),
            Setting("dilation", self.dilation, default=ONE),
        )
        return Lowering(Call("nn.ConvTranspose2d", settings=settings))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return self._convolve(torch, inputs[0], own["weight"], own["bias"] if self.bias else None)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        weight = own["weight"]
        terms = len(weight) // int(self.groups) * prod(weight.shape[2:])
        y = field.bilinear(lambda x, w: self._convolve(field.torch, x, w), inputs[0], weight, terms)
        return field.reduced(y + by_channel(own["bias"], y)) if "bias" in own else y

    def _convolve(self, torch: Torch, x: Values, weight: Values, bias: Values | None = None) -> Values:
        stride, padding, more, dilation = map(whole, (self.stride, self.padding, self.output_padding, self.dilation))
        function = torch.nn.functional.conv_transpose2d
        return function(x, weight, bias, stride, padding, more, int(self.groups), dilation)
