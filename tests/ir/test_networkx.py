"""The graph that people run their own algorithms on: its attributes, its edges, and that nobody can change it."""

import copy
import json
import pickle

import networkx as nx
import pytest

from incdsl.compiler import compile_net, for_inference, read
from tests.ir.nets import TEXT, crossed, elaborated
from tests.process import ROOT


@pytest.fixture(scope="module")
def net():
    return elaborated()


@pytest.fixture(scope="module")
def graph(net):
    return net.graph.networkx()


ATTRIBUTES = {
    "op", "settings", "shape", "shape_text", "parameters", "macs", "path", "instance", "instances", "kind", "block",
    "span", "training_only",
}  # fmt: skip


def test_every_node_has_the_attributes_that_the_page_describes(graph):
    page = (ROOT / "docs" / "ir.md").read_text(encoding="utf-8")
    assert all(set(data) == ATTRIBUTES for _, data in graph.nodes(data=True))
    assert all(f"`{name}`" in page for name in (*ATTRIBUTES, "position"))


def test_what_is_known_of_a_node(graph):
    line = TEXT.splitlines()[2]
    assert graph.nodes["both.b.conv"] == {
        "op": "conv2d",
        "settings": {
            "kernel": (3, 3), "stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "width": 8, "groups": 1,
            "bias": False,
        },
        "shape": (8, 16, 16),
        "shape_text": "[8, H, W]",
        "parameters": 3 * 8 * 9,
        "macs": 3 * 8 * 9 * 256,
        "path": "both.b.conv",
        "instance": "both.b",
        "instances": ("both", "both.b"),
        "kind": "unit",
        "block": "Both",
        "span": f"spec.inc:3:{line.index('conv 3x3') + 1}",
        "training_only": False,
    }  # fmt: skip


def test_the_input_and_what_only_training_runs(graph, net):
    assert graph.graph["inputs"] == {"image": "image:"}
    assert graph.graph["outputs"] == net.graph.outputs
    assert graph.graph["heads"] == {"early": net.graph.heads[0].node}
    assert graph.name == "N"
    image = graph.nodes["image:"]
    assert (image["op"], image["settings"], image["parameters"], image["macs"]) == ("input", {}, 0, 0)
    assert image["shape"] == (3, 16, 16)
    ancestors = nx.ancestors(graph, "fc") | {"fc"}
    assert {name for name, data in graph.nodes(data=True) if data["training_only"]} == set(graph) - ancestors


def test_edges_carry_the_position_of_the_operand(graph, net):
    for name in graph:
        edges = sorted((data["position"], source) for source, _, data in graph.in_edges(name, data=True))
        assert tuple(source for _, source in edges) == net.graph.operands(name)
    twice = next(name for name, data in graph.nodes(data=True) if data["op"] == "add")
    assert graph.in_degree(twice) == 2


def test_an_operand_twice_is_two_edges():
    net = elaborated("inc 1\nnet N {\n  input x [4, 8, 8]\n  v = x -> relu\n  output y = add { | v | v }\n}\n")
    graph = net.graph.networkx()
    assert list(graph.edges(keys=True))[1:] == [(":relu", ":add", 0), (":relu", ":add", 1)]


@pytest.mark.parametrize("path", ["specs/v3.inc", "examples/se.inc"])
@pytest.mark.parametrize("deployed", [False, True])
def test_costs_are_those_of_the_summary(path, deployed):
    done = compile_net(read(str(ROOT / path)))
    done = for_inference(done) if deployed else done
    graph = done.net.graph.networkx()
    assert list(graph) == [each.node.name for each in done.cost.nodes]
    for each in done.cost.nodes:
        data = graph.nodes[each.node.name]
        assert (data["parameters"], data["macs"]) == (each.parameters, each.macs)
        assert data["training_only"] is not each.deployed
    assert nx.is_directed_acyclic_graph(graph)


def test_what_depends_on_a_free_size_is_none():
    text = "inc 1\nnet N {\n  input x [4, H, W]\n  output y = x -> conv: conv2d 3x3 @2 -> gap -> fc: linear @3\n}\n"
    graph = elaborated(text).graph.networkx()
    conv, fc = graph.nodes["conv"], graph.nodes["fc"]
    assert (conv["shape"], conv["macs"], conv["shape_text"], conv["parameters"]) == (None, None, "[2, H, W]", 74)
    assert (fc["shape"], fc["macs"]) == ((3,), 6)


CHANGES = {
    "a node more": lambda g: g.add_node("new"),
    "a node less": lambda g: g.remove_node("fc"),
    "an edge more": lambda g: g.add_edge("fc", "image:"),
    "an edge less": lambda g: g.remove_edge(*next(iter(g.edges))),
    "an attribute": lambda g: g.nodes["fc"].update(op="gone"),
    "another attribute": lambda g: g.nodes["fc"].__setitem__("op", "gone"),
    "an attribute less": lambda g: g.nodes["fc"].pop("op"),
    "an edge's position": lambda g: g.edges[next(iter(g.edges))].__setitem__("position", 7),
    "an attribute of the graph": lambda g: g.graph.clear(),
    "an output": lambda g: g.graph["outputs"].__delitem__("y"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nobody_changes_it(graph, change):
    with pytest.raises(nx.NetworkXError):
        change(graph)


@pytest.mark.parametrize(
    "copied",
    [nx.MultiDiGraph, nx.DiGraph, nx.Graph, lambda g: g.copy(), lambda g: g.to_undirected(), copy.deepcopy,
     lambda g: pickle.loads(pickle.dumps(g)).copy()],  # noqa: S301
)  # fmt: skip
def test_a_copy_can_be_changed(graph, copied):
    changed = copied(graph)
    changed.nodes["fc"]["op"] = "another"
    changed.nodes["fc"]["colour"] = "red"
    assert graph.nodes["fc"]["op"] == "linear"
    assert "colour" not in graph.nodes["fc"]
    assert len(changed) == len(graph)


def test_it_can_be_written_down(graph):
    data = json.loads(json.dumps(nx.node_link_data(graph, edges="edges")))
    again = nx.node_link_graph(data, edges="edges")
    assert set(again.nodes) == set(graph.nodes)
    assert set(again.edges) == set(graph.edges)


def test_blocks_with_several_ports_are_ordinary_nodes():
    graph = crossed().graph.networkx()
    assert nx.descendants(graph, "b") == {"cross:identity", "cross:add"}
    assert graph.nodes["cross:add"]["instances"] == ("cross",)
