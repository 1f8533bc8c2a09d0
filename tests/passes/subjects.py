"""Nets of the fixtures, what rules make of them, and whether both give the same numbers at what cost."""

from dataclasses import fields, replace
from functools import cache
from inspect import signature
from itertools import islice
from math import prod
from pathlib import Path

import torch

from incdsl.analysis.cost import cost
from incdsl.analysis.sizes import Sizes
from incdsl.compiler import check_file
from incdsl.ir.dump import dump
from incdsl.ir.validate import Facts
from incdsl.ops.activation import ReLU
from incdsl.ops.deployed import ActivationFloor
from incdsl.ops.window import Conv2d
from incdsl.passes.base import run as run_passes
from incdsl.passes.heads import DropHeads
from incdsl.passes.levels import LEVELS, rules as rules_of
from incdsl.passes.numbers import Renumber
from incdsl.passes.rewrite import Rewrite
from incdsl.passes.rules.commute_avgpool import CommuteAvgPool
from incdsl.passes.rules.fuse_convs import FuseConvs
from incdsl.passes.rules.merge_sibling_convs import MergeSiblingConvs
from incdsl.passes.rules.split_stores import SplitStores
from incdsl.passes.rules.use_kernels import UseKernels
from incdsl.passes.rules.use_products import UseProducts
from incdsl.passes.rules.use_winograd import UseWinograd
from incdsl.passes.rules.write_ranges import WriteRanges
from incdsl.runtime.harness import doubles, noise, outputs, randomized
from incdsl.runtime.load import load_net
from incdsl.source import Source
from tests.modules import distance

FOLDER = Path(__file__).parent
RULES = {level: tuple(type(rule) for rule in rules_of(level)) for level in LEVELS}
ALL = tuple(dict.fromkeys(rule for level in RULES.values() for rule in level))
NAMES = {rule.__name__: rule for rule in ALL}


def file_of(rule):
    """The fixture of a rule."""
    return FOLDER / f"{rule.__module__.rpartition('.')[2]}.inc"


@cache
def nets(rule):
    """The nets of a rule's fixture, by name."""
    path = file_of(rule)
    return {done.net.name: done for done in check_file(Source(path.name, path.read_text(encoding="utf-8")))}


CASES = [(rule, name) for rule in ALL for name in nets(rule)]


BEFORE = {
    SplitStores: (MergeSiblingConvs, UseKernels),
    UseKernels: (CommuteAvgPool, MergeSiblingConvs),
    UseProducts: (FuseConvs,),
    UseWinograd: (MergeSiblingConvs,),
    WriteRanges: (CommuteAvgPool, MergeSiblingConvs, UseKernels, SplitStores),
}
"""Rules whose results another one looks for, so that it has something to do."""


class Everywhere(dict):
    """One way for every layer."""

    def __init__(self, way):
        super().__init__()
        self.way = way

    def get(self, key, default=None):
        return self.way


MEASURED = {UseProducts: "product"}
"""How every layer is fastest, where a rule looks at that."""


def after(done, *rules, train=False):
    """A net that these rules have rewritten, as a module for deployment; for training it keeps its heads."""
    if len(rules) == 1 and type(rules[0]) in BEFORE:
        rules = (*(each() for each in BEFORE[type(rules[0])]), *rules)
    passes = [Rewrite(rule, keeps_keys=train) for rule in rules]
    before, behind = ([], []) if train else ([DropHeads()], [Renumber()])
    ways = Everywhere(MEASURED[type(rules[-1])]) if rules and type(rules[-1]) in MEASURED else {}
    net = run_passes(
        replace(done.net, trace=(), ways=ways), [*before, *passes, *behind], "train" if train else "inference"
    )
    sizes = done.sizes if train else Sizes(done.sizes.evaluation, done.sizes.evaluation)
    return replace(done, net=net, sizes=sizes, cost=cost(net))


def text_of(done):
    """What happened, and the graph: what a golden file holds."""
    events = [f"{'applied' if e.applied else 'declined'} {e.rule} at {e.path}: {e.text}" for e in done.net.trace]
    remarks = {name: shown(expr) for name, expr in done.net.weight_exprs.items()}
    return "\n".join(events) + "\n\n" + dump(done.net.graph, remarks)


def shown(expr):
    """A weight expression as a call."""
    values = [getattr(expr, field.name) for field in fields(expr) if getattr(expr, field.name) != field.default]
    values = [part for value in values for part in (value if type(expr).__name__ in ("Merged", "Summed") else (value,))]
    texts = [shown(value) if hasattr(value, "__dataclass_fields__") else str(value) for value in values]
    return texts[0] if type(expr).__name__ == "Kept" else f"{type(expr).__name__}({', '.join(texts)})"


# Numbers


def some_sizes(done, legal=None, count=3):
    """Small legal sizes, not all square, and the nominal one."""
    legal = {axis: list(islice(iter(sizes), 2 * count)) for axis, sizes in (legal or done.sizes.evaluation).items()}
    found = [
        {axis: sizes[(i + i * k) % len(sizes)] for k, (axis, sizes) in enumerate(legal.items())} for i in range(count)
    ]
    nominal = {axis: size for axis, size in done.net.conditions.nominal.items() if size is not None}
    return [*found, nominal] if len(nominal) == len(legal) else found


def arguments_of(done):
    """Constructor arguments: the defaults, and others."""
    free = {k: v for k, v in done.net.params.items() if k not in done.net.fixed}
    others = {k: int(v) + 2 if isinstance(v, int) else 0.5 * float(v) + 0.1 for k, v in free.items()}
    return [{}, others] if free else [{}]


def largest_error(done, rewritten, sizes=None, arguments=None):
    """How far the deployed module is from the training module at most, in float64."""
    before, behind = load_net(done), load_net(rewritten)
    worst = 0.0
    with doubles(), torch.no_grad():
        for settings in arguments or arguments_of(done):
            net = randomized(before(**settings).eval())
            left = {name: value for name, value in settings.items() if name in signature(behind.__init__).parameters}
            deployed = behind.from_training(net.state_dict(), **left).eval()
            for each in sizes or some_sizes(done):
                images = noise(done, each)
                pairs = zip(outputs(net(*images)), outputs(deployed(*images)), strict=True)
                worst = max([worst, *(0.0 if torch.equal(a, b) else distance(b, a) for a, b in pairs)])
    return worst


LAST_BITS = 1e-14
"""PyTorch rounds sigmoid, tanh and their like otherwise in tensors of other strides, which random nets come upon."""


def trains_alike(done, rewritten, sizes=None, tolerance=0.0):
    """Whether two modules for training have the same keys and, in both modes, the same outputs to the last bit.

    With a tolerance, outputs may be that far apart, relative to their norm.
    """
    with doubles():
        before, behind = (randomized(load_net(each)()) for each in (done, rewritten))
    if list(before.state_dict()) != list(behind.state_dict()):
        return False
    for mode in (True, False):
        for each in sizes or some_sizes(done, done.sizes.training, 1):
            with doubles():
                images = noise(done, each)
            found = [run(net.train(mode), images) for net in (before, behind)]
            if len(found[0]) != len(found[1]) or not all(close(*pair, tolerance) for pair in zip(*found, strict=True)):
                return False
    return True


def close(a, b, tolerance):
    """Equal to the last bit, or within the tolerance."""
    return torch.equal(a, b) or (tolerance > 0 and a.shape == b.shape and distance(b, a) <= tolerance)


def run(net, images):
    """All that a module returns, from the same random numbers."""
    torch.manual_seed(3)
    with torch.no_grad():
        return outputs(net(*images))


# Cost


VIEWS = {"input", "identity", "slice", "flatten", "dropout", "", "room", "filled", "part"}


def price(done):
    """What runs at the nominal size: multiplications, tensors' numbers, kernels, numbers that kernels read or write.

    A ReLU that alone reads a convolution beside it runs in its kernel. Doors are values that enter or leave instances.
    """
    graph, shapes = done.net.graph, done.net.graph.shapes()
    sizes = {axis: size for axis, size in done.net.conditions.nominal.items() if size is not None}
    readers, ends = {}, set(graph.outputs.values())
    for node in graph:
        for operand in graph.operands(node.name):
            readers.setdefault(operand, []).append(node.name)
    doors = [values for way in Facts(done.net).crossings for values in way.values()]
    kernels = traffic = 0
    for node in graph:
        operands = graph.operands(node.name)
        if node.op.word in VIEWS:
            continue
        before = graph[operands[0]]
        beside = isinstance(before.op, Conv2d) and before.instance is node.instance and before.name not in ends
        if isinstance(node.op, ReLU | ActivationFloor) and beside and len(readers[before.name]) == 1:
            continue
        kernels += 1
        read = operands[: len(operands) - node.op.targets]
        traffic += sum(prod(shapes[name].at(sizes)) for name in (*read, node.name))
    return {
        "macs": done.cost.macs, "numbers": done.cost.params, "kernels": kernels, "traffic": traffic,
        "reads": sum(len(graph.operands(node.name)) for node in graph),
        "classes": done.text.count("\nclass "), "doors": sum(map(len, doors)),
    }  # fmt: skip
