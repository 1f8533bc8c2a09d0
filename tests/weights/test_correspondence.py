"""Which entry of a checkpoint is which tensor: found where it is certain, refused where it is not."""

import json
from functools import partial

import pytest
from hypothesis import HealthCheck, event, given, settings, strategies as st

from incdsl.analysis.cost import state_dict
from incdsl.diagnostics import CompileError
from incdsl.weights.checkpoint import checkpoint
from incdsl.weights.decisions import Decisions
from incdsl.weights.layers import Entry
from incdsl.weights.match import Origin, correspond
from tests.fuzz.chains import INSIDE, LEGAL, NET, TAILS
from tests.nets import compiled, spec
from tests.process import ROOT
from tests.weights import foreign
from tests.weights.slim import slim_name

REFERENCES = ROOT / "tests" / "references"


def entries(name):
    """The names and shapes of a published network."""
    return [(key, shape) for key, shape in json.loads((REFERENCES / f"{name}.json").read_text())["state_dict"]]


def own(net):
    """The names and shapes of a net of ours."""
    return {key: list(tensor.shape) for key, tensor in state_dict(net.graph, net.graph.shapes())}


def decided(without_aux=False, ignore=(), fresh=(), same=(), rails_in_order=False):
    """Decisions as the command line has them."""
    return Decisions(tuple(ignore), tuple(fresh), tuple(same), rails_in_order, "none" if without_aux else "all")


def matched(net, shapes, **options):
    """Entry by tensor; empty for what is filled."""
    known = checkpoint("checkpoint", shapes.items() if isinstance(shapes, dict) else shapes)
    found = correspond(net, known, decided(**options))
    return {pair.key: pair.origin.source for pair in found.pairs}


def refused(net, shapes, **options):
    """The codes of all that is wrong."""
    with pytest.raises(CompileError) as caught:
        matched(net, shapes, **options)
    return {d.code for d in caught.value.diagnostics}, " ".join(
        f"{d.message()} {d.help()}" for d in caught.value.diagnostics
    )


# Transposed convolutions


UP = "up: convtranspose2d 4x4/2 @6 half -> conv: conv2d 3x3 @5 -> last: convtranspose2d 2x2/2 @3 valid (groups: 1)"


def test_a_transposed_convolution_lists_its_inputs_first():
    net = compiled(spec(UP)).net
    assert own(net)["up.weight"] == [8, 6, 4, 4]
    names = dict(zip(("up", "conv", "last"), ("decoder.0", "decoder.1", "decoder.2"), strict=True))
    theirs = {f"{names[key.split('.')[0]]}.{key.split('.')[1]}": shape for key, shape in own(net).items()}
    found = matched(net, theirs)
    assert found == {key: f"{names[key.split('.')[0]]}.{key.split('.')[1]}" for key in own(net)}


def test_tensorflow_lists_them_last():
    """[height, width, out, in], which is the other way round of what its convolutions have."""
    net = compiled(spec("up: convtranspose2d 4x4/2 @6 half")).net
    theirs = [("conv2d_transpose/kernel", [4, 4, 6, 8]), ("conv2d_transpose/bias", [6])]
    pairs = {pair.key: pair.origin for pair in correspond(net, checkpoint("checkpoint", theirs)).pairs}
    assert pairs["up.weight"] == Origin("conv2d_transpose/kernel", permute=(3, 2, 0, 1))


# The same names


@pytest.mark.parametrize("name", ["torchvision.inception_v3", "timm.inception_v3.aux"])
def test_the_published_names_are_ours(v3, name):
    found = correspond(v3.net, checkpoint(name, entries(name)))
    assert [pair.key for pair in found.pairs if pair.origin != Origin(pair.key)] == []
    assert {pair.key for pair in found.pairs} == {key for key, _ in entries(name)}
    assert {pair.reason for pair in found.pairs} == {"same name"}


@pytest.mark.parametrize("name", ["torchvision.inception_v3.noaux", "timm.inception_v3"])
def test_a_head_that_is_not_there_is_left_out_when_that_is_said(v3, name):
    codes, text = refused(v3.net, entries(name))
    assert codes == {"E704"}
    assert "`AuxLogits`" in text
    assert "--without-aux" in text
    found = matched(v3.net, entries(name), without_aux=True)
    assert found == {key: key for key, _ in entries(name)}


def test_a_head_that_nobody_wants_is_ignored_when_that_is_said(v3):
    shapes = entries("torchvision.inception_v3")
    codes, text = refused(v3.net, shapes, without_aux=True)
    assert codes == {"E703"}
    assert "`AuxLogits.fc`" in text
    found = correspond(v3.net, checkpoint("c", shapes), decided(without_aux=True, ignore=["AuxLogits*"]))
    assert all(key.startswith("AuxLogits.") for key in found.unused)
    assert len(found.unused) == 14
    assert found.absent == ("AuxLogits",)


@pytest.mark.parametrize("start", ["module.", "backbone.", "module.model.features."])
def test_containers_around_everything_do_not_matter(v3, start):
    shapes = [(start + key, shape) for key, shape in entries("torchvision.inception_v3")]
    assert {k: f"{start.removeprefix('module.')}{k}" for k in own(v3.net)} == matched(v3.net, shapes)


# TF-slim's


def slim_entries(classes=1000):
    """Slim's names, with its layout: height, width, in, out."""
    found = {}
    for key, shape in entries("torchvision.inception_v3"):
        name = slim_name(key)
        if name:
            shape = [classes if size == 1000 else size for size in shape]
            shape = [*shape, 1, 1] if len(shape) == 2 else shape
            found[name] = [*shape[2:], shape[1], shape[0]] if len(shape) == 4 else shape
    assert len(found) == 388
    return found


def test_slims_names(v3):
    assert matched(v3.net, slim_entries()) == {key: slim_name(key) for key in own(v3.net)}


def test_slims_layout_and_its_missing_factor(v3):
    pairs = {p.key: p for p in correspond(v3.net, checkpoint("slim", slim_entries().items())).pairs}
    assert pairs["fc.weight"].origin == Origin("InceptionV3/Logits/Conv2d_1c_1x1/weights", permute=(3, 2, 0, 1))
    assert pairs["Mixed_5b.branch1x1.bn.weight"].origin == Origin(fill=1.0)
    assert pairs["Mixed_5b.branch1x1.bn.num_batches_tracked"].origin == Origin(fill=0.0)
    assert "numbered Branch_" in pairs["Mixed_5c.branch_pool.conv.weight"].reason


def test_another_number_of_classes_is_told(v3):
    codes, text = refused(v3.net, slim_entries(1001))
    assert codes == {"E712"}
    assert "`AuxLogits.fc`, `fc` have 1,000 outputs each, and the checkpoint 1,001" in text
    assert "`--fresh AuxLogits.fc --fresh fc` leaves them as initialized" in text
    assert "`--set classes=1001` gives the net as many outputs" in text


def test_a_step_counter_is_not_left_out_silently(v3):
    shapes = slim_entries() | {"global_step": []}
    assert refused(v3.net, shapes)[0] == {"E703"}
    assert matched(v3.net, shapes, ignore=["global_step"]) == matched(v3.net, slim_entries())


def test_one_missing_factor_is_no_convention(v3):
    """Factors of 1 are filled in only where no norm has one."""
    shapes = dict(entries("torchvision.inception_v3"))
    del shapes["Mixed_6c.branch1x1.bn.weight"]
    assert refused(v3.net, shapes)[0] == {"E702"}


# Other names


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("style", ["stems", "positions"])
def test_renamed_checkpoints_of_v3_are_solved(v3, style, seed):
    names = foreign.renamed(v3.net, seed, style, groups=False)
    names = {key: f"backbone.{name}" for key, name in names.items()} if seed % 2 else names
    shapes = {names[key]: shape for key, shape in own(v3.net).items()}
    assert matched(v3.net, foreign.shuffled(shapes, seed), rails_in_order=style == "positions") == names


@pytest.mark.parametrize("seed", range(6))
def test_containers_of_several_blocks_are_seen_through(v3, seed):
    names = foreign.renamed(v3.net, seed, "positions", groups=True)
    shapes = {names[key]: shape for key, shape in own(v3.net).items()}
    assert matched(v3.net, foreign.shuffled(shapes, seed), rails_in_order=True) == names


def test_words_alone_do_not_tell_equal_rails_apart(v3):
    names = foreign.renamed(v3.net, 0, "words")
    codes, text = refused(v3.net, {names[key]: shape for key, shape in own(v3.net).items()})
    assert codes == {"E705"}
    assert "`Mixed_6b.branch7x7dbl_2`, `Mixed_6b.branch7x7dbl_4` could each be any of" in text


TWINS = "concat { | left: conv2d 3x3 @4 | right: conv2d 3x3 @4 }"


def twins(*names):
    return {f"{name}.{last}": shape for name in names for last, shape in (("weight", [4, 8, 3, 3]), ("bias", [4]))}


@pytest.mark.parametrize("names", [("foo", "bar"), ("bar", "foo"), ("a", "b"), ("block.left_", "block.right_")])
def test_two_siblings_with_arbitrary_names_are_refused(names):
    codes, text = refused(compiled(spec(TWINS)).net, twins(*names))
    assert codes == {"E705"}
    assert "`left`, `right` could each be any of the 2" in text


@pytest.mark.parametrize("names", [("conv0", "conv1"), ("b.1", "b.2"), ("rail_2", "rail_10"), ("x1a_3x3", "x1b_3x3")])
def test_numbers_of_rails_are_an_order_when_that_is_said(names):
    net = compiled(spec(TWINS)).net
    codes, text = refused(net, twins(*names))
    assert codes == {"E705"}
    assert "`--rails-in-order` assumes that numbers follow the order of rails in the spec" in text
    found = matched(net, twins(*reversed(names)), rails_in_order=True)
    assert [found["left.weight"], found["right.weight"]] == [f"{name}.weight" for name in names]


def test_equal_names_are_evidence_and_likeness_is_none():
    net = compiled(spec(TWINS)).net
    assert matched(net, twins("left", "foo"))["right.weight"] == "foo.weight"
    assert refused(net, twins("left1", "rigth"))[0] == {"E705"}


def test_counting_from_0_is_no_equal_name():
    """`c1` of the checkpoint is the second, although the net calls its first so."""
    net = compiled(spec("c1: conv2d 3x3 @8 -> c2: conv2d 3x3 @8 -> c3: conv2d 3x3 @8")).net
    names = [f"c{i}.{last}" for i in range(3) for last in ("weight", "bias")]
    found = matched(net, {name: [8] if name.endswith("bias") else [8, 8, 3, 3] for name in names})
    assert [found[f"c{i}.weight"] for i in (1, 2, 3)] == ["c0.weight", "c1.weight", "c2.weight"]


def test_the_size_of_a_kernel_is_no_number():
    net = compiled(spec("concat { | a: conv2d 1x1 @4 | b: conv2d 1x1 @4 }")).net
    shapes = {f"b1x{i}.{last}": s for i in (3, 7) for last, s in (("weight", [4, 8, 1, 1]), ("bias", [4]))}
    assert refused(net, shapes)[0] == {"E705"}


def test_rails_in_another_order_are_not_cut_across():
    """Numbers that would need half of one rail and half of another say nothing."""
    net = compiled(spec("concat { | a: conv2d 3x3 @8 -> conv2d 1x1 @8 | conv2d 3x3 @8 }")).net
    conv = {"weight": [8, 8, 3, 3], "bias": [8]}
    shapes = {f"b1.{k}": s for k, s in conv.items()}
    shapes |= {f"b2.x.{k}": s for k, s in conv.items()} | {"b2.y.weight": [8, 8, 1, 1], "b2.y.bias": [8]}
    found = matched(net, shapes)
    assert {key: source for key, source in found.items() if source.startswith("b2.x")}.keys() == {
        "a_1.weight", "a_1.bias",
    }  # fmt: skip


def test_convolutions_and_norms_side_by_side():
    net = compiled(
        "inc 1\nunit u = conv: conv2d (bias: false) -> bn: batchnorm\n"
        "net N {\n  input x [4, 8, 8]\n  output y = x -> a: u 3x3 @4 -> b: u 3x3 @4\n}\n"
    ).net
    lasts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    shapes = {f"l.bn{i}.{last}": [] if last == lasts[-1] else [4] for i in (1, 2) for last in lasts}
    shapes |= {f"l.conv{i}.weight": [4, 4, 3, 3] for i in (1, 2)}
    found = matched(net, shapes)
    assert (found["a.conv.weight"], found["a.bn.running_mean"]) == ("l.conv1.weight", "l.bn1.running_mean")
    apart = {name.replace("l.bn", "m.bn"): shape for name, shape in shapes.items()}
    assert refused(net, apart)[0] == {"E709"}


# Layouts


@pytest.mark.parametrize(
    ("shape", "layout", "canonical"),
    [
        ((5, 3, 2, 4), "torch", (5, 3, 2, 4)),
        ((5, 3), "torch", (5, 3, 1, 1)),
        ((2, 4, 3, 5), "tensorflow", (5, 3, 2, 4)),
        ((3, 5), "tensorflow", (5, 3, 1, 1)),
        ((2, 4, 3, 5), "depthwise", (15, 1, 2, 4)),
        ((7,), "tensorflow", (7,)),
    ],
)
def test_shapes_in_pytorchs_layout(shape, layout, canonical):
    assert Entry("weight", shape, layout).canonical == canonical


def test_depthwise_convolutions():
    net = compiled(spec("conv2d 3x3 @16 (groups: 8, bias: false) -> batchnorm")).net
    norm = {f"d/BatchNorm/{last}": [16] for last in ("beta", "gamma", "moving_mean", "moving_variance")}
    (pair, *_) = correspond(net, checkpoint("c", [("d/depthwise_weights", [3, 3, 8, 2]), *norm.items()])).pairs
    assert pair.origin == Origin("d/depthwise_weights", permute=(2, 3, 0, 1))


def test_a_dense_layer_behind_a_flattened_image():
    net = compiled(spec("flatten -> relu -> linear @5", shape="[3, 4, 6]")).net
    found = correspond(net, checkpoint("c", [("fc/kernel:0", [72, 5]), ("fc/bias:0", [5])]))
    assert found.pairs[0].origin == Origin("fc/kernel:0", view=(4, 6, 3, 5), permute=(3, 2, 0, 1))


# Soundness


def right_or_refused(net, names, seed, **options):
    """Whether the true correspondence was found; anything but it or a refusal fails."""
    shapes = {names[key]: shape for key, shape in own(net).items()}
    codes = set()
    try:
        found = matched(net, foreign.shuffled(shapes, seed), **options)
    except CompileError as error:
        found, codes = None, {d.code for d in error.diagnostics}
    assert codes <= {"E705", "E709"}
    assert found in (None, names)
    return found is not None


@pytest.mark.thorough
@pytest.mark.parametrize("style", foreign.STYLES)
def test_what_is_accepted_is_true(style):
    """Where the premise holds, that containers of the checkpoint are containers of the net."""

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(st.tuples(INSIDE, INSIDE, LEGAL), TAILS, st.integers(0, 10**6))
    def hold(chains, tail, seed):
        try:
            net = compiled(NET.format(*chains, shape="[4, 16, 16]", tail=tail)).net
        except CompileError:
            return
        if own(net):
            names = foreign.renamed(net, seed, style)
            event("solved" if right_or_refused(net, names, seed, rails_in_order=seed % 2 > 0) else "refused")

    hold()


def test_the_comparison_notices_a_wrong_map(v3):
    names = foreign.renamed(v3.net, 0, "positions", groups=False)
    a, b = "Mixed_6c.branch1x1.conv.weight", "Mixed_6c.branch_pool.conv.weight"
    exchanged = names | {a: names[b], b: names[a]}
    check = partial(right_or_refused, v3.net, rails_in_order=True)
    assert check(names, 0)
    with pytest.raises(AssertionError):
        check(exchanged, 0)
