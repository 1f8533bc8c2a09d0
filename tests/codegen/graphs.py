"""Graphs put together by hand, for what codegen must write of any graph: blocks with ports, nets as steps."""

from collections import Counter
from dataclasses import dataclass, field

import torch

from incdsl.codegen.module import Banner, module
from incdsl.ir.conditions import Conditions
from incdsl.ir.graph import Chain, Graph, Head, Input, Instance, Node, Ports
from incdsl.ir.net import Net
from incdsl.ops import Op
from incdsl.ops.activation import ReLU
from incdsl.ops.dense import Flatten, Linear
from incdsl.ops.merge import Add, Concat
from incdsl.ops.resize import Upsample
from incdsl.ops.window import Conv2d, GlobalAvgPool, MaxPool2d
from incdsl.runtime.harness import randomized
from incdsl.runtime.interpret import interpret
from incdsl.runtime.load import load_text
from incdsl.source import Source, Span
from incdsl.values import Extent, Image, Num, Pair
from tests.modules import noise

SPAN = Span(Source("by hand", "inc 1\n"), 0, 0)
BANNER = Banner("hand.inc", "0" * 16, "incdsl compile hand.inc", (), ())


@dataclass(eq=False)
class Part:
    """A net, block or unit while it is filled."""

    graph: Graph
    instance: Instance
    chain: Chain
    names: Counter = field(default_factory=Counter)
    heads: int = 0

    def symbol(self, name: str) -> int:
        """An argument, known inside by its name."""
        return Num.symbol(int(self.instance.arguments[name]), name)

    def named(self, chain: str) -> "Part":
        """The same part; what is placed from now on belongs to this chain."""
        self.chain = Chain(chain)
        return self

    def op(self, op: Op, *operands: str, label: str = "") -> str:
        """Place an op; the name of its value."""
        above = self.instance.path
        stem = ".".join(filter(None, (above, label))) if label else f"{above}:{op.word}"
        self.names[stem] += 1
        name = stem if self.names[stem] == 1 else f"{stem}#{self.names[stem]}"
        self.graph.add(Node(name, op, self.instance, label, SPAN, self.chain, len(self.graph)), operands)
        return name

    def conv(self, value: str, width: int, label: str, kernel: int = 1, stride: int = 1) -> str:
        """A padded convolution."""
        padding = Pair(kernel // 2, kernel // 2)
        op = Conv2d(width=width, kernel=Pair(kernel, kernel), stride=Pair(stride, stride), padding=padding)
        return self.op(op, value, label=label)

    def relu(self, value: str) -> str:
        """A ReLU without a label."""
        return self.op(ReLU(), value)

    def pool(self, value: str) -> str:
        """A pool that halves the grid."""
        return self.op(MaxPool2d(kernel=Pair(2, 2), stride=Pair(2, 2)), value)

    def upsample(self, value: str) -> str:
        """The grid doubled."""
        return self.op(Upsample(factor=2), value)

    def add(self, *values: str) -> str:
        """Their sum."""
        return self.op(Add(), *values)

    def concat(self, *values: str) -> str:
        """Their channels, one after the other."""
        return self.op(Concat(), *values)

    def classifier(self, value: str, classes: int, label: str) -> str:
        """A linear layer behind a global pool."""
        flat = self.op(Flatten(), self.op(GlobalAvgPool(), value))
        return self.op(Linear(width=classes), flat, label=label)

    def open(self, word: str, label: str, kind: str = "block", optional: bool = False, **arguments: int) -> "Part":
        """An instance inside this one; its arguments in the symbols of this one."""
        instance = Instance(
            kind, word, label, self.instance, arguments, step=len(self.graph), chain=self.chain, optional=optional
        )
        return Part(self.graph, instance, Chain(""), self.names)

    def ports(self, inputs: dict[str, str], outputs: dict[str, str], *results: str) -> None:
        """Declare what enters and leaves, and what the values that leave are called outside."""
        named = tuple(zip(outputs, results, strict=False))
        self.graph.ports[self.instance] = Ports(tuple(inputs.items()), tuple(outputs.items()), named)

    def head(self, name: str, node: str, of: "Part") -> None:
        """An auxiliary head of the net."""
        self.graph.heads.append(Head(name, node, 0.4, of.instance))


def net(channels: int = 3, size: int = 16, name: str = "N") -> tuple[Part, str]:
    """A net with one image, and the image."""
    graph = Graph(Instance("net", name, "", None))
    part = Part(graph, graph.net, Chain("image"))
    image = part.op(Input(shape=Image(channels, Extent.of("H"), Extent.of("W"))))
    graph.inputs["image"] = image
    return part, image


def text(part: Part, size: int = 16) -> str:
    """The generated module."""
    conditions = Conditions(nominal={"H": size, "W": size})
    made = Net(part.graph.net.word, part.graph, conditions, {}, frozenset(), (), ())
    return module(made, BANNER)


def built(part: Part) -> torch.nn.Module:
    """The net's class, instantiated in float64 for evaluation, random numbers inside."""
    found = vars(load_text(text(part), part.graph.net.word))[part.graph.net.word]
    return randomized(found().double().eval())


def agrees(part: Part, model: torch.nn.Module, channels: int = 3, size: int = 16) -> bool:
    """Whether the outputs of a module are those that the graph says, op by op."""
    x = noise(2, channels, size, size)
    values = interpret(part.graph, [x], model.state_dict())
    given = model(x)
    given = (given,) if isinstance(given, torch.Tensor) else tuple(given)
    expected = [values[node] for node in part.graph.outputs.values()]
    return all(torch.allclose(a, b, rtol=1e-10) for a, b in zip(given, expected, strict=False))
