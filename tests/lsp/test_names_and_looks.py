"""Renaming, the outline, lenses, folds, selections, colours, versions, numbers."""

from itertools import pairwise

import pytest

from incdsl.edits import difference, edited
from incdsl.files import read as read_file
from incdsl.lsp.colours import MODIFIERS, TYPES, colours
from incdsl.lsp.lens import lenses
from incdsl.lsp.numbers import macs, percent, saving, short, spread
from incdsl.lsp.outline import outline
from incdsl.lsp.reading import Reading, read
from incdsl.lsp.rename import KEYS_CHANGE, CannotRename, rename
from incdsl.lsp.structure import folds, selections
from incdsl.lsp.versions import Versions
from tests.lsp.texts import SHIPPED, SPECS, analyzed, at, marked, net, reading, shipped, v3


def renamed(text, name):
    text, offset = marked(text)
    found = rename(reading(text), offset, name)
    ((_, edits),) = found.edits
    return edited(text, edits), found.warning


def test_renaming_a_value():
    text, warning = renamed(net("a = x -> relu\n  output y = add { | $a | a -> relu }"), "b")
    assert "b = x -> relu\n  output y = add { | b | b -> relu }" in text
    assert warning == ""
    assert {problem.code for problem in analyzed(text).errors} <= {"E208"}  # the head has more than is used


def test_renaming_a_parameter_in_its_uses():
    text, _ = renamed(net("output y = x -> Part($width: 3)"), "size")
    assert "block Part(size, " in text
    assert "@size\n" in text
    assert "@(2 * size)" in text
    assert "Part(size: 3)" in text
    assert {problem.code for problem in analyzed(text).errors} <= {"E208"}  # the head has more than is used


def test_renaming_a_label_warns_and_reaches_variants():
    text = net("output y = x -> a: Part(width: 3)") + "net V = N with {\n  $a.left: conv 1x1 @3\n}\n"
    text, warning = renamed(text, "b")
    assert "x -> b: Part" in text
    assert "  b.left: conv" in text
    assert warning == KEYS_CHANGE


def test_renaming_what_numbers_keys_warns():
    assert renamed(net("stem$ = x -> conv 1x1 @3\n  output y = stem"), "head")[1] == KEYS_CHANGE


def test_renaming_across_files():
    analysis = shipped(SPECS / "v3.inc")
    other = read(read_file(SPECS / "v3_fid.inc"), SPECS)
    found = rename(Reading.of(analysis), at(analysis, "InceptionV3"), "V3", [other])
    assert {source.path.name: len(edits) for source, edits in found.edits} == {"v3.inc": 1, "v3_fid.inc": 2}


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        (net("output y = x -> $relu"), "gelu", "nothing here has a name"),
        (net("output $y = x -> relu"), "relu", "means something else"),
        (net("output $y = x -> relu"), "x", "declared here"),
        (net("output $y = x -> relu"), "class", "keyword"),
        (net("output y = x -> $a: relu"), "train", "nn.Module"),
        (net("output y = x -> $a: relu"), "a b", "no name"),
        (net("output y = x -> $a: relu"), "half", "a word of the language"),
        (net("output $y = x -> relu"), "net", "a word of the language"),
    ],
)
def test_what_cannot_be_renamed(text, name, reason):
    with pytest.raises(CannotRename, match=reason):
        renamed(text, name)


def test_the_outline_of_v3():
    found = list(outline(Reading.of(v3())))
    assert [each.name for each in found][:4] == ["conv", "avg", "InceptionV3", "InceptionA"]
    stem = found[2].inner[1]
    assert [stem.name, [each.name for each in stem.inner][:2]] == ["stem", ["Conv2d_1a_3x3", "Conv2d_2a_3x3"]]
    assert [each.name for each in found[3].inner] == ["branch1x1", "branch5x5", "branch3x3dbl", "branch_pool"]


def test_lenses_of_v3():
    assert {lens.name.text: lens.text for lens in lenses(v3())} == {
        "InceptionV3": "27.2 M · 5.71 GMACs",
        "InceptionA": "819 k · 999 MMACs · 3 uses",
        "InceptionB": "6.82 M · 1.97 GMACs · 4 uses",
        "InceptionC": "11.1 M · 711 MMACs · 2 uses",
        "ReductionA": "1.15 M · 402 MMACs · 1 use",
        "ReductionB": "1.70 M · 291 MMACs · 1 use",
        "AuxHead": "3.33 M · 5.68 MMACs · 1 use",
    }


def test_a_block_that_nothing_uses_has_a_lens_without_numbers():
    found = {lens.name.text: lens.text for lens in lenses(analyzed(net("output y = x -> relu")))}
    assert found == {"Part": "no uses", "N": "0 · 0 MACs"}


def test_folds():
    text = "inc 1\n# one\n# two\n" + net("output y = x -> add {\n  | relu\n  | gelu\n  }", "")
    assert [(fold.first, fold.last, fold.kind) for fold in folds(reading(text))] == [
        (2, 3, "comment"), (4, 10, "region"), (6, 9, "region"),
    ]  # fmt: skip


def test_a_selection_grows():
    text, offset = marked(net("output y = x -> conv 3x3 @(4 + de$pth)"))
    texts = [span.text for span in selections(reading(text), offset)]
    assert texts[:5] == ["depth", "4 + depth", "(4 + depth)", "@(4 + depth)", "conv 3x3 @(4 + depth)"]
    assert texts[-1] == text


def kinds(text):
    return {each.span.text: (TYPES[each.type], each.modifiers) for each in colours(reading(text))}


def test_colours():
    found = kinds(net("output y = x -> lab: conv 3x3/2 @depth half (bias: false) -> relu  # why"))
    declared, library = 1 << MODIFIERS.index("declaration"), 1 << MODIFIERS.index("defaultLibrary")
    assert found["output"] == ("keyword", 0)
    assert found["y"] == ("variable", declared)
    assert found["lab"] == ("property", declared)
    assert found["relu"] == ("method", library)
    assert found["3x3"] == ("number", 0)
    assert found["half"] == ("enumMember", 0)
    assert found["# why"] == ("comment", 0)
    assert found["Part"] == ("class", declared)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_word_of_a_shipped_spec_has_a_colour(path):
    spec = Reading.of(shipped(path))
    known = [each.span for each in colours(spec)]
    assert known == sorted(known, key=lambda span: span.start)
    assert all(a.end <= b.start for a, b in pairwise(known))
    covered = {position for span in known for position in range(span.start, span.end)}
    words = [token for token in spec.tokens if token.text and (token.text[0].isalnum() or token.text[0] == '"')]
    assert not [token for token in words if not covered & set(range(token.start, token.end))]


def test_versions():
    versions = Versions("abc def ghi", "abc DEFG ghi")
    assert versions.now(0, 3) == (0, 3)
    assert versions.now(8, 11) == (9, 12)
    assert versions.now(4, 7) is None
    assert Versions("aa", "aaa").now(0, 2) == (0, 2)
    assert Versions("", "x").now(0, 0) == (0, 0)


@pytest.mark.parametrize(("before", "after"), [("a\nb\nc", "a\nB\nc"), ("", "a\n"), ("a\nb", ""), ("a", "a\n")])
def test_a_difference_makes_one_text_of_the_other(before, after):
    assert edited(before, difference(before, after)) == after


def test_numbers():
    assert [short(n) for n in (96, 1_000, 4_548, 819_200, 27_161_264, 99_960_000)] == [
        "96", "1.00 k", "4.55 k", "819 k", "27.2 M", "100 M",
    ]  # fmt: skip
    assert [macs(n) for n in (None, 12, 5_713_216_096)] == ["", "12 MACs", "5.71 GMACs"]
    assert [percent(a, 1000) for a in (0, 0.5, 4, 94.9, 95, 1000)] == [
        "0 %", "< 0.1 %", "0.4 %", "9.5 %", "10 %", "100 %",
    ]  # fmt: skip
    assert saving(100, 72) == "−28 %"
    assert saving(100, 104) == "+4 %"
    assert spread([288, 256, 288]) == "256–288"
    assert spread([3, 3]) == "3"
