"""The page about the graph: its examples print what it shows, its table is the code's."""

import contextlib
import io
import os
import re
import sys
from types import ModuleType

import pytest

from incdsl.ir.validate import INVARIANTS
from tests.process import ROOT

PAGE = ROOT / "docs" / "ir.md"
EXAMPLE = re.compile(r"^```py\n(.*?)^```\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"(\| invariant \| what it says \|\n\| --- \| --- \|\n)((?:\|.*\n)*)")


def printed(codes):
    """What each of these texts prints, all in one module."""
    module = ModuleType("docs_ir")
    sys.modules["docs_ir"] = module  # dataclasses look for it
    for code in codes:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, PAGE.name, "exec"), vars(module))  # noqa: S102 - our own page
        yield out.getvalue()


def test_the_examples_print_what_the_page_shows(monkeypatch):
    monkeypatch.chdir(ROOT)
    text = PAGE.read_text(encoding="utf-8")
    found = EXAMPLE.findall(text)
    assert len(found) == text.count("```py\n") >= 8
    results = list(printed(code for code, _ in found))
    if os.environ.get("INCDSL_UPDATE_GOLDEN"):
        made = iter(results)
        PAGE.write_text(EXAMPLE.sub(lambda m: f"```py\n{m[1]}```\n```text\n{next(made)}```", text), encoding="utf-8")
    for (code, shown), result in zip(EXAMPLE.findall(PAGE.read_text(encoding="utf-8")), results, strict=True):
        assert result == shown, code
        assert result


def test_the_table_of_invariants_is_the_code():
    rows = "".join(f"| {each.name} | {each.text} |\n" for each in INVARIANTS)
    text = PAGE.read_text(encoding="utf-8")
    if os.environ.get("INCDSL_UPDATE_GOLDEN"):
        PAGE.write_text(TABLE.sub(lambda m: m[1] + rows, text), encoding="utf-8")
    assert TABLE.search(PAGE.read_text(encoding="utf-8"))[2] == rows


def test_an_example_that_prints_something_else_is_noticed():
    assert list(printed(["print(1 + 1)"])) == ["2\n"]
    with pytest.raises(NameError):
        list(printed(["print(graph_of_nothing)"]))
