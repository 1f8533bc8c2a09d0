"""Ops of modules for GPUs, several steps as one kernel; rewrites make them, and no spec can name them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import ClassVar, final

from incdsl.ops.base import Kind, Op, ShapeError, Tensor
from incdsl.ops.code import Call, Code, Lowering, Method, Operand, Place, Setting, Value
from incdsl.ops.fields import Flag, NonNegative, Positive, Sizes as PairOfSizes
from incdsl.ops.frame import ONE, ZERO
from incdsl.ops.meaning import Own, PrimeField, Torch, Values, by_channel, whole
from incdsl.ops.window import AvgPool2d, Conv2d, Sliding
from incdsl.values import Shape

MOST_PARTS = 4
"""Into how many parts a kernel splits its channels."""


@final
class FusedConv2d(Conv2d):
    """relu(conv(x) + b), or relu(conv(x) + b + y), as one call of cuDNN on a GPU."""

    residual: Flag = False

    word: ClassVar[str] = "fusedconv2d"
    public: ClassVar[bool] = False
    calls: ClassVar[frozenset[str]] = frozenset({
        "nn.Conv2d", "F.relu", "torch.compiler", "torch.cudnn_convolution_add_relu", "torch.cudnn_convolution_relu",
        "torch.float64", "torch.is_autocast_enabled", "torch.is_grad_enabled", "torch.jit",
    })  # fmt: skip
    helpers: ClassVar[Mapping[str, str]] = {
        "FusedConv2d": '''class FusedConv2d(nn.Conv2d):
    """A convolution, what is added to it if anything is, and a ReLU: on a GPU one call of cuDNN.

    With gradients, under autocast and torch.compile, on other devices and in float64 it is what PyTorch makes of it.
    """

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        if not self.is_native(x):
            y = super().forward(x)
            return F.relu(y if residual is None else y + residual)
        where = (self.stride, self.padding, self.dilation, self.groups)
        if residual is None:
            return torch.cudnn_convolution_relu(x, self.weight, self.bias, *where)
        return torch.cudnn_convolution_add_relu(x, self.weight, residual, 1.0, self.bias, *where)

    def is_native(self, x: Tensor) -> bool:
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing():
            return False
        return x.is_cuda and x.dtype != torch.float64 and not torch.is_autocast_enabled("cuda")'''
    }

    @property
    def display_name(self) -> str:
        return "conv2d -> add -> relu, fused" if self.residual else "conv2d -> relu, fused"

    def lower(self, *inputs: Shape) -> Lowering:
        call = super().lower(*inputs).module
        assert call is not None
        operands = (Operand(0), Operand(1)) if self.residual else (Operand(),)
        module = Call("FusedConv2d", settings=call.settings)
        return Lowering(module, forward=Call(None, operands), helper="FusedConv2d")

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        y = super().interpret(torch, own, inputs[0])
        return torch.relu(y + inputs[1] if self.residual else y)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        y = super().on_residues(field, own, inputs[0])
        return field.rectified(field.reduced(y + inputs[1]) if self.residual else y)


@final
class ProductConv2d(Conv2d):
    """relu(conv(x) + b) with a kernel of 1x1, as a product of matrices: on a GPU one call of cuBLAS."""

    word: ClassVar[str] = "productconv2d"
    public: ClassVar[bool] = False
    calls: ClassVar[frozenset[str]] = frozenset({
        "nn.Conv2d", "F.relu", "torch._addmm_activation", "torch.compiler", "torch.is_autocast_enabled",
        "torch.is_grad_enabled", "torch.jit",
    })  # fmt: skip
    helpers: ClassVar[Mapping[str, str]] = {
        "ProductConv2d": '''class ProductConv2d(nn.Conv2d):
    """A 1x1 convolution and a ReLU as a product of matrices, pixels by filters: on a GPU one call of cuBLAS."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.is_native(x):
            return F.relu(super().forward(x))
        n, channels, height, width = x.shape
        pixels = x.permute(0, 2, 3, 1).reshape(-1, channels)
        y = torch._addmm_activation(self.bias, pixels, self.weight.flatten(1).mT)
        return y.view(n, height, width, self.out_channels).permute(0, 3, 1, 2)

    def is_native(self, x: Tensor) -> bool:
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing():
            return False
        return x.device.type in ("cpu", "cuda") and not torch.is_autocast_enabled(x.device.type)'''
    }

    @property
    def display_name(self) -> str:
        return "conv2d -> relu, a product of matrices"

    def lower(self, *inputs: Shape) -> Lowering:
        call = super().lower(*inputs).module
        assert call is not None
        return Lowering(Call("ProductConv2d", settings=call.settings), helper="ProductConv2d")

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return torch.relu(super().interpret(torch, own, inputs[0]))

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return field.rectified(super().on_residues(field, own, inputs[0]))


class _KernelConv2d(Conv2d):
    """conv(x) + b, and max(…, 0) for the first `active` channels, as one kernel of Triton's.

    `config` says how the kernel cuts up its work, if that was measured.
    """

    active: Positive
    config: tuple[int, ...] = ()

    public: ClassVar[bool] = False
    calls: ClassVar[frozenset[str]] = frozenset({"nn.Conv2d"})

    def lower(self, *inputs: Shape) -> Lowering:
        call = super().lower(*inputs).module
        assert call is not None
        settings = (*call.settings, Setting("active", self.active), *self._more(), *_config(self.config))
        name = type(self).__name__
        return Lowering(Call(name, settings=settings), forward=Call(None, self._operands()), helper=name)

    def _more(self) -> tuple[Setting, ...]:
        """Settings of its own."""
        return ()

    def _operands(self) -> tuple[Code, ...]:
        """What its module is applied to."""
        raise NotImplementedError

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        y, active = super().interpret(torch, own, inputs[0]), int(self.active)
        assert y is not None
        return torch.cat((y[:, :active].clamp(min=0), y[:, active:]), 1)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        y, active = super().on_residues(field, own, inputs[0]), int(self.active)
        assert y is not None
        return field.torch.cat((field.rectified(y[:, :active]), y[:, active:]), 1)


@final
class FlooredConv2d(_KernelConv2d):
    """A convolution and the ReLU of its first channels; with `into` a second value is where they are written."""

    into: Flag = False

    word: ClassVar[str] = "flooredconv2d"
    helpers: ClassVar[Mapping[str, str]] = {
        "FlooredConv2d": '''class FlooredConv2d(nn.Conv2d):
    """A convolution, and ReLU for its first `active` channels, as one kernel."""

    def __init__(
        self,
        *args: int | tuple[int, int],
        active: int,
        config: tuple[int, ...] | None = None,
        **kwargs: int | tuple[int, int],
    ) -> None:
        super().__init__(*args, **kwargs)
        self.how = {"stride": self.stride, "padding": self.padding, "active": active, "config": config}

    def forward(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        return kernels.convolve(x, self.weight, self.bias, out=out, **self.how)'''
    }

    @property
    def targets(self) -> int:
        return int(self.into)

    @property
    def display_name(self) -> str:
        return "conv2d -> ReLU of some channels, one kernel"

    def _operands(self) -> tuple[Code, ...]:
        return _with_target(self.into)


@final
class SplitConv2d(_KernelConv2d):
    """A convolution and the ReLU of its first channels, which gives parts of these `widths`.

    For each part that is `written` another value is where: a range of the channels of an image.
    """

    widths: tuple[int, ...]
    written: tuple[bool, ...]

    word: ClassVar[str] = "splitconv2d"
    helpers: ClassVar[Mapping[str, str]] = {
        "SplitConv2d": '''class SplitConv2d(nn.Conv2d):
    """A convolution, and ReLU for its first `active` channels, as one kernel that gives its channels in parts."""

    def __init__(
        self,
        *args: int | tuple[int, int],
        active: int,
        widths: tuple[int, ...],
        config: tuple[int, ...] | None = None,
        **kwargs: int | tuple[int, int],
    ) -> None:
        super().__init__(*args, **kwargs)
        self.widths = widths
        self.how = {"stride": self.stride, "padding": self.padding, "active": active, "config": config}

    def forward(self, x: Tensor, *outs: Tensor | None) -> tuple[Tensor, ...]:
        return kernels.convolve_split(x, self.weight, self.bias, self.widths, outs, **self.how)'''
    }

    @property
    def targets(self) -> int:
        return sum(self.written)

    def infer(self, *inputs: Shape) -> Shape:
        if len(self.widths) > MOST_PARTS:
            raise ShapeError("divide", f"the kernel writes {MOST_PARTS}, and not {len(self.widths)}")
        return super().infer(*inputs)

    @property
    def display_name(self) -> str:
        return "conv2d -> ReLU of some channels, in parts, one kernel"

    def _more(self) -> tuple[Setting, ...]:
        return (Setting("widths", self.widths),)

    def _operands(self) -> tuple[Code, ...]:
        targets = accumulate(self.written)
        outs = [Operand(i) if written else Value(None) for i, written in zip(targets, self.written, strict=True)]
        last = max((i for i, written in enumerate(self.written) if written), default=-1)
        return (Operand(0), *outs[: last + 1])


@final
class Part(Op):
    """One of the parts that a kernel gives: the channels from `start` to `stop` of all."""

    index: NonNegative
    start: NonNegative
    stop: Positive

    word: ClassVar[str] = "part"
    public: ClassVar[bool] = False
    kind: ClassVar[Kind] = "view"

    def infer(self, *inputs: Shape) -> Shape:
        return inputs[0].with_channels(self.stop - self.start)

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(None, Place(Operand(), int(self.index)))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return inputs[0].narrow(1, int(self.start), int(self.stop) - int(self.start))

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return inputs[0][:, int(self.start) : int(self.stop)]


@final
class BiasedAvgPool2d(AvgPool2d):
    """max(pool(x) + b, 0), with a number of its own for each channel, as one kernel of Triton's.

    With `into` a second value is where it is written: a range of the channels of an image. `config` says how the kernel
    cuts up its work, if that was measured.
    """

    into: Flag = False
    config: tuple[int, ...] = ()

    word: ClassVar[str] = "biasedavgpool"
    public: ClassVar[bool] = False
    calls: ClassVar[frozenset[str]] = frozenset({"nn.Parameter", "torch.zeros"})
    helpers: ClassVar[Mapping[str, str]] = {
        "BiasedAvgPool2d": '''class BiasedAvgPool2d(nn.Module):
    """An average pool, a number of its own added to each channel, and a ReLU, as one kernel."""

    def __init__(
        self,
        channels: int,
        kernel_size: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        count_include_pad: bool,
        config: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.kernel_size = kernel_size
        self.how = {"stride": stride, "padding": padding, "count_include_pad": count_include_pad, "config": config}

    def forward(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        return kernels.average_pool(x, self.kernel_size, self.bias, active=x.shape[1], out=out, **self.how)'''
    }
    owns_output: ClassVar[bool] = True

    @property
    def targets(self) -> int:
        return int(self.into)

    @property
    def display_name(self) -> str:
        return "avgpool -> bias -> relu, one kernel"

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        return (Tensor("bias", (int(inputs[0].channels),)),)

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("channels", inputs[0].channels, positional=True),
            Setting("kernel_size", tuple(map(int, self.kernel))),
            Setting("stride", tuple(map(int, self.stride))),
            Setting("padding", tuple(map(int, self.padding))),
            Setting("count_include_pad", self.count_include_pad),
            *_config(self.config),
        )
        module = Call("BiasedAvgPool2d", settings=settings)
        return Lowering(module, forward=Call(None, _with_target(self.into)), helper="BiasedAvgPool2d")

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        y = super().interpret(torch, own, inputs[0])
        return (y + by_channel(own["bias"], y)).clamp(min=0)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        y = super().on_residues(field, own, inputs[0])
        return field.rectified(field.reduced(y + by_channel(own["bias"], y)))


def _with_target(into: bool) -> tuple[Code, ...]:
    """An input, and what is written into."""
    return (Operand(0), Operand(1)) if into else (Operand(),)


def _config(config: tuple[int, ...]) -> tuple[Setting, ...]:
    return (Setting("config", config),) if config else ()


@final
class Room(Sliding):
    """An image of `channels` channels in which nothing is written yet, as high and wide as such a window makes another.

    The window of a single cell makes it as high and wide as the other.
    """

    channels: Positive
    kernel: PairOfSizes = ONE

    word: ClassVar[str] = "room"
    public: ClassVar[bool] = False
    kind: ClassVar[Kind] = "view"
    calls: ClassVar[frozenset[str]] = frozenset({"torch.channels_last", "torch.empty"})
    helpers: ClassVar[Mapping[str, str]] = {
        "empty_image": '''def empty_image(x: Tensor, channels: int) -> Tensor:
    """An image as high and wide as another, in which nothing is written yet."""
    size = [x.shape[0], channels, x.shape[2], x.shape[3]]
    return torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)''',
        "empty_output": '''def empty_output(
    x: Tensor,
    channels: int,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """An image as high and wide as what a window makes of another, in which nothing is written yet."""
    window = (kernel_size, stride, padding)
    axes = [[n[axis] if isinstance(n, tuple) else n for n in window] for axis in (0, 1)]
    grid = [(n + 2 * p - kernel) // step + 1 for n, (kernel, step, p) in zip(x.shape[2:], axes, strict=True)]
    size = [x.shape[0], channels, *grid]
    return torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)''',
    }

    def infer(self, *inputs: Shape) -> Shape:
        return self.swept(inputs[0]).with_channels(self.channels)

    def lower(self, *inputs: Shape) -> Lowering:
        if (self.kernel, self.stride, self.padding) == (ONE, ONE, ZERO):
            return Lowering(None, Call("empty_image", (Operand(), Value(self.channels))), helper="empty_image")
        window = (
            Setting("kernel_size", self.kernel),
            Setting("stride", self.stride, default=ONE),
            Setting("padding", self.padding, default=ZERO),
        )
        call = Call("empty_output", (Operand(), Value(self.channels)), window)
        return Lowering(None, call, helper="empty_output")

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        x = inputs[0]
        grid = [
            (size + 2 * padding - kernel) // stride + 1
            for size, kernel, stride, padding in zip(
                x.shape[2:], whole(self.kernel), whole(self.stride), whole(self.padding), strict=True
            )
        ]
        return torch.zeros((len(x), int(self.channels), *grid), dtype=x.dtype)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return self.interpret(field.torch, own, *inputs)


@final
class Put(Op):
    """A value, copied into a range of the channels of an image."""

    word: ClassVar[str] = "put"
    public: ClassVar[bool] = False
    kind: ClassVar[Kind] = "copy"

    @property
    def targets(self) -> int:
        return 1

    def infer(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(None, Method(Operand(1), "copy_", (Operand(0),)))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return inputs[0]

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return inputs[0]


@final
class Filled(Op):
    """An image whose ranges these parts are, one after the other, when they are all written."""

    word: ClassVar[str] = "filled"
    public: ClassVar[bool] = False
    kind: ClassVar[Kind] = "view"
    helpers: ClassVar[Mapping[str, str]] = {
        "filled": '''def filled(y: Tensor, *parts: Tensor) -> Tensor:
    """The image whose ranges these are, now that they are written."""
    return y'''
    }

    def infer(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(None, Call("filled", tuple(map(Operand, range(len(inputs))))), helper="filled")

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return torch.cat(inputs[1:], 1)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return field.torch.cat(inputs[1:], 1)
