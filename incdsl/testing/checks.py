"""Compares what the compiler says of a net with what its module does: keys, counts, shapes, numbers, legal sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple
from warnings import warn

from incdsl.analysis.cost import state_dict
from incdsl.analysis.sizes import SizeSet
from incdsl.api import Spec, _source
from incdsl.compiler import Compilation, compile_net
from incdsl.runtime.harness import TOLERANCE, NotFinite, deviation
from incdsl.runtime.interpret import NotInterpreted, interpret
from incdsl.runtime.verdict import NotChecked
from incdsl.testing.running import Macs, Subject

BOUND = 256
MOST = 16
"""Sizes to try along an axis, besides random ones."""


def check_net(spec: Spec, net: str | None = None, **settings: Any) -> Compilation:
    """Compile a net, run it on PyTorch and compare keys, counts, shapes, outputs and legal sizes.

    What could not be compared is a warning: an op that does not say what it computes, or outputs that are not finite.

    Raises:
        incdsl.diagnostics.CompileError: if the spec is wrong.
        AssertionError: with every difference that was found.
    """
    done = compile_net(_source(spec), net, settings)
    found = outcome(done)
    assert not found.differences, "\n".join(found.differences)
    for reason in found.not_compared:
        warn(f"{done.net.name}: the outputs were not compared: {reason}", stacklevel=2)
    return done


def counts(subject: Subject) -> Iterator[str]:
    """Differences in keys, parameters, multiply-accumulates and shapes at one size."""
    done, graph = subject.done, subject.graph
    said = [(key, tensor.shape) for key, tensor in state_dict(graph, subject.shapes)]
    seen = [(key, tuple(value.shape)) for key, value in subject.module.state_dict().items()]
    if said != seen:
        yield f"keys: {said} were said, PyTorch has {seen}"
    yield from _differs("parameters", done.cost.params, _parameters(subject.module))
    if graph.heads:
        yield from _differs("deployed parameters", done.cost.deployed_params, _parameters(subject.make(aux=False)))
    sizes = subject.sizes
    with Macs() as counter:
        outputs = subject.run(subject.inputs(sizes))
    yield from _differs("multiply-accumulates", 2 * _macs(subject, sizes), counter.flops // 2)
    shapes = [subject.shapes[node].at(sizes) for node in subject.ends().values()]
    yield from _differs("shapes", shapes, [tuple(value.shape[1:]) for value in outputs])


def _macs(subject: Subject, sizes: dict[str, int]) -> int:
    """What one image costs at some size, heads included."""
    graph, shapes = subject.graph, subject.shapes
    total = 0
    for node in graph:
        operands = tuple(shapes[name].at(sizes) for name in graph.operands(node.name))
        total += node.op.macs(operands, shapes[node.name].at(sizes)) if operands else 0
    return total


def legal_sizes(
    subject: Subject, exhaustive: bool = False, seed: int = 0, axes: Sequence[str] | None = None
) -> Iterator[str]:
    """Differences between the legal sizes that were said and those at which PyTorch runs, heads included.

    Along each axis in turn, at the sizes where the set changes, beside them, and at five random ones; or at all
    sizes up to 256. Where the sizes of inputs depend on each other they stay what the spec says, and are not compared.
    """
    legal = subject.done.sizes.training
    random = Random(seed)
    free = [axis for axis, each in legal.items() if each.most != next(iter(each))]
    for axis in free if axes is None else axes:
        near = {other: next(iter(each)) for other, each in legal.items() if other != axis}
        tried: Iterable[int] = range(1, BOUND + 1) if exhaustive else probes(legal[axis], random)
        for size in tried:
            sizes = {axis: size, **near}
            said = None
            if size in legal[axis]:
                said = [subject.shapes[node].at(sizes) for node in subject.ends().values()]
            yield from _differs(f"shapes at {_at(sizes)}", said, subject.answer(sizes))


def _at(sizes: dict[str, int]) -> str:
    return ", ".join(f"{axis} = {size}" for axis, size in sizes.items())


def probes(legal: SizeSet, random: Random) -> list[int]:
    """Sizes where a set changes, up to its second period, and their neighbours; and five random ones."""
    members = [n for n in range(1, BOUND + 1) if n in legal]
    least = members[0] if members else BOUND
    last = members[-1] + 1 if legal.only is not None or legal.most is not None else least + 2 * legal.period
    changes = [n for n in range(1, min(last, BOUND) + 1) if (n in legal) != (n > 1 and n - 1 in legal)]
    near = sorted({m for n in changes for m in (n - 1, n, n + 1) if m >= 1})
    return sorted({*near[:MOST], *(random.randint(1, 48) for _ in range(5))})


def numbers(subject: Subject) -> Iterator[str]:
    """Outputs and heads that are not what the graph gives, op by op, in float64.

    Raises:
        NotChecked: if an op does not say what it computes; in the end, if there were numbers that are not finite.
    """
    inputs = subject.inputs(subject.sizes)
    try:
        known = interpret(subject.graph, inputs, subject.module.state_dict())
    except NotInterpreted as word:
        raise NotChecked(f"`{word}` does not say what it computes") from None
    infinite = []
    for (name, node), output in zip(subject.ends().items(), subject.run(inputs), strict=True):
        try:
            error = deviation(output, known[node])
        except NotFinite:
            infinite.append(name)
            continue
        if not error <= TOLERANCE:
            yield f"{name}: the module is {error:.3g} from what the graph gives, op by op"
    if infinite:
        raise NotChecked(f"{', '.join(infinite)}: not finite")


def _parameters(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _differs(what: str, said: object, seen: object) -> Iterator[str]:
    if said != seen:
        yield f"{what}: the compiler says {said}, PyTorch {seen}"


class Outcome(NamedTuple):
    """What came of a compiled net: all differences that were found, and why numbers could not be compared."""

    differences: list[str]
    not_compared: list[str]


def outcome(done: Compilation, seed: int = 0) -> Outcome:
    """Compare a compiled net with its module in everything."""
    subject = Subject(done, seed)
    found = Outcome([], [])
    try:
        found.differences.extend(counts(subject))
        try:
            found.differences.extend(numbers(subject))
        except NotChecked as reason:
            found.not_compared.append(str(reason))
        found.differences.extend(legal_sizes(subject, seed=seed))
    except Exception as error:
        found.differences.append(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
    finally:
        subject.close()
    return found
