"""Shape assertions: written from what is known, right, and taken out again."""

import pytest

from incdsl.annotate import annotated, without_assertions
from incdsl.files import read
from incdsl.formatter.fmt import formatted
from incdsl.frontend import analyze_source
from incdsl.source import Source
from incdsl.syntax import tree
from incdsl.syntax.node import content
from incdsl.syntax.parser import parse
from tests.process import ROOT, V3

SPECS = sorted(path for folder in ("specs", "examples") for path in (ROOT / folder).rglob("*.inc"))
TEXT = """inc 1
block   Other = relu
block Twice(width) = conv2d 3x3 @width -> relu -> conv2d 3x3/2 @(2 * width) half
net N(width = 4, classes = 10) {
  input x [3, 9, 9]
  a = x -> one: Twice(width: width) -> two: Twice(width: 8)
  b, c = a -> split 2
  d = b
  e = concat { | c | d } -> rest: conv2d 1x1 @8 times 2
  output y = e -> gap -> fc: linear @classes
}
"""


def made(text):
    return Source("made.inc", text)


def assertions(text):
    found = [node.shape for node in tree.nodes(parse(text).file) if isinstance(node, tree.Step) and node.shape]
    return sorted(dims.span.text for dims in found)


def test_images_at_the_ends_of_chains_of_nets():
    text = annotated(made(TEXT))
    assert "  a = x -> one: Twice(width: width) -> two: Twice(width: 8)   : [16, 3, 3]\n" in text
    assert "  e = concat { | c | d } -> rest: conv2d 1x1 @8 times 2       : [8, 3, 3]\n" in text
    assert len(assertions(text)) == 2


def test_other_definitions_stay_as_they_are():
    assert "block   Other = relu\n" in annotated(made(TEXT))


def test_every_step_that_changes_a_shape():
    text = annotated(made(TEXT), every=True)
    twice = "block Twice(width) = conv2d 3x3 @width : [width, _, _] -> relu -> conv2d 3x3/2 @(2 * width) half"
    assert f"{twice} : [2 * width, _, _]\n" in text
    assert "-> gap : [8, 1, 1] -> fc: linear @classes" in text
    assert "one: Twice(width: width) : [2 * width, 5, 5] -> two: Twice(width: 8)" in text


def test_free_sizes_are_expressions():
    text = "inc 1\nnet N {\n  input x [3, H, W]\n  output y = x -> maxpool 3x3/2 half\n}\n"
    assert ": [3, (H + 1) // 2, (W + 1) // 2]\n" in annotated(made(text))


def test_assertions_that_fail_are_put_right_and_others_stay():
    text = "inc 1\nnet N {\n  input x [3, 8, 8]\n  y = x -> relu : [_, 8, 8]\n  output z = y -> relu : [4, 8, 8]\n}\n"
    fixed = annotated(made(text))
    assert assertions(fixed) == [": [3, 8, 8]", ": [_, 8, 8]"]


def test_what_is_known_of_a_broken_spec_is_written():
    text = "inc 1\nnet N {\n  input x [3, 8, 8]\n  y = x -> relu\n  z = x -> cnov 3x3\n  output w = y -> (\n}\n"
    assert "  y = x -> relu : [3, 8, 8]\n  z = x -> cnov 3x3\n  output w = y -> (\n" in annotated(made(text))


@pytest.mark.thorough
@pytest.mark.parametrize(("path", "every"), [(path, path != V3) for path in SPECS], ids=[path.name for path in SPECS])
def test_what_is_written_holds(path, every):
    """Of every shipped spec, without its own assertions: no problem, in the layout, and nothing new a second time."""
    source = read(path)
    bare = without_assertions(source.text)
    text = annotated(Source(source.name, bare, source.path), every=every)
    again = Source(source.name, text, source.path)
    assert analyze_source(again).problems == ()
    assert annotated(again, every=every) == text
    assert formatted(text) == text


def test_what_is_written_of_random_nets_holds():
    from incdsl.testing.choices import Seeded
    from incdsl.testing.random_nets import make

    for seed in range(20):
        source = made(formatted(make(Seeded(seed)).text))
        before = {problem.code for problem in analyze_source(source).problems}
        text = annotated(source, every=True)
        assert {problem.code for problem in analyze_source(made(text)).problems} <= before, seed
        assert formatted(text) == text
        bare = [content(parse(without_assertions(each)).file) for each in (text, source.text)]
        assert bare[0] == bare[1], seed


def test_inception_v3_states_its_stages_already():
    source = read(V3)
    assert annotated(source) == source.text
    stages = [": [192, 35, 35]", ": [2048, 8, 8]", ": [288, 35, 35]", ": [768, 17, 17]"]
    assert assertions(annotated(made(without_assertions(source.text)))) == stages


def test_comments_inside_an_assertion_stay():
    text = "inc 1\nblock B = relu : [3,  # three\n    8, 8] -> relu\n"
    bare = without_assertions(text)
    assert assertions(bare) == []
    assert bare.count("# three") == 1


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_end_as_they_did(end):
    text = TEXT.replace("\n", end)
    written = annotated(Source("net.inc", text), every=True)
    assert written == annotated(Source("net.inc", TEXT), every=True).replace("\n", end)
    assert without_assertions(written).replace(end, "\n") == without_assertions(written.replace(end, "\n"))
