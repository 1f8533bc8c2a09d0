"""Model cards: all that is known is told, nothing of a text is markup."""

import re
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from incdsl.cli import cli
from incdsl.subject import Asked, Subject, subject
from incdsl.tables.report import Report
from tests.nets import EXAMPLES, SPECS, compiled, nets_of

SHIPPED = sorted([*SPECS.rglob("*.inc"), *EXAMPLES.glob("*.inc")])
TEXT = """inc 1
# A net: somebody et al.
# Unlike the paper it is small. It has
# - one layer
# - no pool
# Input: RGB, in [0, 1],
# as it is.

net N(width = 4) {
  input x [3, 8, 8]
  output y = x -> conv2d 5x5 @width  # lint: ignore W413 it is small
}
"""


class Page(HTMLParser):
    """Tags that are open, and what a page loads or links to."""

    VOID = ("meta", "br", "img", "hr")

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.links, self.tags = [], [], [], set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def card(text, **more):
    return Report(Subject("N", compiled(text)), **more)


def test_what_a_spec_says_of_itself():
    text = card(TEXT).markdown()
    assert "A net: somebody et al.\n\nUnlike the paper it is small. It has\n- one layer\n- no pool\n\n## Facts" in text
    assert "## Input\n\nRGB, in [0, 1],\nas it is.\n\n## Structure" in text
    assert "- W413, line 11: it is small" in text
    assert "| parameters of the spec | `width` = 4 |" in text
    assert "A checkpoint has 2 keys" in text
    assert 'net = incdsl.load("spec").N()' in text


def test_the_licence_is_the_authors():
    assert "for whoever publishes them to state" in card(TEXT).markdown()
    assert "MIT" in card(TEXT, licence="MIT").markdown()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_net_has_a_card(path):
    for done in nets_of(path).values():
        report = Report(Subject(done.net.name, done))
        page = Page(report.html())
        words = " ".join("".join(page.texts).split())
        assert f"{done.cost.deployed_params:,}" in words
        assert done.cost.keys in words
        assert all(link.startswith("#inc-") for link in page.links)
        assert "script" not in page.tags
        for name in done.net.graph.inputs:
            assert f"| input `{name}` | [" in report.markdown()


def test_differences_from_another_net():
    report = Report(*(subject(f"specs/{name}.inc", Asked()) for name in ("v3", "v3_paper")))
    assert "## Beside specs/v3_paper.inc::InceptionV3Paper" in report.markdown()
    assert "was conv4; conv2d kernel 3x3 -> 1x1; 80 x 71 x 71 -> 80 x 73 x 73" in report.markdown()


def test_nothing_that_a_spec_says_is_markup():
    text = TEXT.replace("somebody et al.", "<script>alert(1)</script> <img src=x>").replace("it is small\n", "<b>\n")
    page = Page(card(text).html())
    assert not {"script", "img", "b"} & page.tags


def test_nothing_that_is_said_is_markup_in_markdown_either():
    text = TEXT.replace("somebody et al.", "<script>").replace("it is small\n", "<img src=x>\n")
    page = card(text, licence="<b>").markdown()
    assert not re.search("<(script|img|b)>", page)


def test_a_figure_stands_below_the_title():
    report = card(TEXT, picture="n.svg")
    assert re.search(r'<h1>N</h1>\s*<figure><svg [^>]*id="inc-N"', report.html())
    assert "# N\n\n![N](n.svg)\n" in report.markdown()


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "n.inc").write_text(TEXT)
    call = CliRunner().invoke
    assert call(cli, ["report", "n.inc"]).stdout == re.sub(r"\bspec\b(?=\n|\"\))", "n.inc", card(TEXT).markdown())
    assert call(cli, ["report", "n.inc", "-o", "cards/n.html"]).exit_code == 0
    assert (tmp_path / "cards" / "n.html").read_text().startswith("<!doctype html>")
    assert call(cli, ["report", "n.inc", "-o", "n.md", "--set", "width=5"]).exit_code == 0
    assert "`width` = 5" in (tmp_path / "n.md").read_text()
    assert "![N](n.svg)" in (tmp_path / "n.md").read_text()
    assert "<svg" in (tmp_path / "n.svg").read_text()
    assert call(cli, ["report", "n.inc", "-o", "n.pdf"]).exit_code == 2
