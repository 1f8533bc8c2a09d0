"""Slips that are known: one message for each, which says what to write; and what it says is legal."""

import pytest

import incdsl
from incdsl.frontend import analyze_source
from incdsl.source import Source
from incdsl.syntax.table import table
from incdsl.words import WORDS, word_reference
from tests.nets import EXAMPLES, SPECS

BLOCK = """inc 1
block B(last, n, drop) {{
  output y = in -> {}
}}
net N {{
  input x [8, 16, 16]
  output y = x -> b: B(last: true, n: 3, drop: 0.5)
}}
"""
USES = " -> dropout (p: drop) if last and n == 3 and drop == 0.5"

STEPS = [
    ("relu if last == True", "relu if last == true"),
    ("relu if n in [1, 2]", "relu if n == 1 or n == 2"),
    ("conv2d 3x3 @(in / 2)", "conv2d 3x3 @(in // 2)"),
    ("conv2d 3x3 @(2 ** n)", "conv2d 3x3 @(n * n)"),
    ("conv2d 3x3 @max(in, 4)", "conv2d 3x3 @(max(in, 4))"),
    ("conv2d 3 @8", "conv2d 3x3 @8"),
    ("conv2d nxn @8", "conv2d @8 (kernel: [n, n])"),
    ("conv2d 3x3 @8 stride 2", "conv2d 3x3/2 @8 half"),
    ("conv2d 3x3 s2 @8 half", "conv2d 3x3/2 @8 half"),
    ("conv2d 3x3 @8 padding=1", "conv2d 3x3 @8 pad 1"),
    ("conv2d 3x3 @8 (padding=1)", "conv2d 3x3 @8 (padding: 1)"),
    ("conv2d 3x3 32", "conv2d 3x3 @32"),
    ("conv2d 3x3, 64", "conv2d 3x3 @64"),
    ("conv2d 3x3 32 @4", "conv2d 3x3 @4"),
    ("conv2d 3x3/2 half @64", "conv2d 3x3/2 @64 half"),
    ("conv2d 3x3/2 pad 1 @64", "conv2d 3x3/2 @64 pad 1"),
    ("cat { | identity | relu }", "concat { | identity | relu }"),
    ("Concat { | identity | relu }", "concat { | identity | relu }"),
    ("sum { | identity | relu }", "add { | identity | relu }"),
    ("dropout", "dropout 0.5"),
    ("dropout(0.5)", "dropout 0.5"),
    ("leakyrelu(0.1)", "leakyrelu 0.1"),
    ("batchnorm(1e-3)", "batchnorm (eps: 1e-3)"),
    ("maxpool(3)", "maxpool 3x3"),
    ("conv2d(64)", "conv2d 3x3 @64"),
    ("upsample(2)", "upsample 2"),
    ("groupnorm", "groupnorm 4"),
    ("scale", "scale 0.17"),
    ("lrn", "lrn 5"),
    ("relu dropout (p: 0.5)", "relu -> dropout (p: 0.5)"),
    ("conv2d 3x3 @8 // comment", "conv2d 3x3 @8 # comment\n"),
    ("conv2d 1x1 @8 for i in range(3)", "conv2d 1x1 @8 times 3"),
    ("conv2d 1x1 @8 x 3", "conv2d 1x1 @8 times 3"),
    ("conv2d 1x1 @8 * 3", "conv2d 1x1 @8 times 3"),
    ("conv2d 1x1 @8 ->\n", "conv2d 1x1 @8"),
    ("conv2d 3x3 @8 -> relu;", "conv2d 3x3 @8 -> relu"),
    ("concat { | ветка: relu | tanh }", "concat { | rail: maxpool 3x3 | tanh }"),
    ("nn.ReLU", "relu"),
    ("conv2d 3*3 @8", "conv2d 3x3 @8"),
    ("conv2d 3X3 @8", "conv2d 3x3 @8"),
    ("conv2d 3 x 3 @8", "conv2d 3x3 @8"),
    ("conv2d 3x3 @n*2", "conv2d 3x3 @(n * 2)"),
    ("conv2d 3x3 @n+4", "conv2d 3x3 @(n + 4)"),
    ("conv2d 3x3 @n // 2", "conv2d 3x3 @(n // 2)"),
    ("relu times n-1", "relu times (n - 1)"),
    ("conv2d 3x3/2 @8 halff", "conv2d 3x3/2 @8 half"),
    ("maxpool 3x3/2 vald", "maxpool 3x3/2 valid"),
    ("scale (factor: 1 / 8)", "scale (factor: 0.125)"),
    ("batchnorm (eps: .001)", "batchnorm (eps: 0.001)"),
    ("relu if 1 < n < 3", "relu if 1 < n and n < 3"),
    ("relu relu", "relu -> relu"),
    ("nn.GELU", "gelu"),
    ("relu => tanh", "relu -> tanh"),
    ("relu |> tanh", "relu -> tanh"),
    ("relu >> tanh", "relu -> tanh"),
    ("relu\n  conv2d 3x3 @8", "relu\n  -> conv2d 3x3 @8"),
    ("none", "identity"),
]


def problems(step, uses=USES):
    source = Source("spec", BLOCK.format(step + uses))
    return [p for p in analyze_source(source).problems if p.severity == "error" and p.code not in ("E208",)]


@pytest.mark.parametrize(("wrong", "right"), STEPS, ids=[wrong for wrong, _ in STEPS])
def test_one_slip_is_one_message_and_what_it_says_is_legal(wrong, right):
    uses = "" if wrong.endswith((";", "->\n")) or "//" in wrong else USES
    found = problems(wrong, uses)
    assert len(found) == 1, [problem.message() for problem in found]
    told = f"{found[0].help()} {found[0].label()} {found[0].message()}"
    assert "`" in told.replace(f"`{wrong}`", "")
    assert found[0].help() or found[0].label() or "@(" in told
    assert not problems(right)


BODIES = [
    ("output y = concat(a, b)", "output y = concat { | a | b }"),
    ("output y = concat (a, b) -> relu", "output y = concat { | a | b } -> relu"),
    ("output y = a + b", "output y = add { | a | b }"),
    ("output y = a * b -> relu", "output y = mul { | a | b } -> relu"),
    ("a -> relu", "output y = a -> relu"),
    ("return a", "output y = a"),
    ("// what follows\n  output y = a", "# what follows\n  output y = a"),
    ("output y = a\n}\nnet V = N with {\n  base = 48", "output y = a"),
    ("output a", "output y = a"),
    ("output y = a\n  expect params: 0", "output y = a\n  expect params = 0"),
    ("let n: 3\n  output y = a -> relu times n", "let n = 3\n  output y = a -> relu times n"),
    ("output y = a -> relu\n  tanh", "output y = a -> relu\n  -> tanh"),
    ("output y = a\n}\nnet V = N with {\n  remove y", "output y = a"),
    ("output y = a\n}\nnet V = N with {\n  without a", "output y = a"),
]


@pytest.mark.parametrize(("wrong", "right"), BODIES, ids=[wrong for wrong, _ in BODIES])
def test_one_slip_in_a_body_is_one_message(wrong, right):
    text = "inc 1\nnet N {{\n  input x [8, 16, 16]\n  a, b = x -> split 2\n  {}\n}}\n".format
    found = analyze_source(Source("spec", text(wrong))).errors
    assert [problem.help() or problem.label() for problem in found if "nothing uses" not in problem.message()]
    assert len(found) == 1, [problem.message() for problem in found]
    assert not [p for p in analyze_source(Source("spec", text(right))).errors if p.code not in ("E223", "W401", "E208")]
    assert str(incdsl.parse(text(wrong)).file) == text(wrong)


@pytest.mark.parametrize("body", ["conv2d 3x3 @8", "in -> conv2d 3x3 @8", "relu -> conv2d 3x3 @8"])
def test_a_block_that_binds_nothing(body):
    text = f"inc 1\nblock B {{ {body} }}\nnet N {{\n  input x [8, 16, 16]\n  output y = x -> b: B\n}}\n"
    (problem,) = analyze_source(Source("spec", text)).errors
    assert "output y = …" in problem.help()


def test_strings_stand_in_double_quotes():
    source = Source("spec", "inc 1\nfrom 'specs/v3.inc' use conv\n")
    problem = analyze_source(source).errors[0]
    assert problem.help() == 'write `"specs/v3.inc"`'
    assert str(incdsl.parse(source.text).file) == source.text


def test_a_head_that_does_not_fit_can_be_left_out():
    text = 'inc 1\nfrom "specs/v3.inc" use InceptionV3\nnet B = InceptionV3 with {{ input image [3, 150, 150]{} }}\n'
    (problem,) = analyze_source(Source("spec", text.format(""))).errors
    assert problem.note == "a variant may leave the head out: `without AuxLogits`"
    assert not analyze_source(Source("spec", text.format(" without AuxLogits"))).errors


@pytest.mark.parametrize("wrong", [wrong for wrong, _ in STEPS])
def test_the_text_comes_back(wrong):
    text = BLOCK.format(wrong + USES)
    assert str(incdsl.parse(text).file) == text


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("blok B = relu", "block"), ("untt u = relu", "unit"),
        ("nett M { input x [3, 8, 8] output y = x -> relu }", "net"),
        ("net M { inptu x [3, 8, 8] output y = x -> relu }", "input"),
        ("net M { input x [3, 8, 8]\n  outptu y = x -> relu }", "output"),
        ("net M { input x [3, 8, 8] output y = x -> relu\n  expct params = 0 }", "expect"),
        ("net M { input x [3, 8, 8] output y = x -> relu }\nnet V = M wth { expect params = 0 }", "with"),
    ],
)  # fmt: skip
def test_a_misspelt_word_is_taken_for_what_it_was_meant_to_be(line, word):
    found = analyze_source(Source("spec", f"inc 1\n{line}\n"))
    (problem,) = found.errors
    assert problem.help() == f"did you mean `{word}`?"
    assert all(net.net.graph.outputs for net in found.nets)


def test_every_line_of_the_shipped_specs_with_a_slip_behind_it_comes_back():
    for path in (SPECS / "v3.inc", EXAMPLES / "hrnet.inc"):
        text = path.read_text()
        slips = (
            " stride 2",
            " padding=1",
            " // no",
            " x 3",
            " * 3",
            ";",
            " half @64",
            ", 64",
            "\n  return x",
            " => relu",
        )
        for i, line in enumerate(lines := text.splitlines()):
            for slip in slips[i % 3 :: 3]:
                wrong = "\n".join([*lines[:i], line + slip, *lines[i + 1 :]])
                assert str(incdsl.parse(wrong).file) == wrong


# Words


def test_every_word_of_the_language_is_explained():
    merges = {"concat", "add", "mul", "reduce", "valid", "same", "half", "pad", "ceil", "split"}
    assert {*table().keywords, *merges} <= WORDS.keys()


@pytest.mark.parametrize("word", sorted(WORDS))
def test_an_explanation_shows_the_word(word):
    meaning, shown = WORDS[word]
    assert word in shown
    assert meaning.endswith(".")
    assert f"# `{word}`" in word_reference(word)


def test_a_parameter_that_could_not_be_read_is_one_message():
    """However often the block is used."""
    uses = " -> ".join(["B(width: 3, inc: 2)"] * 4)
    text = (
        "inc 1\nblock B(width, inc) = conv2d 3x3 @width (groups: inc)\n"
        f"net N {{\n  input x [4, 8, 8]\n  output y = x -> {uses}\n}}\n"
    )
    found = analyze_source(Source("spec", text)).errors
    assert {(problem.code, problem.span.line) for problem in found} == {("E101", 2)}


@pytest.mark.parametrize("wrong", ["expect params = 5", "output z = a : [9, 16, 16]"])
def test_what_is_not_used_is_told_beside_numbers_that_do_not_hold(wrong):
    text = f"inc 1\nnet N {{\n  input x [8, 16, 16]\n  a, b = x -> split 2\n  output y = a\n  {wrong}\n}}\n"
    codes = [problem.code for problem in analyze_source(Source("spec", text)).errors]
    assert sorted(codes) == ["E208", "E305" if "expect" in wrong else "E304"]
