"""What ships is in its layout, and so are the specs in the documentation."""

import re

import pytest

import incdsl
from incdsl.cli.new_ import _SPEC
from incdsl.formatter.fmt import formatted
from incdsl.syntax.parser import parse
from tests.process import ROOT

SPECS = sorted(path for folder in ("specs", "examples") for path in (ROOT / folder).rglob("*.inc"))
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```\w*\n(inc 1\n.*?)^```", re.MULTILINE | re.DOTALL)
GENERATED = ("errors.md", "lint.md", "ops.md", "rules.md", "gallery.md")


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_a_spec_is_formatted(path):
    text = path.read_text(encoding="utf-8")
    assert incdsl.format(text) == text


def test_a_new_spec_is_formatted():
    text = _SPEC.format(net="MyNet")
    assert formatted(text) == text


def test_the_specs_of_the_documentation_are_formatted():
    found = [text for page in PAGES if page.name not in GENERATED for text in BLOCK.findall(page.read_text("utf-8"))]
    right = [text for text in found if not parse(text).problems]
    assert len(right) > 10
    for text in right:
        assert formatted(text) == text
