"""Graphs that are made of other graphs: what is renamed, what is dropped, what is inferred again."""

from dataclasses import replace

import pytest

from incdsl.diagnostics import CompilerBug
from incdsl.ir.graph import Ports
from incdsl.ir.validate import validate
from incdsl.ops import Op
from incdsl.ops.activation import ReLU
from incdsl.ops.window import Conv2d
from incdsl.passes.base import run
from incdsl.passes.heads import DropHeads
from incdsl.passes.numbers import Renumber
from incdsl.passes.rewrite import Rewrite
from incdsl.passes.rules.fold_batch_norm import FoldBatchNorm
from incdsl.passes.rules.remove_dropout import RemoveDropout
from incdsl.passes.rules.remove_identities import RemoveIdentities
from incdsl.values import Vector
from tests.ir.nets import crossed, elaborated, instance


def ports(net):
    (found,) = net.graph.ports.values()
    return dict(found.inputs), dict(found.outputs)


def test_a_node_that_is_taken_or_reads_ahead_is_refused():
    graph = elaborated().graph
    with pytest.raises(CompilerBug, match="two nodes are called fc"):
        graph.add(graph["fc"], ("image:",))
    with pytest.raises(CompilerBug, match="does not exist yet"):
        graph.add(replace(graph["fc"], name="new"), ("nowhere",))


def test_a_known_shape_is_not_inferred_again(monkeypatch):
    graph = elaborated().graph
    before = dict(graph.shapes())
    monkeypatch.setattr(Op, "infer", None)
    monkeypatch.setattr(Conv2d, "infer", None)
    assert graph.changed().shapes() == before


def test_an_unknown_shape_is_inferred():
    graph = elaborated().graph
    entries = [(node, operands, None) for node, operands, _ in graph.entries()]
    assert graph.changed(entries).shapes() == graph.shapes()


def test_channels_are_bare_numbers():
    assert {type(shape.channels) for shape in elaborated().graph.shapes().values()} == {int}


def test_a_copy_leaves_the_original_alone():
    net = elaborated()
    names, outputs, heads = list(map(str, net.graph.shapes())), dict(net.graph.outputs), list(net.graph.heads)
    copy = net.graph.changed(heads=False)
    copy.outputs["z"] = "fc"
    copy.inputs.clear()
    assert list(net.graph.shapes()) == names
    assert (net.graph.outputs, net.graph.heads) == (outputs, heads)
    assert net.graph.inputs == {"image": "image:"}


def test_dead_nodes_go_and_inputs_stay():
    net = elaborated()
    graph = net.graph.changed(heads=False)
    assert set(graph.shapes()) == net.graph.needed_by(net.graph.outputs.values())
    graph.outputs["y"] = "image:"
    assert list(graph.without_dead_nodes().shapes()) == ["image:"]
    again = graph.changed()
    assert again.without_dead_nodes() is again


def test_ports_follow_what_stands_for_their_values():
    net = run(crossed(), [Rewrite(FoldBatchNorm()), Rewrite(RemoveDropout())], "inference")
    assert [node.name for node in net.graph] == ["image:", "a#2", "b", "cross:identity", "cross:add", ":relu"]
    assert ports(net) == ({"low": "a#2", "high": "b"}, {"fine": "cross:add", "coarse": "a#2"})
    assert [dict(each.results) for each in net.graph.ports.values()] == [{"fine": "p3", "coarse": "p4"}]


def test_ports_may_come_to_carry_one_value():
    net = run(crossed(), [Rewrite(RemoveIdentities())], "inference")
    assert ports(net) == ({"low": "n", "high": "b"}, {"fine": "cross:add", "coarse": "cross:dropout"})
    assert net.graph.operands("cross:add") == ("n", "b")


def test_a_port_goes_with_its_value_and_ports_with_their_instance():
    net = crossed()
    net.graph.outputs = {"coarse": ":relu"}
    graph = net.graph.without_dead_nodes()
    assert ports(replace(net, graph=graph)) == ({"low": "n"}, {"coarse": "cross:dropout"})
    graph.outputs = {"coarse": "n"}
    assert graph.without_dead_nodes().ports == {}


def test_ports_move_with_a_renumbered_instance():
    text = (
        "inc 1\nblock Part = a: conv2d 1x1 @4 -> relu\n"
        "net N {\n  input x [4, 8, 8]\n  output y = x -> steps: (dropout 0.5 -> Part) times 2\n}\n"
    )
    net = elaborated(text)
    for part in (instance(net, "steps.0.1"), instance(net, "steps.1.1")):
        first, *_, last = (node.name for node in net.graph if node.instance is part)
        net.graph.ports[part] = Ports((("image", net.graph.operands(first)[0]),), (("y", last),))
    validate(net)
    after = run(net, [DropHeads(), Rewrite(RemoveDropout()), Renumber()], "inference")
    assert [each.path for each in after.graph.ports] == ["steps.0.0", "steps.1.0"]
    first, second = after.graph.ports.values()
    assert first == Ports((("image", "x:"),), (("y", "steps.0.1:relu"),))
    assert second == Ports((("image", "steps.0.1:relu"),), (("y", "steps.1.1:relu"),))


def test_a_wrong_stand_in_is_refused():
    """What an edit puts in the place of a value has its shape."""

    class Wrong(RemoveDropout):
        def rewrite(self, view, site):
            edit = view.edit(at=site.node)
            edit.replace(site.node.name, view.graph.inputs["image"])
            return edit

    with pytest.raises(CompilerBug, match="what stands in for it"):
        run(elaborated(), [Rewrite(Wrong())], "inference")


def test_a_shape_rule_speaks_when_a_node_is_added():
    graph = elaborated().graph
    graph.add(replace(graph["fc"], name="new", op=ReLU(), label="new"), ("fc",))
    assert graph.shapes()["new"] == Vector(5)
