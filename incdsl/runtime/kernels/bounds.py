"""How far the kernel can be from the exact convolution, for given weights."""

from __future__ import annotations

import torch
from torch import Tensor

from incdsl.runtime.kernels.weights import float64, transformed_by
from incdsl.winograd import Scheme, relative_bound


def error_bound(weight: Tensor, bias: Tensor | None, scheme: Scheme, largest: float) -> Tensor:
    """How far an output can be from the exact convolution, for each filter: `[K]`, in float64.

    It holds for every input whose numbers are `largest` at most, in the type of the weight; numbers so small that they
    lose digits are not considered.
    """
    sizes = [float64(matrix).abs() for matrix in (scheme.vertical.g, scheme.horizontal.g)]
    u = transformed_by(weight.detach().double().abs(), scheme, *sizes).sum(2)  # [size, K]
    of_tile = torch.outer(*(float64(axis.bt).abs().sum(1) for axis in (scheme.vertical, scheme.horizontal)))
    products = (u.view(*of_tile.shape, -1) * of_tile.unsqueeze(2)) * largest
    out = [float64(axis.at).abs() for axis in (scheme.vertical, scheme.horizontal)]
    total = torch.einsum("yi,xj,ijk->yxk", *out, products).amax((0, 1))
    if bias is not None:
        total = total + bias.detach().double().abs()
    return total * relative_bound(scheme, weight.shape[1], torch.finfo(weight.dtype).eps / 2)
