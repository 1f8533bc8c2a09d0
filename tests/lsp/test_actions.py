"""Fixes and refactorings: each was tried before it is offered, and here again."""

import pytest

from incdsl.diagnostics import REGISTRY
from incdsl.edits import edited
from incdsl.linter.lint import Selection, lint, warning_codes
from incdsl.lsp.fixes import fixes
from incdsl.lsp.refactor import refactorings
from tests.lsp.texts import analyzed, at, marked, net, v3

MENDED = {
    "E101": "write `->` before it", "E102": "write `)`", "E103": "write `inc 1`", "E104": "write `->`",
    "E201": "write `conv2d`", "E202": "write `stride`", "E204": "write `@64`", "E205": "leave out `64`",
    "E208": "leave out `a`", "E219": "write `InceptionC`", "E301": "write `valid` in `conv2d 3x3/2 @4 pad 1`",
    "E304": "state [4, 14, 14]", "E305": "state params = 292", "E306": "write `half` in `conv2d 3x3/2 @4`",
    "E307": "write `half` in `conv2d 3x3/2 @4 same`", "E308": "write `half`", "E309": "put `gap` before it",
    "E314": "write `concat`", "W402": "leave out `Spare`", "W403": "label the first step: `identity -> a:`",
    "W404": "write `momentum: 0.1`",
}  # fmt: skip
"""What mends the example of a diagnostic."""


@pytest.mark.parametrize("code", MENDED)
def test_the_example_of_a_diagnostic_is_mended(code):
    analysis = analyzed(REGISTRY[code].wrong)
    text = analysis.spec.source.text
    found = {fix.title: fix for _, fix in fixes(analysis, 0, len(text))}
    assert MENDED[code] in found
    after = analyzed(edited(text, found[MENDED[code]].edits))
    assert code not in {problem.code for problem in after.problems} or len(after.problems) < len(analysis.problems)


@pytest.mark.parametrize(
    "kind",
    [kind for _, kind in sorted({**REGISTRY, **warning_codes()}.items()) if kind.wrong],
    ids=lambda kind: kind.code,
)
def test_no_fix_that_is_offered_breaks_more(kind):
    analysis = analyzed(kind.wrong)
    text = analysis.spec.source.text
    for problem, fix in fixes(analysis, 0, len(text)):
        before, after = lint(analysis), lint(analyzed(edited(text, fix.edits)))
        same = [each for each in after if each.code == problem.code and each.message() == problem.message()]
        assert len(same) < sum(each.message() == problem.message() for each in before)


def test_advice_is_followed_or_left_out():
    analysis = analyzed(net("output y = x -> conv 1x1 @16 -> conv 5x5 @16 half\n"))
    start = at(analysis, "5x5")
    found = {way.title: way for problem, way in fixes(analysis, start, start) if problem.code == "W413"}
    assert set(found) == {"W413: as 3x3, 3x3", "leave out W413 here"}
    followed, left_out = (edited(analysis.spec.source.text, way.edits) for way in found.values())
    assert "conv 5x5 @16 half as 3x3, 3x3\n" in followed
    assert "conv 5x5 @16 half  # lint: ignore W413\n" in left_out
    assert "W413" not in {each.code for each in lint(analyzed(left_out))}


def test_a_warning_behind_which_a_comment_stands_is_left_out_above():
    analysis = analyzed(net("y = x -> conv 1x1 @16 -> conv 5x5 @16 half  # wide\n  output z = y\n"))
    start = at(analysis, "5x5")
    (found,) = (way for _, way in fixes(analysis, start, start) if way.title == "leave out W413 here")
    text = edited(analysis.spec.source.text, found.edits)
    assert "  # lint: ignore W413\n  y = x" in text
    assert "W413" not in {each.code for each in lint(analyzed(text))}


def test_advice_that_is_not_wanted_has_no_fixes():
    analysis = analyzed(net("output y = x -> conv 1x1 @16 -> conv 5x5 @16 half\n"))
    unwanted = Selection(ignore=("W413",))
    found = fixes(analysis, 0, len(analysis.spec.source.text), selection=unwanted)
    assert not [problem for problem, _ in found if problem.code == "W413"]


def test_only_the_fixes_of_the_place():
    analysis = analyzed(net("output y = x -> cov 1x1 @4 -> rulu"))
    start = at(analysis, "rulu")
    assert [fix.title for _, fix in fixes(analysis, start, start + 4)] == ["write `relu`"]
    assert len(analysis.errors) == 2


def offered(text, words=0):
    text, offset = marked(text)
    return {each.title: each for each in refactorings(analyzed(text), offset, offset + words)}


def test_the_ways_to_factorize_a_kernel():
    analysis = v3()
    offset = at(analysis, "conv 5x5 @64", 2)
    found = [each for each in refactorings(analysis, offset, offset) if "Factorize" in each.title]
    assert [each.title.split(" (")[0] for each in found] == [
        "Factorize 5x5 as 3x3, 3x3", "Factorize 5x5 as 1x5, 5x1", "Factorize 5x5 as 5x1, 1x5",
        "Factorize 5x5 as { | 1x5 | 5x1 }",
    ]  # fmt: skip
    text = analysis.spec.source.text
    for each in found:
        after = analyzed(edited(text, each.edits))
        assert {problem.code for problem in after.errors} <= {"E305"}
        fewer = analysis.net().cost.params - after.net().cost.params
        assert f"({fewer:,} parameters fewer" in each.title


def test_factors_are_as_narrow_as_the_kernel_where_that_saves():
    """The first factor of a kernel with fewer filters than channels has as many filters as the kernel."""
    text = net("output y = x -> conv 1x1 @192 -> co$nv 5x5 @32")
    found = [title for title in offered(text) if "Factorize" in title]
    assert [title.split(" (")[0] for title in found] == [
        "Factorize 5x5 as 3x3 @32, 3x3", "Factorize 5x5 as 1x5 @32, 5x1", "Factorize 5x5 as 5x1 @32, 1x5",
        "Factorize 5x5 as { | 1x5 | 5x1 }",
    ]  # fmt: skip
    assert not [title for title in found if "more" in title]
    wide = [title for title in offered(net("output y = x -> co$nv 5x5 @32")) if "Factorize" in title]
    assert "Factorize 5x5 as 3x3, 3x3" in [title.split(" (")[0] for title in wide]


def test_no_factors_where_there_cannot_be_any():
    assert not [t for t in offered(net("output y = x -> conv$2d 5x5 @4 (dilation: 2)")) if "Factorize" in t]
    assert not [t for t in offered(net("output y = x -> max$pool 5x5")) if "Factorize" in t]


def test_a_shape_is_stated():
    found = offered(net("output y = x -> co$nv 1x1 @4"))
    (edit,) = found["State the shape [4, 32, 32]"].edits
    assert edit.text == " : [4, 32, 32]"


def test_a_block_is_inlined():
    text = net("output y = x -> a: Pa$rt(width: 4)")
    found = offered(text)["Inline `Part` (keys of checkpoints change)"]
    after = edited(marked(text)[0], found.edits)
    assert "x -> concat {\n  | left: conv 1x1 @4\n  | right: conv 3x3 @(2 * 4)\n}" in after
    assert {problem.code for problem in analyzed(after).errors} <= {"E208"}


def test_steps_become_a_block():
    text = net("output y = x -> $conv 1x1 @depth -> relu -> gelu")
    found = offered(text, len("conv 1x1 @depth -> relu"))["Extract a block `Part2` (keys of checkpoints change)"]
    after = edited(marked(text)[0], found.edits)
    assert "x -> Part2(depth: depth) -> gelu" in after
    assert after.endswith("block Part2(depth) = conv 1x1 @depth -> relu\n")
    assert {problem.code for problem in analyzed(after).errors} <= {"E208"}


def test_what_takes_a_value_from_the_side_is_no_block():
    text = net("a = x -> relu\n  output y = a -> $gelu -> concat { | a | relu }")
    assert not [title for title in offered(text, len("gelu -> concat { | a ")) if "Extract" in title]
