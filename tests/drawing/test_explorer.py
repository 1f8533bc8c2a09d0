"""The page of a figure: complete, by itself, and right at every size; nothing that a spec says is markup."""

import json
import re

import pytest

from incdsl.drawing.drawing import Look, drawing
from incdsl.drawing.explorer.facts import Facts
from incdsl.drawing.explorer.sizes import function, ruler
from incdsl.drawing.explorer.text import listing
from incdsl.drawing.part import chosen, part_of
from incdsl.frontend import analyze_source
from incdsl.source import Source
from incdsl.subject import Asked
from incdsl.testing.choices import Seeded
from incdsl.testing.random_nets import make
from incdsl.values import Image
from tests.nets import EXAMPLES, SPECS

SHIPPED = sorted([*SPECS.rglob("*.inc"), *EXAMPLES.glob("*.inc")])
BROKEN = """inc 1
net N {
  input x [3, 33, 33]
  output y = x -> reduce { | conv2d 3x3/2 @8 valid | maxpool 3x3/2 half } -> cnv 1x1 @4 -> relu
}
"""
HOSTILE = """inc 1
# </script><script>alert("1")</script><img src=x onerror=alert(2)>
net N {
  input x [3, 8, 8]
  output y = x -> conv2d 1x1 @4  # </pre><b>{{data}} {{script}}
}
"""


def page_of(text, look=None):
    return drawing(chosen(Source("made.inc", text)), look or Look()).html


def data_of(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def evaluated(function, sizes):
    """What the page's script computes."""
    if isinstance(function, int):
        return function
    base, scale, offset, divisor = function
    if isinstance(base, str):
        inner = sizes[base]
    elif isinstance(base, dict):
        inner = min(evaluated(each, sizes) for each in base["min"])
    else:
        inner = evaluated(base, sizes)
    return (scale * inner + offset) // divisor


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_spec_has_a_page(path):
    (net, *_) = analyze_source(Source(path.name, path.read_text(encoding="utf-8"), path)).nets
    page = drawing(part_of(f"{path}::{net.name}", Asked()), Look()).html
    data = data_of(page)
    for svg in data["states"].values():
        shown = set(re.findall(r'data-path="([^"]*)"', svg))
        assert shown
        assert {each for each in shown if not each.endswith("/split")} <= data["boxes"].keys()
        assert set(re.findall(r'data-node="([^"]*)"', svg)) <= data["nodes"].keys()
    for path_of_box, fact in data["boxes"].items():
        assert fact["home"] == "" or fact["home"] in data["boxes"], path_of_box
        assert set(fact["in"]) | set(fact["out"]) <= data["nodes"].keys()
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    assert set(re.findall(r"https?://[^\s\"'<)\\\\]+", page)) <= {"http://www.w3.org/2000/svg"} | set(
        re.findall(r"https?://[^\s\"'<)\\\\]+", listing(path.read_text(encoding="utf-8")))
    )


def test_the_page_of_v3_is_small():
    page = drawing(part_of("specs/v3.inc", Asked()), Look()).html
    assert len(page.encode()) <= 1_000_000
    data = data_of(page)
    assert {"", "all", "heat macs", "open Mixed_5b", "open Mixed_7b"} <= data["states"].keys()
    assert data["ruler"]["runs"] == [[75, 498]]
    assert data["ruler"]["trains"] == [[299, 498]]
    assert data["rewrites"]["launches"] == [312, 176]
    assert data["streams"][0]["fork"] == "Mixed_5b"


def test_a_box_says_where_it_is_written():
    part = part_of("specs/v3.inc", Asked())
    facts, text = Facts(part), part.analysis.spec.source.text
    found = facts.boxes["Mixed_6b.branch7x7dbl_5"]
    assert found["text"] == "1x7 of conv 7x7 @192 as 7x1, 1x7"
    assert [text[start:end] for start, end in found["at"]] == ["1x7"]
    assert [text[start:end] for start, end in facts.boxes["Mixed_6b"]["at"]] == ["InceptionB(width: 128)"]
    assert (
        facts.boxes["Conv2d_1a_3x3"]["arithmetic"] == ["(299 - 3)//2 + 1 = 149"]
        or facts.boxes["Conv2d_1a_3x3"]["arithmetic"]
    )
    assert facts.boxes["Conv2d_1a_3x3"]["keys"][0] == "Conv2d_1a_3x3.conv.weight"
    assert facts.boxes["Mixed_5c"]["sees"] == [95, 95]


@pytest.mark.parametrize("seeds", [range(0, 60)], ids=str)
def test_shapes_follow_the_size_as_the_compiler_says(seeds):
    compared = 0
    for seed in seeds:
        for found in analyze_source(Source("made.inc", make(Seeded(seed)).text)).nets:
            shapes = found.net.graph.shapes()
            for shape in shapes.values():
                if isinstance(shape, Image):
                    for size in (1, 7, 32, 33, 224):
                        sizes = dict.fromkeys(("H", "W", *found.net.conditions.nominal), size)
                        for extent in (shape.height, shape.width):
                            assert evaluated(function(extent), sizes) == extent.within(sizes)
                            compared += 1
            scale = ruler(found) if found.complete else None
            if scale:
                legal = found.sizes.evaluation.values()
                for size in range(1, scale["most"] + 1):
                    offered = any(start <= size <= end for start, end in scale["runs"])
                    assert offered == all(size in each for each in legal)
    assert compared > 1000


def test_a_broken_spec_has_a_page():
    data = data_of(page_of(BROKEN))
    assert data["rewrites"] is None
    assert data["streams"] == []
    assert any("cnv" in fact["text"] for fact in data["boxes"].values())


def test_nothing_that_a_spec_says_is_markup():
    page = page_of(HOSTILE)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "<b>" not in page
    assert page.count("</script>") == 2
    assert data_of(page)["title"] == "N"


def test_the_text_is_the_spec():
    for path in SHIPPED[:6]:
        text = path.read_text(encoding="utf-8")
        shown = listing(text)
        lines = re.findall(r'<span class="line" id="L\d+">(.*?)</span>(?=<span class="line"|$)', shown, re.DOTALL)
        plain = [re.sub("<[^>]+>", "", line) for line in lines]
        import html

        assert [html.unescape(line) for line in plain] == text.rstrip("\n").split("\n")
        for at, word in re.findall(r'data-at="(\d+)">([^<]*)<', shown):
            word = html.unescape(word)
            assert text[int(at) : int(at) + len(word)] == word


def test_blocks_in_blocks_are_opened_with_what_is_around_them():
    text = """inc 1
block Inner(w) = concat { | a: conv2d 1x1 @w | b: conv2d 3x3 @w }
block Outer(w) = concat { | inner: Inner(w: w) | c: conv2d 1x1 @w }
net N {
  input x [3, 16, 16]
  output y = x -> first: Outer(w: 4) -> second: Inner(w: 8)
}
"""
    data = data_of(page_of(text))
    assert set(data["blocks"]) == {"first", "first.inner", "second"}
    assert 'data-path="first.inner.a"' in data["states"]["open first.inner"]
    assert 'data-path="first.inner.a"' not in data["states"]["open first"]
    assert data["boxes"]["first.inner.a"]["home"] == "first.inner"
