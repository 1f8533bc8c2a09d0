"""`parse` answers for every text, and gives it back."""

import pytest
from hypothesis import given, settings, strategies

import incdsl
from fuzz import front
from incdsl.syntax import tree
from incdsl.syntax.node import Tree, nodes

SPECS = front.seeds()


def errors(text):
    return [problem.code for problem in incdsl.parse(text).problems]


@pytest.mark.parametrize("text", SPECS, ids=range(len(SPECS)))
def test_the_tree_gives_its_text_back(text):
    parsed = incdsl.parse(text)
    assert str(parsed.file) == text == "".join(map(str, parsed.tokens))
    assert not parsed.problems


@given(strategies.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_so_it_does_for_any_text(text):
    assert str(incdsl.parse(text).file) == text


@pytest.mark.parametrize("text", ["", "\n", "\ufeff", "inc", "inc 1", "# only", "\t\r\n", "}", "net", "net N {", "\0"])
def test_and_for_the_shortest(text):
    assert str(incdsl.parse(text).file) == text


@pytest.mark.parametrize("text", SPECS, ids=range(len(SPECS)))
def test_every_node_stands_inside_the_one_around_it(text):
    for node in nodes(incdsl.parse(text).file):
        assert node.span.source.text == text
        for part in node.parts:
            if isinstance(part, Tree) and part.first_token:
                assert node.span.start <= part.span.start <= part.span.end <= node.span.end


def test_items_keep_their_order():
    text = 'inc 1\nfrom "a.inc" use a\nnet N { input x [1] }\nunit u = relu\nblock B = relu\nnet M { input x [1] }\n'
    kinds = [type(item) for item in incdsl.parse(text).file.items]
    assert kinds == [tree.Import, tree.Net, tree.Unit, tree.Block, tree.Net]


def test_comments_and_blank_lines_stay_with_the_token_behind_them():
    text = "inc 1\n\n# about u\nunit u = relu  # beside it\n\nunit v = relu\n"
    starts = [token for token in incdsl.parse(text).tokens if token.text == "unit"]
    assert [[comment.text for comment in token.comments] for token in starts] == [["# about u"], ["# beside it"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("inc 1\nnet N {\n  input x [1]\n  output y = x ->\n}\n", ["E101"]),
        ("inc 1\nunit u = relu -> -> relu\nunit v = relu -> -> relu\n", ["E101", "E101"]),
        ("inc 1\nblock B( = relu\nnet N { input x [1] output y = x -> relu }\n", ["E101"]),
        ('inc 1\nimport u from "u.inc"\nnet N { input x [1] output y = x -> relu }\n', ["E101"]),
    ],
)
def test_each_mistake_is_told_once(text, found):
    assert errors(text) == found


def test_what_stands_around_a_mistake_is_parsed():
    text = "inc 1\nunit u = relu\nnet N {\n  input x [1, 8, 8]\n  a = x -> ) u\n  output y = a -> u\n}\nunit v = relu\n"
    file = incdsl.parse(text).file
    assert [item.name.text for item in file.items] == ["u", "N", "v"]
    assert [type(item) for item in file.nets[0].items] == [tree.Input, tree.Bind, tree.Output]


@pytest.mark.thorough
def test_mutated_specs():
    """`python -m fuzz.front` looks at 100,000."""
    assert list(front.failures(100, seed=102)) == []
