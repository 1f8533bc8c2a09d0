"""Every invariant of a net, each with what breaks it; nets of all kinds keep to them, and so does what passes make."""

from dataclasses import replace

import pytest

from incdsl.compiler import check_file, compile_net, read
from incdsl.diagnostics import CompileError, CompilerBug
from incdsl.ir.graph import Chain, Head, Instance, Node, Ports
from incdsl.ir.validate import INVARIANTS, validate
from incdsl.ir.weight_expr import Kept
from incdsl.ops.activation import ReLU
from incdsl.passes import base
from incdsl.passes.levels import LEVELS
from incdsl.source import Source
from incdsl.testing.choices import Seeded
from incdsl.testing.random_nets import make
from incdsl.values import Num, Vector
from tests.ir.nets import SPAN, crossed, elaborated, instance
from tests.passes import random_nets
from tests.passes.subjects import ALL, after
from tests.process import ROOT

SPECS = sorted(p for folder in ("specs", "examples", "tests/passes") for p in (ROOT / folder).glob("*.inc"))


def node(name, inside, label="", op=None):
    """A ReLU, or another op."""
    return Node(name, op or ReLU(), inside, label, SPAN, Chain(""), 0)


def moved(net, name, /, **changes):
    """Another node in the place of one."""
    net.graph._nodes[name] = replace(net.graph[name], **changes)


def reads_later(net):
    first, last = list(net.graph)[1], list(net.graph)[-1]
    net.graph._operands[first.name] = (last.name,)


def reads_nothing(net):
    net.graph._operands["fc"] = ()


def goes_by_another_name(net):
    moved(net, "fc", name="both.a.conv")


def output_of_no_node(net):
    net.graph.outputs["y"] = "nowhere"


def no_output(net):
    net.graph.outputs.clear()
    net.graph.heads.clear()


def input_forgotten(net):
    net.graph.inputs.clear()


def two_results_of_one_name(net):
    net.graph.outputs["early"] = "fc"


def dead_node(net):
    net.graph.add(node("dead", net.graph.net), ("image:",))


def instance_of_another_net(net):
    other = Instance("net", "Other", "", None)
    moved(net, "fc", instance=Instance("block", "B", "b", other))


def second_root(net):
    moved(net, "fc", instance=Instance("net", "Other", "", None))


def endless_instance(net):
    inside = Instance("block", "B", "b", net.graph.net)
    inside.parent = inside
    moved(net, "fc", instance=inside)


def instance_without_label(net):
    instance(net, "both").label = ""


def twins(net):
    moved(net, "fc", label="steps")


def label_inside_a_label(net):
    moved(net, "fc", label="both.part")


def gap(net):
    moved(net, "steps.1", label="2")


def wrong_order(net):
    moved(net, "steps.0", label="1")
    moved(net, "steps.1", label="0")


def step_without_number(net):
    moved(net, "steps.1", label="")


def second_way_out_of_a_unit(net):
    net.graph.add(node("late", net.graph.net), ("both.a.bn",))
    net.graph.outputs["z"] = "late"


def second_way_into_a_block(net):
    net.graph._operands["both.b.conv"] = ("both.a:relu",)
    instance(net, "both.b").parent = net.graph.net


def value_that_comes_back(net):
    """What leaves the block goes through a ReLU outside, back in and out again."""
    graph, block = net.graph, instance(net, "both")
    graph.add(node("outside", graph.net), ("both:concat",))
    graph.add(node("back", block), ("outside",))
    graph.ports[block] = Ports((("in", "image:"), ("more", "outside")), (("first", "both:concat"), ("last", "back")))
    graph.outputs["z"] = "back"


def port_inside(net):
    (inside,) = net.graph.ports
    net.graph.ports[inside] = Ports((("low", "cross:add"), ("high", "b")), net.graph.ports[inside].outputs)


def port_that_is_no_value(net):
    (inside,) = net.graph.ports
    known = net.graph.ports[inside]
    net.graph.ports[inside] = Ports((*known.inputs, ("more", "gone")), known.outputs)


def output_port_from_elsewhere(net):
    (inside,) = net.graph.ports
    net.graph.ports[inside] = Ports(net.graph.ports[inside].inputs, (*net.graph.ports[inside].outputs, ("more", "a")))


def one_name_for_two_ports(net):
    (inside,) = net.graph.ports
    net.graph.ports[inside] = Ports((("low", "n"), ("low", "b")), net.graph.ports[inside].outputs)


def unnamed_way_in(net):
    (inside,) = net.graph.ports
    net.graph.ports[inside] = Ports((("low", "n"),), net.graph.ports[inside].outputs)


def unnamed_way_out(net):
    (inside,) = net.graph.ports
    net.graph.ports[inside] = Ports(net.graph.ports[inside].inputs, (("fine", "cross:add"),))


def ports_of_a_stranger(net):
    net.graph.ports[Instance("block", "B", "b", net.graph.net)] = Ports()


def ports_of_a_unit(net):
    net.graph.ports[instance(net, "both.a")] = Ports()


def head_that_is_not_optional(net):
    net.graph.heads[0].instance.optional = False


def head_beside_its_instance(net):
    head = net.graph.heads[0]
    net.graph.heads[0] = Head(head.name, "both:concat", head.weight, head.instance)
    for name in net.graph.needed_by(["early.linear"]) - net.graph.needed_by(["fc"]):
        del net.graph._nodes[name]


def optional_without_a_head(net):
    instance(net, "both").optional = True


def output_of_a_head(net):
    net.graph.outputs["z"] = net.graph.heads[0].node


def another_shape(net):
    net.graph._shapes["fc"] = Vector(6)


def shape_that_is_refused(net):
    moved(net, "fc", op=net.graph["both.a.conv"].op)


def symbolic_shape(net):
    net.graph._shapes["fc"] = Vector(Num.symbol(5, "w"))


def size_that_nobody_knows(net):
    net.conditions.nominal.clear()


def other_sizes(net):
    net.graph.nominal = {"H": 1, "W": 1}


def strange_symbol(net):
    op = net.graph["both.b.conv"].op
    moved(net, "both.b.conv", op=op.model_copy(update={"width": Num.symbol(8, "width_of_another")}))


def strange_argument(net):
    instance(net, "both").arguments["width"] = Num.symbol(4, "width")


def strange_count(net):
    instance(net, "steps").count = Num.symbol(2, "depth")


def rewritten(net, **changes):
    """The net as one that passes made."""
    return replace(net, origin=elaborated(), level="inference", **changes)


def output_renamed(net):
    net.graph.outputs["z"] = net.graph.outputs.pop("y")
    return rewritten(net)


def output_of_another_shape(net):
    head = net.graph.heads.pop()
    net.graph.outputs["y"] = head.node
    head.instance.optional = False
    return rewritten(replace(net, graph=net.graph.changed()))


def head_made(net):
    net.graph.heads[0] = replace(net.graph.heads[0], name="made")
    return rewritten(net)


def weights_of_nothing(net):
    return rewritten(net, weight_exprs={"fc": Kept("nowhere")})


def weights_for_nothing(net):
    return rewritten(net, weight_exprs={"both:concat": Kept("fc")})


PLANTED = {
    "order": (reads_later, reads_nothing, goes_by_another_name),
    "ends": (output_of_no_node, no_output, input_forgotten, two_results_of_one_name),
    "no dead nodes": (dead_node,),
    "tree": (instance_of_another_net, second_root, endless_instance, instance_without_label),
    "labels": (twins, label_inside_a_label),
    "sequences": (gap, wrong_order, step_without_number),
    "doors": (second_way_out_of_a_unit, second_way_into_a_block),
    "no return": (value_that_comes_back,),
    "ports": (
        port_inside, port_that_is_no_value, output_port_from_elsewhere, one_name_for_two_ports, unnamed_way_in,
        unnamed_way_out, ports_of_a_stranger, ports_of_a_unit,
    ),
    "heads": (head_that_is_not_optional, head_beside_its_instance, optional_without_a_head),
    "training only": (output_of_a_head,),
    "shapes": (another_shape, shape_that_is_refused, symbolic_shape),
    "sizes": (size_that_nobody_knows, other_sizes),
    "symbols": (strange_symbol, strange_argument, strange_count),
    "interface": (output_renamed, output_of_another_shape, head_made),
    "weights": (weights_of_nothing, weights_for_nothing),
}  # fmt: skip
CASES = [(name, plant) for name, plants in PLANTED.items() for plant in plants]


def test_every_invariant_has_something_planted():
    assert list(PLANTED) == [invariant.name for invariant in INVARIANTS]


@pytest.mark.parametrize(("name", "plant"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_what_breaks_an_invariant_is_told(name, plant):
    crosses = name == "ports" and plant is not ports_of_a_unit
    net = crossed() if crosses else elaborated()
    validate(net)
    net = plant(net) or net
    with pytest.raises(CompilerBug, match=rf"the net \w+ is not valid \({name}\): "):
        validate(net)


def test_quickly_all_but_the_costly_ones_are_checked():
    for name, plant in CASES:
        net = plant(found := crossed() if name == "ports" and plant is not ports_of_a_unit else elaborated()) or found
        costly = {each.name: each.costly for each in INVARIANTS}[name]
        if costly:
            validate(net, quick=True)
        else:
            with pytest.raises(CompilerBug, match=rf"\({name}\)"):
                validate(net, quick=True)


def test_an_argument_that_nothing_uses_need_not_mean_anything():
    """As in a head, which takes along all parameters of the net, after a variant without one of them."""
    net = elaborated()
    instance(net, "both").arguments["idle"] = Num.symbol(4, "gone")
    validate(net)


def test_a_net_between_passes_may_have_gaps():
    net = elaborated()
    gap(net)
    validate(replace(net, origin=elaborated()))
    with pytest.raises(CompilerBug, match="sequences"):
        validate(replace(net, origin=elaborated(), level="inference"))


# Nets that are valid


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_specs_and_what_the_levels_make_of_them_are_valid(path, monkeypatch):
    monkeypatch.setattr(base, "validate", lambda net, quick=False: validate(net))
    for done in check_file(read(str(path))):
        validate(done.net)
        for level, passes in LEVELS.items():
            base.run(done.net, passes, level)


@pytest.mark.parametrize("seeds", [range(first, first + 40) for first in (0, 40, 80)], ids=str)
def test_random_nets_are_valid_and_stay_so_by_every_rule(seeds):
    """`after` runs a rule alone; what a run makes is held to all invariants."""
    found = 0
    for seed in seeds:
        made = make(Seeded(seed)) if seed % 2 else None
        try:
            done = compile_net(Source("made.inc", made.text if made else random_nets.spec(seed)), made and made.net)
        except CompileError:
            continue
        found += 1
        validate(done.net)
        for rule in ALL:
            after(done, rule())
            if rule.training:
                after(done, rule(), train=True)
    assert found > 15


def test_a_block_with_several_ports_is_valid_and_stays_so():
    validate(crossed())
    for level, passes in LEVELS.items():
        assert len(base.run(crossed(), passes, level).graph.ports) == 1


def test_a_value_may_come_to_cross_a_border_without_a_name():
    """As by FoldNormalization, where the normalization stands before the block and the convolution inside."""
    net = crossed()
    net.graph._operands["cross:add"] = ("a", "cross:identity")
    net = replace(net, graph=net.graph.changed())
    with pytest.raises(CompilerBug, match="a crosses the border of cross, but is no port"):
        validate(net)
    validate(replace(net, origin=crossed(), level="inference"))
