"""The Python interface: texts, paths, settings, diagnostics."""

import pytest

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
    assert "def __init__(self, width: int = 9, p: float = 0.125) -> None:" in text
    assert "decided at compile time: deep = true" in text
    assert "--set width=9 --set p=0.125 --set deep=true" in text
    assert text != incdsl.compile(TEXT)


def test_compile_chooses_a_net():
    assert "class B(nn.Module)" in incdsl.compile(TWO, "B")
    assert "class A(nn.Module)" in incdsl.compile(TWO, net="A")
    with pytest.raises(CompileError, match=r"error\[E218\]: the file has 2 nets"):
        incdsl.compile(TWO)
    with pytest.raises(CompileError, match=r"error\[E218\]: the file has no net `C`"):
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
    assert [(d.code, str(d.span)) for d in found] == [("E201", "<spec>:4:67"), ("E205", "<spec>:4:99")]
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
    assert str(error.value).startswith("error[E201]: nothing is called `gpa`\n  <spec>:4:67  in N\n")
    assert "error[E205]" in str(error.value)
    with pytest.raises(CompileError) as error:
        incdsl.compile("missing.inc")
    assert str(error.value) == "error[E105]: cannot read missing.inc: no such file or directory"


def test_small_costs_are_written_without_exponents():
    assert [in_giga(n) for n in (0, 12, 99_999, 482_000, 5_713_216_096)] == [
        "0", "0.000000012", "0.000099999", "0.000482", "5.71",
    ]  # fmt: skip


# summary, and one way to name a net


def test_summary_has_a_face_for_terminals_notebooks_and_programs():
    found = incdsl.summary(TEXT, width=6, by="op")
    assert found.document()["params"] == incdsl.summary(TEXT, width=6).done.cost.params
    assert str(found).splitlines()[0].split()[:3] == ["step", "kind", "output"]
    assert "<table>" in found._repr_html_()
    assert found.totals[0] in found._repr_html_()
    assert [row.kind for row in found.rows][:2] == ["conv2d", "gap"]


def test_summary_is_drawn_by_rich():
    import io

    from rich.console import Console

    console = Console(width=60, file=io.StringIO())
    console.print(incdsl.summary("specs/v3.inc"))
    assert max(map(len, console.file.getvalue().splitlines())) <= 60


def test_summary_of_a_wrong_spec():
    with pytest.raises(CompileError):
        incdsl.summary(WRONG)


@pytest.mark.parametrize(
    ("subject", "params"),
    [
        ("specs/v3.inc::InceptionV3(classes: 10)", 24_371_444),
        ("specs/v3.inc@[3, 151, 151]", 27_161_264),
        ("specs/v3.inc::InceptionA(pool: 32)@[192, 35, 35]", 255_904),
    ],
)
def test_a_net_is_named_as_on_the_command_line(subject, params):
    assert incdsl.summary(subject).done.cost.params == params
    assert incdsl.check(subject) == []


def test_what_names_nothing_is_told():
    (found,) = incdsl.check("specs/v3.inc::Inception")
    assert (found.code, "did you mean `InceptionV3`?" in found.message()) == ("E605", True)


@pytest.mark.torch
def test_load_takes_nets_and_steps():
    import torch

    steps = incdsl.load("specs/v3.inc::InceptionA(pool: 32)@[192, 35, 35]").Steps()
    assert steps(torch.zeros(1, 192, 9, 9)).shape == (1, 256, 9, 9)
    assert incdsl.load("specs/v3.inc::InceptionV3(classes: 7)").InceptionV3(aux=False).fc.out_features == 7


def test_what_is_returned_is_short_on_a_prompt():
    analysis = incdsl.analyze(V3)
    assert repr(analysis) == f"<Analysis of {analysis.spec.source.name}: InceptionV3; 0 problems>"
    assert repr(analysis.nets[0]) == f"<NetAnalysis InceptionV3: {len(analysis.nets[0].net.graph)} nodes>"
    assert repr(incdsl.parse("inc 1\nunit u = relu\nblock")) == "<Parsed <spec>: 2 items; 1 problems>"
