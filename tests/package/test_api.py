"""The Python interface: texts, paths, settings, diagnostics, and modules that can be debugged."""

import inspect
import linecache
import sys
import traceback
from types import ModuleType

import pytest
import torch

import incdsl
from incdsl.compiler import compile_net, from_bytes, in_giga
from incdsl.diagnostics import CompileError
from tests.process import V3

TEXT = """inc 1
net N(width = 4, p = 0.5, deep = false) {
  input x [3, 8, 8]
  output y = x -> conv2d 3x3 @width -> (conv2d 3x3 @5 if deep) -> gap -> dropout (p: p) -> linear @2
}
"""
TWO = """inc 1
net A {
  input x [3, 8, 8]
  output y = x -> relu
}
net B {
  input x [3, 8, 8]
  output y = x -> gelu
}
"""
WRONG = TEXT.replace("gap", "gpa").replace("linear @2", "linear 2")


@pytest.fixture
def path(tmp_path):
    """The spec as a file."""
    (tmp_path / "n.inc").write_text(TEXT, encoding="utf-8")
    return tmp_path / "n.inc"


# compile


def test_compile_reads_paths(path, monkeypatch):
    expected = compile_net(from_bytes(TEXT.encode(), "n.inc")).text
    monkeypatch.chdir(path.parent)
    assert incdsl.compile(path) == incdsl.compile(str(path)) == incdsl.compile("n.inc") == expected


def test_compile_reads_texts(path):
    text = incdsl.compile(TEXT)
    assert text.split("\n")[2:] == [line.replace("n.inc", "_spec_") for line in incdsl.compile(path).split("\n")[2:]]
    assert "generated from _spec_." in text


def test_compile_finds_the_shipped_spec_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert incdsl.compile("specs/v3.inc") == incdsl.compile(V3)


def test_compile_takes_settings():
    text = incdsl.compile(TEXT, width=9, p=0.125, deep=True)
    assert "def __init__(self, width=9, p=0.125):" in text
    assert "decided at compile time: deep = true" in text
    assert "--set width=9 --set p=0.125 --set deep=true" in text
    assert text != incdsl.compile(TEXT)


def test_compile_chooses_a_net():
    assert "class B(nn.Module)" in incdsl.compile(TWO, "B")
    assert "class A(nn.Module)" in incdsl.compile(TWO, net="A")
    with pytest.raises(CompileError, match="E218 the file has 2 nets"):
        incdsl.compile(TWO)
    with pytest.raises(CompileError, match="E218 the file has no net `C`"):
        incdsl.compile(TWO, "C")


@pytest.mark.parametrize(
    ("settings", "code"), [({"depth": 3}, "E216"), ({"width": 0}, "E203"), ({"p": 1.5}, "E203"), ({"deep": 3}, "E212")]
)
def test_compile_complains_about_settings(settings, code):
    with pytest.raises(CompileError) as error:
        incdsl.compile(TEXT, **settings)
    assert [d.code for d in error.value.diagnostics] == [code]


@pytest.mark.parametrize(
    "value",
    [None, "four", [4], {"a": 1}, object(), b"4", float("nan"), float("inf"), 10**30, -1],
    ids=lambda v: type(v).__name__,
)
def test_settings_of_no_sense_are_complaints(value):
    with pytest.raises((CompileError, TypeError, ValueError)):
        incdsl.compile(TEXT, width=value)


# check


def test_check_of_what_is_right_is_empty(path):
    assert incdsl.check(path) == incdsl.check(str(path)) == incdsl.check(TEXT) == incdsl.check(TWO) == []


def test_check_returns_all_mistakes_in_order():
    found = incdsl.check(WRONG)
    assert [(d.code, str(d.span)) for d in found] == [("E201", "<spec>:4:67")]
    assert found[0].message() == "nothing is called `gpa`"
    two = incdsl.check(TWO.replace("relu", "rleu").replace("gelu", "gleu"))
    assert [(d.code, d.span.line) for d in two] == [("E201", 4), ("E201", 8)]


def test_check_returns_warnings():
    text = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> A: conv2d 3x3 @4 -> a: conv2d 3x3 @4\n}\n"
    assert [(d.code, d.severity) for d in incdsl.check(text)] == [("W401", "warning")]


def test_check_takes_settings():
    assert incdsl.check(TEXT, width=8) == []
    assert [d.code for d in incdsl.check(TEXT, width=0)] == ["E203"]


@pytest.mark.parametrize(
    "spec", ["missing.inc", "", "a" * 300, "a\0b", "no/such/folder/x.inc", "."], ids=lambda s: ascii(s[:9])
)
def test_what_cannot_be_read_is_a_diagnostic(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [d.code for d in incdsl.check(spec)] == ["E105"]


@pytest.mark.parametrize(
    "text",
    ["\n", "inc 1\n\0", "inc 1\n\ud800", "inc 1\n# \ud800", "\n" + "(" * 2**20, "\ufeffinc 2\n"],
    ids=lambda text: ascii(text[:12]),
)
def test_texts_that_no_file_could_hold_are_diagnostics(text):
    assert incdsl.check(text)


# CompileError


def test_the_error_says_what_is_wrong():
    with pytest.raises(CompileError) as error:
        incdsl.compile(WRONG)
    assert str(error.value) == "<spec>:4:67 E201 nothing is called `gpa`"
    with pytest.raises(CompileError) as error:
        incdsl.compile("missing.inc")
    assert str(error.value) == "E105 cannot read missing.inc: no such file or directory"


# load


def test_load_gives_a_module_whose_class_runs(path):
    module = incdsl.load(path, width=6)
    assert isinstance(module, ModuleType)
    net = module.N().eval()
    assert net(torch.zeros(2, 3, 8, 8)).shape == (2, 2)
    assert next(net.parameters()).shape == (6, 3, 3, 3)
    assert module.N(width=7, p=0.0).eval()(torch.zeros(1, 3, 10, 12)).shape == (1, 2)


def test_load_chooses_a_net():
    assert incdsl.load(TWO, "B").B().forward(torch.tensor([[[[0.0]]] * 3])).shape == (1, 3, 1, 1)


def test_load_raises_for_a_wrong_spec():
    before = set(sys.modules)
    with pytest.raises(CompileError):
        incdsl.load(WRONG)
    assert not [name for name in set(sys.modules) - before if name.startswith("incdsl_generated")]


def test_the_source_of_a_loaded_module_can_be_read():
    module = incdsl.load(TEXT)
    text = incdsl.compile(TEXT)
    assert inspect.getsource(module) == text
    assert inspect.getsource(module.N) in text
    assert inspect.getsource(module.N.forward).lstrip().startswith("def forward(self, x: Tensor)")


def test_tracebacks_show_the_line_that_fails():
    module = incdsl.load(TEXT)
    linecache.checkcache()
    with pytest.raises(RuntimeError) as error:
        module.N()(torch.zeros(1, 4, 8, 8))
    frames = [f for f in traceback.extract_tb(error.value.__traceback__) if f.filename.startswith("<incdsl N ")]
    assert len(frames) == 1
    assert frames[0].line
    assert frames[0].line in incdsl.compile(TEXT)
    assert frames[0].line.startswith("x = self.y_1(x)")


def test_loaded_modules_do_not_disturb_each_other():
    small, large = incdsl.load(TEXT, width=3), incdsl.load(TEXT, width=30)
    assert small is not large
    assert [next(m.N().children()).out_channels for m in (small, large)] == [3, 30]
    assert sys.modules[small.__name__] is small
    assert sys.modules[large.__name__] is large
    assert inspect.getsource(small) != inspect.getsource(large)


def test_classes_of_a_loaded_module_know_where_they_are_from():
    module = incdsl.load(TEXT)
    assert sys.modules[module.N.__module__] is module
    assert module.__doc__ == "N, generated from _spec_."


def test_inception_v3_loads_and_runs():
    module = incdsl.load("specs/v3.inc")
    with torch.device("meta"):
        net = module.InceptionV3(classes=10)
        assert net.eval()(torch.zeros(2, 3, 75, 75)).shape == (2, 10)
        logits, aux = net.train()(torch.zeros(2, 3, 299, 299))
    assert logits.shape == aux.shape == (2, 10)


def test_a_loaded_net_can_be_pickled_in_its_process(tmp_path):
    net = incdsl.load(TEXT).N()
    torch.save(net, tmp_path / "net.pt")
    again = torch.load(tmp_path / "net.pt", weights_only=False)
    assert type(again) is type(net)


def test_small_costs_are_written_without_exponents():
    assert [in_giga(n) for n in (0, 12, 99_999, 482_000, 5_713_216_096)] == [
        "0", "0.000000012", "0.000099999", "0.000482", "5.71",
    ]  # fmt: skip
