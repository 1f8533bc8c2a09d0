"""A text with its problems, as notebooks show it."""

import re

from incdsl.diagnostics.listing import listing
from incdsl.frontend import analyze_source
from incdsl.source import Source

REDUCE = """inc 1
net N {
  input x [4, 8, 8]
  output y = x -> reduce {
    | conv2d 3x3/2 @8 half
    | maxpool 3x3/2 valid
  } -> cnv 1x1 @2
}
"""


def lines(text):
    source = Source("<cell>", text)
    found = listing(source, analyze_source(source).problems)
    return re.sub("<[^>]+>", "", found).splitlines()


def test_rails_that_disagree_have_their_shapes_beside_them():
    found = lines(REDUCE)
    assert any("| conv2d 3x3/2 @8 half  [8, 4, 4]" in line for line in found)
    assert any("| maxpool 3x3/2 valid  [4, 3, 3]  &lt;- " in line for line in found)
    at = next(i for i, line in enumerate(found) if "cnv 1x1" in line)
    assert "E201" in found[at + 1]


def test_a_text_without_problems_is_as_it_is():
    text = "inc 1\nunit a = conv2d\n"
    assert [line.partition("| ")[2] for line in lines(text)] == text.splitlines()


def test_nothing_in_a_text_is_markup():
    source = Source("<cell>", 'inc 1\n# <script>alert("x")</script>\x1b[31m\nnet <b> {}\n')
    found = listing(source, analyze_source(source).problems)
    assert "<script>" not in found
    assert "\x1b" not in found
    assert "<b>" not in found


def test_a_problem_without_a_place_comes_last():
    source = Source("<cell>", "inc 1\n")
    other = analyze_source(Source("other", "inc 1\nnet N {\n")).problems
    assert other
    assert "other" in listing(source, other).splitlines()[2]
