"""Blocks with several inputs and outputs: what crosses their border is what generated code hands over."""

import warnings

import pytest
import torch

from incdsl.diagnostics import CompilerBug
from tests.codegen.graphs import Part, agrees, built, net, text


def fuse(
    part: Part, label: str, low: str, high: str, channels: tuple[int, int], width: int, results=()
) -> tuple[str, str]:
    """`fine = up(low) + high`, `coarse = low`, both `width` wide."""
    block = part.open("Fuse", label, low_channels=channels[0], high_channels=channels[1], width=width)
    width = block.symbol("width")
    up = block.named("up").upsample(block.conv(low, width, "lateral"))
    fine = block.named("fine").add(up, block.conv(high, width, "skip"))
    coarse = block.named("coarse").conv(low, width, "coarse", kernel=3)
    block.ports({"low": low, "high": high}, {"fine": fine, "coarse": coarse}, *results)
    return fine, coarse


def pyramid(widths=(8,), read=("fine", "coarse")) -> Part:
    part, image = net()
    c3 = part.named("c3").conv(image, 4, "stem", stride=2)
    c4 = part.named("c4").conv(c3, 6, "deep", kernel=3, stride=2)
    for i, width in enumerate(widths):
        part.named("p3")
        fine, coarse = fuse(part, f"fuse{i}", c4, c3, (6, 4), width, (f"p3_{i}", f"p4_{i}"))
        for name, value in (("fine", fine), ("coarse", coarse)):
            if name in read:
                output = f"{name}{i}"
                part.graph.outputs[output] = part.named(output).conv(value, 2, output)
    return part


def body(code: str, name: str) -> str:
    """The lines of a class."""
    return code.split(f"class {name}(nn.Module):")[1].split("\n\n\n")[0]


def test_a_block_has_its_ports_as_arguments_and_results():
    code = text(pyramid())
    assert "def __init__(self, low_channels: int, high_channels: int, width: int) -> None:" in code
    assert "def forward(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:" in code
    assert "        return fine, coarse\n" in code
    assert "self.fuse0 = Fuse(6, 4, width=8)" in code
    assert "p3_0, p4_0 = self.fuse0(c4, c3)" in code


def test_its_docstring_says_what_each_port_is_like():
    assert body(text(pyramid()), "Fuse").startswith(
        '\n    """low, high -> fine, coarse\n\n'
        "    low:    [N, low_channels, H_low, W_low]\n"
        "    high:   [N, high_channels, H_high, W_high]\n"
        "    fine:   [N, width, 2 * H_low, 2 * W_low]\n"
        "    coarse: [N, width, H_low, W_low]\n"
        '    """\n'
    )


def test_inputs_of_one_size_share_their_axes():
    part, image = net()
    a, b = part.named("a").conv(image, 4, "a"), part.named("b").conv(image, 5, "b")
    block = part.named("y").open("Both", "both", a_channels=4, b_channels=5)
    y = block.pool(block.concat(a, b))
    block.ports({"a": a, "b": b}, {"y": y})
    part.graph.outputs["y"] = y
    code = text(part)
    assert "    a: [N, a_channels, H, W]\n    b: [N, b_channels, H, W]\n" in code
    assert "    y: [N, a_channels + b_channels, H // 2, W // 2]\n" in code
    assert "def forward(self, a: Tensor, b: Tensor) -> Tensor:" in code
    assert agrees(part, built(part))


def test_instances_that_differ_in_numbers_share_a_class():
    part = pyramid(widths=(8, 4))
    code = text(part)
    assert code.count("class Fuse") == 1
    assert "self.fuse1 = Fuse(6, 4, width=4)" in code
    assert agrees(part, built(part))


@pytest.mark.parametrize("read", [("fine",), ("coarse",), ("fine", "coarse")])
def test_only_what_is_read_leaves(read):
    """What nobody reads is dead code, and no rewrite keeps it: the graph is as it comes out of one."""
    part = pyramid(read=read)
    part.graph = part.graph if len(read) == 2 else alive(part)
    code = text(part)
    (returned,) = [line for line in body(code, "Fuse").split("\n") if "return" in line]
    assert ("fine, coarse" in returned) == (len(read) == 2)
    assert ("high: Tensor" in body(code, "Fuse")) == ("fine" in read)
    assert agrees(part, built(part))


def alive(part: Part):
    """The graph without dead nodes, ports kept."""
    kept = part.graph.without_dead_nodes()
    kept.ports = part.graph.ports
    return kept


def test_a_value_that_enters_by_two_ports_is_one_argument():
    part, image = net()
    block = part.named("y").open("Both", "both", a_channels=3, b_channels=3)
    y = block.concat(block.conv(image, 2, "one"), block.conv(image, 2, "two"))
    block.ports({"a": image, "b": image}, {"y": y})
    part.graph.outputs["y"] = y
    code = text(part)
    assert "def forward(self, a: Tensor) -> Tensor:" in code
    assert "self.both = Both(3)" in code
    assert agrees(part, built(part))


def test_an_output_that_is_an_input_does_not_leave():
    part, image = net()
    block = part.named("y").open("Pass", "part", a_channels=3, b_channels=4)
    b = part.conv(image, 4, "b")
    y = block.concat(image, b)
    z = block.conv(y, 2, "z")
    block.ports({"a": image, "b": b}, {"same": b, "y": y, "z": z})
    part.graph.outputs.update(b=b, z=part.concat(b, z))
    code = text(part)
    assert "def forward(self, a: Tensor, b: Tensor) -> Tensor:" in code
    assert agrees(part, built(part))


def test_an_output_that_a_rewrite_moved_out_is_no_port():
    graph = pyramid().graph
    ((instance, ports),) = graph.ports.items()
    moved = ports.follow(lambda name: "stem" if name == "fuse0:add" else name, graph, instance)
    assert moved.outputs == (("fine", "stem"), ports.outputs[1])  # it is an input now
    moved = ports.follow(lambda name: "fine0" if name == "fuse0:add" else name, graph, instance)
    assert moved.outputs == ports.outputs[1:]


def crossing() -> Part:
    """A block that a second value enters, and that three leave."""
    part, image = net()
    block = part.named("y").open("Plain", "plain", in_channels=3)
    conv = block.named("found").relu(block.conv(image, 4, "conv"))
    y = block.named("y").conv(conv, 2, "out")
    side = part.named("side").conv(image, 4, "side")
    late = block.named("late").add(conv, side)
    part.graph.outputs.update(y=y, late=part.named("late").relu(late), found=part.named("found").relu(conv))
    return part


def test_what_a_rewrite_lets_cross_has_the_name_of_its_chain():
    part = crossing()
    code = text(part)
    assert "def forward(self, x: Tensor, side: Tensor) -> tuple[Tensor, Tensor, Tensor]:" in code
    assert "return found, y, late" in code
    assert "self.plain = Plain(3)" in code
    assert agrees(part, built(part))


def test_the_channels_of_what_a_rewrite_lets_cross_are_an_argument():
    part, image = net()
    side = part.named("side").conv(image, 5, "side")
    block = part.named("y").open("Plain", "plain", in_channels=3)
    y = block.add(block.conv(image, 2, "a"), block.conv(side, 2, "b"))
    part.graph.outputs["y"] = y
    code = text(part)
    assert "def __init__(self, in_channels: int, side_channels: int) -> None:" in code
    assert "self.plain = Plain(3, 5)" in code
    assert agrees(part, built(part))


def test_several_outputs_pass_through_blocks_around_a_block():
    part, image = net()
    c3 = part.named("c3").conv(image, 4, "stem", stride=2)
    c4 = part.named("c4").conv(c3, 6, "deep", kernel=3, stride=2)
    outer = part.named("p").open("Neck", "neck", c4_channels=6, c3_channels=4, width=8)
    fine, coarse = fuse(
        outer.named("first"),
        "fuse",
        c4,
        c3,
        (outer.symbol("c4_channels"), outer.symbol("c3_channels")),
        outer.symbol("width"),
    )
    last = outer.named("last").relu(coarse)
    outer.ports({"c4": c4, "c3": c3}, {"fine": fine, "last": last})
    part.graph.outputs.update(fine=part.named("fine").relu(fine), last=last)
    code = text(part)
    assert "self.fuse = Fuse(c4_channels, c3_channels, width)" in code
    assert "fine, coarse = self.fuse(c4, c3)" in code
    assert "return fine, last" in code
    assert agrees(part, built(part))


@pytest.mark.parametrize("part", [pyramid(widths=(8, 4)), crossing()], ids=["declared", "crossing"])
def test_a_net_with_ports_is_traced_and_exported(part):
    model, x = built(part), torch.randn(2, 3, 16, 16, dtype=torch.float64)
    expected = tuple(model(x))
    for made in (torch.fx.symbolic_trace(model), torch.export.export(model, (x,)).module()):
        assert all(torch.equal(a, b) for a, b in zip(made(x), expected, strict=True))


def test_a_net_with_ports_is_scripted():
    """PyTorch reads the types of `forward`, tuples among them."""
    model, x = built(crossing()), torch.randn(2, 3, 16, 16, dtype=torch.float64)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        scripted = torch.jit.script(model)
        assert all(torch.equal(a, b) for a, b in zip(scripted(x), tuple(model(x)), strict=True))


def test_nodes_of_a_block_may_stand_before_all_that_enters_it():
    part = crossing()
    order = [node.name for node in part.graph]
    assert order.index("plain:relu") < order.index("side") < order.index("plain:add")


def test_what_leaves_a_block_cannot_enter_it_again():
    part, image = net()
    block = part.named("y").open("Loop", "loop", in_channels=3)
    y = block.add(block.conv(part.relu(block.relu(image)), 3, "conv"), image)
    part.graph.outputs["y"] = y
    with pytest.raises(CompilerBug, match="enters it again: loop"):
        text(part)


def test_names_that_code_needs_are_not_hidden():
    part, image = net()
    block = part.named("y").open("Odd", "odd", in_channels=3)
    side = part.named("torch").conv(image, 4, "side")
    y = block.named("F").concat(image, side)
    z = block.named("z").relu(y)
    part.graph.outputs.update(y=part.named("y").conv(y, 2, "last"), z=z)
    assert agrees(part, built(part))
