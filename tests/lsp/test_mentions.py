"""Every name of a text, and what it means."""

import pytest

from incdsl.lsp.reading import Reading
from incdsl.lsp.rename import references
from tests.lsp.texts import SHIPPED, V3, analyzed, at, marked, net, reading, shipped, v3


def meaning(text):
    """What the name at the mark means."""
    text, offset = marked(text)
    found = reading(text).mention(offset)
    if found is None:
        return None
    place = found.target.place
    return found.target.kind, found.target.name, place and place.line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (net("output y = $x -> relu"), ("value", "x", 9)),
        (net("output y = x -> $conv 1x1 @3"), ("unit", "conv", 2)),
        (net("output y = x -> conv 1x1 @3 ($act: relu)"), ("parameter", "act", 2)),
        (net("output y = x -> conv 1x1 @3 ($bias: true)"), ("setting", "bias", None)),
        (net("output y = x -> conv2d 1x1 @3 (bia$s: true)"), ("setting", "bias", None)),
        (net("output y = x -> a: Part($width: 3)"), ("parameter", "width", 4)),
        (net("output y = x -> a: Part(width: dept$h)"), ("parameter", "depth", 8)),
        (net("output y = x -> re$lu times depth"), ("op", "relu", None)),
        (net("a = x -> relu\n  output y = add { | $a | x }"), ("value", "a", 10)),
        (net("output y = x -> $left: relu"), ("label", "left", 10)),
        (net("aux early (weight: 0.3) = x -> gap\n  output y = x\n  expect $params = 0"), ("fact", "params", None)),
        (net("output y = x -> conv2d 1x1 @w for w in [8, $depth]"), ("parameter", "depth", 8)),
        (net("output y = x -> conv2d 1x1 @$w for w in [8, 16]"), ("parameter", "w", 10)),
        (net("output y = x -> $nothing"), None),
        (net("let z = 3\n  output y = x -> conv2d 1x1 @$z"), ("parameter", "z", 10)),
        (net("output y = x -> conv2d 1x1 @(max$(depth, 3))"), ("word", "max", None)),
        (net("output y = (x, x) -> $Part"), ("block", "Part", 4)),
    ],
)
def test_what_a_name_means(text, expected):
    assert meaning(text) == expected


def test_what_names_of_a_variant_mean():
    text = net("early = x -> a: Part(width: 4)\n  aux side (weight: 0.3) = early -> gap\n  output y = early -> relu")
    variant = "net V(depth = 3) = N(depth: depth) with {{\n  {}\n}}\n"
    for change, expected in {
        "$a.left: conv 1x1 @4": ("label", "a", 10),
        "a.$left: conv 1x1 @4": ("label", "left", 5),
        "without $side": ("head", "side", 11),
        "output more = e$arly": ("value", "early", 10),
        "output more = a$": ("label", "a", 10),
    }.items():
        assert meaning(text + variant.format(change)) == expected


def test_names_of_imports():
    text = 'inc 1\nfrom "specs/v3.inc" use InceptionA as A, conv\nnet N {\n  input x [3, 9, 9]\n  output y = x -> '
    there = V3.read_text(encoding="utf-8").split("block InceptionA")[0].count("\n") + 1
    assert meaning(text + "$A(pool: 3)\n}\n") == ("block", "A", 2)
    assert meaning(text + "$conv 1x1 @3\n}\n") == ("unit", "conv", 7)
    assert meaning(text.replace("InceptionA as", "Inc$eptionA as") + "A\n}\n") == ("block", "InceptionA", there)
    assert meaning(text + "A($pool: 3)\n}\n") == ("parameter", "pool", there)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_names_of_shipped_specs(path):
    analysis = shipped(path)
    found = Reading.of(analysis).mentions
    assert found
    for mention in found:
        target = mention.target
        assert target.name.strip('"') == mention.span.text.strip('"')
        if target.place and target.kind != "file":
            assert target.place.text == target.name
        if mention.declares:
            assert target.place == mention.span
    known = {mention.span.start for mention in found}
    for use, meaning in analysis.references.items():  # what the compiler saw, the lexical reading sees too
        if use.parts and use.span.source is analysis.spec.source:
            assert use.span.start in known, (use.span.text, meaning)


def test_each_name_of_a_broken_text_still_means_something():
    text, offset = marked(net("a = x -> conv 1x1 @4\n  output y = $a -> conv 3x3 @("))
    found = reading(text).mention(offset)
    assert found.target.place.line == 10


def test_references():
    analysis = v3()
    target = Reading.of(analysis).mention(at(analysis, "InceptionC\n")).target
    lines = [each.span.line for each in references(target, [Reading.of(analysis)])]
    written = enumerate(analysis.spec.source.text.splitlines(), 1)
    assert lines == [number for number, line in written if "InceptionC" in line]
    assert len(lines) == 3


def test_the_path_around_an_offset():
    analysis = analyzed(net("output y = x -> a: conv 3x3 @4"))
    path = Reading.of(analysis).path(at(analysis, "3x3 @4"))
    assert [type(node).__name__ for node in path] == ["File", "Net", "Output", "Chain", "Step", "Call"]
