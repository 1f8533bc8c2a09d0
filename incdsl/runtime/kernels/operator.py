"""`torch.ops.incdsl.winograd`: the kernel as operators of PyTorch, around which `torch.compile` makes one graph."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from incdsl.runtime.kernels.blocking import Blocking, blocking_for
from incdsl.runtime.kernels.library import library_for
from incdsl.runtime.kernels.weights import PackedFilters
from incdsl.winograd import Scheme, scheme_named

_ARGUMENTS = "Tensor x, Tensor filters, Tensor bias, Tensor floor, int out_channels, str scheme, int[2] padding"
_BLOCKING = "int[] blocking=[]"
_OPERATORS = torch.library.Library("incdsl", "FRAGMENT")
_OPERATORS.define(f"winograd({_ARGUMENTS}, {_BLOCKING}) -> Tensor")
_OPERATORS.define(f"winograd_out({_ARGUMENTS}, Tensor(a!) out, {_BLOCKING}) -> ()")


def convolve(
    x: Tensor,
    packed: PackedFilters,
    padding: tuple[int, int] = (0, 0),
    *,
    out: Tensor | None = None,
    blocking: Blocking | None = None,
) -> Tensor:
    """A convolution of stride 1, its bias and its ReLU: `[N, C, H, W]` to `[N, K, H′, W′]`, in channels_last.

    Args:
        x: on the CPU, of the type of the weights. Where channels lie side by side, as in a range of the channels of an
            image in channels_last, it is read as it lies; otherwise it is copied first.
        packed: what `pack` gave.
        padding: zeros above and below, left and right.
        out: where the result goes, such as a range of the channels of a concat; channels side by side, and no memory
            shared with x.
        blocking: how the work is cut up.

    Raises:
        RuntimeError: if gradients are on and wanted.
        TypeError: if types differ.
        ValueError: if shapes or strides do not fit.
    """
    arguments = (x, packed.filters, packed.bias, packed.floor, packed.out_channels, str(packed.scheme), padding)
    cut = [int(each) for each in blocking or ()]
    if out is None:
        result: Tensor = torch.ops.incdsl.winograd(*arguments, cut)
        return result
    torch.ops.incdsl.winograd_out(*arguments, out, cut)
    return out


@torch.library.impl(_OPERATORS, "winograd", "CPU")
def _winograd(
    x: Tensor, filters: Tensor, bias: Tensor, floor: Tensor, out_channels: int, scheme: str, padding: Sequence[int],
    blocking: Sequence[int] = (),
) -> Tensor:  # fmt: skip
    out = _empty(x, filters, bias, floor, out_channels, scheme, padding)
    _winograd_out(x, filters, bias, floor, out_channels, scheme, padding, out, blocking)
    return out


@torch.library.impl(_OPERATORS, "winograd_out", "CPU")
def _winograd_out(
    x: Tensor, filters: Tensor, bias: Tensor, floor: Tensor, out_channels: int, scheme: str, padding: Sequence[int],
    out: Tensor, blocking: Sequence[int] = (),
) -> None:  # fmt: skip
    _refuse_gradients(x, filters, bias, floor, out)
    found = scheme_named(scheme)
    _check_out(out, x, found, out_channels, padding)
    library = library_for(x.dtype)
    _check_packed(filters, bias, floor, x, found, out_channels, library.panel, library.lanes)
    if not _side_by_side(x):
        x = x.contiguous(memory_format=torch.channels_last)
    tiles, panels, share_filters = blocking or blocking_for(found, tuple(out.shape), library.panel)
    if x.shape[0]:
        library.convolve(x, filters, bias, floor, out, found, padding, Blocking(tiles, panels, bool(share_filters)))


@torch.library.register_fake("incdsl::winograd", lib=_OPERATORS)
def _empty(
    x: Tensor, filters: Tensor, bias: Tensor, floor: Tensor, out_channels: int, scheme: str, padding: Sequence[int],
    blocking: Sequence[int] = (),
) -> Tensor:  # fmt: skip
    _refuse_gradients(x, filters, bias, floor)
    shape = _out_shape(x, scheme_named(scheme), out_channels, padding)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


@torch.library.register_fake("incdsl::winograd_out", lib=_OPERATORS)
def _nothing(
    x: Tensor, filters: Tensor, bias: Tensor, floor: Tensor, out_channels: int, scheme: str, padding: Sequence[int],
    out: Tensor, blocking: Sequence[int] = (),
) -> None:  # fmt: skip
    _refuse_gradients(x, filters, bias, floor, out)
    _check_out(out, x, scheme_named(scheme), out_channels, padding)


def _refuse_gradients(*tensors: Tensor) -> None:
    if torch.is_grad_enabled() and any(each.requires_grad for each in tensors):
        raise RuntimeError("incdsl::winograd has no gradient: call it under torch.no_grad(), or train with nn.Conv2d")


def _out_shape(x: Tensor, scheme: Scheme, out_channels: int, padding: Sequence[int]) -> tuple[int, int, int, int]:
    if x.dim() != 4:
        raise ValueError(f"images are [N, C, H, W], not {list(x.shape)}")
    batch, _, *size = x.shape
    height, width = (
        each + 2 * around - taps + 1 for each, around, taps in zip(size, padding, scheme.taps, strict=True)
    )
    if height < 1 or width < 1:
        raise ValueError(f"{scheme} with padding {tuple(padding)} has no output for {size[0]}x{size[1]}")
    return batch, out_channels, height, width


def _check_out(out: Tensor, x: Tensor, scheme: Scheme, out_channels: int, padding: Sequence[int]) -> None:
    shape = _out_shape(x, scheme, out_channels, padding)
    if out.shape != shape:
        raise ValueError(f"out is {list(out.shape)}, the result {list(shape)}")
    if out.dtype != x.dtype:
        raise TypeError(f"out is {out.dtype}, x {x.dtype}")
    batch, _, row, pixel = out.stride()
    apart = pixel >= out_channels and row >= pixel * shape[3] and batch >= row * shape[2]
    if not (_side_by_side(out) and apart):
        raise ValueError("the channels of out must lie side by side, and its pixels apart: channels_last, or a part of it")


def _check_packed(
    filters: Tensor, bias: Tensor, floor: Tensor, x: Tensor, scheme: Scheme, out_channels: int, panel: int, lanes: int
) -> None:
    if not x.dtype == filters.dtype == bias.dtype == floor.dtype:
        raise TypeError(f"x is {x.dtype}, the weights {filters.dtype}")
    panels = -(-out_channels // panel)
    shapes = (scheme.size, panels, x.shape[1] + -x.shape[1] % lanes, panel), (panels * panel,), (panels * panel,)
    for each, shape in zip((filters, bias, floor), shapes, strict=True):
        if each.shape != shape or not each.is_contiguous():
            raise ValueError(f"packed weights are {list(each.shape)}, {list(shape)} is what {scheme} reads here")


def _side_by_side(image: Tensor) -> bool:
    return image.shape[1] == 1 or image.stride(1) == 1
