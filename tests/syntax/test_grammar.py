"""The grammar is strict LALR(1); the shipped table is made from it, and finds the tokens that Lark's lexers find."""

import lark
import pytest

import incdsl
from fuzz import front
from incdsl.resources import grammar_text
from incdsl.syntax import table
from tests.process import ROOT, environment, python

SPECS = front.seeds()
LEXERS = ("contextual", "basic")


def larks(lexer, **options):
    """A parser that Lark builds from the grammar's text."""
    return lark.Lark(grammar_text(), parser="lalr", lexer=lexer, maybe_placeholders=False, **options)


@pytest.fixture(scope="module")
def parsers():
    return {lexer: larks(lexer) for lexer in LEXERS}


def test_the_shipped_table_is_made_from_the_grammar():
    assert table.TABLE.read_text(encoding="utf-8") == table.build() + "\n"


def test_it_comes_out_the_same_whatever_the_order_of_sets():
    command = "from incdsl.syntax import table; print(table.build())"
    texts = [python("-c", command, cwd=ROOT, env=environment() | {"PYTHONHASHSEED": seed}).stdout for seed in "12"]
    assert texts[0] == texts[1] != b""


def test_the_grammar_that_is_read_is_the_one_of_the_repository():
    assert grammar_text() == (ROOT / "grammars" / "inc.lark").read_text(encoding="utf-8")


@pytest.mark.thorough
@pytest.mark.parametrize("lexer", LEXERS)
def test_the_grammar_has_no_conflicts(lexer):
    assert larks(lexer, strict=True).parse("inc 1").data == "start"


def test_strict_parsers_do_reject_conflicts():
    with pytest.raises(lark.exceptions.GrammarError):
        lark.Lark('start: a | b\na: "x"\nb: "x"\n', parser="lalr", strict=True)


@pytest.mark.thorough
@pytest.mark.parametrize("text", SPECS, ids=range(len(SPECS)))
def test_tokens_are_larks(parsers, text):
    """Those of its basic lexer, and those that its parsers shift."""
    ours = [(token.type, token.text, token.start) for token in incdsl.parse(text).tokens if token.type != "$END"]
    assert [(token.type, str(token), token.start_pos) for token in parsers["basic"].lex(text)] == ours
    assert parsers["basic"].parse(text) == parsers["contextual"].parse(text)
