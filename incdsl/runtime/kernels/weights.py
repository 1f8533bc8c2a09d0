"""Filters as the kernel reads them: transformed in float64, rounded once, in panels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from incdsl.runtime.kernels.library import library_for
from incdsl.winograd.axis import Matrix
from incdsl.winograd.scheme import Scheme


@dataclass(frozen=True)
class PackedFilters:
    """What a layer keeps instead of its weight and its bias."""

    filters: Tensor
    """`[size, panels, padded C, panel]`: U = G g Gᵀ."""
    bias: Tensor
    """`[padded K]`"""
    floor: Tensor
    """`[padded K]`: 0 for channels with ReLU, −∞ for the others."""
    channels: int
    out_channels: int
    scheme: Scheme


def transformed(weight: Tensor, scheme: Scheme) -> Tensor:
    """U = G g Gᵀ of each filter `[K, C, r, s]`, in float64: `[size, K, C]`.

    Raises:
        ValueError: if the filters have another size than those of the scheme.
    """
    return transformed_by(weight.double(), scheme, float64(scheme.vertical.g), float64(scheme.horizontal.g))


def pack(weight: Tensor, bias: Tensor | None, scheme: Scheme, active: int = 0) -> PackedFilters:
    """Filters `[K, C, r, s]` and biases `[K]` for the kernel of their type, with ReLU for the first `active` channels.

    Raises:
        CannotBuild: if there is no kernel here.
        TypeError: if the weights are neither float32 nor float64.
        ValueError: if the filters have another size than those of the scheme.
    """
    library, out_channels, channels = library_for(weight.dtype, scheme.name), *weight.shape[:2]
    missing = -out_channels % library.panel
    u = transformed(weight.detach(), scheme).to(weight.dtype)
    u = F.pad(u, (0, -channels % library.lanes, 0, missing))
    u = u.reshape(scheme.size, -1, library.panel, u.shape[2])
    floor = weight.new_full((out_channels,), -torch.inf)
    floor[:active] = 0
    bias = weight.new_zeros(out_channels) if bias is None else bias.detach().to(weight.dtype)
    return PackedFilters(
        filters=u.transpose(2, 3).contiguous(),
        bias=F.pad(bias, (0, missing)),
        floor=F.pad(floor, (0, missing)),
        channels=channels,
        out_channels=out_channels,
        scheme=scheme,
    )


def packed_numbers(scheme: Scheme, out_channels: int, channels: int, *, panel: int, lanes: int) -> int:
    """How many numbers the transformed filters of a layer are; the weight itself has K · C · r · s."""
    return scheme.size * (out_channels + -out_channels % panel) * (channels + -channels % lanes)


def transformed_by(weight: Tensor, scheme: Scheme, vertical: Tensor, horizontal: Tensor) -> Tensor:
    """The same with matrices in place of both G, `[size, taps]`."""
    if weight.shape[2:] != scheme.taps:
        raise ValueError(f"{scheme} is not for filters of {weight.shape[2]}x{weight.shape[3]}")
    return torch.einsum("ir,kcrs,js->ijkc", vertical, weight, horizontal).flatten(0, 1)


def float64(matrix: Matrix) -> Tensor:
    """Fractions, rounded."""
    return torch.tensor([[float(each) for each in row] for row in matrix], dtype=torch.float64)
