"""Ops of modules for CPUs: convolutions with their ReLU as one call; rewrites make them, and no spec can name them."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import ClassVar, final

from incdsl.ops.base import Sizes
from incdsl.ops.code import Call, Lowering, Setting
from incdsl.ops.fields import Flag, NonNegative
from incdsl.ops.meaning import Own, PrimeField, Torch, Values, by_channel, whole
from incdsl.ops.window import Conv2d
from incdsl.values import Shape
from incdsl.winograd import Axis, Matrix, Scheme, relative_bound, residues, scheme_named, worst_growth

_UNIT = 2.0**-24
"""The unit roundoff of float32."""


@final
class PackedConv2d(Conv2d):
    """A convolution, and the ReLU behind it, as one call of oneDNN on the CPU with weights in its own order."""

    relu: Flag = False

    word: ClassVar[str] = "packedconv2d"
    public: ClassVar[bool] = False
    calls: ClassVar[frozenset[str]] = frozenset({
        "nn.Conv2d", "F.relu", "torch.backends", "torch.bfloat16", "torch.compiler", "torch.float32",
        "torch.is_grad_enabled", "torch.jit", "torch.ops",
    })  # fmt: skip
    helpers: ClassVar[Mapping[str, str]] = {
        "PackedConv2d": '''class PackedConv2d(nn.Conv2d):
    """A convolution, and the ReLU behind it, as one call of oneDNN on the CPU with weights in its own order.

    Without gradients only; under torch.compile, on other devices and in other types it is what PyTorch makes of it.
    """

    def __init__(
        self, *args: int | tuple[int, int], relu: bool = False, **kwargs: int | tuple[int, int]
    ) -> None:
        super().__init__(*args, **kwargs)
        self.relu = relu
        self.packed, self.source = None, None

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() or not self.is_native(x) or self.weight.is_inference():
            y = super().forward(x)
            return F.relu(y, inplace=True) if self.relu else y
        weight, where = self.weight, (self.padding, self.stride, self.dilation, self.groups)
        source = (weight.data_ptr(), weight.dtype, weight._version)
        if self.source != source:
            packed = torch.ops.mkldnn._reorder_convolution_weight(weight, *where, x.shape)
            self.packed, self.source = packed, source
        after = "relu" if self.relu else "none"
        return torch.ops.mkldnn._convolution_pointwise(x, self.packed, self.bias, *where, after, [], "")

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "packed": None, "source": None}

    def is_native(self, x: Tensor) -> bool:
        if torch.compiler.is_compiling() or torch.jit.is_tracing() or not x.is_cpu:
            return False
        if x.dtype == torch.bfloat16:
            return torch.ops.mkldnn._is_mkldnn_bf16_supported()
        return x.dtype == torch.float32 and torch.backends.mkldnn.is_available()'''
    }

    @property
    def display_name(self) -> str:
        return "conv2d -> relu, packed" if self.relu else "conv2d, packed"

    def lower(self, *inputs: Shape) -> Lowering:
        call = super().lower(*inputs).module
        assert call is not None
        settings = (*call.settings, Setting("relu", self.relu, default=False))
        return Lowering(Call("PackedConv2d", settings=settings), helper="PackedConv2d")

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        y = super().interpret(torch, own, *inputs)
        return torch.relu(y) if self.relu else y

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        y = super().on_residues(field, own, *inputs)
        return field.rectified(y) if self.relu else y


@final
class WinogradConv2d(Conv2d):
    """A convolution, and ReLU for its first `active` channels, by a Winograd scheme: fewer multiplications.

    MACs: tiles · numbers of a tile · channels · filters. `blocking` says how the kernel cuts up its work, if that was
    measured.
    """

    scheme: str
    active: NonNegative = 0
    blocking: tuple[int, ...] = ()

    word: ClassVar[str] = "winogradconv2d"
    public: ClassVar[bool] = False
    calls: ClassVar[frozenset[str]] = frozenset()

    @property
    def display_name(self) -> str:
        return f"conv2d -> relu, {self.scheme}" if self.active else f"conv2d, {self.scheme}"

    @property
    def parts(self) -> Scheme:
        """The scheme itself."""
        return scheme_named(self.scheme)

    def bound(self, shape: Shape) -> tuple[float, float]:
        """How far an output can be from the exact one in float32, over the sum of absolute products.

        By the scheme, and by the convolution itself.
        """
        channels = int(shape.channels)
        theirs = relative_bound(self.parts, channels, _UNIT) * float(worst_growth(self.parts))
        plain = (channels * prod(self.parts.taps) + 1) * _UNIT
        return theirs, plain / (1 - plain)

    def macs(self, inputs: tuple[Sizes, ...], output: Sizes) -> int:
        return tiles(self.parts, output[1:]) * self.parts.size * inputs[0][0] * int(self.width)

    def constants(self, *inputs: Shape) -> int:
        """Transformed filters are read in place of the weight."""
        more = self.parts.size - prod(self.parts.taps)
        return more * int(inputs[0].channels) * int(self.width)

    def lower(self, *inputs: Shape) -> Lowering:
        call = super().lower(*inputs).module
        assert call is not None
        own = (Setting("active", self.active, default=0), Setting("blocking", self.blocking, default=()))
        return Lowering(Call("WinogradConv2d", settings=(*call.settings, Setting("scheme", self.scheme), *own)))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        y, active = super().interpret(torch, own, *inputs), int(self.active)
        assert y is not None
        return torch.cat((y[:, :active].clamp(min=0), y[:, active:]), 1)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        """The scheme itself, Aᵀ[(G g) · (Bᵀ d)] along both axes, and not the convolution that it stands for."""
        torch, scheme, x, weight = field.torch, self.parts, inputs[0], own["weight"]
        (up, left), (height, width) = whole(self.padding), scheme.outputs
        rows, columns = (
            size + 2 * around - taps + 1
            for size, around, taps in zip(x.shape[2:], (up, left), scheme.taps, strict=True)
        )
        x = torch.nn.functional.pad(x, (left, left + -columns % width, up, up + -rows % height))
        d = x.unfold(2, scheme.vertical.size, height).unfold(3, scheme.horizontal.size, width)
        v = _both(field, scheme, "bt", d)
        u = _both(field, scheme, "g", weight)
        m = field.bilinear(lambda v, u: torch.einsum("ncyxij,kcij->nkyxij", v, u), v, u, weight.shape[1])
        y = _both(field, scheme, "at", m).transpose(3, 4).flatten(4, 5).flatten(2, 3)[:, :, :rows, :columns]
        if "bias" in own:
            y = field.reduced(y + by_channel(own["bias"], y))
        return torch.cat((field.rectified(y[:, : int(self.active)]), y[:, int(self.active) :]), 1)


def tiles(scheme: Scheme, grid: Sizes) -> int:
    """How many tiles cover an output of this height and width."""
    return prod(-(-size // step) for size, step in zip(grid, scheme.outputs, strict=True))


def _both(field: PrimeField, scheme: Scheme, name: str, values: Values) -> Values:
    """A matrix of the scheme along the last two axes, that of the vertical axis along the first of them."""

    def matrix(axis: Axis) -> Values:
        exact: Matrix = getattr(axis, name)
        return field.torch.tensor(residues(exact, field.prime), dtype=values.dtype)

    halfway = field.reduced(field.torch.einsum("pi,...ij->...pj", matrix(scheme.vertical), values))
    return field.reduced(field.torch.einsum("qj,...pj->...pq", matrix(scheme.horizontal), halfway))
