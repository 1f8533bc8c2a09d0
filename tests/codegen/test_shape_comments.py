"""The shape behind a line is the one that the tensor has there: every line of `forward` is run and looked at."""

import ast
import warnings

import pytest
import torch

from incdsl.compiler import compile_net
from incdsl.diagnostics import CompileError
from incdsl.source import Source
from incdsl.testing.choices import Seeded
from incdsl.testing.random_nets import make
from tests.nets import EXAMPLES, SPECS, compiled, nets_of
from tests.passes import random_nets

SHIPPED = [*sorted(EXAMPLES.glob("*.inc")), SPECS / "v3.inc", SPECS / "v4.inc", SPECS / "xception.inc"]
SMALL = {
    "pools": "output y = x -> gap -> dropout 0.5 -> sigmoid -> fc: linear @5",
    "pools that are read": "p = x -> gap\n  output y = p -> relu -> fc: linear @5\n  output z = p -> flatten",
    "labelled pools": "output y = x -> g: gap -> d: dropout 0.5 -> relu -> fc: linear @5",
    "heads": "b = x -> conv2d 3x3 @8\n  aux h = b -> gap -> fc: linear @2\n  output y = b -> maxpool 3x3/2 half",
    "long calls": "output y = x -> avgpool 3x3/2 half (count_include_pad: false) -> layernorm -> gap -> fc: linear @5",
    "split": "a, b = x -> split (sizes: [1, 3])\n  output y = concat { | a | b -> upsample 2 -> maxpool 3x3/2 half }",
}


class Looking(ast.NodeTransformer):
    """Shows what each statement of a `forward` gives to `_see`, with the comment behind it."""

    def __init__(self, text):
        self.lines = text.splitlines()

    def visit_Assign(self, node):
        names = [each.id for each in ast.walk(node.targets[0]) if isinstance(each, ast.Name)]
        return [node, *ast.parse(f"_see({self.lines[node.end_lineno - 1]!r}, ({', '.join(names)},))").body]

    def visit_Return(self, node):
        shown = ast.parse(f"_see({self.lines[node.end_lineno - 1]!r}, (_,))").body
        return [ast.Assign([ast.Name("_", ast.Store())], node.value), *shown, ast.Return(ast.Name("_", ast.Load()))]


def said(line, params):
    """The sizes that the comment behind a line states; symbols are arguments of the constructor."""
    _, _, comment = line.partition("#")
    shapes = [shape.split(" x ") for shape in comment.split(", ") if comment]
    return [tuple(eval(size, {}, params) for size in shape) for shape in shapes]  # noqa: S307 - the compiler's text


def looked_at(done):
    """Each commented line of the net's `forward` with the shapes that its values have."""
    tree = ast.parse(done.text)
    (net,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == done.net.name]
    (forward,) = [node for node in net.body if isinstance(node, ast.FunctionDef) and node.name == "forward"]
    forward.body = [line for node in forward.body for line in _listed(Looking(done.text).visit(node))]
    seen = []
    names = {"_see": lambda line, values: seen.append((line, values)), "__name__": "looked_at"}
    exec(compile(ast.fix_missing_locations(tree), "looked_at", "exec"), names)  # noqa: S102 - as above
    shapes, nominal = done.net.graph.shapes(), done.net.conditions.nominal
    inputs = [torch.empty(2, *shapes[node].at(nominal), device="meta") for node in done.net.graph.inputs.values()]
    with torch.no_grad(), warnings.catch_warnings(action="ignore"):
        with torch.device("meta"):
            net = names[done.net.name]()
        net.eval()(*inputs)
    return [
        (line, [tuple(value.shape[1:]) for value in values if isinstance(value, torch.Tensor)]) for line, values in seen
    ]


def _listed(node):
    return node if isinstance(node, list) else [node]


def assert_true(done):
    params = {name: int(value) for name, value in done.net.params.items() if isinstance(value, int)}
    params |= done.net.conditions.nominal
    ends: dict[str, int] = {}
    for line, shapes in looked_at(done):
        if stated := said(line, params):
            assert stated == shapes, line
            code, _, comment = line.partition("#")
            if len(stated) == 1:  # several may need the room before the column
                ends[code] = len(code) + len(comment.split(",")[0].split(" x ")[0])
    column = min(ends.values(), default=0)
    far = [code for code, end in ends.items() if end != column and len(code) < column]
    assert not far, f"channels do not stand in one column, although there is room: {far}"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_nets(path):
    for done in nets_of(path).values():
        assert_true(done)


@pytest.mark.parametrize("name", SMALL)
def test_small_nets(name):
    assert_true(compiled(f"inc 1\nnet N {{\n  input x [4, 16, 16]\n  {SMALL[name]}\n}}\n"))


@pytest.mark.thorough
def test_random_nets():
    found = 0
    for seed in range(50):
        made = make(Seeded(seed)) if seed % 2 else None
        try:
            done = compile_net(Source("made.inc", made.text if made else random_nets.spec(seed)), made and made.net)
        except CompileError:
            continue
        if None in done.net.conditions.nominal.values():
            continue
        found += 1
        assert_true(done)
    assert found > 15


def test_a_wrong_comment_is_noticed():
    """The test itself: a shape that is not there fails."""
    done = compiled("inc 1\nnet N {\n  input x [4, 16, 16]\n  output y = x -> maxpool 3x3/2 half\n}\n")
    ((line, shapes),) = looked_at(done)
    assert said(line, {}) == shapes == [(4, 8, 8)]
    assert said(line.replace("4 x", "5 x"), {}) != shapes
