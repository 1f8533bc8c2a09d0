"""`if` and `else`: of steps, of rails, and of what repeats."""

import pytest

import incdsl
from incdsl.syntax import tree
from tests.nets import codes, compiled, keys, problems, spec

PARAMS = "(n = 2, deep = true)"


def ops(chain, before="", params=PARAMS, **settings):
    """The ops of a chain, in order; all parameters are used."""
    done = compiled(spec(f"{chain} -> identity if deep and n == 0", before, params=params), **settings)
    return " ".join(node.op.word for node in done.net.graph if node.op.word)


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ("relu if deep else tanh", "relu"),
        ("relu if not deep else tanh", "tanh"),
        ("relu if n == 1 else tanh if n == 2 else silu", "tanh"),
        ("relu if n == 1 else tanh if n == 3 else silu", "silu"),
        ("relu if n == 1 else (tanh -> silu)", "tanh silu"),
        ("(relu -> gelu) if n == 1 else identity -> tanh", "identity tanh"),
        ("add { | relu | tanh } if n == 1 else concat { | silu | gelu }", "silu gelu concat"),
        ("(relu if deep else tanh) times 2", "relu relu"),
        ("(tanh -> relu if n == 1 else silu) times 2", "tanh silu tanh silu"),
        ("((relu -> gelu) if n == 1 else (tanh -> silu)) times 2", "tanh silu tanh silu"),
        ("conv2d 5x5 @8 as 3x3, 3x3 if n == 1 else conv2d 3x3 @8", "conv2d"),
        ("concat { | if deep: relu | else: tanh }", "relu concat"),
        ("concat { | if n == 1: relu | else: tanh }", "tanh concat"),
        ("concat { | if n == 1: relu | else if n == 2: silu | else: tanh | gelu }", "silu gelu concat"),
        ("concat { | if n == 1: relu | else if n == 3: silu | else: tanh | gelu }", "tanh gelu concat"),
        ("concat { | gelu | if n == 1: relu | else if n == 3: silu }", "gelu concat"),
        ("concat { | if deep: relu | if n == 1: gelu | else: silu }", "relu silu concat"),
        ("add { | relu if n == 1 else tanh | gelu }", "tanh gelu add"),
    ],
)
def test_one_of_several_is_chosen(chain, words):
    assert ops(chain).split() == words.split()


@pytest.mark.parametrize(
    ("chain", "names"),
    [
        ("conv2d 1x1 @8 if deep else conv2d 3x3 @8 -> batchnorm", "y_1 y_2"),
        ("relu if deep else conv2d 3x3 @8 -> batchnorm", "y_2"),
        ("k: conv2d 1x1 @8 if not deep else conv2d 3x3 @8 -> batchnorm", "k y"),
        ("conv2d 5x5 @8 as 3x3, 3x3 if deep else conv2d 3x3 @8 -> batchnorm", "y_1 y_2 y_3"),
        ("conv2d 5x5 @8 as 3x3, 3x3 if not deep else conv2d 3x3 @8 -> batchnorm", "y_1 y_3"),
        ("k: conv2d 5x5 @8 as 3x3, 3x3 if not deep else conv2d 3x3 @8", "k"),
        ("k: conv2d 5x5 @8 as 3x3, 3x3 if deep else conv2d 3x3 @8", "k_1 k_2"),
        ("add { | if deep: a: conv2d 1x1 @8 | else: a: conv2d 3x3 @8 }", "a"),
        ("add { | if not deep: conv2d 1x1 @8 | else: conv2d 3x3 @8 }", "y_a"),
    ],
)
def test_a_choice_renames_nobody(chain, names):
    done = compiled(spec(chain, params="(deep = true)"))
    assert " ".join(dict.fromkeys(key.rpartition(".")[0] for key in keys(done))) == names


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ("relu if deep else rulu", "nothing is called `rulu`"),
        ("rulu if n == 1 else relu if deep else relo", "nothing is called `rulu`"),
        ("relu if deep else tanh if missing else silu", "`missing` is not a parameter or value here"),
        ("concat { | if deep: relu | else: rulu }", "nothing is called `rulu`"),
        ("concat { | if deep: relu | else if missing: tanh }", "`missing` is not a parameter or value here"),
        ("concat { | relu | else: tanh }", "`else` stands right behind a rail with `if`"),
        ("concat { | if deep: relu | else: tanh | else: gelu }", "`else` stands right behind a rail with `if`"),
        ("concat { | if deep: relu | gelu | else: tanh }", "`else` stands right behind a rail with `if`"),
        ("concat { | for w in [1, 2]: conv2d 1x1 @w | else: tanh }", "`else` stands right behind a rail with `if`"),
        ("concat { | if n == 1: relu | else if n == 3: tanh }", "no rail of `concat` is left"),
    ],
)
def test_what_is_not_chosen_is_looked_at(chain, message):
    found = problems(spec(chain, params=PARAMS))
    assert message in [problem.message() for problem in found]


def test_a_rail_that_always_has_a_step_is_more_than_a_choice():
    assert not codes(spec("add { | relu if deep else tanh | identity }", params="(deep = true)"))
    assert codes(spec("add { | relu if deep | identity }", params="(deep = true)")) == ["E224"]


@pytest.mark.parametrize("deep", [False, True])
def test_a_variant_replaces_what_is_chosen(deep):
    base = spec("k: conv2d 1x1 @8 if deep else conv2d 3x3 @8", params="(deep = true)")
    done = compiled(f"{base}net V = N with {{ k: conv2d 5x5 @8 }}\n", "V", deep=deep)
    assert [tuple(node.op.kernel) for node in done.net.graph if node.op.word == "conv2d"] == [(5, 5)]


def test_an_if_alone_stays_where_a_variant_replaces_its_step():
    base = spec("k: conv2d 1x1 @8 if deep -> relu", params="(deep = true)")
    text = f"{base}net V = N with {{ k: tanh }}\n"
    assert [node.op.word for node in compiled(text, "V").net.graph][1:] == ["tanh", "relu"]
    assert [node.op.word for node in compiled(text, "V", deep=False).net.graph][1:] == ["relu"]


@pytest.mark.parametrize(("n", "whole", "second", "third"), [(1, 4, None, None), (2, 5, 5, None), (3, 16, None, 16)])
@pytest.mark.parametrize("times", ["{}", "({}) times 1"])
def test_each_written_choice_has_its_shape(n, whole, second, third, times):
    third_step = "conv2d 1x1 @16" if "times" in times else "concat { | relu | tanh }"
    chain = times.format(f"conv2d 1x1 @4 if n == 1 else conv2d 1x1 @5 if n == 2 else {third_step}")
    analysis = incdsl.analyze(spec(f"{chain} -> relu", params=f"(n = {n})"))
    steps = [node for node in tree.nodes(analysis.file) if isinstance(node, tree.Step)]
    choice = max((step for step in steps if isinstance(step.repeat, tree.When)), key=lambda step: len(str(step)))
    second_step = choice.repeat.other
    found = [analysis.steps[step][0].shapes[0] for step in (choice, second_step, second_step.repeat.other)]
    assert [shape and int(shape.channels) for shape in found] == [whole, second, third]
