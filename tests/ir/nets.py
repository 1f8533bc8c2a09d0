"""A net with all that a graph can hold, and one whose block has two inputs and two outputs."""

from incdsl.compiler import compile_net
from incdsl.ir.conditions import Conditions
from incdsl.ir.graph import Chain, Graph, Input, Instance, Node, Ports
from incdsl.ir.net import Net
from incdsl.ops.activation import ReLU
from incdsl.ops.dense import Dropout, Identity
from incdsl.ops.merge import Add
from incdsl.ops.norm import BatchNorm2d
from incdsl.ops.window import Conv2d
from incdsl.source import Source, Span
from incdsl.values import Extent, Image, Pair

TEXT = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu
block Both(width) = concat { | a: conv 1x1 @width | b: conv 3x3 @8 }
net N(w = 4) {
  input image [3, 16, 16]
  v = image -> both: Both(width: w) -> steps: conv2d 3x3 @k for k in [6, 8] -> f.0: conv 1x1 @8 -> dropout 0.1
  aux early = v -> gap -> linear @2
  output y = v -> add { | identity | identity } -> gap -> fc: linear @5
}
"""


def elaborated(text=TEXT):
    """The net of a spec."""
    return compile_net(Source("spec.inc", text)).net


def instance(net, path):
    """The instance of this path."""
    return next(each for node in net.graph for each in node.instance.lineage if each.path == path)


SPAN = Span(Source("made.inc", "made"), 0, 4)
SIZES = {"H": 8, "W": 8}


def crossed():
    """A net in which a block takes two values and gives two: fine = add(a, b), coarse = dropout(a)."""
    net = Instance("net", "Crossed", "", None, span=SPAN)
    block = Instance("block", "Cross", "cross", net, {"in_channels": 4}, span=SPAN, step=3, chain=Chain("cross"))
    graph, conditions = Graph(net, SIZES), Conditions(nominal=SIZES)

    def add(name, op, *operands, inside=net, label=""):
        graph.add(Node(name, op, inside, label, SPAN, Chain(label), len(graph)), operands)

    conv = Conv2d(kernel=Pair(1, 1), width=4, bias=False)
    add("image:", Input(shape=Image(3, Extent.of("H"), Extent.of("W"))))
    add("a", conv, "image:", label="a")
    add("n", BatchNorm2d(), "a", label="n")
    add("b", conv, "image:", label="b")
    add("cross:identity", Identity(), "b", inside=block)
    add("cross:add", Add(), "n", "cross:identity", inside=block)
    add("cross:dropout", Dropout(p=0.5), "n", inside=block)
    add(":relu", ReLU(), "cross:dropout")
    graph.inputs["image"] = "image:"
    graph.outputs |= {"fine": "cross:add", "coarse": ":relu"}
    outputs = (("fine", "cross:add"), ("coarse", "cross:dropout"))
    graph.ports[block] = Ports((("low", "n"), ("high", "b")), outputs, (("fine", "p3"), ("coarse", "p4")))
    return Net("Crossed", graph, conditions, {}, frozenset(), (), ())
