"""What modules are tried with and compared by: random weights and inputs, outputs as a list, a distance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from incdsl.compiler import Compilation
from incdsl.ir.graph import Graph
from incdsl.values import Image

TOLERANCE = 1e-10
"""Relative, in float64."""


def randomized(module: nn.Module, seed: int = 0) -> nn.Module:
    """A module with random weights, biases, scales and statistics: defaults would hide mistakes.

    Weights scale with their fan-in, so that a layer's outputs are about as large as what flows into it.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if not tensor.is_floating_point():
                continue
            noise = torch.empty_like(tensor).uniform_(-1, 1, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(noise.mul(2).exp())
            elif name.endswith("running_mean"):
                tensor.copy_(noise)
            elif tensor.dim() < 2:
                tensor.copy_(torch.where(noise.abs() < 0.2, noise.sign() * 0.2, noise))
            else:
                tensor.copy_(noise * (3 / tensor[0].numel()) ** 0.5)
    return module


def run_heads(module: nn.Module, graph: Graph) -> None:
    """Let auxiliary heads run, those of nets inside as well; nothing else behaves as in training."""
    for instance in {each for head in graph.heads for each in head.instance.lineage[:-1]}:
        module.get_submodule(instance.path).training = True


def noise(done: Compilation, sizes: Mapping[str, int], batch: int = 2, seed: int = 0) -> list[Tensor]:
    """Random inputs of a net, in the default type: [batch, C, H, W] for an image, [batch, C] for a vector."""
    shapes = done.net.graph.shapes()
    generator = torch.Generator().manual_seed(seed)
    inputs = []
    for node in done.net.graph.inputs.values():
        shape = shapes[node]
        size = shape.at(sizes) if isinstance(shape, Image) else (int(shape.channels),)
        inputs.append(torch.randn((batch, *size), generator=generator))
    return inputs


def outputs(results: Any) -> list[Tensor]:
    """The tensors that a module returns; auxiliary heads are `None` outside training."""
    if isinstance(results, Mapping):
        results = tuple(results.values())
    values = results if isinstance(results, tuple | list) else [results]
    return [value for value in values if isinstance(value, Tensor)]


class NotFinite(Exception):
    """Nothing can be compared with what is expected: numbers in it are infinite, or none at all."""


def deviation(actual: Tensor, expected: Tensor) -> float:
    """The distance of two outputs, relative to the norm of the expected one; infinite if only the actual one is.

    Raises:
        NotFinite: if the expected one is not finite.
    """
    if actual.shape != expected.shape:
        return float("inf")
    if not bool(torch.isfinite(expected).all()):
        raise NotFinite("what is expected is not finite")
    if not bool(torch.isfinite(actual).all()):
        return float("inf")
    return float((actual - expected).norm() / expected.norm().clamp(min=1e-300))


@contextmanager
def doubles() -> Iterator[None]:
    """float64 as the type of what is made."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
