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
    if x.dim() == 4 and x.shape[1] != packed.channels:
        raise ValueError(f"the filters read {packed.channels} channels, not {x.shape[1]}")
    arguments = (x, packed.filters, packed.bias, packed.floor, packed.out_channels, packed.scheme.name, padding)
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
    _run(x, filters, bias, floor, scheme_named(scheme), padding, out, blocking)
    return out


@torch.library.impl(_OPERATORS, "winograd_out", "CPU")
def _winograd_out(
    x: Tensor, filters: Tensor, bias: Tensor, floor: Tensor, out_channels: int, scheme: str, padding: Sequence[int],
    out: Tensor, blocking: Sequence[int] = (),
) -> None:  # fmt: skip
    _check_out(x, filters, bias, floor, out_channels, scheme, padding, out)
    _run(x, filters, bias, floor, scheme_named(scheme), padding, out, blocking)


@torch.library.register_fake("incdsl::winograd", lib=_OPERATORS)
def _empty(
    x: Tensor, filters: Tensor, bias: Tensor, floor: Tensor, out_channels: int, scheme: str, padding: Sequence[int],
    blocking: Sequence[int] = (),
) -> Tensor:  # fmt: skip
    _refuse_gradients(x, filters, bias, floor)
    shape = _out_shape(x, scheme_named(scheme), out_channels, padding)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


@torch.library.register_fake("incdsl::winograd_out", lib=_OPERATORS)
def _check_out(
    x: Tensor, filters: Tensor, bias: Tensor, floor: Tensor, out_channels: int, scheme: str, padding: Sequence[int],
    out: Tensor, blocking: Sequence[int] = (),
) -> None:  # fmt: skip
    _refuse_gradients(x, filters, bias, floor, out)
    shape = _out_shape(x, scheme_named(scheme), out_channels, padding)
    if out.shape != shape:
        raise ValueError(f"out is {list(out.shape)}, the result {list(shape)}")
    if out.dtype != x.dtype:
        raise TypeError(f"out is {out.dtype}, x {x.dtype}")
    if not _side_by_side(out) or _overlaps(out):
        raise ValueError("out is not in channels_last, nor a part of what is")


def _run(
    x: Tensor, filters: Tensor, bias: Tensor, floor: Tensor, scheme: Scheme, padding: Sequence[int], out: Tensor,
    blocking: Sequence[int],
) -> None:  # fmt: skip
    """Check what would make the kernel read or write elsewhere, and call it."""
    library = library_for(x.dtype, scheme.name)
    out_channels, channels = out.shape[1], x.shape[1]
    if not x.dtype == filters.dtype == bias.dtype == floor.dtype:
        raise TypeError(f"x is {x.dtype}, the weights {filters.dtype}")
    padded = out_channels + -out_channels % library.panel
    wanted = (scheme.size, padded // library.panel, channels + -channels % library.lanes, library.panel)
    if filters.shape != wanted or not bias.numel() == floor.numel() == padded:
        raise ValueError(f"packed filters are {list(filters.shape)}, and {scheme} reads {list(wanted)} here")
    if min(padding) < 0 or min(blocking, default=1) < 0 or min(blocking[:2], default=1) < 1:
        raise ValueError(f"padding {tuple(padding)} or blocking {tuple(blocking)} is negative")
    if not _side_by_side(x):
        x = x.contiguous(memory_format=torch.channels_last)
    cut = Blocking(*blocking) if blocking else blocking_for(scheme, out.shape, library.panel, torch.get_num_threads())
    library.convolve(x, filters.contiguous(), bias.contiguous(), floor.contiguous(), out, scheme, padding, cut)


def _refuse_gradients(*tensors: Tensor) -> None:
    if torch.is_grad_enabled() and any(each.requires_grad for each in tensors):
        raise RuntimeError("incdsl::winograd has no gradient: call it under torch.no_grad(), or train with nn.Conv2d")


def _out_shape(x: Tensor, scheme: Scheme, out_channels: int, padding: Sequence[int]) -> tuple[int, int, int, int]:
    if x.dim() != 4:
        raise ValueError(f"images are [N, C, H, W], not {list(x.shape)}")
    batch, _, height, width = x.shape
    height += 2 * padding[0] - scheme.taps[0] + 1
    width += 2 * padding[1] - scheme.taps[1] + 1
    if height < 1 or width < 1:
        raise ValueError(f"{scheme} with padding {tuple(padding)} has no output for {list(x.shape)}")
    return batch, out_channels, height, width


def _side_by_side(image: Tensor) -> bool:
    return image.shape[1] == 1 or image.stride(1) == 1


def _overlaps(image: Tensor) -> bool:
    """Whether pixels, rows or images reach into the next; strides of what there is one of do not matter."""
    reach = image.shape[1]
    for axis in (3, 2, 0):
        if image.shape[axis] > 1:
            if image.stride(axis) < reach:
                return True
            reach = image.stride(axis) * image.shape[axis]
    return False
