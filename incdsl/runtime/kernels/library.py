"""The compiled kernel, called through C."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from incdsl.runtime.kernels.blocking import Blocking
from incdsl.runtime.kernels.build import build
from incdsl.runtime.kernels.matrices import kernel_source
from incdsl.winograd.scheme import Scheme, schemes

_REALS = {torch.float32: "float", torch.float64: "double"}
_NO_SCHEME, _NO_MEMORY = 1, 2
_Triple, _Pair = ctypes.c_int64 * 3, ctypes.c_int64 * 2


class Layer(ctypes.Structure):
    """What the kernel is given; the same as `Layer` in `winograd.cpp`, which says what it means."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("input", "filters", "bias", "floor", "output")),
        *((name, ctypes.c_int64) for name in ("batch", "channels", "height", "width")),
        *((name, ctypes.c_int64) for name in ("out_channels", "out_height", "out_width")),
        *((name, _Triple) for name in ("input_strides", "output_strides")),
        *((name, _Pair) for name in ("padding", "outputs", "taps")),
        *((name, ctypes.c_int64) for name in ("block_tiles", "pass_panels", "share_filters")),
    )


class Library:
    """The kernel for one type of numbers and some of the schemes."""

    def __init__(self, path: str) -> None:
        """Load it."""
        library = ctypes.CDLL(path)
        self._run = library.incdsl_winograd
        self.panel: int = library.incdsl_winograd_panel()
        """The number of filters is padded to a multiple of this."""
        self.lanes: int = library.incdsl_winograd_lanes()
        """And the number of input channels to one of this: the numbers of a vector."""

    def convolve(
        self, x: Tensor, filters: Tensor, bias: Tensor, floor: Tensor, out: Tensor,
        scheme: Scheme, padding: Sequence[int], blocking: Blocking,
    ) -> None:  # fmt: skip
        """Compute one layer into `out`. Nothing is checked: a wrong shape reads and writes anywhere.

        Args:
            x: `[N, C, H, W]`, channels side by side.
            filters: `[size, panels, padded C, panel]`, contiguous.
            bias: `[panels · panel]`.
            floor: `[panels · panel]`, what outputs are raised to.
            out: `[N, K, H′, W′]`, channels side by side; it must not share memory with x.
            scheme: one of those that the library has.
            padding: zeros above and below, left and right.
            blocking: how to cut it up.

        Raises:
            MemoryError: if there is none for the transformed tiles.
            ValueError: if the library does not have the scheme.
        """
        layer = Layer(
            x.data_ptr(), filters.data_ptr(), bias.data_ptr(), floor.data_ptr(), out.data_ptr(),
            *x.shape, *out.shape[1:], _strides(x), _strides(out),
            (*padding,), scheme.outputs, scheme.taps, *blocking,
        )  # fmt: skip
        failed = self._run(ctypes.byref(layer))
        if failed == _NO_MEMORY:
            raise MemoryError("there is no memory for transformed tiles")
        if failed == _NO_SCHEME:
            raise ValueError(f"this kernel does not have {scheme}")


@cache
def library_for(dtype: torch.dtype, scheme: str) -> Library:
    """The kernel of a scheme for float32 or float64, compiled at the first call.

    The usual schemes share a library. Those of higher order are in another one, which only those wait for who use it.

    Raises:
        CannotBuild: if it cannot be compiled here, with the reason.
        TypeError: for another type.
    """
    if dtype not in _REALS:
        raise TypeError(f"the kernel is for float32 and float64, not {dtype}")
    usual = any(each.name == scheme for each in schemes())
    return _library(_REALS[dtype], usual)


@cache
def _library(real: str, usual: bool) -> Library:
    all_schemes = schemes(higher_order=True)
    having = schemes() if usual else tuple(each for each in all_schemes if each not in schemes())
    name = f"winograd-{real}" if usual else f"winograd-{real}-higher"
    return Library(str(build(name, kernel_source(having), (f"INCDSL_REAL={real}",))))


def _strides(image: Tensor) -> tuple[int, int, int]:
    batch, _, row, column = image.stride()
    return batch, row, column
