"""Small specs in a working directory of their own, and the command line called inside this process."""

import pytest
from click.testing import CliRunner

from incdsl.cli import cli

ONE = (
    "inc 1\nnet N(width = 4, p = 0.5) {\n  input x [3, 8, 8]\n"
    "  output y = x -> conv2d 1x1 @width -> dropout (p: p)\n}\n"
)
TWO = (
    "inc 1\nnet Small {\n  input x [3, 8, 8]\n  output y = x -> conv2d 1x1 @4\n}\n"
    "net Large {\n  input x [3, 8, 8]\n  output y = x -> conv2d 1x1 @8\n}\n"
)
LISTS = (
    "inc 1\nnet N(widths = [4, 8], wide = true) {\n  input x [3, 8, 8]\n"
    "  output y = x -> conv2d 1x1 @w for w in widths -> relu if wide\n}\n"
)
WRONG = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> cnov2d 3x3 @4\n}\n"
ALIKE = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> A: conv2d 3x3 @4 -> a: conv2d 3x3 @4\n}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with specs that are right, with several nets, wrong and warned about."""
    for name, text in {"one": ONE, "two": TWO, "lists": LISTS, "wrong": WRONG, "alike": ALIKE}.items():
        (tmp_path / f"{name}.inc").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "INCDSL_DEBUG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def call(folder):
    """`call("check", "one.inc")`: the result of one command; whatever escapes it fails the test."""

    def run(*arguments, **options):
        return CliRunner().invoke(cli, list(arguments), catch_exceptions=False, **options)

    return run
