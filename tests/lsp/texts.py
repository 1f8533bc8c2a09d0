"""Texts with marks: `$` where the cursor is."""

from functools import cache
from pathlib import Path

from incdsl.files import read as read_file
from incdsl.frontend import Analysis, Options, analyze_source
from incdsl.lsp.reading import Reading, read
from incdsl.source import Source
from tests.nets import EXAMPLES, SPECS

SHIPPED = sorted([*SPECS.rglob("*.inc"), *EXAMPLES.glob("*.inc")])
V3 = SPECS / "v3.inc"
HEAD = """inc 1
unit conv(act = relu) = conv: conv2d (bias: false) -> bn: batchnorm -> act
# A part with two widths
block Part(width, kind = plain | wide) = concat {
  | left: conv 1x1 @width
  | right: conv 3x3 @(2 * width)
}
"""


def marked(text):
    """A text without its mark, and where that was."""
    at = text.index("$")
    return text[:at] + text[at + 1 :], at


def net(body, head=HEAD):
    """A net `N` with an input `x`."""
    return f"{head}net N(depth = 2) {{\n  input x [3, 32, 32]\n  {body}\n}}\n"


@cache
def analyzed(text) -> Analysis:
    """The analysis of a text."""
    return analyze_source(Source("a.inc", text))


def reading(text, path=None) -> Reading:
    """A text, read."""
    return read(Source("a.inc", text, path))


@cache
def shipped(path: Path) -> Analysis:
    """The analysis of a shipped spec."""
    return analyze_source(read_file(path), Options(root=path.parents[1]))


def v3() -> Analysis:
    """The analysis of Inception-v3."""
    return shipped(V3)


def at(analysis, words, shift=0):
    """Where some words stand."""
    return analysis.spec.source.text.index(words) + shift
