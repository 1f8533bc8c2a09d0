"""The compiled kernel, called through C."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from incdsl.runtime.kernels.blocking import Blocking
from incdsl.runtime.kernels.build import Tell, build
from incdsl.runtime.kernels.matrices import kernel_source
from incdsl.winograd import Scheme, schemes

_REALS = {torch.float32: "float", torch.float64: "double"}
_Triple, _Pair = ctypes.c_int64 * 3, ctypes.c_int64 * 2


class Layer(ctypes.Structure):
    """What the kernel is given; the same as `Layer` in `winograd.cpp`, which says what it means."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("input", "filters", "bias", "floor", "output")),
        *((name, ctypes.c_int64) for name in ("batch", "channels", "height", "width")),
        *((name, ctypes.c_int64) for name in ("out_channels", "out_height", "out_width")),
        ("input_strides", _Triple),
        ("output_strides", _Triple),
        *((name, _Pair) for name in ("padding", "outputs", "taps")),
        *((name, ctypes.c_int64) for name in ("block_tiles", "pass_panels", "share_filters")),
    ]


class Library:
    """The kernel for one type of numbers."""

    def __init__(self, path: str) -> None:
        """Load it."""
        library = ctypes.CDLL(path)
        self._run = library.incdsl_winograd
        self._run.argtypes = [ctypes.POINTER(Layer)]
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
            scheme: one of `schemes(higher_order=True)`.
            padding: zeros above and below, left and right.
            blocking: how to cut it up.

        Raises:
            MemoryError: if there is none for the transformed tiles.
        """
        layer = Layer(
            x.data_ptr(), filters.data_ptr(), bias.data_ptr(), floor.data_ptr(), out.data_ptr(),
            *x.shape, *out.shape[1:], _strides(x), _strides(out),
            _Pair(*padding), _Pair(*scheme.outputs), _Pair(*scheme.taps),
            blocking.tiles, blocking.panels, blocking.share_filters,
        )  # fmt: skip
        failed = self._run(ctypes.byref(layer))
        if failed:
            raise MemoryError("no memory for transformed tiles") if failed == 2 else ValueError(f"no kernel for {scheme}")


@cache
def library_for(dtype: torch.dtype, tell: Tell | None = None) -> Library:
    """The kernel for float32 or float64, compiled at the first call.

    Raises:
        CannotBuild: if it cannot be compiled here, with the reason.
        TypeError: for another type.
    """
    if dtype not in _REALS:
        raise TypeError(f"the kernel is for float32 and float64, not {dtype}")
    real = _REALS[dtype]
    source = kernel_source(schemes(higher_order=True))
    return Library(str(build(f"winograd-{real}", source, (f"INCDSL_REAL={real}",), tell)))


def _strides(image: Tensor) -> ctypes.Array[ctypes.c_int64]:
    batch, _, row, column = image.stride()
    return _Triple(batch, row, column)
