"""A convolution of a net that the kernel computes: what a module for a CPU is made of."""

from __future__ import annotations

import itertools
import warnings
import weakref
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from incdsl.runtime.kernels.blocking import Blocking
from incdsl.runtime.kernels.build import CannotBuild
from incdsl.runtime.kernels.convolve import convolve, out_shape
from incdsl.runtime.kernels.library import library_for
from incdsl.runtime.kernels.weights import PackedFilters, pack
from incdsl.winograd.scheme import scheme_named

ONE = (1, 1)
_ORDINALS = itertools.count()


class WinogradConv2d(nn.Conv2d):
    """A convolution with fewer multiplications, and ReLU for its first `active` channels, on a CPU.

    With gradients, in other types than float32 and float64, on other devices, while traced, and where the kernel cannot
    be compiled it is what PyTorch makes of it. It has the weights of `nn.Conv2d`. Their transformed form is made when
    it is first needed, and again when they have changed. `blocking` is how the kernel cuts up its work (`Blocking`),
    if not by its own rule; results are the same to the last bit.

    Raises:
        ValueError: if the scheme is for another kernel, or with a stride, dilation or groups.
    """

    def __init__(
        self,
        *args: int | tuple[int, int],
        scheme: str,
        active: int = 0,
        blocking: tuple[int, ...] = (),
        **kwargs: int | tuple[int, int],
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        if self.kernel_size != scheme_named(scheme).taps or (self.stride, self.dilation, self.groups) != (ONE, ONE, 1):
            raise ValueError(f"{scheme} is not for this convolution: {self}")
        self.scheme, self.active, self.blocking = scheme, active, blocking
        self._settle()

    def _settle(self) -> None:
        """Compile the kernel, if nobody has, and find a place for what is made of these weights."""
        self.is_built = is_built(torch.float32, self.scheme)
        self.ordinal = next(_ORDINALS)
        weakref.finalize(self, _KEPT.pop, self.ordinal, None)

    def forward(self, x: Tensor) -> Tensor:
        """`[N, C, H, W]` to `[N, K, H′, W′]`.

        Raises:
            RuntimeError: under `torch.export`, whose graph could not be run elsewhere.
        """
        exporting = getattr(torch.compiler, "is_exporting", None)  # which PyTorch 2.6 does not have
        if exporting and exporting():
            raise RuntimeError(
                "a graph with the Winograd kernel cannot be exported: "
                "export the module that `incdsl deploy` writes without --device cpu"
            )
        if self.is_native(x):
            where = (self.padding, self.scheme, self.active, self.blocking, self.ordinal)
            y: Tensor = WINOGRAD(x, self.weight, self.bias, *where)
            return y
        return raised(super().forward(x), self.active, self.out_channels)

    def is_native(self, x: Tensor) -> bool:
        """Whether the kernel computes it."""
        if torch.is_grad_enabled() or torch.jit.is_tracing() or not x.is_cpu or x.dtype != self.weight.dtype:
            return False
        if x.dtype == torch.float64 and not torch.compiler.is_compiling():
            return is_built(torch.float64, self.scheme)
        return x.dtype == torch.float32 and self.is_built

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._settle()


def raised(y: Tensor, active: int, filters: int) -> Tensor:
    """ReLU for the first `active` of so many channels."""
    if active in (0, filters):
        return F.relu(y, inplace=not torch.is_grad_enabled()) if active else y
    return torch.cat((F.relu(y[:, :active]), y[:, active:]), 1)


@cache
def is_built(dtype: torch.dtype, scheme: str) -> bool:
    """Whether there is a kernel here, which the first call compiles; if not, one warning says why."""
    try:
        library_for(dtype, scheme)
    except CannotBuild as reason:
        _warn(str(reason))
        return False
    return True


@cache
def _warn(reason: str) -> None:
    warnings.warn(f"PyTorch computes convolutions that the Winograd kernel would: {reason}", stacklevel=2)


# The operator. Transformed filters are kept here and not in the module, so that a graph of torch.compile has the
# weights alone, and nobody has to transform them in time: at each call they are compared with what they were made of.


class _Kept(NamedTuple):
    weight: Tensor
    """Held, so that no other can come to lie at its address; so is the bias."""
    bias: Tensor | None
    source: tuple[object, ...]
    packed: PackedFilters


_KEPT: dict[int, _Kept] = {}


def _packed(weight: Tensor, bias: Tensor | None, scheme: str, active: int, ordinal: int) -> PackedFilters:
    source = tuple([(each.data_ptr(), each._version, each.dtype) for each in (weight, bias) if each is not None])
    kept = _KEPT.get(ordinal)
    if kept is None or kept.source != source:
        kept = _Kept(weight, bias, source, pack(weight, bias, scheme_named(scheme), active))
        _KEPT[ordinal] = kept
    return kept.packed


_NAMESPACE = __name__.rpartition(".")[0].replace(".", "_")
"""Operators go by the name of this package: a deployed module brings a copy of it, under a name of its own."""
_OPERATORS = torch.library.Library(_NAMESPACE, "DEF")
_OPERATORS.define(
    "winograd(Tensor x, Tensor weight, Tensor? bias, int[2] padding, str scheme, int active, int[] blocking,"
    " int ordinal) -> Tensor"
)
WINOGRAD = getattr(torch.ops, _NAMESPACE).winograd
"""What a layer computes, as an operator of PyTorch; it has no gradient."""


@torch.library.impl(_OPERATORS, "winograd", "CPU")
def _winograd(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: Sequence[int], scheme: str, active: int,
    blocking: Sequence[int], ordinal: int,
) -> Tensor:  # fmt: skip
    _refuse_gradients(x, weight)
    if weight.is_inference():  # nobody can tell whether it has changed
        return raised(F.conv2d(x, weight, bias, padding=(padding[0], padding[1])), active, len(weight))
    packed = _packed(weight, bias, scheme, active, ordinal)
    return convolve(x, packed, padding, blocking=Blocking(*blocking) if blocking else None)


@torch.library.register_fake(f"{_NAMESPACE}::winograd", lib=_OPERATORS)
def _empty(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: Sequence[int], scheme: str, active: int,
    blocking: Sequence[int], ordinal: int,
) -> Tensor:  # fmt: skip
    _refuse_gradients(x, weight)
    shape = out_shape(x, scheme_named(scheme), weight.shape[0], padding)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _refuse_gradients(*tensors: Tensor) -> None:
    if torch.is_grad_enabled() and any(each.requires_grad for each in tensors):
        raise RuntimeError("the Winograd kernel has no gradient: call it under torch.no_grad()")
