"""Checkpoints as frameworks write them: mapped where their names say enough, refused where they do not."""

import re

import pytest
import torch
from safetensors.torch import save_file

import incdsl
from incdsl.diagnostics import CompileError
from incdsl.runtime.harness import randomized
from incdsl.weights.checkpoint import checkpoint
from incdsl.weights.match import Origin, correspond
from incdsl.weights.report import padded_alike
from tests.nets import EXAMPLES, compiled, net_of, spec
from tests.process import V3
from tests.weights.test_correspondence import TWINS, decided, matched, own, refused, twins

# Caffe's GoogLeNet


RAILS = {
    "branch1x1": "1x1", "branch3x3_1": "3x3_reduce", "branch3x3_2": "3x3", "branch5x5_1": "5x5_reduce",
    "branch5x5_2": "5x5", "branch_pool": "pool_proj",
}  # fmt: skip
STEM = {
    "conv1": "conv1/7x7_s2", "conv2_reduce": "conv2/3x3_reduce", "conv2": "conv2/3x3", "fc": "loss3/classifier",
    "aux4a.conv": "loss1/conv", "aux4a.fc1": "loss1/fc", "aux4a.fc2": "loss1/classifier", "aux4d.conv": "loss2/conv",
    "aux4d.fc1": "loss2/fc", "aux4d.fc2": "loss2/classifier",
}  # fmt: skip


@pytest.fixture(scope="module")
def googlenet():
    """The network of the paper, with biases and without norms, as Caffe has it."""
    return net_of(V3.with_name("v1.inc")).net


def caffe_name(key):
    """What the first and second array of a layer are called when its blobs are saved by their numbers."""
    path, _, last = key.rpartition(".")
    block, _, unit = path.partition(".")
    layer = STEM.get(path) or f"inception_{block.removeprefix('inception')}/{RAILS[unit]}"
    return f"{layer}/{'01'[last == 'bias']}"


def test_caffes_googlenet_maps_whole(googlenet):
    """`3x3` and `3x3_reduce` are two rails in a module, and two convolutions of the stem."""
    names = {key: caffe_name(key) for key in own(googlenet)}
    found = correspond(googlenet, checkpoint("c", [(names[key], shape) for key, shape in own(googlenet).items()]))
    assert {pair.key: pair.origin for pair in found.pairs} == {key: Origin(name) for key, name in names.items()}
    reasons = {pair.key: pair.reason for pair in found.pairs}
    assert reasons["inception3b.branch1x1.weight"] == "named 1x1 for branch1x1, as in inception3a.branch1x1"


def test_a_word_that_stands_for_two_rails_is_no_evidence(googlenet):
    """In the first module, where shapes tell, two rails have exchanged their names: in the second nothing tells."""
    exchanged = {"inception_3a/1x1": "inception_3a/3x3_reduce", "inception_3a/3x3_reduce": "inception_3a/1x1"}
    shapes = {}
    for key, shape in own(googlenet).items():
        layer, _, last = caffe_name(key).rpartition("/")
        shapes[f"{exchanged.get(layer, layer)}/{last}"] = shape
    codes, text = refused(googlenet, shapes)
    assert codes == {"E705"}
    assert "`inception3b.branch1x1`, `inception3b.branch3x3` could each be any of" in text


# Keras's Inception-v3


KERAS = {
    "conv.weight": ("conv2d", "kernel"), "bn.bias": ("batch_normalization", "beta"),
    "bn.running_mean": ("batch_normalization", "moving_mean"),
    "bn.running_var": ("batch_normalization", "moving_variance"),
}  # fmt: skip


def keras_names(net):
    """Layers in the order in which Keras makes them, the first of each kind without a number; no factors in norms."""
    keys = [key for key in own(net) if not key.startswith("AuxLogits.")]
    number = {key[: -len(".conv.weight")]: i for i, key in enumerate(k for k in keys if k.endswith("conv.weight"))}
    names = {"fc.weight": "predictions/kernel:0", "fc.bias": "predictions/bias:0"}
    for key in keys:
        for last, (stem, word) in KERAS.items():
            if key.endswith(f".{last}"):
                i = number[key[: -len(last) - 1]]
                names[key] = f"{stem}_{i}/{word}:0" if i else f"{stem}/{word}:0"
    return names


def backwards(shape):
    """A shape of PyTorch's as TensorFlow has it."""
    return [*shape[:1:-1][::-1], shape[1], shape[0]] if len(shape) == 4 else shape[::-1]


def test_keras_names_of_inception_v3(v3):
    names = keras_names(v3.net)
    shapes = {name: backwards(own(v3.net)[key]) for key, name in names.items()}
    codes, text = refused(v3.net, shapes, without_aux=True)
    assert codes == {"E705"}
    assert "`--rails-in-order` assumes" in text
    found = matched(v3.net, shapes, without_aux=True, rails_in_order=True)
    assert {key: source for key, source in found.items() if source} == names


@pytest.mark.parametrize("stem", ["conv2d", "Conv"])
def test_the_first_sibling_without_a_number_is_the_first(stem):
    net = compiled(spec("a: conv2d 3x3 @8 -> relu -> b: conv2d 3x3 @8 -> relu -> c: conv2d 3x3 @8")).net
    names = [stem, f"{stem}_1", f"{stem}_2"]
    shapes = {f"{name}/{last}": s for name in reversed(names) for last, s in (("kernel", [3, 3, 8, 8]), ("bias", [8]))}
    found = matched(net, shapes)
    assert [found[f"{label}.weight"] for label in "abc"] == [f"{name}/kernel" for name in names]


def test_two_firsts_are_no_order():
    net = compiled(spec("a: conv2d 3x3 @8 -> relu -> b: conv2d 3x3 @8 -> relu -> c: conv2d 3x3 @8")).net
    shapes = {
        f"{name}.{last}": s for name in ("x", "x_0", "x_1") for last, s in (("weight", [8, 8, 3, 3]), ("bias", [8]))
    }
    assert refused(net, shapes)[0] == {"E705"}


# Lightning, timm


NET = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu
net Small {
  input image [3, 32, 32]
  output logits = image -> stem: conv 3x3/2 @8 half -> mid: conv 3x3 @8 -> gap -> fc: linear @10
}
"""


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.inc").write_text(NET, encoding="utf-8")
    return randomized(incdsl.load("net.inc").Small())


def test_lightning(call, small):
    """Its own suffix, the module below a name, and what Lightning keeps beside it."""
    state = {f"model.{key}": value for key, value in small.state_dict().items()}
    saved = {"epoch": 3, "global_step": 9, "state_dict": state, "optimizer_states": [{"state": {}}], "loops": {}}
    torch.save(saved, "last.ckpt")
    result = call("map", "net.inc", "--from", "last.ckpt")
    assert result.exit_code == 0, result.output
    assert (
        "last.ckpt: the state_dict is below `state_dict`; left aside: epoch, global_step, loops, opt" in result.stdout
    )


def test_lightning_with_an_average_in_the_same_state_dict(call, small):
    """Refused, for both are there; left out by what the message says."""
    state = {f"model.{key}": value for key, value in small.state_dict().items()}
    averaged = {f"model_ema.{key}": value + 1 for key, value in small.state_dict().items()}
    torch.save({"state_dict": state | averaged}, "last.ckpt")
    refusal = call("map", "net.inc", "--from", "last.ckpt")
    assert refusal.exit_code == 1
    assert "error[E703]" in refusal.stderr
    assert call("map", "net.inc", "--from", "last.ckpt", "--ignore", "model_ema.*").exit_code == 0
    assert call("map", "net.inc", "--from", "last.ckpt", "--ignore", "model.*").exit_code == 0


@pytest.mark.parametrize("entry", ["state_dict", "state_dict_ema"])
def test_timm_with_an_average(call, small, entry):
    state = small.state_dict()
    saved = {"epoch": 3, "arch": "small", "state_dict": state, "state_dict_ema": state, "optimizer": {"state": {}}}
    torch.save(saved, "model_best.pth.tar")
    refusal = call("map", "net.inc", "--from", "model_best.pth.tar")
    assert refusal.exit_code == 1
    assert f"`--entry {entry}`" in refusal.stderr
    assert call("map", "net.inc", "--from", "model_best.pth.tar", "--entry", entry).exit_code == 0


# Last words


@pytest.mark.parametrize("words", [("0", "1"), ("w", "b"), ("weights", "biases"), ("kernel", "offset"), ("b", "w")])
@pytest.mark.parametrize("layout", ["torch", "tensorflow"])
def test_two_tensors_are_a_weight_and_its_bias(words, layout):
    net = compiled(spec("conv: conv2d 3x3 @16 -> gap -> fc: linear @5")).net
    names = dict(zip(("weight", "bias"), words, strict=True))
    turned = backwards if layout == "tensorflow" else list
    shapes = {key.rpartition(".")[0] + "/" + names[key.rpartition(".")[2]]: turned(s) for key, s in own(net).items()}
    pairs = {pair.key: pair.origin for pair in correspond(net, checkpoint("c", shapes.items())).pairs}
    permute = {"conv.weight": (3, 2, 0, 1), "fc.weight": (1, 0)} if layout == "tensorflow" else {}
    assert pairs == {
        key: Origin(f"{key.rpartition('.')[0]}/{names[key.rpartition('.')[2]]}", permute=permute.get(key, ()))
        for key in own(net)
    }


@pytest.mark.parametrize(("other", "permute"), [([5, 8, 3, 3], ()), ([3, 3, 8, 5], (1, 0))])
def test_a_square_layer_is_stored_as_the_others_are(other, permute):
    net = compiled(spec("conv: conv2d 3x3 @5 -> gap -> fc: linear @5")).net
    shapes = {"x/0": other, "x/1": [5], "y/0": [5, 5], "y/1": [5]}
    pairs = {pair.key: pair.origin for pair in correspond(net, checkpoint("c", shapes.items())).pairs}
    assert pairs["fc.weight"] == Origin("y/0", permute=permute)


def test_a_square_layer_alone_is_not_guessed():
    codes, text = refused(compiled(spec("gap -> fc: linear @8")).net, {"y/0": [8, 8], "y/1": [8]})
    assert codes == {"E702", "E703"}
    assert "`0`, `1` does not say whether it is a weight" in text


def test_a_convolution_is_no_bias_and_a_queue_no_layer():
    net = compiled(spec("conv: conv2d 3x3 @16")).net
    codes, _ = refused(net, {"conv.weight": [16, 8, 3, 3], "conv.bias": [16], "moco.queue": [128, 64], "moco.ptr": [1]})
    assert codes == {"E703"}


def test_what_last_words_do_not_say_is_said_once(googlenet):
    """Not for each of 64 layers."""
    shapes = {}
    for key, shape in own(googlenet).items():
        shapes[f"{key.rpartition('.')[0]}/{'blob' if key.endswith('weight') else 'shift'}"] = shape
        shapes[f"{key.rpartition('.')[0]}/momentum"] = [1]
    with pytest.raises(CompileError) as caught:
        matched(googlenet, shapes)
    unplaced = [each.message() for each in caught.value.diagnostics if each.code == "E703"]
    assert len(unplaced) == 1
    assert "and 186 more, for `blob`, `momentum`, `shift` does not say whether it is a weight, a bias" in unplaced[0]


# Said by hand


@pytest.mark.parametrize("way", [("foo", "left"), ("bar", "right"), ("foo.weight", "left"), ("bar/bias", "right")])
def test_one_ambiguity_is_settled_by_hand(way):
    net = compiled(spec(TWINS)).net
    codes, text = refused(net, twins("foo", "bar"))
    assert codes == {"E705"}
    assert "`--same bar=left`" in text
    found = correspond(net, checkpoint("c", twins("foo", "bar").items()), decided(same=[way]))
    pairs = {pair.key: pair for pair in found.pairs}
    assert pairs["left.weight"].origin.source == "foo.weight"
    assert pairs[f"{way[1]}.weight"].reason == "said to be the same"


def test_what_the_message_says_settles_it(call, tmp_path):
    (tmp_path / "n.inc").write_text(spec(TWINS), encoding="utf-8")
    save_file({key: torch.zeros(shape) for key, shape in twins("foo", "bar").items()}, "c.safetensors")
    refusal = call("map", "n.inc", "--from", "c.safetensors")
    (option,) = re.findall("`(--same [^`]*)`", refusal.stderr)
    done = call("map", "n.inc", "--from", "c.safetensors", *option.split(), "-o", "m.toml")
    assert done.exit_code == 0, done.output
    text = (tmp_path / "m.toml").read_text(encoding="utf-8")
    assert '[decisions]\nignore = []\nfresh = []\nsame = { "bar" = "left" }\nrails_in_order = false\n' in text
    assert call("convert", "n.inc", "--from", "c.safetensors", "--map", "m.toml", "-o", "o.pt").exit_code == 0


def test_whole_blocks_are_said_to_be_the_same():
    block = "block B = conv2d 3x3 @8 -> relu -> conv2d 3x3 @8\n"
    text = spec("add { | left: B | right: B }").replace("net N", f"{block}net N")
    net = compiled(text).net
    shapes = {f"net/{side}/{i}/{last}": s for side in ("x", "y") for i in (0, 1)
              for last, s in (("weight", [8, 8, 3, 3]), ("bias", [8]))}  # fmt: skip
    assert refused(net, shapes)[0] == {"E705"}
    for name in ("net/x", "net.x", "x"):
        found = matched(net, shapes, same=[(name, "right")])
        assert {source.split("/")[1] for key, source in found.items() if key.startswith("right")} == {"x"}


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (("foo", "lefft"), "the net has no `lefft` that is to be matched nearest: `left`"),
        (("fou", "left"), "the checkpoint has no `fou` that is to be matched nearest: `foo"),
        (("foo", "left2"), "the net has no `left2`"),
    ],
)
def test_names_that_are_none(pair, reason):
    codes, text = refused(compiled(spec(TWINS)).net, twins("foo", "bar"), same=[pair])
    assert codes == {"E713"}
    assert reason in text


def test_layers_of_other_shapes_are_not_the_same(v3):
    shapes = own(v3.net)
    codes, text = refused(v3.net, shapes, same=[("fc", "AuxLogits.fc")])
    assert codes == {"E713"}
    assert (
        "`--same fc=AuxLogits.fc`: they are a linear layer [1000, 2048] with bias and a linear layer [1000, 768]"
        in text
    )


def test_in_python_it_is_a_dictionary(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = incdsl.load(spec(TWINS)).N()
    state = {key.replace("left", "foo").replace("right", "bar"): value for key, value in net.state_dict().items()}
    save_file(state, "c.safetensors")
    with pytest.raises(CompileError, match=r'such as `same=\{"bar": "left"\}`'):
        incdsl.pretrained(spec(TWINS), "c.safetensors")
    again = incdsl.pretrained(spec(TWINS), "c.safetensors", same={"foo": "left"})
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in net.state_dict().items())


# TensorFlow's SAME


@pytest.mark.parametrize(
    ("step", "last", "told"),
    [
        ("conv2d 3x3/2 @8 half", "kernel", True),
        ("conv2d 3x3/2 @8 pad 1", "weights", True),
        ("conv2d 3x3/2 @8 tfsame", "kernel", False),
        ("conv2d 3x3/2 @8 valid", "kernel", False),
        ("conv2d 1x1/2 @8 half", "kernel", False),
        ("conv2d 3x3 @8", "kernel", False),
        ("conv2d 3x3/2 @8 half", "weight", False),
    ],
)
def test_a_stride_that_pads_both_sides_alike_is_told_where_tensorflow_trained_it(step, last, told):
    net = compiled(f"inc 1\nnet N {{\n  input x [3, 16, 16]\n  output y = x -> stem: {step}\n}}\n").net
    layout = backwards if last != "weight" else tuple
    bias = "bias" if last != "weights" else "biases"
    shapes = own(net)
    entries = [(f"stem/{last}", layout(shapes["stem.weight"])), (f"stem/{bias}", shapes["stem.bias"])]
    lines = list(padded_alike(correspond(net, checkpoint("c", entries)), net))
    assert [line.startswith("`stem`: a stride") for line in lines] == [True] * told


# Dashes


def test_blocks_that_are_numbered_with_a_dash():
    """torchvision's RegNets call their blocks `block1-0`, which no attribute of ours can be."""
    net = net_of(EXAMPLES / "regnet.inc").net
    theirs = {key: re.sub(r"\.(block\d)\.(\d)", r".\1-\2", key) for key in own(net)}
    found = correspond(net, checkpoint("c", [(theirs[key], shape) for key, shape in own(net).items()]))
    assert {pair.key: pair.origin.source for pair in found.pairs} == theirs
    assert "trunk_output.block2.block2-1.f.se.fc1.weight" in theirs.values()
