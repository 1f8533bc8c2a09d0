"""Certificates: the deployed module is the training module's function, shown exactly in a field and then in float64."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from incdsl.compiler import Compilation
from incdsl.ir.graph import Graph, Node
from incdsl.ops.norm import BatchNorm2d
from incdsl.passes.filters import Filter, Kept
from incdsl.runtime.field import NotInterpreted, run
from incdsl.runtime.load import load_text
from incdsl.runtime.weights import Field, Layer, evaluate
from incdsl.types import Image

TOLERANCE = 1e-10
_STEPS = (0, 9, 20)
"""Which of the legal sizes are tried, by their place in increasing order."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One comparison of a certificate; `words` go into the banner of the file that is certified."""

    name: str
    passed: bool
    detail: str
    words: str = ""


def certify(training: Compilation, deployed: Compilation) -> Iterator[Evidence]:
    """Compare a deployed net with the net that it was made of: the graphs in a field, the emitted files in float64."""
    sizes = some_sizes(training)
    yield _in_the_field(training, deployed, sizes)
    yield _in_floats(training, deployed, sizes)


def some_sizes(done: Compilation) -> list[dict[str, int]]:
    """Legal sizes, the smallest and a few larger ones that leave room between borders; height and width different."""
    legal = done.sizes.evaluation
    few = {axis: _spread(list(islice(sizes, max(_STEPS) + 1))) for axis, sizes in legal.items()}
    return [
        {axis: members[(i + k) % len(members)] for k, (axis, members) in enumerate(few.items())}
        for i in range(max(map(len, few.values()), default=1))
    ]


def _spread(members: list[int]) -> list[int]:
    return [members[i] for i in _STEPS if i < len(members)]


# In the field


def _in_the_field(training: Compilation, deployed: Compilation, sizes: list[dict[str, int]]) -> Evidence:
    assert deployed.deployed
    told = []
    for trial, size in enumerate(sizes):
        field = Field(_tensor_shapes(training.net.graph), trial)
        inputs = _residues(training, field, size)
        try:
            before = run(training.net.graph, _layers(field, {}), field, inputs)
            after = run(deployed.net.graph, _layers(field, deployed.deployed.filters), field, inputs)
        except NotInterpreted as error:
            return Evidence("prime field", True, f"not tried: nothing is known of `{error}`")
        wrong = [_differing(a, b) for a, b in zip(before, after, strict=True)]
        where = "x".join(map(str, size.values())) or "1 row"
        if any(wrong):
            return Evidence("prime field", False, f"{max(wrong):.1%} of the residues differ at {where}")
        told.append(where)
    return Evidence("prime field", True, f"equal at {', '.join(told)}", f"equal in a prime field at {', '.join(told)}")


def _differing(before: Tensor, after: Tensor) -> float:
    return float((before != after).double().mean()) if before.shape == after.shape else 1.0


def _tensor_shapes(graph: Graph) -> dict[str, dict[str, tuple[int, ...]]]:
    shapes = graph.shapes()
    found = {}
    for node in graph:
        if node.label and graph.operands(node.name):
            inputs = [shapes[name] for name in graph.operands(node.name)]
            tensors = node.op.tensors(*inputs)
            found[node.path] = {tensor.name: tensor.shape for tensor in tensors}
    return found


def _layers(field: Field, filters: Mapping[str, Filter]) -> Callable[[Node], Layer]:
    def layers(node: Node) -> Layer:
        filter = filters.get(node.name, Kept(node.path))
        if isinstance(node.op, BatchNorm2d) and isinstance(filter, Kept):
            scale, shift = field.affine(filter.prefix, float(node.op.eps))
            return {"scale": scale, "shift": shift}
        return evaluate(filter, field)

    return layers


def _residues(done: Compilation, field: Field, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    shapes = done.net.graph.shapes()
    return {
        name: field.residues(f"input:{name}", (1, *shapes[node].at(sizes)))
        for name, node in done.net.graph.inputs.items()
    }


# In float64


def _in_floats(training: Compilation, deployed: Compilation, sizes: list[dict[str, int]]) -> Evidence:
    first, second = (getattr(load_text(d.text, d.net.name), d.net.name) for d in (training, deployed))
    worst = 0.0
    with _doubles():
        module = randomized(first()).eval()
        after = second.from_training(module.state_dict()).eval()
        for size in sizes:
            inputs = _noise(training, size)
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pairs = zip(_outputs(module(*inputs)), _outputs(after(*inputs)), strict=True)
                worst = max(worst, *(deviation(b, a) for a, b in pairs))
    told = f"differs by {worst:.1e} of the norm, random weights and statistics, {len(sizes)} sizes"
    return Evidence("float64", worst <= TOLERANCE, told, f"in float64 to {TOLERANCE:.0e}")


def randomized(module: nn.Module, seed: int = 0) -> nn.Module:
    """A module whose biases, scales and statistics are random as well: defaults would hide mistakes."""
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
    return module


def deviation(actual: Tensor, expected: Tensor) -> float:
    """The distance of two outputs, relative to the norm of the expected one; infinite if it is not finite."""
    if actual.shape != expected.shape or not bool(torch.isfinite(expected).all()):
        return float("inf")
    return float((actual - expected).norm() / expected.norm().clamp(min=1e-300))


def _noise(done: Compilation, sizes: Mapping[str, int]) -> list[Tensor]:
    shapes = done.net.graph.shapes()
    generator = torch.Generator().manual_seed(sum(sizes.values()))
    inputs = []
    for node in done.net.graph.inputs.values():
        shape = shapes[node]
        size = (2, *shape.at(sizes)) if isinstance(shape, Image) else (2, int(shape.channels))
        inputs.append(torch.randn(size, generator=generator, dtype=torch.float64))
    return inputs


def _outputs(result: Tensor | tuple[Tensor | None, ...]) -> list[Tensor]:
    """What a module returns; auxiliary heads are nothing outside training."""
    return [result] if isinstance(result, Tensor) else [value for value in result if value is not None]


@contextmanager
def _doubles() -> Iterator[None]:
    """float64 as the type of what is made."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
