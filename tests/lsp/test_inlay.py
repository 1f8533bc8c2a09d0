"""Shapes behind steps."""

import pytest

from incdsl.lsp.inlay import hints
from incdsl.source import Span
from tests.lsp.texts import SHIPPED, analyzed, at, net, shipped, v3


def shown(analysis, *args, **settings):
    """The text with its hints in `⟨⟩`, those of before in `⟪⟫`."""
    text = analysis.spec.source.text
    for hint in reversed(list(hints(analysis, *args, **settings))):
        mark = "⟪{}⟫" if hint.old else "⟨{}⟩"
        text = text[: hint.at] + mark.format(hint.text) + text[hint.at :]
    return text


def test_shapes_where_they_change():
    text = shown(analyzed(net("output y = x -> conv 3x3 @8 -> relu -> maxpool 3x3/2 valid -> gelu")))
    assert "x -> conv 3x3 @8⟨[8, 32, 32]⟩ -> relu -> maxpool 3x3/2 valid⟨[8, 15, 15]⟩ -> gelu\n" in text


def test_all_shapes_and_none():
    analysis = analyzed(net("output y = x -> conv 3x3 @8 -> relu"))
    assert "conv 3x3 @8⟨[8, 32, 32]⟩ -> relu⟨[8, 32, 32]⟩" in shown(analysis, "all")
    assert not list(hints(analysis, "off"))


def test_a_shape_that_is_stated_is_not_shown():
    analysis = analyzed(net("output y = x -> conv 3x3 @8 : [8, 32, 32] -> conv 1x1 @4 : [_, 32, 32]"))
    assert [hint.text for hint in hints(analysis, "all")][-1] == "[4, 32, 32]"
    assert len(list(hints(analysis))) == 1


def test_uses_of_a_block_are_a_range():
    text = shown(v3())
    assert "| branch_pool: avg 3x3 -> conv 1x1 @pool⟨[32–64, 35, 35]⟩\n}⟨[256–288, 35, 35]⟩" in text
    assert "unit conv = conv: conv2d (bias: false) ->" in text


def test_the_use_that_the_cursor_came_from():
    analysis = v3()
    start = at(analysis, "InceptionA(pool: 32)")
    focus = [Span(analysis.spec.source, start, start + len("InceptionA"))]
    text = shown(analysis, "changes", focus)
    assert "conv 1x1 @pool⟨[32, 35, 35]⟩\n}⟨[256, 35, 35]⟩" in text
    assert "conv 1x1 @width⟨[128–192, 17, 17]⟩" in text  # another block


def test_a_free_size_is_an_expression():
    analysis = analyzed("inc 1\nnet N {\n  input x [8, H, W]\n  output y = x -> maxpool 3x3/2 half\n}\n")
    assert "half⟨[8, (H + 1) // 2, (W + 1) // 2]⟩" in shown(analysis)


def test_what_is_unknown_is_what_it_was():
    before = analyzed(net("output y = x -> conv 3x3 @8 -> maxpool 3x3/2 valid -> conv 1x1 @4"))
    broken = analyzed(net("output y = x -> cov 3x3 @8 -> maxpool 3x3/2 valid -> conv 1x1 @4"))
    assert "⟨" not in shown(broken)
    assert "valid⟪[8, 15, 15]⟫ -> conv 1x1 @4⟪[4, 15, 15]⟫" in shown(broken, before=before)


def test_only_a_part_of_the_text():
    analysis = v3()
    start, end = at(analysis, "grid35 ="), at(analysis, "grid17 =")
    assert [hint.text for hint in hints(analysis, start=start, end=end)] == ["[256, 35, 35]", "[288, 35, 35]"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shapes_of_shipped_specs(path):
    analysis = shipped(path)
    for hint in hints(analysis, "all"):
        assert hint.text.startswith("[")
        assert "\n" not in hint.text
        assert 0 < hint.at <= len(analysis.spec.source.text)
