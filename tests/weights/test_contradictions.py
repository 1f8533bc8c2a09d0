"""Order and names are habits: where something proven contradicts them they are no evidence, there and elsewhere."""

import pytest

from incdsl.weights.checkpoint import checkpoint
from incdsl.weights.match import correspond
from tests.nets import compiled
from tests.weights import sources
from tests.weights.test_correspondence import decided, entries, matched, refused, right_or_refused

UNIT = "inc 1\nunit u = conv: conv2d (bias: false) -> norm: batchnorm\n"
RESIDUAL = "block B = add { | skip: u 1x1 @4 | main: u 3x3 @4 -> relu -> u 5x5 @4 }\n"
LABELLED = (
    "block B = add { | conv1: conv2d 1x1 @4 (bias: false) -> bn1: batchnorm"
    " | conv2: conv2d 3x3 @4 (bias: false) -> bn2: batchnorm -> relu"
    " -> conv3: conv2d 5x5 @4 (bias: false) -> bn3: batchnorm }\n"
)


def made(block, chain):
    return compiled(f"{UNIT}{block}net N {{\n  input x [4, 8, 8]\n  output y = x -> {chain}\n}}\n").net


def side_by_side(path, kernels, conv="conv", norm="bn", start=1):
    """Convolutions of these kernels and their norms, numbered alike."""
    shapes = {}
    for i, kernel in enumerate(kernels, start):
        shapes[f"{path}{conv}{i}.weight"] = [4, 4, kernel, kernel]
        for last in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            shapes[f"{path}{norm}{i}.{last}"] = [] if last == "num_batches_tracked" else [4]
    return shapes


@pytest.mark.parametrize("rails", [False, True])
def test_norms_go_where_the_convolutions_of_their_numbers_go(rails):
    """The shortcut is the third, as most write it, and the first rail of the spec."""
    net = made(RESIDUAL, "stem: u 7x7 @4 -> block: B")
    shapes = side_by_side("", [7]) | side_by_side("block.", [3, 5, 1])
    found = matched(net, shapes, rails_in_order=rails)
    for place, number in (("skip", 3), ("main_1", 1), ("main_2", 2)):
        assert found[f"block.{place}.conv.weight"] == f"block.conv{number}.weight"
        assert found[f"block.{place}.norm.running_mean"] == f"block.bn{number}.running_mean"


def test_numbers_side_by_side_must_be_known_to_be_units_somewhere():
    net = made(RESIDUAL, "B")
    assert refused(net, side_by_side("block.", [3, 5, 1]))[0] == {"E705"}


def test_convolutions_without_norms_leave_numbers_of_norms_open():
    net = made(
        "block B = add { | u 1x1 @4 | conv2d 3x3 @4 (bias: false) -> relu -> u 5x5 @4 -> relu -> batchnorm }\n",
        "stem: u 7x7 @4 -> block: B",
    )
    shapes = side_by_side("", [7]) | side_by_side("block.", [3, 5, 1])
    assert refused(net, shapes)[0] == {"E705"}


@pytest.mark.parametrize("rails", [False, True])
@pytest.mark.parametrize("paths", [("s.", "t."), ("p.0.", "p.1."), ("f.s.", "f.t.")])
def test_equal_numbers_that_shapes_contradict_are_no_names(paths, rails):
    """`conv3` is the net's `conv1`; so `bn3` is not `bn3`, nor in a block whose shapes do not tell."""
    alike = LABELLED.replace("block B", "block E").replace("1x1", "3x3").replace("5x5", "3x3")
    net = made(LABELLED + alike, "s: B -> t: E")
    first, second = paths
    true = side_by_side(first, [1, 3, 5]) | side_by_side(second, [3, 3, 3])
    assert matched(net, true)["s.bn1.weight"] == f"{first}bn1.weight"
    shapes = side_by_side(first, [3, 5, 1]) | side_by_side(second, [3, 3, 3])
    codes, text = refused(net, shapes, rails_in_order=rails)
    assert codes == {"E705"}
    assert f"`{second}conv1`, `{second}conv2`, `{second}conv3`" in text


@pytest.mark.parametrize("order", [(1, 3), (3, 1)])
def test_words_that_shapes_contradict_are_no_names(order):
    rail = "{0}_conv: conv2d {1} @4 (bias: false) -> {0}_norm: batchnorm"
    net = made("", f"add {{ | {rail.format('l', '1x1')} | {rail.format('r', '3x3')} }}")
    shapes = {}
    for side, kernel in zip("lr", order, strict=True):
        for key, shape in side_by_side("", [kernel], "c", "n").items():
            shapes[key.replace("c1", f"{side}_conv").replace("n1", f"{side}_norm")] = shape
    if order == (1, 3):
        assert all(key == source for key, source in matched(net, shapes).items())
    else:
        assert refused(net, shapes)[0] == {"E705"}


def test_containers_that_were_exchanged_go_whole():
    net = made("", "add { | left: u 1x1 @4 | right: u 3x3 @4 }")
    shapes = {}
    for side, kernel in (("left", 3), ("right", 1)):
        for key, shape in side_by_side(f"{side}.", [kernel], "conv", "norm").items():
            shapes[key.replace("conv1", "conv").replace("norm1", "norm")] = shape
    found = matched(net, shapes)
    assert found["left.norm.weight"] == "right.norm.weight"
    assert found["left.conv.weight"] == "right.conv.weight"


def test_a_chain_numbered_backwards_is_no_order():
    """The convolutions show it; the norms, and those of a block that cannot show it, are left open."""
    net = made("", "a: u 1x1 @4 -> b: u 3x3 @4 -> c: u 3x3 @4 -> d: u 3x3 @4 -> relu -> e: u 5x5 @4")
    assert refused(net, side_by_side("", [5, 3, 3, 3, 1]))[0] == {"E705"}
    found = matched(net, side_by_side("", [1, 3, 3, 3, 5], start=0))
    assert found["c.norm.weight"] == "bn2.weight"


def test_siblings_that_are_the_parents_of_others_can_be_told():
    """A layer at the path of a container of layers of its shape."""
    net = made("", "add { | conv2d 3x3 @4 | conv2d 3x3 @4 }")
    shapes = {f"{path}.{last}": s for path in ("x", "x.y") for last, s in (("weight", [4, 4, 3, 3]), ("bias", [4]))}
    codes, text = refused(net, shapes)
    assert codes == {"E705"}
    assert "`x`" in text


def test_a_pattern_that_leaves_nothing_out_is_told(v3):
    codes, text = refused(v3.net, entries("torchvision.inception_v3"), ignore=["AuxLogit.*"])
    assert codes == {"E710"}
    assert "nearest: `AuxLogits`" in text
    shapes = [(f"module.{key}", shape) for key, shape in entries("torchvision.inception_v3")]
    patterns = decided(without_aux=True, ignore=["module.AuxL*"])
    assert len(correspond(v3.net, checkpoint("c", shapes), patterns).unused) == 14


def test_the_nearest_of_a_norm_are_norms():
    net = made("", "a: u 1x1 @4 -> b: u 3x3 @8")
    shapes = side_by_side("", [1]) | {"b.conv.weight": [8, 4, 5, 5]}
    shapes |= {k.replace("bn1", "z"): [s * 3 for s in shape] for k, shape in shapes.items() if k.startswith("bn1")}
    _, text = refused(net, shapes)
    assert "`b.norm`, a norm over 8 channels nearest: `z`, a norm over 12 channels" in text


@pytest.mark.thorough
@pytest.mark.parametrize("style", sources.STYLES)
def test_what_is_accepted_of_another_definition_is_true(style):
    """Whatever the order of definition of what runs side by side; some of each style is found."""
    solved = 0
    for seed in range(30):
        net = compiled(sources.spec(seed)).net
        solved += right_or_refused(net, sources.renamed(net, seed, style), seed)
    assert solved >= {"flat": 0, "lists": 0}.get(style, 5)
