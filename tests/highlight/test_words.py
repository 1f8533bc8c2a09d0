"""Colours word by word: one table, held to the grammar, the ops and what is made of it."""

import json
import re
import tomllib
from importlib import import_module

import pytest
from pygments.token import Comment, Error, Keyword, Name, Number, Operator

from incdsl.highlight import words
from incdsl.highlight.lexer import IncLexer
from incdsl.highlight.textmate import grammar
from incdsl.ops import REGISTRY
from incdsl.resources import grammar_text
from incdsl.syntax.parser import parse
from incdsl.syntax.table import table
from incdsl.words import WORDS
from tests.lsp.texts import SHIPPED, V3
from tests.process import ROOT

GROUPS = ("MERGES", "PADDINGS", "LOGIC", "CONSTANTS", "FUNCTIONS", "KEYWORDS")


def test_every_word_of_the_language_is_in_one_group():
    listed = [word for group in GROUPS for word in getattr(words, group)]
    assert sorted(listed) == sorted(WORDS)


def test_every_word_of_the_grammar_is_in_the_table():
    patterns = re.findall(r"^(?:MERGE|VALID|SAME|HALF|PAD|CEIL)\.2: /(.*)\\b/$", grammar_text(), re.MULTILINE)
    assert len(patterns) == 6
    alternatives = {
        word for pattern in patterns for word in pattern.replace("(tf)?same", "same|tfsame").strip("()").split("|")
    }
    assert {*table().keywords} | alternatives == {word for word in WORDS if words.terminal_of(word)}


def test_every_op_is_coloured():
    assert {*words.OPS} | {*words.MERGES} >= {word for word, op in REGISTRY.items() if op.is_own()}


def test_the_shipped_grammar_is_the_one_of_the_table():
    path = ROOT / "editors" / "vscode" / "syntaxes" / "inc.tmLanguage.json"
    hint = "python -m incdsl.highlight.textmate > editors/vscode/syntaxes/inc.tmLanguage.json"
    assert path.read_text(encoding="utf-8") == grammar(), hint


def test_the_extension_is_complete():
    folder = ROOT / "editors" / "vscode"
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    contributes = package["contributes"]
    files = [
        "extension.js", contributes["languages"][0]["configuration"], contributes["grammars"][0]["path"],
        contributes["snippets"][0]["path"],
    ]  # fmt: skip
    assert all((folder / name).is_file() for name in files)
    snippets = json.loads((folder / contributes["snippets"][0]["path"]).read_text(encoding="utf-8"))
    assert {each["prefix"] for each in snippets.values()} <= {*WORDS, "variant"}
    assert re.fullmatch(contributes["languages"][0]["firstLine"] + ".*", "inc 1")


def kinds(text):
    """What each word of a text is."""
    return {value: kind for kind, value in IncLexer().get_tokens(text)}


def test_colours():
    found = kinds(
        "inc 1\n# why\nnet N(a = 3) {\n  output y = x -> lab: conv2d 3x3/2 @64 half (bias: false) : [64]\n}\n"
    )
    assert found["net"] is Keyword.Declaration
    assert found["N"] is Name.Class
    assert found["# why"] is Comment.Single
    assert found["lab"] is found["bias"] is Name.Attribute
    assert found["conv2d"] is Name.Builtin
    assert found["3x3"] is found["64"] is Number
    assert found["half"] is Keyword.Pseudo
    assert found["false"] is Keyword.Constant
    assert found["->"] is Operator
    assert kinds("a\n  | else: relu\n")["else"] is Keyword


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_no_part_of_a_shipped_spec_is_an_error(path):
    text = path.read_text(encoding="utf-8")
    found = list(IncLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert "".join(value for _, value in found) == text
    assert not [value for kind, value in found if kind in Error]


def test_the_words_of_v3_are_what_the_parser_takes_them_for():
    parsed = parse(V3.read_text(encoding="utf-8"))
    keywords = {token.text for token in parsed.tokens if token.type in table().keywords.values()}
    coloured = {value for kind, value in IncLexer().get_tokens(V3.read_text(encoding="utf-8")) if kind in Keyword}
    assert keywords <= coloured


def test_pygments_finds_the_lexer():
    assert IncLexer.filenames == ["*.inc"]
    assert IncLexer.analyse_text("# a spec\ninc 1\n") > 0.5
    assert IncLexer.analyse_text("<?php include 1;") == 0
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    module, _, name = config["project"]["entry-points"]["pygments.lexers"]["inc"].partition(":")
    assert getattr(import_module(module), name) is IncLexer
