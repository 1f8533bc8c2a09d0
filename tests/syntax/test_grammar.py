"""The grammar is strict LALR(1), reads the same under both lexers, and the shipped table is made from it."""

import json

import lark
import pytest

from incdsl.resources import grammar_text
from incdsl.syntax import table
from tests.process import ROOT

SPECS = sorted((ROOT / "specs").rglob("*.inc"))


def parser(lexer, **options):
    """A parser built from the grammar's text."""
    return lark.Lark(grammar_text(), parser="lalr", lexer=lexer, maybe_placeholders=False, **options)


@pytest.fixture(scope="module")
def parsers():
    """One parser for each lexer, and the one from the shipped table."""
    return {"contextual": parser("contextual"), "basic": parser("basic"), "table": table.load()}


def automaton(text):
    """The automaton of a table, its states numbered as they are reached, so that equal automata are equal."""
    data, memo = (json.loads(text)[key] for key in ("data", "memo"))
    found = data["parser"]["parser"]
    names = found["tokens"]
    states = {
        state: sorted((names[token], kind, target) for token, (kind, target) in actions.items())
        for state, actions in found["states"].items()
    }
    number = {str(found["start_states"]["start"]): 0}
    waiting, rows = list(number), []
    for state in waiting:
        row = []
        for token, kind, target in states[state]:
            if kind == 0:
                key = str(target)
                if key not in number:
                    number[key] = len(number)
                    waiting.append(key)
                row.append((token, number[key]))
            else:
                row.append((token, shown(memo[str(target["@"])])))
        rows.append(row)
    terminals = {shown(entry) for entry in memo.values() if entry["__type__"] == "TerminalDef"}
    return rows, terminals, len(states)


def shown(entry):
    """A rule or terminal without what numbers it."""
    return json.dumps({k: v for k, v in entry.items() if k != "order"}, sort_keys=True)


def test_the_shipped_table_is_the_automaton_of_the_grammar():
    assert automaton(table.TABLE.read_text(encoding="utf-8")) == automaton(table.build())


def test_the_grammar_that_is_read_is_the_one_of_the_repository():
    assert grammar_text() == (ROOT / "grammars" / "inc.lark").read_text(encoding="utf-8")


@pytest.mark.thorough
@pytest.mark.parametrize("lexer", ["contextual", "basic"])
def test_the_grammar_has_no_conflicts(lexer):
    assert parser(lexer, strict=True).parse("inc 1").data == "start"


def test_strict_parsers_do_reject_conflicts():
    with pytest.raises(lark.exceptions.GrammarError):
        lark.Lark('start: a | b\na: "x"\nb: "x"\n', parser="lalr", strict=True)


@pytest.mark.thorough
@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.name)
def test_all_lexers_give_the_same_tree(parsers, spec):
    text = spec.read_text(encoding="utf-8")
    trees = {name: each.parse(text) for name, each in parsers.items()}
    assert trees["basic"] == trees["contextual"] == trees["table"]
    assert len(list(trees["basic"].iter_subtrees())) > 20
