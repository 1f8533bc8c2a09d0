"""The form for a GPU on the CPU: the plain form's numbers for whole networks, certified, readable, runs as it is."""

import importlib.util
import json
import re
import subprocess
import sys
import warnings
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

import incdsl
from incdsl.cli import cli
from incdsl.codegen.gpu import Gpu
from incdsl.compiler import for_inference
from incdsl.ops.gpu import BiasedAvgPool2d, FlooredConv2d, FusedConv2d, SplitConv2d
from incdsl.ops.window import Conv2d
from incdsl.passes.ways import is_gpu_way
from incdsl.resources import carried
from incdsl.runtime.certify import certify
from incdsl.runtime.harness import doubles, noise, outputs, randomized
from incdsl.runtime.load import load_net
from incdsl.runtime.tune import LEFT_OUT, Choice, Measurement, Setting, choices_for, inputs, prepared, record
from incdsl.runtime.ways import Measured, _ways, fastest, measured
from tests.modules import assert_near
from tests.nets import EXAMPLES, SPECS, compiled, nets_of

LARGE = {
    "inception_resnet_v1",
    "inception_resnet_v2",
    "v4",
    "xception",
    "densenet",
    "unet",
    "v3_paper",
    "yolov4",
}
FILES = sorted([*SPECS.glob("*.inc"), *EXAMPLES.glob("*.inc")])
SMALL = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu
net Small(classes = 5) {
  input image [3, 32, 32]
  body = image -> stem: conv 3x3/2 @8 valid -> mixed: Mixed -> res: Residual
  output logits = body -> gap -> fc: linear @classes
}
block Mixed = concat { | a: conv 1x1 @4 | b: conv 3x3 @6 | maxpool 3x3 -> c: conv 1x1 @2 }
block Residual = add { | identity | left: conv 3x3 @8 -> up: conv2d 1x1 @in } -> relu
"""


def form(done, without=(), **settings):
    return for_inference(done, frozenset(without), form=Gpu(**settings))


WAYS = ("kernel", "product", "plain", "fused", "kernel 32 32 64 4 3 4")


def in_every_way(done):
    """The form with kernels, its layers in all ways in turn."""
    layers = [node.path for node in form(done).net.graph if isinstance(node.op, FusedConv2d)]
    return form(done, kernels=True, ways=tuple((path, WAYS[i % len(WAYS)]) for i, path in enumerate(layers)))


def compare(done):
    """The numbers of all forms in float64."""
    least = {
        axis: next(size for size in sizes if size > 32 or size == sizes.most)
        for axis, sizes in done.sizes.evaluation.items()
    }
    with doubles(), torch.no_grad():
        state = randomized(load_net(done)()).state_dict()
        inputs = noise(done, least)
        plain = outputs(load_net(for_inference(done)).from_training(state)(*inputs))
        for each in (form(done), in_every_way(done)):
            found = outputs(load_net(each).from_training(state, dtype=torch.float64)(*inputs))
            for a, b in zip(found, plain, strict=True):
                assert_near(a, b, 1e-12)


@pytest.mark.parametrize("path", [p for p in FILES if p.stem not in LARGE], ids=lambda p: p.stem)
def test_the_numbers_are_the_plain_forms(path):
    for done in nets_of(path).values():
        compare(done)


@pytest.mark.long
@pytest.mark.parametrize("path", [p for p in FILES if p.stem in LARGE], ids=lambda p: p.stem)
def test_the_numbers_of_large_networks(path):
    for done in nets_of(path).values():
        compare(done)


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.inc"
    path.write_text(SMALL, encoding="utf-8")
    return path


def call(*words):
    result = CliRunner().invoke(cli, [str(word) for word in words])
    return result.exit_code, result.output


def test_a_certificate_covers_it():
    done = compiled(SMALL)
    found = form(done)
    assert any(isinstance(node.op, FusedConv2d) for node in found.net.graph)
    assert [each.verdict for each in certify(done, found)] == ["ok", "ok"]


def test_a_wrong_residual_is_noticed(monkeypatch):
    done = compiled(SMALL)
    text = form(done).text.replace("y + residual", "y - residual")
    assert text != form(done).text
    wrong = form(done)
    object.__setattr__(wrong, "text", text)
    assert [each.verdict for each in certify(done, wrong)] == ["ok", "FAIL"]


def test_the_command(small):
    code, said = call("deploy", small, "--device", "cuda", "-o", "out")
    assert (code, "small.py" in said) == (0, True)
    text = (small.parent / "out" / "small.py").read_text(encoding="utf-8")
    assert "#   for a GPU: bf16, channels_last, calls as CUDA graphs, 1 fork on up to 3 streams\n" in text
    assert f"regenerate: incdsl deploy {small} -o out --device cuda\n" in text
    assert "class Small(GraphedModule):" in text
    assert call("deploy", small, "--device", "cuda", "-o", "out", "--check")[0] == 0
    assert call("deploy", small, "-o", "out", "--check")[0] == 1


def test_the_file_stands_alone_and_is_clean(small):
    call("deploy", small, "--device", "cuda", "-o", ".")
    for words in (["check"], ["format", "--check"]):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--isolated", "--line-length", "120", "small.py"],
            capture_output=True, text=True,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout
    text = (small.parent / "small.py").read_text(encoding="utf-8")
    modules = set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE))
    assert modules == {"contextlib", "threading", "torch", "typing", "warnings"}


@pytest.mark.parametrize("dtype", ["bf16", "fp16", "fp32"])
def test_the_weights_have_their_type_and_layout(small, dtype):
    """On the CPU it runs as well, and takes images of any type."""
    training = randomized(incdsl.load(small).Small())
    torch.save(training.state_dict(), "small.pt")
    module = incdsl.deploy(small, "small.pt", device="cuda", dtype=dtype)
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
    assert {p.dtype for p in module.parameters()} == {kinds[dtype]}
    assert module.stem.weight.is_contiguous(memory_format=torch.channels_last)
    image = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert_near(module(image).float(), training.eval()(image), 3e-2 if dtype == "bf16" else 5e-3)


def test_weights_in_their_type_are_written_beside_it(small):
    from safetensors.torch import load_file

    training = incdsl.load(small).Small()
    torch.save(training.state_dict(), "small.pt")
    code, said = call("deploy", small, "--device", "cuda", "--weights", "small.pt", "-o", "out")
    assert code == 0, said
    assert {t.dtype for t in load_file("out/small.safetensors").values()} == {torch.bfloat16}
    spec = importlib.util.spec_from_file_location("small_form", "out/small.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    module = loaded.Small().eval().to(torch.bfloat16)
    module.load_state_dict(load_file("out/small.safetensors"))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--dtype", "bf16"], "are for --device cuda"),
        (["--no-graphs"], "are for --device cuda"),
        (["--device", "cuda", "--packed"], "--packed is for modules without --device"),
        (["--device", "cuda", "--streams", "0"], "not in the range"),
        (["--device", "tpu"], "'tpu' is not one of"),
    ],
)
def test_options_that_do_not_fit(small, words, reason):
    code, said = call("deploy", small, *words)
    assert (code, reason in said) == (2, True), said


def test_without_graphs_and_streams_it_is_a_plain_class(small):
    call("deploy", small, "--device", "cuda", "--no-graphs", "--streams", "1", "-o", ".")
    text = (small.parent / "small.py").read_text(encoding="utf-8")
    assert "class Small(nn.Module):" in text
    assert "Fork" not in text
    assert "threading" not in text
    assert "#   for a GPU: bf16, channels_last\n" in text


@torch.no_grad()
def test_it_compiles_and_exports_as_one_graph():
    done = compiled(SMALL)
    module = load_net(form(done, dtype="fp32")).from_training(load_net(done)().state_dict())
    image = torch.randn(2, 3, 32, 32)
    compiled_module = torch.compile(module, fullgraph=True, backend="eager")
    assert torch.equal(compiled_module(image), module(image))
    program = torch.export.export(module, (image,))
    assert_near(program.module()(image), module(image), 1e-6)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        traced = torch.jit.trace(module, (image,))
    assert_near(traced(image), module(image), 1e-6)


@pytest.mark.parametrize("words", [{"device": "tpu"}, {"device": "cuda", "dtype": "int8"}])
def test_python_says_what_is_possible(small, words):
    with pytest.raises(ValueError, match="not '"):
        incdsl.deploy(small, "small.pt", **words)


# tune


def test_what_is_tried_on_a_gpu():
    found = choices_for("cuda:0", compiled=True)
    assert len({choice.name for choice in found}) == len(found)
    on_gpu = [choice for choice in found if choice.streams]
    assert {choice.streams for choice in on_gpu} == {1, 2, 4}
    assert {choice.without for choice in on_gpu} == {*LEFT_OUT, ("FuseConvs",)}
    assert sum(choice.compiled for choice in on_gpu) == 3
    assert not any(choice.streams for choice in choices_for("cpu", compiled=True))
    assert not any(choice.compiled for choice in choices_for("cuda", compiled=False))


@pytest.mark.parametrize("choice", [c for c in choices_for("cuda", compiled=False) if c.streams], ids=lambda c: c.name)
def test_each_of_them_computes_the_same(choice):
    done = compiled(SMALL)
    training = randomized(load_net(done)()).eval()
    setting = Setting("cpu", 2, "float32", (32, 32))
    with torch.no_grad():
        torch.manual_seed(0)
        assert_near(prepared(done, training, choice, setting)(), training(*inputs(done, setting)), 1e-5)


def test_the_winner_of_a_record_is_written(small):
    done = compiled(SMALL)
    setting = Setting("cuda", 8, "float16", (32, 32))
    best = Choice(("CommuteAvgPool",), (), True, False, 2)
    document = {**record(done, replace(setting, device="cpu"), [Measurement(best, 0.5)]), "processor": "a GPU"}
    (small.parent / "small.json").write_text(json.dumps(document), encoding="utf-8")
    code, said = call("deploy", small, "--tuned", "small.json", "-o", ".")
    assert code == 0, said
    text = (small.parent / "small.py").read_text(encoding="utf-8")
    assert "#   for a GPU: fp16, channels_last, calls as CUDA graphs, 1 fork on up to 2 streams\n" in text
    how = "channels_last, as CUDA graphs, 2 streams, without CommuteAvgPool"
    assert f"#   tuned for a GPU, batch 8, float16: {how}\n" in text


# Layers

TWICE = """inc 1
unit conv = conv: conv2d -> relu
net N {
  input x [4, 16, 15]
  output y = x -> stem: conv 3x3/2 @8 half -> a: Block(width: 8) -> b: Block(width: 16)
}
block Block(width) = concat {
  | c: conv 1x1 @width
  | d: conv2d 1x1 @4 -> relu -> e: conv 3x3 @width
  | avgpool 3x3 -> f: conv2d 1x1 @2 -> relu
}
"""


def test_layers_are_measured_in_every_way_that_they_can_run():
    done = form(compiled(TWICE), kernels=True)
    found = {each.path: each.seconds for each in measured(done, {"H": 16, "W": 15}, 2, torch.float32, "cpu", 3)}
    assert list(found) == ["stem", "a.merged", "a.e", "a.f_bias", "b.merged", "b.e", "b.f_bias"]
    for seconds in found.values():
        assert {"plain", "kernel"} == {way.split(" ")[0] for way in seconds}  # and fused, on a GPU
        assert len(seconds) > 1
        assert all(map(is_gpu_way, seconds))
        assert all(value > 0 for value in seconds.values())


def test_the_ways_of_a_layer_compute_the_same():
    done = form(compiled(TWICE.replace("stem: conv 3x3/2", "first: conv 1x1 @5 -> stem: conv 3x3/2")), kernels=True)
    shapes = done.net.graph.shapes()
    seen = set()
    for node in done.net.graph:
        if isinstance(node.op, FusedConv2d | SplitConv2d | BiasedAvgPool2d):
            grids = [shapes[name].at({"H": 16, "W": 15}) for name in done.net.graph.operands(node.name)]
            ways = _ways(node, [torch.randn(2, *grid, dtype=torch.float64) for grid in grids])
            first, *others = [call() for call in ways.values()]
            for other in others:
                for a, b in zip(outputs(other), outputs(first), strict=True):
                    assert_near(a, b, 1e-12)
            seen.add((type(node.op), "product" in ways))
    assert seen == {(FusedConv2d, False), (FusedConv2d, True), (SplitConv2d, False), (BiasedAvgPool2d, False)}


def test_places_of_one_class_have_one_way():
    """The fastest for all of them together, so that a block stays one class."""
    done = form(compiled(TWICE), kernels=True)
    seconds = {
        "stem": {"plain": 3, "fused": 1, "kernel 64 32 16 4 3 1": 2},
        "a.e": {"plain": 3, "fused": 1, "kernel 64 32 16 4 3 2": 2, "kernel 32 32 64 4 3 1": 0},
        "b.e": {"plain": 9, "fused": 9, "kernel 64 32 16 4 3 2": 5},
        "a.merged": {"plain": 2, "kernel": 3}, "b.merged": {"plain": 2, "kernel": 1.5},
        "a.f_bias": {"plain": 2, "kernel": 1}, "b.f_bias": {"plain": 2, "kernel": 1},
    }  # fmt: skip
    ways = fastest([Measured(path, each) for path, each in seconds.items()], done)
    assert ways == {
        "stem": "fused", "a.e": "kernel 64 32 16 4 3 2", "b.e": "kernel 64 32 16 4 3 2",
        "a.merged": "plain", "b.merged": "plain", "a.f_bias": "kernel", "b.f_bias": "kernel",
    }  # fmt: skip
    tuned = form(compiled(TWICE), kernels=True, ways=tuple(ways.items()))
    kinds = {node.path: type(node.op) for node in tuned.net.graph if node.path in ways}
    assert kinds == {
        "stem": FusedConv2d, "a.e": FlooredConv2d, "b.e": FlooredConv2d, "a.merged": Conv2d, "b.merged": Conv2d,
        "a.f_bias": BiasedAvgPool2d, "b.f_bias": BiasedAvgPool2d,
    }  # fmt: skip
    assert tuned.text.count("\nclass Block") == 1
    assert "self.e = FlooredConv2d(4, width, 3, padding=1, active=width, config=(64, 32, 16, 4, 3, 2))" in tuned.text
    assert [each.verdict for each in certify(compiled(TWICE), tuned)] == ["ok", "ok"]


@pytest.mark.parametrize("wrong", ["guessed", "kernel 0 64 64 4 3 1", "kernel 64 os", "kernel 5", "kernel 48 64 4", 7])
def test_a_record_says_how_layers_run(small, wrong):
    small.write_text(TWICE, encoding="utf-8")
    done = compiled(TWICE)
    best = Choice((), ("UseKernels",), True, False, 4)
    ways = {"stem": "kernel 64 32 16 4 3 1", "a.merged": "plain", "b.merged": "plain"}
    setting = Setting("cpu", 8, "bfloat16", (16, 15))
    document = record(done, setting, [Measurement(best, 0.5)], ways)
    (small.parent / "small.json").write_text(json.dumps(document), encoding="utf-8")
    code, said = call("deploy", small, "--tuned", "small.json", "-o", ".")
    assert code == 0, said
    text = (small.parent / "small.py").read_text(encoding="utf-8")
    assert "self.stem = FlooredConv2d(4, 8, 3, stride=2, padding=1, active=8, config=(64, 32, 16, 4, 3, 1))" in text
    assert "self.merged = nn.Conv2d(" in text
    assert (small.parent / "incdsl_kernels.py").exists()
    document["ways"]["stem"] = wrong
    (small.parent / "small.json").write_text(json.dumps(document), encoding="utf-8")
    code, said = call("deploy", small, "--tuned", "small.json", "-o", ".")
    assert (code, "was not written by `incdsl tune`" in said) == (2, True)


# Kernels


def test_kernels_stand_in_a_file_beside_it(small):
    small.write_text(POOLS, encoding="utf-8")
    code, said = call("deploy", small, "--device", "cuda", "--kernels", "-o", "out")
    assert code == 0, said
    text = (small.parent / "out" / "small.py").read_text(encoding="utf-8")
    assert "import incdsl_kernels as kernels" in text
    assert "kernels of Triton's" in text
    assert (small.parent / "out" / "incdsl_kernels.py").read_text(encoding="utf-8") == carried("kernels")
    run = "import torch, small; print(*small.N().eval()(torch.randn(2, 4, 9, 8)).shape)"
    result = subprocess.run([sys.executable, "-c", run], cwd="out", capture_output=True, text=True)
    assert result.stdout == "2 9 9 8\n", result.stderr
    assert call("deploy", small, "--device", "cuda", "--kernels", "-o", "out", "--check")[0] == 0


def test_a_certificate_covers_kernels():
    done = compiled(POOLS)
    found = form(done, kernels=True)
    assert {type(node.op) for node in found.net.graph} >= {SplitConv2d, BiasedAvgPool2d}
    assert [each.verdict for each in certify(done, found)] == ["ok", "ok"]


POOLS = """inc 1
net N {
  input x [4, 9, 8]
  output y = x -> concat {
    | a: conv2d 1x1 @4 -> relu
    | b: conv2d 1x1 @4 -> relu -> conv2d 3x3 @3
    | avgpool 3x3 -> c: conv2d 1x1 @2 -> relu
  }
}
"""


def test_ranges_of_a_reduction():
    """Before its kernels have run, nothing is as high and wide as what they give: the image is made by their window."""
    text = """inc 1
net N {
  input x [4, 9, 8]
  output y = x -> concat { | maxpool 3x3/2 half | conv2d 3x1/2x1 @2 half -> c: conv2d 3x5/1x2 @3 half -> relu }
}
"""
    done, kernels = compiled(text), {"kernels": True, "ways": (("c", "kernel"),)}
    reduction = form(done, **kernels)
    room = "empty_output(branch_b, 7, kernel_size=(3, 5), stride=(1, 2), padding=(1, 2))"
    assert (room in reduction.text, "empty_image(" in reduction.text) == (True, False)
    assert [each.verdict for each in certify(done, reduction)] == ["ok", "ok"]
    keeps = text.replace("3x3/2 half", "3x3/1").replace("3x1/2x1", "3x1").replace("3x5/1x2", "3x5")
    assert "empty_image(branch_b, 7)" in form(compiled(keeps), **kernels).text


REDUCTION = """inc 1
net N(w = 8) {
  input x [16, 32, 32]
  output y = x -> stem: conv 3x3 @w -> r: R(k: 3) -> s: R(k: 5)
}
unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu
block R(k) = reduce {
  | a: conv/2 @8 half (kernel: k)
  | b: conv2d/2 @8 half (kernel: k)
  | maxpool 3x3/2 half
}
"""


def test_ranges_need_channels_that_an_argument_does_not_change():
    """What enters the block may have other channels then, and a number would cut a value off, or repeat it."""
    done = compiled(REDUCTION)
    free, fixed = (
        form(done, kernels=True),
        form(compiled(REDUCTION.replace("(w = 8)", "").replace("@w", "@8")), kernels=True),
    )
    assert ("empty_output(" in free.text, "empty_output(" in fixed.text) == (False, True)
    for w in (1, 8, 10):
        training = randomized(load_net(done)(w=w)).eval()
        module = load_net(free).from_training(training.state_dict(), w=w, dtype=torch.float32).eval()
        image = torch.randn(2, 16, 32, 32)
        with torch.no_grad():
            assert_near(module(image), training(image), 1e-5)


def test_ranges_behind_a_long_way():
    """However many steps hand on channels; what would be of too many is a concat as before."""
    text = """inc 1
net N {
  input x [6, 9, 8]
  output y = x -> concat { | tanh times 1500 | avgpool 3x3 -> a: conv2d 1x1 @2 -> relu }
}
"""
    assert "empty_image(branch_b, 8)" in form(compiled(text), kernels=True).text
    rails = " ".join(["| identity"] * 70)
    many = text.replace("tanh times 1500", f"concat {{ {rails} }} -> tanh")
    assert "empty_image(" not in form(compiled(many), kernels=True).text


def test_a_kernel_that_a_block_is_told_is_one_of_the_image_too():
    text = form(compiled(REDUCTION.replace("-> stem: conv 3x3 @w ", "").replace("(w = 8)", "")), kernels=True).text
    assert "kernel_size=self.k, stride=2, padding=(self.k - 1) // 2)" in text


def test_an_image_of_another_size_for_some_input_is_not_made():
    """At legal sizes the rails agree; at others a pool without padding gives fewer rows."""
    text = """inc 1
net N {
  input x [16, 32, 32]
  output y = x -> reduce { | maxpool 2x2/2 valid | a: conv2d 3x3/2 @8 half -> relu | b: conv2d 3x3/2 @8 half }
}
"""
    done = compiled(text)
    assert "empty_output(" not in form(done, kernels=True).text
    assert [each.verdict for each in certify(done, form(done, kernels=True))] == ["ok", "ok"]


def test_a_kernel_in_a_repetition_of_a_concat_is_not_told_where_to_write():
    """It takes one value: its result is copied."""
    text = SMALL.replace("b: conv 3x3 @6", "b: conv 3x3 @3 times 2").replace("maxpool 3x3 -> c", "avgpool 3x3 -> c")
    done = compiled(text)
    ways = tuple((f"mixed.{path}", "kernel") for path in ("a", "b.0.conv", "b.1.conv"))
    found = form(done, without=("MergeSiblingConvs",), kernels=True, ways=ways)
    ops = {node.path: node.op for node in found.net.graph if node.path}
    assert [type(ops[path]) for path, _ in ways] == [FlooredConv2d] * 3
    assert [ops[path].into for path, _ in ways] == [True, False, False]
    assert [each.verdict for each in certify(done, found)] == ["ok", "ok"]


def test_parts_are_written_where_they_belong():
    """A rail that is a merged convolution alone goes into the concat; the parts that others read are images."""
    text = form(compiled(POOLS), kernels=True).text
    assert "a, b, c_bias = self.merged(x, y[:, :4])" in text


def test_a_layer_in_a_repetition_may_be_plain():
    done = compiled(
        "inc 1\nunit conv = conv: conv2d -> relu\n"
        "net N {\n  input x [4, 9, 8]\n  output y = x -> a: conv 3x3 @4 times 2\n}\n"
    )
    found = form(done, kernels=True, ways=(("a.0.conv", "plain"), ("a.1.conv", "fused")))
    assert [type(node.op) for node in found.net.graph if node.path] == [Conv2d, FusedConv2d]
