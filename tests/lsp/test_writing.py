"""Completion and signatures, at marks in texts that are half written."""

import pytest

from incdsl.highlight.words import terminal_of
from incdsl.lsp.completion import completions
from incdsl.lsp.signature import signature
from incdsl.ops import REGISTRY
from incdsl.ops.merge import Joining
from incdsl.words import WORDS
from tests.lsp.texts import HEAD, V3, analyzed, marked, net, reading, v3


def offered(text, analysis=None, path=None):
    """What is offered at the mark."""
    text, offset = marked(text)
    _, found = completions(reading(text, path), offset, analysis)
    return {choice.label: choice for choice in found}


OPS = {word for word, op in REGISTRY.items() if not issubclass(op, Joining)}


@pytest.mark.parametrize(
    ("text", "within", "without"),
    [
        ("$", {"inc"}, {"input", "valid"}),
        ("inc 1\n$", {"unit", "block", "net", "from"}, {"input", "inc", "->"}),
        (f"{HEAD}net N {{\n  $", {"input", "output", "aux", "expect", "let"}, {"unit", "without", "conv2d"}),
        (f"{HEAD}net N {{\n  input x [3, 8, 8]\n  y = $", {"x", "conv", "Part", "relu", "add"}, {"y", "expect"}),
        (f"{HEAD}net N {{\n  input x [3, 8, 8]\n  y = x -> $", {"conv", "Part"} | OPS, {"x", "y", "width"}),
        (f"{HEAD}net N {{\n  input x [3, 8, 8]\n  y = x -> re$", {"relu", "reduce"}, {"x"}),
        (f"{HEAD}net N {{\n  input x [3, 8, 8]\n  y = x -> conv 3x3/2 @8 $", {"valid", "as", "times"}, {"ceil"}),
        (f"{HEAD}net N {{\n  input x [3, 8, 8]\n  y = x -> maxpool 3x3/2 $", {"valid", "half", "ceil"}, {"as"}),
        (f"{HEAD}net N {{\n  input x [3, 8, 8]\n  y = x -> relu $", {"times", "for", "if"}, {"valid", "ceil", "as"}),
        (f"{HEAD}net N(w = 3) {{\n  input x [3, 8, 8]\n  y = x -> conv 3x3 @$", {"w", "x"}, {"conv", "relu"}),
        (f"{HEAD}net N {{\n  input x [3, 8, 8]\n  y = x -> conv 3x3 ($", {"bias", "groups", "act"}, {"momentum"}),
        (f"{HEAD}net N {{\n  input x [3, 8, 8]\n  y = x -> conv 3x3 (bias: true, $", {"groups", "act"}, {"bias"}),
        (f"{HEAD}net N {{\n  input x [3, 8, 8]\n  y = x -> conv 3x3 (bias: $", {"true", "false"}, {"groups"}),
        (f"{HEAD}net N {{\n  input x [3, 8, 8]\n  y = x -> conv 3x3 (act: $", {"relu", "silu"}, {"conv2d"}),
        (f"{HEAD}net N {{\n  input x [3, 8, 8]\n  y = x -> Part(width: 3, kind: $", {"plain", "wide"}, {"true"}),
        (f"{HEAD}net N {{\n  input x [3, 8, 8]\n  y = x -> resize (mode: $", {"nearest", "bilinear"}, {"x"}),
        (f"{HEAD}block B(width) = conv 1x1 @$", {"width", "in", "max"}, {"conv"}),
        (f"{HEAD}block B(act) = conv 1x1 @3 -> $", {"act", "relu"}, {"B"}),
        ('inc 1\nfrom "specs/v$', {"specs/v3.inc"}, {"relu"}),
        ('inc 1\nfrom "specs/v3.inc" use $', {"InceptionA", "conv", "InceptionV3"}, {"relu"}),
        (f"{HEAD}net N {{\n  expect $", {"params", "macs", "keys"}, {"input"}),
        ("inc 1\n# comm$", set(), {"net", "unit"}),
    ],
)  # fmt: skip
def test_what_is_offered(text, within, without):
    found = set(offered(text))
    assert within <= found
    assert not without & found


def test_what_a_variant_may_change():
    text = V3.read_text(encoding="utf-8") + "\nnet W = InceptionV3 with {\n  "
    assert {"Mixed_5b", "Conv2d_1a_3x3", "without", "unit"} <= set(offered(text + "$"))
    assert {"Mixed_7c.branch_pool", "Mixed_7c.branch1x1"} <= set(offered(text + "Mixed_7c.$"))
    assert set(offered(text + "without $")) == {"AuxLogits", "logits"}


def test_facts_come_with_their_values():
    text = V3.read_text(encoding="utf-8").replace("expect params = 27_161_264", "expect params = $")
    assert list(offered(text, v3())) == ["27_161_264"]


def test_files_beside_a_spec(tmp_path):
    (tmp_path / "more").mkdir()
    for name in ("a.inc", "b.inc", "more/c.inc", "d.txt"):
        (tmp_path / name).write_text("inc 1\n", encoding="utf-8")
    found = offered('inc 1\nfrom "$"', path=tmp_path / "a.inc")
    assert {"b.inc", "more/c.inc", "specs/v3.inc"} <= set(found)
    assert not {"a.inc", "d.txt"} & set(found)


def test_a_block_brings_the_arguments_that_it_needs():
    found = offered(f"{HEAD}net N {{\n  input x [3, 8, 8]\n  y = x -> P$")
    assert found["Part"].text == "Part(width: $1)"
    assert found["Part"].detail == "A part with two widths"


def test_settings_have_defaults_and_ranges():
    found = offered(net("output y = x -> batchnorm ($"))
    assert found["momentum"].detail.startswith("0.1, usual ")
    assert offered(net("output y = x -> conv2d ($"))["kernel"].detail == "required · 3x3"


def test_values_have_shapes():
    whole = analyzed(net("a = x -> conv 1x1 @4\n  output y = a -> relu"))
    found = offered(net("a = x -> conv 1x1 @4\n  output y = $"), whole)
    assert found["a"].detail == "[4, 32, 32]"


def test_every_word_of_the_language_is_a_word_of_the_grammar_or_a_function():
    assert {word for word in WORDS if not terminal_of(word)} == {
        "split", "floor", "round", "min", "max", "make_divisible",
    }  # fmt: skip


def signed(text):
    text, offset = marked(text)
    return signature(reading(text), offset)


def test_the_signature_of_a_step():
    found = signed(net("output y = x -> conv2d 3x3 @4 (bias: $"))
    assert found.label.startswith("conv2d (kernel: required, stride: 1, padding: same at stride 1")
    assert found.parts[found.active] == "bias: true"
    found = signed(net("output y = x -> Part(width: 4, $"))
    assert found.label == "Part (width: required, kind: plain | wide)"
    assert found.parts[found.active] == "kind: plain | wide"
    assert found.page == "A part with two widths"
    assert signed(net("output y = x -> $relu")) is None
    assert signed(net("output y = x -> conv 3x3 @(3 + $")) is None


def test_the_beginning_of_every_text_can_be_asked():
    text = V3.read_text(encoding="utf-8")
    for offset in range(0, len(text), 97):
        start, found = completions(reading(text[:offset]), offset)
        assert 0 <= start <= offset
        assert len({choice.label for choice in found}) == len(found)
