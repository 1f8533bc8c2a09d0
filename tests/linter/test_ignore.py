"""Comments for the linter: which lines each is about, what is wrong with some, and that generated code has none."""

import re

import pytest

import incdsl
from incdsl.linter.lint import lint
from incdsl.syntax.ignore import ignores

TEXT = """inc 1
# About the file
# FILE

# About the block
# BLOCK
block Twice = concat {
  # RAIL
  | conv2d 1x1/2 @8  # LINE
  | maxpool 1x1/2 valid
}

net N {
  input x [64, 28, 28]
  # VALUE
  a = x
    -> conv2d 5x5 @64
    # STEP
    -> conv2d 7x7 @64

  output y = a
    -> Twice : [_, 14, 14]
}
"""
PLACES = ("FILE", "BLOCK", "RAIL", "LINE", "VALUE", "STEP")


def spec(**comments):
    """The text with comments for the linter in some places."""
    text = TEXT
    for place in PLACES:
        text = text.replace(f"# {place}", f"# {comments[place]}" if place in comments else "# ")
    return text


def codes(text):
    return [(each.code, each.span.line) for each in incdsl.lint(text)]


ALL = [("W413", 17), ("W413", 19)]


def test_what_there_is_to_say():
    assert codes(spec()) == ALL


@pytest.mark.parametrize(
    ("place", "lines"),
    [("FILE", range(1, 25)), ("BLOCK", range(7, 12)), ("RAIL", range(9, 10)), ("LINE", range(9, 10)),
     ("VALUE", range(16, 20)), ("STEP", range(19, 20))],
)  # fmt: skip
def test_what_a_comment_is_about(place, lines):
    text = spec(**{place: "lint: ignore W413 for a reason"})
    (comment,) = ignores(incdsl.parse(text).file)
    assert (comment.codes, comment.reason, comment.lines) == (("W413",), "for a reason", lines)
    left = [(code, line) for code, line in ALL if line not in lines]
    useless = [] if len(left) < len(ALL) else [("W440", comment.span.line)]
    assert codes(text) == sorted([*left, *useless], key=lambda each: each[1])


@pytest.mark.parametrize(
    ("words", "named", "reason"),
    [
        ("lint: ignore W413 as published", ("W413",), "as published"),
        ("lint: ignore W413, W410 as published", ("W413", "W410"), "as published"),
        ("lint: ignore W413,W410: as published", ("W413", "W410"), "as published"),
        ("lint:ignore W413 W410 - two", ("W413", "W410"), "two"),
        ("lint: ignore W413", ("W413",), ""),
        ("lint: ignore all", (), "all"),
        ("lint: ignore E305 no", ("E305",), "no"),
    ],
)
def test_what_a_comment_says(words, named, reason):
    (comment,) = ignores(incdsl.parse(spec(STEP=words)).file)
    assert (comment.codes, comment.reason) == (named, reason)


@pytest.mark.parametrize("words", ["lint", "lint: ignored W413 x", "Lint: ignore W413 x", "see lint: ignore W413 x"])
def test_other_comments_say_nothing(words):
    assert ignores(incdsl.parse(spec(STEP=words)).file) == ()


@pytest.mark.parametrize(
    ("words", "said", "fixable"),
    [
        ("lint: ignore W413, W410 why", "there is no W410 here", True),
        ("lint: ignore W413, W499 why", "there is no warning W499", True),
        ("lint: ignore W413, E305 why", "E305 is no advice, and cannot be left out", False),
        ("lint: ignore W413", "the comment does not say why", False),
    ],
)
def test_what_is_wrong_with_a_comment(words, said, fixable):
    text = spec(STEP=words)
    (problem,) = [each for each in incdsl.lint(text) if each.code == "W440"]
    assert (problem.message(), problem.fix is not None) == (said, fixable)


def test_a_comment_that_names_nothing_leaves_nothing_out():
    found = incdsl.lint(spec(STEP="lint: ignore all of it"))
    assert [each.code for each in found] == ["W413", "W440", "W413"]


def test_a_comment_is_not_judged_by_what_was_not_asked():
    text = spec(STEP="lint: ignore W410 why", VALUE="lint: ignore W439 why")
    assert [each.code for each in incdsl.lint(text, select="W413")] == ["W413", "W413"]
    assert [each.message() for each in incdsl.lint(text, select="W44")] == []
    assert [each.span.line for each in incdsl.lint(text) if each.code == "W440"] == [18]
    assert [each.span.line for each in incdsl.lint(text, device="cuda") if each.code == "W440"] == [15, 18]


def test_warnings_of_the_compiler_are_left_out_everywhere():
    alike = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> A: conv2d 3x3 @4 -> a: conv2d 3x3 @4 #\n}\n"
    assert [each.code for each in incdsl.check(alike)] == ["W401"]
    text = alike.replace("#", "# lint: ignore W401 a and A")
    assert incdsl.check(text) == []
    assert incdsl.lint(text) == []
    analysis = incdsl.analyze(text)
    assert ([each.code for each in analysis.problems], [each.code for each in analysis.ignored]) == ([], ["W401"])


def test_errors_are_not_left_out():
    text = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> nothing  # lint: ignore E201 please\n}\n"
    assert [each.code for each in incdsl.check(text)] == ["E201"]
    assert [each.code for each in lint(incdsl.analyze(text))] == ["E201"]


def test_comments_of_an_imported_file_count_for_it(tmp_path):
    unit = "unit a = conv: conv2d -> Conv: conv2d 1x1 @4{}\n"
    (tmp_path / "main.inc").write_text(
        'inc 1\nfrom "units.inc" use a\nnet N {\n  input x [3, 8, 8]\n  output y = x -> a 3x3 @4\n}\n', encoding="utf-8"
    )
    for comment, count in (("", 1), ("  # lint: ignore W401 both", 0)):
        (tmp_path / "units.inc").write_text(f"inc 1\n{unit.format(comment)}", encoding="utf-8")
        assert len(incdsl.check(tmp_path / "main.inc")) == count
    assert incdsl.lint(tmp_path / "main.inc") == []


def test_no_comment_for_the_linter_is_written_into_the_module():
    text = spec(**dict.fromkeys(PLACES, "lint: ignore W413 for a reason"))
    module = incdsl.compile(text)
    assert "lint:" not in module
    assert "# About the block\nclass Twice" in module
    assert "# About the file" in module
    plain = re.sub(r"\n? *# lint:[^\n]*", "", text)
    assert "lint" not in plain
    assert module.partition("\n\n")[2] == incdsl.compile(plain).partition("\n\n")[2]


def test_the_formatter_keeps_them():
    text = spec(**dict.fromkeys(PLACES, "lint: ignore W413 for a reason"))
    assert incdsl.format(text).count("lint: ignore") == len(PLACES)
    assert codes(incdsl.format(text)) == codes(text)
