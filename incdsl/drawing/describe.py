"""What is printed of an op and of a shape: words, kernels with a real ×, sentences for those who ask."""

from __future__ import annotations

from collections.abc import Sequence

from incdsl.drawing.picture import Cost, Face, Form, Shape
from incdsl.ir.conditions import Conditions
from incdsl.ir.graph import Graph, Node
from incdsl.ops import Op
from incdsl.syntax import tree
from incdsl.values import Extent, Image, Shape as Exact

_MERGED = {"maxpool": "max", "avgpool": "mean", "gap": "mean", "adaptiveavgpool": "mean"}


def shape_of(shape: Exact | None, conditions: Conditions) -> Shape | None:
    """A shape at the nominal size; where that is free, the grid in terms of it."""
    if shape is None:
        return None
    channels = int(shape.channels)
    if not isinstance(shape, Image):
        return Shape(channels)
    return Shape(channels, " × ".join(_extent(each, conditions) for each in (shape.height, shape.width)))


def _extent(extent: Extent, conditions: Conditions) -> str:
    size = conditions.size(extent)
    return str(size) if size is not None else symbolic(extent)


def symbolic(extent: Extent) -> str:
    """An extent of a free input, as mathematicians write it: `⌈H/2⌉` for `(H + 1) // 2`."""
    if not isinstance(extent.base, str):
        return str(extent)
    name = extent.base.rpartition(".")[2]
    scaled = name if extent.scale == 1 else f"{extent.scale}{name}"
    if extent.divisor > 1 and extent.scale == 1 and extent.offset == extent.divisor - 1:
        return f"⌈{name}/{extent.divisor}⌉"
    sign = "−" if extent.offset < 0 else "+"
    moved = f"{scaled} {sign} {abs(extent.offset)}" if extent.offset else scaled
    if extent.divisor == 1:
        return f"({moved})" if extent.offset else moved
    return f"⌊({moved})/{extent.divisor}⌋" if extent.offset else f"⌊{scaled}/{extent.divisor}⌋"


def by(pair: Sequence[int]) -> str:
    """A kernel: `3×3`."""
    return f"{int(pair[0])}×{int(pair[1])}"


def main_node(nodes: Sequence[Node]) -> Node:
    """The op that a unit is known by: its convolution, or else its linear layer, its window, its first op."""
    ranks = {"convolution": 0, "linear": 1, "pool": 2}
    return min(nodes, key=lambda node: ranks.get(node.op.kind, 3 if node.op.windows() else 4))


def form_of(op: Op) -> Form:
    """What box an op gets."""
    if op.kind == "convolution":
        return "convolution"
    if op.kind == "linear":
        return "linear"
    if op.kind == "pool" and op.windows():
        return "pool"
    return "scale" if op.word in ("upsample", "resize", "pixelshuffle", "pixelunshuffle") else "plain"


def change_of(op: Op) -> int:
    """-1 where an op makes the grid coarser, 1 where it makes it finer, 0 where it does neither."""
    if op.word in ("upsample", "pixelshuffle"):
        return 1
    if op.word == "pixelunshuffle":
        return -1
    stride = getattr(op, "stride", None)
    if not isinstance(stride, tuple) or max(map(int, stride)) < 2:
        return 0
    return 1 if "transpose" in op.word else -1


def face_of(nodes: Sequence[Node], graph: Graph, atom: tree.Tree | None) -> Face:
    """What is printed in the box of an op, or of a unit."""
    node = main_node(nodes)
    op, form = node.op, form_of(node.op)
    channels = str(int(graph.shapes()[nodes[-1].name].channels))
    if form == "convolution":
        return Face(kernel=by(vars(op)["kernel"]), suffix=_suffix(op, node, graph), right=channels)
    if form == "linear":
        return Face("linear", right=channels)
    if form == "pool":
        return Face(_MERGED.get(op.word, op.word), by(vars(op)["kernel"]), _suffix(op, node, graph))
    if op.word == "gap":
        return Face("mean H×W")
    if op.word == "upsample":
        return Face("up", f"×{int(vars(op)['factor'])}")
    if op.word == "resize":
        return Face(f"as {_like(atom)}")
    if op.word == "scale":
        return Face(f"× {float(vars(op)['factor']):g}")
    return Face(f"{op.word.rpartition('.')[2]}{_number(op)}")


def _suffix(op: Op, node: Node, graph: Graph) -> str:
    """What follows a kernel: the stride, dilation, groups."""
    settings = vars(op)
    texts = []
    stride, dilation = settings.get("stride", (1, 1)), settings.get("dilation", (1, 1))
    if max(map(int, stride)) > 1:
        texts.append(f"/{int(stride[0])}" if stride[0] == stride[1] else f"/{by(stride)}")
    if isinstance(dilation, tuple) and max(map(int, dilation)) > 1:
        texts.append(f" d{int(dilation[0])}" if dilation[0] == dilation[1] else f" d{by(dilation)}")
    groups = int(settings.get("groups", 1))
    if groups > 1:
        channels = int(graph.shapes()[graph.operands(node.name)[0]].channels)
        texts.append(" dw" if groups == channels else f" g{groups}")
    return "".join(texts)


def _number(op: Op) -> str:
    """The bare number of an op whose meaning hangs on it; rates of dropout and the like stay in the tooltip."""
    field = op.sigils.get("number")
    value = getattr(op, field, None) if field else None
    return f" {int(value)}" if isinstance(value, int) and not isinstance(value, bool) and value > 1 else ""


def _like(atom: tree.Tree | None) -> str:
    args = atom.args if isinstance(atom, tree.Call) else ()
    for arg in args:
        if isinstance(arg, tree.Arg) and arg.name and arg.name.text == "like":
            return arg.value.span.text
    return "another"


def written(node: tree.Tree) -> str:
    """A step as it is written, in one line."""
    return " ".join(node.span.text.split())


def sentence(path: str, what: str, shape: Shape | None, cost: Cost) -> str:
    """All that is known of a thing: `Mixed_5b.branch1x1: conv 1x1 @64, 64 × 35 × 35; 12,416 parameters, …`."""
    text = f"{path}: {what}" if path else what
    if shape:
        text += f", {shape}"
    counted = [f"{cost.params:,} parameters"] if cost.params else []
    counted += [f"{cost.macs:,} MACs"] if cost.macs else []
    return f"{text}; {', '.join(counted)}" if counted else text


def in_units(number: int, *, places: int = 2, least: float = 1) -> str:
    """A count with one unit: `1.34 G`, `374.1 M`."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size * least or unit == "k":
            return f"{number / size:.{places}f} {unit}" if number else "0"
    return str(number)
