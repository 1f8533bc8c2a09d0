"""Depth, memory and narrowest points, against published numbers, runs of the generated module, and brute force."""

import pytest
import torch
from hypothesis import assume, given, settings, strategies as st
from torch import fx

from incdsl.analysis.bottleneck import gates, narrowest
from incdsl.analysis.depth import convolutions, depth
from incdsl.analysis.memory import peak
from incdsl.analysis.profile import profile
from incdsl.compiler import compile_net, read
from incdsl.diagnostics import CompileError
from incdsl.ir.graph import Chain, Graph, Input, Instance, Node
from incdsl.ops import REGISTRY
from incdsl.source import Source, Span
from incdsl.values import Vector
from tests.fuzz.chains import INSIDE, LEGAL, NET, TAILS
from tests.modules import generated
from tests.nets import compiled, spec

thoroughly = settings(max_examples=100)


@pytest.fixture(scope="module")
def v3():
    return compile_net(read("specs/v3.inc"))


def test_inception_v3_is_as_deep_as_its_trace(v3):
    """Traced from torchvision's module: 94 convolutions, a longest chain of 48 with the linear layer."""
    assert depth(v3.net.graph) == 48
    assert convolutions(v3.net.graph) == 94


def test_inception_v3_is_narrowest_where_its_last_grid_begins(v3):
    found = narrowest(v3.net)
    assert (found.node.instance.path, found.numbers, float(found.widens)) == ("Mixed_7a", 1280 * 8 * 8, 1.6)
    assert profile(v3.net, v3.cost).outputs == ("1000",)


@pytest.mark.parametrize(
    ("chain", "expected", "convs"),
    [
        ("relu", 0, 0),
        ("conv2d 3x3 @8 -> relu -> conv2d 1x1 @4", 2, 2),
        ("concat { | conv2d 1x1 @4 | conv2d 1x1 @4 -> conv2d 3x3 @4 | maxpool 3x3 }", 2, 3),
        ("conv2d 7x7 @8 as 1x7, 7x1", 2, 2),
        ("conv2d 3x3 @8 as { | 1x3 @4 | 3x1 @4 }", 1, 2),
        ("gap -> linear @8 -> relu -> linear @2", 2, 0),
    ],
)
def test_depth(chain, expected, convs):
    graph = compiled(spec(chain)).net.graph
    assert (depth(graph), convolutions(graph)) == (expected, convs)


def test_auxiliary_heads_do_not_count():
    text = (
        "inc 1\nnet N {\n  input x [4, 8, 8]\n  a = x -> conv2d 1x1 @4\n"
        "  aux h = a -> conv2d 1x1 @400 -> conv2d 1x1 @4\n  output y = a -> relu\n}\n"
    )
    done = compiled(text)
    found = profile(done.net, done.cost)
    assert (found.depth, found.convolutions, found.params) == (1, 1, 20)
    assert found.train_params == done.cost.params > 20
    assert found.activations == 2 * 4 * 64, "the head reads what the activation would overwrite"


# Memory, against the memory of tensors


def measured(net, *inputs):
    """The most numbers in memory at once while the generated module runs, every value freed after its last reader."""
    trace = fx.symbolic_trace(net)
    nodes = list(trace.graph.nodes)
    last = {operand: node for node in nodes for operand in node.all_input_nodes}
    running, most, feed = fx.Interpreter(trace), 0, iter(inputs)
    for node in nodes:
        running.env[node] = next(feed) if node.op == "placeholder" else running.run_node(node)
        live = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors(running.env.values())}
        most = max(most, sum(live.values()))
        for operand in node.all_input_nodes:
            if last[operand] is node and node.op != "output":
                del running.env[operand]
    return most // 4


def tensors(values):
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, tuple):
            yield from tensors(value)


def assert_peak_is_measured(done):
    net = generated(done.text)().eval()
    shapes = done.net.graph.shapes()
    inputs = [torch.zeros(1, *shapes[node].at(done.net.conditions.nominal)) for node in done.net.graph.inputs.values()]
    with torch.no_grad():
        assert peak(done.net).numbers == measured(net, *inputs)


@pytest.mark.parametrize(
    "chain",
    [
        "relu",
        "conv2d 3x3 @8 -> relu",
        "conv2d 3x3 @8 -> r: relu -> relu",
        "maxpool 3x3 -> relu",
        "sigmoid -> relu",
        "conv2d 1x1 @2 -> dropout 0.5 -> upsample 2 -> relu6",
        "concat { | identity | conv2d 1x1 @32 -> conv2d 1x1 @2 | maxpool 3x3 } -> relu",
        "concat { | conv2d 1x1 @32 -> conv2d 1x1 @2 | identity | identity }",
        "add { | identity | relu }",
        "concat (split: [2, 6]) { | relu | conv2d 1x1 @2 }",
        "mul { | identity | gap -> conv2d 1x1 @2 -> relu -> conv2d 1x1 @8 -> sigmoid }",
        "gap -> flatten -> linear @100 -> relu -> linear @3",
        "conv2d 1x1 @16 -> flatten -> relu -> linear @3",
        "(conv2d 3x3 @8 -> relu) times 3",
    ],
)
def test_peak_is_that_of_a_run(chain):
    assert_peak_is_measured(compiled(spec(chain)))


def test_peak_of_inception_v3_is_that_of_a_run(v3):
    assert_peak_is_measured(v3)
    assert peak(v3.net).numbers == 2 * 64 * 147 * 147


@thoroughly
@given(st.tuples(INSIDE, INSIDE, LEGAL, TAILS))
def test_peak_of_random_nets_is_that_of_a_run(parts):
    assume("layernorm" not in str(parts))  # its module is made of several functions, with values of their own
    try:
        done = compiled(NET.format(*parts[:3], shape="[4, 16, 16]", tail=parts[3]))
    except CompileError:
        assume(False)
    assert_peak_is_measured(done)


# What every path passes, against paths


@st.composite
def graphs(draw):
    """A random graph of convolutions and activations, with any number of inputs and outputs."""
    instance = Instance("net", "N", "", None)
    graph, span = Graph(instance), Span(Source("s", ""), 0, 0)
    layers = [REGISTRY["linear"](width=1), REGISTRY["relu"]()]
    names = []
    for i in range(draw(st.integers(1, 9))):
        operands = tuple(draw(st.lists(st.sampled_from(names), max_size=3))) if names else ()
        op = draw(st.sampled_from(layers)) if operands else Input(shape=Vector(1))
        graph.add(Node(f"n{i}", op, instance, "", span, Chain("c"), i), operands)
        names.append(f"n{i}")
        if not operands:
            graph.inputs[f"n{i}"] = f"n{i}"
    ends = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    graph.outputs = {f"y{i}": name for i, name in enumerate(ends)}
    return graph


def paths(graph, end):
    """All paths from an input to a node, as lists of names."""
    if not graph.operands(end):
        return [[end]]
    return [[*path, end] for operand in graph.operands(end) for path in paths(graph, operand)]


@settings(max_examples=500)
@given(graphs())
def test_gates_are_on_every_path(graph):
    everything = [path for end in graph.outputs.values() for path in paths(graph, end)]
    shared = set.intersection(*map(set, everything))
    assert [node.name for node in gates(graph)] == [node.name for node in graph if node.name in shared]


@settings(max_examples=300)
@given(graphs())
def test_depth_is_that_of_the_longest_path(graph):
    everything = [path for end in graph.outputs.values() for path in paths(graph, end)]
    assert depth(graph) == max(sum(graph[name].op.word == "linear" for name in path) for path in everything)


@pytest.mark.parametrize(
    ("chain", "numbers", "word", "widens"),
    [
        ("maxpool 2x2/2 valid -> conv2d 3x3 @16", 8 * 64, "maxpool", 2),
        ("conv2d 3x3 @16 -> maxpool 2x2/2 valid", 16 * 64, "maxpool", 1),
        ("reduce { | conv2d 3x3/2 @8 half | maxpool 2x2/2 valid }", 16 * 64, "concat", 1),
        ("add { | identity | gap -> conv2d 1x1 @8 -> upsample 16 }", 8 * 256, "add", 1),
        ("gap -> upsample 16", 8, "gap", 256),
        ("conv2d 3x3 @16 -> gap -> linear @2", 16 * 256, "conv2d", 1),
    ],
)
def test_narrowest(chain, numbers, word, widens):
    found = narrowest(compiled(spec(chain)).net)
    assert (found.numbers, found.node.op.word, found.widens) == (numbers, word, widens)


def test_vectors_are_narrow_too():
    found = narrowest(compiled(spec("linear @2 -> relu -> linear @7", shape="[8]")).net)
    assert (found.numbers, found.widens) == (2, 3.5)


def test_two_outputs_without_a_common_value_have_no_narrowest():
    text = "inc 1\nnet N {\n  input x [4, 8, 8]\n  output y = x -> relu\n  output z = x -> sigmoid\n}\n"
    assert narrowest(compiled(text).net) is None


def test_what_depends_on_a_free_size_is_unknown():
    done = compiled(spec("conv2d 3x3 @8", shape="[8, H, W]"))
    found = profile(done.net, done.cost)
    assert (found.macs, found.activations, found.peak, found.narrowest) == (None, None, None, None)
    assert (found.depth, found.field, found.params) == (1, (3, 3), 584)
