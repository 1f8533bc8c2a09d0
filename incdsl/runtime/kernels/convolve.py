"""One layer by the kernel: what its arguments must be, and the call."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from incdsl.runtime.kernels.blocking import Blocking, blocking_for
from incdsl.runtime.kernels.library import library_for
from incdsl.runtime.kernels.weights import PackedFilters
from incdsl.winograd.scheme import Scheme


def convolve(
    x: Tensor,
    packed: PackedFilters,
    padding: Sequence[int] = (0, 0),
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
    scheme, dtype = packed.scheme, packed.filters.dtype
    if torch.is_grad_enabled() and (x.requires_grad or (out is not None and out.requires_grad)):
        raise RuntimeError("the kernel has no gradient: call it under torch.no_grad(), or train with nn.Conv2d")
    shape = out_shape(x, scheme, packed.out_channels, padding)
    if x.shape[1] != packed.channels:
        raise ValueError(f"the filters read {packed.channels} channels, not {x.shape[1]}")
    if x.dtype != dtype:
        raise TypeError(f"x is {x.dtype}, the weights {dtype}")
    if min(padding) < 0 or (blocking and (min(blocking) < 0 or min(blocking[:2]) < 1)):
        raise ValueError(f"padding {tuple(padding)} or blocking {blocking} is too small")
    library = library_for(dtype, scheme.name)
    panels, lanes = divmod(packed.filters.shape[3], library.panel), packed.filters.shape[2] % library.lanes
    if panels != (1, 0) or lanes:
        raise ValueError(f"panels of {packed.filters.shape[3]} filters are not for the kernel of this processor")
    if out is None:
        out = torch.empty(shape, dtype=dtype, memory_format=torch.channels_last)
    else:
        _check_out(out, shape, dtype)
    if not _side_by_side(x):
        x = x.contiguous(memory_format=torch.channels_last)
    cut = blocking or blocking_for(scheme, shape, library.panel, torch.get_num_threads())
    library.convolve(x, packed.filters, packed.bias, packed.floor, out, scheme, padding, cut)
    return out


def out_shape(x: Tensor, scheme: Scheme, out_channels: int, padding: Sequence[int]) -> tuple[int, int, int, int]:
    """`[N, K, H′, W′]` of a convolution of stride 1.

    Raises:
        ValueError: if there is no output.
    """
    if x.dim() != 4:
        raise ValueError(f"images are [N, C, H, W], not {list(x.shape)}")
    batch, _, height, width = x.shape
    height += 2 * padding[0] - scheme.taps[0] + 1
    width += 2 * padding[1] - scheme.taps[1] + 1
    if height < 1 or width < 1:
        raise ValueError(f"{scheme} with padding {tuple(padding)} has no output for {list(x.shape)}")
    return batch, out_channels, height, width


def _check_out(out: Tensor, shape: Sequence[int], dtype: torch.dtype) -> None:
    if out.shape != tuple(shape):
        raise ValueError(f"out is {list(out.shape)}, the result {list(shape)}")
    if out.dtype != dtype:
        raise TypeError(f"out is {out.dtype}, the result {dtype}")
    if not _side_by_side(out) or _overlaps(out):
        raise ValueError("out is not in channels_last, nor a part of what is")


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
