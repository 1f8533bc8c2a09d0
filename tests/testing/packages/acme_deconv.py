"""An op of another package that owns every fact about itself: a transposed convolution, `acme.deconv` in a spec.

It uses nothing of the language's own one, which came after it; what it needs of `incdsl` is what any package may use.
"""

from fractions import Fraction
from math import prod
from typing import ClassVar, NamedTuple

from pydantic import field_validator

from incdsl.ops import Op, PaddingError, Reach, Tensor
from incdsl.ops.base import divides, image
from incdsl.ops.code import Call, Lowering, Setting
from incdsl.ops.fields import Amounts, Flag, Positive, Sizes
from incdsl.ops.meaning import by_channel, whole
from incdsl.values import Extent, Image, Pair


class Spread(NamedTuple):
    """Along one axis, each cell of the input is spread over `span` cells of the output, `stride` apart."""

    kernel: int
    stride: int
    padding: int
    dilation: int
    more: int

    @property
    def span(self):
        return self.dilation * (self.kernel - 1) + 1

    @property
    def reach(self):
        return Reach(1 + Fraction(self.span - 1, self.stride), Fraction(1, self.stride))

    def over(self, extent):
        return extent.floor_affine(self.stride, self.span - self.stride - 2 * self.padding + self.more, 1)

    def arithmetic(self, size):
        result = self.over(Extent.fixed(size)).offset
        return f"{self.stride}·({size} − 1) + {self.span} − 2·{self.padding} + {self.more} = {result}"


class Deconv(Op):
    """A transposed convolution of `width` filters."""

    kernel: Sizes
    stride: Sizes = Pair(1, 1)
    padding: Amounts = Pair(0, 0)
    dilation: Sizes = Pair(1, 1)
    output_padding: Amounts = Pair(0, 0)
    width: Positive
    groups: Positive = 1
    bias: Flag = True

    word: ClassVar[str] = "deconv"
    kind: ClassVar[str] = "convolution"
    example: ClassVar[str] = "acme.deconv 4x4/2 @8 half"
    torch: ClassVar[str] = "torch.nn.ConvTranspose2d"
    sigils: ClassVar[dict] = {"kernel": "kernel", "stride": "stride", "width": "width", "padding": "padding"}
    keywords: ClassVar[dict] = {"width": "out_channels", "kernel": "kernel_size"}
    signature: ClassVar[tuple] = (
        "in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups", "bias",
        "dilation",
    )  # fmt: skip
    runtime_args: ClassVar[frozenset] = frozenset({"width"})
    calls: ClassVar[frozenset] = frozenset({"nn.ConvTranspose2d"})
    owns_output: ClassVar[bool] = True

    @field_validator("output_padding")
    @classmethod
    def _below_a_step(cls, value, info):
        steps = zip(value, info.data["stride"], info.data["dilation"], strict=True)
        if any(more >= max(stride, dilation) for more, stride, dilation in steps):
            raise ValueError("must be below the stride or the dilation")
        return value

    @classmethod
    def resolve_padding(cls, settings, name):
        """`valid` cuts nothing off, `half` half of the kernel; `same` is half of an odd one, without a stride."""
        padding, stride = settings.get("padding"), settings.get("stride", 1)
        if "kernel" not in settings or isinstance(padding, Pair | int | tuple):
            return padding
        if padding == "valid":
            return Pair(0, 0)
        kernel = Pair(*settings["kernel"])
        if padding is None and stride not in (1, (1, 1)):
            raise PaddingError("unstated", owner=name, choices="`valid`, `half` or `pad N`")
        if padding != "half" and (stride not in (1, (1, 1)) or any(k % 2 == 0 for k in kernel)):
            raise PaddingError("same", reason=f"`{name}` cannot keep the size", hint="write `half`")
        dilation = settings.get("dilation", 1)
        dilation = (dilation, dilation) if isinstance(dilation, int) else dilation
        return Pair(*(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True)))

    def windows(self):
        settings = self.kernel, self.stride, self.padding, self.dilation, self.output_padding
        return tuple(Spread(*map(int, along)) for along in zip(*settings, strict=True))

    def infer(self, *inputs):
        x = image(self.word, inputs[0])
        divides("groups", self.groups, "channels that flow in", x.channels)
        divides("groups", self.groups, "filters", self.width)
        height, width = self.windows()
        return Image(self.width, height.over(x.height), width.over(x.width))

    def tensors(self, *inputs):
        shape = (int(inputs[0].channels), int(self.width) // int(self.groups), *whole(self.kernel))
        return (Tensor("weight", shape), *([Tensor("bias", (int(self.width),))] if self.bias else []))

    def macs(self, inputs, output):
        return prod(inputs[0]) * int(self.width) // int(self.groups) * prod(whole(self.kernel))

    def lower(self, *inputs):
        settings = (
            Setting("in_channels", inputs[0].channels, positional=True),
            Setting("out_channels", self.width, positional=True),
            Setting("kernel_size", self.kernel, positional=True),
            Setting("stride", self.stride, default=Pair(1, 1)),
            Setting("padding", self.padding, default=Pair(0, 0)),
            Setting("output_padding", self.output_padding, default=Pair(0, 0)),
            Setting("groups", self.groups, default=1),
            Setting("bias", self.bias, default=True),
            Setting("dilation", self.dilation, default=Pair(1, 1)),
        )
        return Lowering(Call("nn.ConvTranspose2d", settings=settings))

    def interpret(self, torch, own, *inputs):
        """Each cell of the input, times the filters, added to where they lie: a sum over the kernel's cells."""
        x, (height, width) = inputs[0], self.windows()
        groups = int(self.groups)
        rows, columns = (w.over(Extent.fixed(n)).offset for w, n in zip((height, width), x.shape[2:], strict=True))
        tall, wide = (w.stride * (n - 1) + w.span + w.more for w, n in zip((height, width), x.shape[2:], strict=True))
        whole_ = x.new_zeros(len(x), int(self.width), tall, wide)
        parts = x.reshape(len(x), groups, -1, *x.shape[2:])
        weight = own["weight"].reshape(groups, x.shape[1] // groups, -1, *whole(self.kernel))
        for i in range(height.kernel):
            for j in range(width.kernel):
                added = torch.einsum("ngchw,gco->ngohw", parts, weight[..., i, j]).flatten(1, 2)
                top, left = i * height.dilation, j * width.dilation
                down = slice(top, top + height.stride * (x.shape[2] - 1) + 1, height.stride)
                right = slice(left, left + width.stride * (x.shape[3] - 1) + 1, width.stride)
                whole_[:, :, down, right] += added
        y = whole_[:, :, height.padding : height.padding + rows, width.padding : width.padding + columns]
        return y + by_channel(own["bias"], y) if self.bias else y

    def on_residues(self, field, own, *inputs):
        weight = own["weight"]
        terms = len(weight) // int(self.groups) * prod(weight.shape[2:])

        def function(x, w):
            settings = (self.stride, self.padding, self.output_padding)
            stride, padding, more = map(whole, settings)
            run = field.torch.nn.functional.conv_transpose2d
            return run(x, w, None, stride, padding, more, int(self.groups), whole(self.dilation))

        y = field.bilinear(function, inputs[0], weight, terms)
        return field.reduced(y + by_channel(own["bias"], y)) if "bias" in own else y
