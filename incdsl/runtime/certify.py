"""Certificates: the deployed module is the training module's function, shown exactly in a field and then in float64."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from incdsl.codegen.gpu import Gpu
from incdsl.compiler import Compilation
from incdsl.ir.graph import Graph, Node
from incdsl.ir.net import Net
from incdsl.runtime.field import Field, NoFieldRule, run
from incdsl.runtime.harness import TOLERANCE, NotFinite, deviation, doubles, noise, outputs, randomized
from incdsl.runtime.load import load_net
from incdsl.runtime.verdict import Verdict
from incdsl.runtime.weights import Layer, evaluate

_STEPS = (0, 9, 20)
"""Which of the legal sizes are tried, by their place in increasing order."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One comparison of a certificate; `words` go into the banner of the file that is certified."""

    name: str
    verdict: Verdict
    detail: str
    words: str

    @property
    def passed(self) -> bool:
        """Whether both were compared and are the same."""
        return self.verdict == "ok"


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
    told = []
    for trial, size in enumerate(sizes):
        field = Field(_tensor_shapes(training.net.graph), trial)
        inputs = _residues(training, field, size)
        try:
            before = run(training.net.graph, _layers(field, training.net), field, inputs)
            after = run(deployed.net.graph, _layers(field, deployed.net), field, inputs)
        except NoFieldRule as word:
            return _not_checked("prime field", "in a prime field", f"`{word}` has no rule there")
        wrong = [_differing(a, b) for a, b in zip(before, after, strict=True)]
        where = "x".join(map(str, size.values())) or "1 row"
        if any(wrong):
            return Evidence("prime field", "FAIL", f"{max(wrong):.1%} of the residues differ at {where}", "")
        told.append(where)
    return Evidence("prime field", "ok", f"equal at {', '.join(told)}", f"equal in a prime field at {', '.join(told)}")


def _not_checked(name: str, where: str, reason: str) -> Evidence:
    return Evidence(name, "not checked", reason, f"not checked {where}, for {reason}")


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


def _layers(field: Field, net: Net) -> Callable[[Node], Layer]:
    def layers(node: Node) -> Layer:
        return evaluate(net.weight_expr(node), field)

    return layers


def _residues(done: Compilation, field: Field, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    shapes = done.net.graph.shapes()
    return {
        name: field.residues(f"input:{name}", (1, *shapes[node].at(sizes)))
        for name, node in done.net.graph.inputs.items()
    }


# In float64


def _in_floats(training: Compilation, deployed: Compilation, sizes: list[dict[str, int]]) -> Evidence:
    first, second = load_net(training), load_net(deployed)
    worst = 0.0
    with doubles():
        module = randomized(first()).eval()
        reduced = isinstance(deployed.form, Gpu)  # which `from_training` makes of a type of its own
        exact = {"dtype": torch.float64} if reduced else {}
        after = second.from_training(module.state_dict(), **exact).eval()
        for size in sizes:
            inputs = noise(training, size, seed=sum(size.values()))
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pairs = zip(outputs(module(*inputs)), outputs(after(*inputs)), strict=True)
                try:
                    worst = max(worst, *(deviation(b, a) for a, b in pairs))
                except NotFinite:
                    return _not_checked("float64", "in float64", "the outputs are not finite")
    told = f"differs by {worst:.1e} of the norm, random weights and statistics, {len(sizes)} sizes"
    return Evidence("float64", "ok" if worst <= TOLERANCE else "FAIL", told, f"in float64 to {TOLERANCE:.0e}")
