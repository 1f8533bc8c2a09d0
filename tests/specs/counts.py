"""What the compiler counts in a spec, by the net's own modules, and what the papers print."""

import json
from functools import cache
from math import prod

from incdsl.analysis.cost import state_dict
from incdsl.analysis.table import rows
from incdsl.compiler import compile_net
from incdsl.source import Source
from tests.process import ROOT

PAPERS = json.loads((ROOT / "tests" / "references" / "papers.json").read_text(encoding="utf-8"))


@cache
def rewritten(path, *changes):
    """The one net of a file in which pieces of text were exchanged, and facts left out."""
    text = "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if "  expect " not in line)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return compile_net(Source(path.name, text))


@cache
def table(done):
    """Rows of the summary: parameters, MACs and output shapes of the net's own modules, as they run."""
    return rows(done.net, done.cost, "block")


def modules(done):
    """Rows of the summary by name."""
    return {row.name: row for row in table(done)}


def out(row):
    """The output shape of a row, as numbers."""
    return [int(size) for size in row.shape.split(" x ")]


@cache
def tensors(done):
    """Entries of the state_dict: key and shape."""
    graph = done.net.graph
    return {key: tensor.shape for key, tensor in state_dict(graph, graph.shapes())}


def weights(done, *modules):
    """Weights of convolutions and linear layers in these modules, as papers count: no bias, no normalization."""
    found = [s for k, s in tensors(done).items() if k.startswith(tuple(f"{m}." for m in modules)) and len(s) > 1]
    return sum(map(prod, found))


def filters(done, key):
    """How many filters the convolution of this key has."""
    return tensors(done)[f"{key}.weight"][0]


def depth(done, ops=("conv2d", "linear")):
    """The longest chain of these ops in what is deployed."""
    graph = done.net.graph
    deepest = {}
    for node in graph:
        above = max((deepest[name] for name in graph.operands(node.name)), default=0)
        deepest[node.name] = above + (node.op.word in ops)
    return max(deepest[name] for name in graph.outputs.values())
