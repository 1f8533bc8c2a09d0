"""`explain`: a page for every code and every op, and a suggestion for what is neither."""

import pytest

from incdsl.diagnostics.catalogue import all_codes
from incdsl.ops import REGISTRY


def squeezed(text):
    """The words of a text, whatever breaks its lines."""
    return " ".join(text.split())


@pytest.mark.parametrize("code", all_codes())
def test_every_code_has_a_page(call, code):
    kind = all_codes()[code]
    result = call("explain", code)
    assert result.exit_code == 0
    page = squeezed(result.stdout)
    assert f"{code}: {kind.title.replace('`', '')}" in page
    for example in (kind.wrong, kind.right):
        assert squeezed(example) in page


def test_a_code_may_be_written_in_small_letters(call):
    assert call("explain", "e301").stdout == call("explain", "E301").stdout


@pytest.mark.parametrize("word", sorted(REGISTRY))
def test_every_op_has_a_page_with_its_settings_and_example(call, word):
    op = REGISTRY[word]
    result = call("explain", word)
    assert result.exit_code == 0
    page = squeezed(result.stdout)
    assert page.startswith(word)
    assert squeezed(f"x -> {op.example}") in page
    assert all(name in page for name in op.model_fields)


@pytest.mark.parametrize(("typed", "meant"), [("conv2", "conv2d"), ("E6011", "E601"), ("maxpol", "maxpool")])
def test_what_is_neither_gets_a_suggestion(call, typed, meant):
    result = call("explain", typed)
    assert result.exit_code == 2
    assert f"there is no code, op, word or rule '{typed}'; did you mean {meant}?" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("typed", ["zzzzzz", "", "\x1b[31m", "\u202e"])
def test_what_is_far_from_all_gets_none(call, typed):
    result = call("explain", typed)
    assert result.exit_code == 2
    assert "did you mean" not in result.stderr
    assert result.stderr.replace("\n", "").isprintable()


def test_without_a_subject_it_lists_all(call):
    result = call("explain")
    assert result.exit_code == 0
    assert all(f"{code}  {kind.title}\n" in result.stdout for code, kind in all_codes().items())
    assert f"\nops: {', '.join(sorted(REGISTRY))}\n" in result.stdout
    assert "\nrules: RemoveDropout, " in result.stdout


def test_a_rule_is_explained(call):
    result = call("explain", "FoldScale")
    assert result.exit_code == 0
    assert "declined: the factor is an argument of the constructor" in squeezed(result.stdout)


@pytest.mark.parametrize("columns", ["40", "60"])
def test_pages_are_as_wide_as_columns_says(call, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    lines = call("explain", "E303").stdout.splitlines()
    words = [line for line in lines if not line.startswith(" ")]  # not the examples
    assert int(columns) - 15 < max(map(len, words)) <= int(columns)
    assert all(line == line.rstrip() for line in lines)
