"""The form for a CPU: certified through its schemes, readable, complete in its folder, and right without a compiler."""

import itertools
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

import incdsl
from incdsl.cli import cli
from incdsl.codegen.cpu import KERNEL, Cpu, kernel
from incdsl.compiler import for_inference
from incdsl.ops import cpu
from incdsl.ops.cpu import WinogradConv2d
from incdsl.ops.window import Conv2d
from incdsl.passes.ways import DIRECT, is_cpu_way
from incdsl.runtime.certify import certify
from incdsl.runtime.harness import doubles, noise, outputs, randomized
from incdsl.runtime.kernels.build import Compiler
from incdsl.runtime.load import load_net
from incdsl.runtime.schemes import measured, schemes_for, ways_measured
from incdsl.runtime.tune import Choice, Measurement, Setting, choices_for, record
from incdsl.winograd import residues, schemes
from tests.modules import assert_near
from tests.nets import EXAMPLES, SPECS, compiled, nets_of

SMALL = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu
net Small(classes = 5) {
  input image [3, 40, 40]
  body = image -> stem: conv 3x3/2 @24 valid -> mixed: Mixed(width: 32) -> second: Mixed(width: 48)
  output logits = body -> gap -> fc: linear @classes
}
block Mixed(width) = concat {
  | a: conv 1x1 @16
  | b: conv 1x1 @24 -> c: conv 3x3 @width -> d: conv 3x3 @width
  | e: conv 1x1 @24 -> f: conv 1x7 @32 -> g: conv 7x1 @32
  | h: conv 1x1 @24 -> i: conv 5x5 @32
}
"""
NAMES = ["mixed.c", "mixed.d", "mixed.f", "mixed.g", "mixed.i"]


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.inc"
    path.write_text(SMALL, encoding="utf-8")
    return path


def call(*words):
    result = CliRunner().invoke(cli, [*map(str, words)])
    return result.exit_code, result.output


def schemes_of(form):
    return {node.path: node.op.scheme for node in form.net.graph if isinstance(node.op, WinogradConv2d)}


# What is rewritten


def test_each_kernel_gets_its_scheme():
    form = for_inference(compiled(SMALL), form=Cpu())
    found = schemes_of(form)
    assert {name: found[name] for name in NAMES} == dict(
        zip(NAMES, ["F(4x4,3x3)", "F(4x4,3x3)", "F(1x4,1x7)", "F(4x1,7x1)", "F(4x4,5x5)"], strict=True)
    )
    assert "nn.Conv2d(" not in form.text  # oneDNN has the others


def test_points_of_higher_order_are_asked_for():
    usual = {scheme.name for scheme in schemes()}
    assert set(schemes_of(for_inference(compiled(SMALL), form=Cpu())).values()) <= usual
    assert set(schemes_of(for_inference(compiled(SMALL), form=Cpu(higher_order=True))).values()) - usual


def test_what_was_measured_is_followed():
    ways = (("mixed.c", "F(2x2,3x3)"), ("mixed.d", DIRECT), ("mixed.f", "F(1x6,1x7)"))
    form = for_inference(compiled(SMALL), form=Cpu(ways=ways))
    found = schemes_of(form)
    assert (found["mixed.c"], found.get("mixed.d"), found["mixed.f"]) == (
        "F(2x2,3x3)",
        None,
        "F(1x6,1x7)",
    )
    assert [each.verdict for each in certify(compiled(SMALL), form)] == ["ok", "ok"]


def test_inception_v3():
    """As many of its convolutions as can be, and what becomes of the weights, which the head tells."""
    (done,) = nets_of(SPECS / "v3.inc").values()
    form = for_inference(done, form=Cpu())
    found = schemes_of(form)
    assert len(found) == 49
    assert {"Mixed_7b.branch3x3dbl_2", "Mixed_7c.branch3x3dbl_2"} == {
        path for path, scheme in found.items() if scheme == "F(2x2,3x3)"
    }
    assert "49 convolutions by Winograd's schemes, in float32; weights of 95.3 MB are read as 137.0 MB" in form.text
    assert form.cost.macs < 0.55 * done.cost.macs


# Certificates


@pytest.mark.parametrize("higher_order", [False, True])
def test_it_is_certified(higher_order):
    done = compiled(SMALL)
    assert [each.verdict for each in certify(done, for_inference(done, form=Cpu(higher_order)))] == ["ok", "ok"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "path", [SPECS / "v3.inc", EXAMPLES / "resnet18.inc", EXAMPLES / "fpn.inc"], ids=lambda p: p.stem
)
def test_whole_networks_give_the_numbers_of_the_training_module(path):
    """In float64, by the kernel itself, where one is close to the borders of its tiles."""
    for done in nets_of(path).values():
        form = for_inference(done, form=Cpu())
        assert schemes_of(form)
        with doubles(), torch.no_grad():
            module = randomized(load_net(done)()).eval()
            after = load_net(form).from_training(module.state_dict()).eval()
            sizes = {axis: next(size for size in legal if size >= 75 or size == legal.most) for axis, legal in
                     done.sizes.evaluation.items()}  # fmt: skip
            images = noise(done, sizes)
            for found, expected in zip(outputs(after(*images)), outputs(module(*images)), strict=True):
                assert_near(found, expected, 1e-10)


@pytest.mark.parametrize("name", ["at", "g", "bt"])
def test_a_wrong_entry_of_a_matrix_is_noticed_by_the_certificate(monkeypatch, name):
    done = compiled(SMALL)
    form = for_inference(done, form=Cpu())
    axis = schemes()[1].horizontal  # F(4, 3)
    wrong = [list(row) for row in getattr(axis, name)]
    wrong[1][1] = -wrong[1][1]

    def tampered(matrix, prime):
        return residues(wrong if matrix == getattr(axis, name) else matrix, prime)

    monkeypatch.setattr(cpu, "residues", tampered)
    assert next(iter(certify(done, form))).verdict == "FAIL"


def test_the_field_computes_the_scheme_and_not_the_convolution(monkeypatch):
    """Or else it would prove nothing."""
    done = compiled(SMALL)
    form = for_inference(done, form=Cpu())
    monkeypatch.setattr(Conv2d, "on_residues", None)
    node = next(node for node in form.net.graph if isinstance(node.op, WinogradConv2d))
    assert "on_residues" in vars(type(node.op))


# The folder


def test_the_folder_is_complete(small):
    """It imports nothing but PyTorch, compiles the kernel once and gives the training module's numbers."""
    code, said = call("deploy", small, "--device", "cpu", "-o", "out")
    assert code == 0, said
    folder = small.parent / "out"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {"small.py", *kernel()}
    text = (folder / "small.py").read_text(encoding="utf-8")
    assert f"from {KERNEL} import WinogradConv2d\n" in text
    assert "--device cpu" in text.split("\n")[1]
    assert run(folder) == ("kernel", "", True)
    assert call("deploy", small, "--device", "cpu", "-o", "out", "--check")[0] == 0
    (folder / KERNEL / "winograd.cpp").write_text("", encoding="utf-8")
    code, said = call("deploy", small, "--device", "cpu", "-o", "out", "--check")
    assert (code, "winograd.cpp" in said) == (1, True)


def test_without_a_compiler_the_same_folder_runs(small):
    call("deploy", small, "--device", "cpu", "-o", "out")
    how, said, same = run(small.parent / "out", INCDSL_CXX="no-such-compiler")
    assert (how, same) == ("convolution", True)
    assert said.count("there is no C++ compiler: no-such-compiler not found") == 1


RUN = """
import sys
from types import SimpleNamespace
sys.modules["incdsl"] = None
import torch, small, incdsl_winograd.layer as layer
torch.manual_seed(0)
module = small.Small().eval()
image = torch.randn(2, 3, 40, 40)
calls = []
native = layer.WinogradConv2d.is_native
def told(self, x):
    calls.append(native(self, x))
    return calls[-1]
layer.WinogradConv2d.is_native = told
with torch.no_grad():
    y = module(image)
layer.WinogradConv2d.is_native = lambda self, x: False
same = torch.allclose(y, module(image), rtol=1e-4, atol=1e-5)
print("kernel" if all(calls) else "convolution" if not any(calls) else "both", same)
"""


def run(folder, **environment):
    """How the convolutions ran, what was said, and whether the numbers are those of PyTorch."""
    environment = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", RUN], cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    how, same = done.stdout.split()
    said = "\n".join(line for line in done.stderr.split("\n") if not line.startswith("incdsl: "))
    return how, said, same == "True"


def test_carried_files_are_those_of_this_package():
    """Nothing in them names the package that they come from."""
    for name, text in kernel().items():
        assert not re.search(r"\bincdsl\.", text), name
    assert "winograd.cpp" in {name.rpartition("/")[2] for name in kernel()}


def test_python_deploys_it(small):
    done = compiled(SMALL)
    torch.manual_seed(0)
    training = randomized(load_net(done)()).eval()
    torch.save(training.state_dict(), "small.pt")
    module = incdsl.deploy(small, "small.pt", device="cpu")
    image = torch.randn(2, 3, 40, 40)
    with torch.no_grad():
        assert_near(module(image), training(image), 1e-5)
    assert module.mixed.c.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--higher-order"], "--higher-order and --batch are for --device cpu"),
        (["--device", "cpu", "--packed"], "--device cpu does it by itself"),
        (["--device", "cpu", "--dtype", "bf16"], "are for --device cuda"),
        (["--device", "cpu", "--tuned", "small.inc"], "leave out --device"),
    ],
)
def test_options_that_do_not_fit(small, words, reason):
    code, said = call("deploy", small, *words)
    assert (code, reason in said) == (2, True), said


# tune


def test_the_form_is_among_what_is_tried():
    names = [choice.name for choice in choices_for("cpu", compiled=True)]
    assert len(set(names)) == len(names)
    assert sum("UseWinograd" in name for name in names) == 6
    assert not any("UseWinograd" in choice.name for choice in choices_for("cpu", compiled=True, dtype="bfloat16"))


def test_layers_are_measured_by_every_scheme_there_is():
    form = for_inference(compiled(SMALL), without=frozenset({"UseWinograd"}), form=Cpu())
    found = {each.path: each.seconds for each in measured(form, {"H": 40, "W": 40}, 1, 1, schemes_for)}
    assert {*NAMES, *(name.replace("mixed", "second") for name in NAMES)} == set(found)
    assert set(found["mixed.c"]) == {"F(2x2,3x3)", "F(4x4,3x3)", DIRECT}
    assert set(found["mixed.f"]) == {"F(1x4,1x7)", DIRECT}
    assert all(seconds > 0 for each in found.values() for seconds in each.values())


def test_then_how_their_work_is_cut_up(monkeypatch):
    """By the scheme that was fastest; the file says what was best."""
    asked, done = [], compiled(SMALL)

    def timed(op, shape, ways, rounds):
        asked.append(ways)
        best = {"F(2x2,3x3)": 2, "F(2x2,3x3) 28 6 1": 1, DIRECT: 3}
        return {way: best.get(way, 4) for way in ways}

    monkeypatch.setattr("incdsl.runtime.schemes._timed", timed)
    monkeypatch.setattr("incdsl.runtime.schemes.library_for", lambda dtype, scheme: SimpleNamespace(panel=32))
    measurable = for_inference(done, without=frozenset({"UseWinograd"}), form=Cpu())
    ways = ways_measured(measurable, {"H": 40, "W": 40}, 1, 1)
    assert (ways["mixed.c"], ways["mixed.f"]) == ("F(2x2,3x3) 28 6 1", DIRECT)
    assert all(map(is_cpu_way, itertools.chain(*asked)))
    assert {len(each) for each in asked if DIRECT not in each} == {13}
    form = for_inference(done, form=Cpu(ways=tuple(ways.items())))
    assert 'scheme="F(2x2,3x3)", active=width, blocking=(28, 6, 1)' in form.text
    assert [each.verdict for each in certify(done, form)] == ["ok", "ok"]


def test_a_record_says_how_layers_run(small):
    done = compiled(SMALL)
    best = Choice((), ("UseWinograd",), True, True)
    ways = {
        "mixed.c": "F(2x2,3x3)",
        "second.c": "F(2x2,3x3)",
        "mixed.d": DIRECT,
        "second.d": DIRECT,
    }
    document = record(done, Setting("cpu", 1, "float32", (40, 40)), [Measurement(best, 0.5)], ways)
    (small.parent / "small.json").write_text(json.dumps(document), encoding="utf-8")
    code, said = call("deploy", small, "--tuned", "small.json", "-o", ".")
    assert code == 0, said
    text = (small.parent / "small.py").read_text(encoding="utf-8")
    assert '"F(2x2,3x3)"' in text
    assert text.count("\nclass Mixed") == 1
    assert "under torch.compile with freezing, with UseWinograd" in text
    assert (small.parent / KERNEL / "layer.py").exists()
    for wrong in (
        "F(9x9,3x3)",
        "plain",
        3,
        "direct 14 6 0",
        *(f"F(4x4,3x3) {cut}" for cut in ("14 6", "0 6 0", "14 6 2")),
    ):
        document["ways"]["mixed.c"] = wrong
        (small.parent / "small.json").write_text(json.dumps(document), encoding="utf-8")
        code, said = call("deploy", small, "--tuned", "small.json", "-o", ".")
        assert (code, "was not written by `incdsl tune`" in said) == (2, True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ways": {"mixed.c.conv": DIRECT}}, "when layers had other names, or kernels: run `incdsl tune` again"),
        ({"ways": {"mixed.i": "F(4x4,3x3)"}}, "when layers had other names, or kernels"),
        ({"net": "Large"}, "was measured on another net, Large"),
        ({"net": None}, "was measured on another net"),
        ({"keys": ...}, "was not written by `incdsl tune`"),
    ],
)
def test_a_record_of_other_layers_is_refused(small, change, reason):
    best = Choice((), ("UseWinograd",), True, True)
    setting = Setting("cpu", 1, "float32", (40, 40))
    document = record(compiled(SMALL), setting, [Measurement(best, 0.5)], {"mixed.c": DIRECT}) | change
    document = {name: value for name, value in document.items() if value is not ...}
    (small.parent / "small.json").write_text(json.dumps(document), encoding="utf-8")
    code, said = call("deploy", small, "--tuned", "small.json", "-o", ".")
    assert (code, reason in said) == (2, True), said


def test_there_is_a_compiler_here():
    """What is tested above is the kernel, and not what stands in for it."""
    assert Compiler.found()
