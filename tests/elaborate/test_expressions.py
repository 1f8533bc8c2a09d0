"""One language of expressions: numbers, functions, tests, choices, and words that a parameter may be."""

import pytest

from incdsl.elaborate.functions import make_divisible
from tests.nets import codes, compiled, problems, spec

PARAMS = "(n = 6, x2 = 0.75, deep = true, ks = [1, 3], kind = plain | wide, act = relu)"


def channels(expression, params=PARAMS, **settings):
    """What a number of channels comes to; all parameters are used."""
    rest = "-> relu if n == 0 or x2 == 0 or deep or ks == [0] or kind == wide or act == tanh"
    done = compiled(spec(f"conv2d 1x1 @({expression}) {rest}", params=params), **settings)
    return int(done.net.graph.shapes()["y"].channels)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("17 % 5", 2),
        ("n % 4 * 3", 6),
        ("2 + 17 // 2 % 3", 4),
        ("min(n, 8)", 6),
        ("max(n, 8, 3)", 8),
        ("ceil(n * x2)", 5),
        ("floor(n * x2)", 4),
        ("round(n * x2)", 4),
        ("ceil(x2)", 1),
        ("2 * max(1, n // 2)", 6),
        ("make_divisible(32 * x2, 8)", 24),
        ("make_divisible(32 * x2)", 24),
        ("make_divisible(n, 4)", 8),
        ("3 if deep else 4", 3),
        ("3 if not deep else 4", 4),
        ("3 if n > 6 else 4 if n > 5 else 5", 4),
        ("(3 if n == 6 else 4) * 2", 6),
        ("3 if ks == [1, 3] else 4", 3),
        ("3 if ks != [1, 3] else 4", 4),
        ("3 if [n, 2] == [6, 2] else 4", 3),
        ("3 if deep == true else 4", 3),
        ("3 if (n > 5) == deep else 4", 3),
        ("3 if kind == plain else 4", 3),
        ("3 if plain != kind else 4", 4),
        ("3 if act == relu else 4", 3),
        ("3 if act == silu else 4", 4),
        ("3 if not (deep and n < 3 or n == 7) else 4", 3),
        ("3 if not deep or n == 6 and kind == plain else 4", 3),
        ("3 if n + 1 == 7 and not n == 7 else 4", 3),
    ],
)
def test_an_expression_has_this_value(expression, value):
    assert channels(expression) == value


def test_words_are_set_from_outside():
    assert channels("3 if kind == plain else 4", kind="wide") == 4
    with pytest.raises(Exception, match="`kind` is one of `plain`, `wide`, not `tall`"):
        channels("3", kind="tall")


@pytest.mark.parametrize("value", [0.1, 1, 3.9, 4, 7, 11.9, 12, 24, 35, 36, 100, 999.5])
@pytest.mark.parametrize("by", [1, 4, 8])
def test_make_divisible_is_that_of_mobilenet(value, by):
    """Against the published rule, written out: the nearest multiple, but not a tenth below the value."""
    nearest = max(by, int(value + by / 2) // by * by)
    assert make_divisible(value, by) == (nearest if nearest >= 0.9 * value else nearest + by)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("3 if n == ks else 4", "a number and a list cannot be compared"),
        ("3 if deep == 1 else 4", "a truth value and a number cannot be compared"),
        ("3 if act == 1 else 4", "an op and a number cannot be compared"),
        ("3 if ks < [1, 4] else 4", "only numbers can be ordered"),
        ("3 if kind == tall else 4", "`kind` is one of `plain`, `wide`"),
        ("3 if kind == 3 else 4", "`kind` is one of `plain`, `wide`"),
        ("3 if n else 4", "a condition is made of comparisons, `true` and `false`"),
        ("3 if not n else 4", "a condition is made of comparisons, `true` and `false`"),
        ("7.5 % 2", "`%` divides whole numbers"),
        ("n % 0", "division by zero"),
        ("min(3)", "`min` takes 2 or more numbers, without names"),
        ("ceil(1, 2)", "`ceil` takes 1 number, without names"),
        ("max(a: 1, b: 2)", "`max` takes 2 or more numbers, without names"),
        ("min(ks, 3)", "arithmetic needs numbers"),
        ("make_divisible(3, 0)", "the divisor is a whole number above 0"),
        ("make_divisible(3, 1.5)", "the divisor is a whole number above 0"),
        ("mean(3, 4)", "nothing is called `mean`"),
        ("3 if deep else missing", "`missing` is not a parameter or value here"),
        ("3 if deep or missing == 2 else 4", "`missing` is not a parameter or value here"),
    ],
)
def test_an_expression_without_a_value_says_why(expression, message):
    text = spec(f"conv2d 1x1 @({expression})", params=PARAMS)
    assert message in [problem.message() for problem in problems(text) if problem.code != "E208"]


def test_what_a_function_takes_is_decided_at_compile_time():
    done = compiled(spec("conv2d 1x1 @(max(n, 8))", params="(n = 6)"))
    assert done.net.fixed == {"n"}
    assert compiled(spec("conv2d 1x1 @(n + 8)", params="(n = 6)")).net.fixed == frozenset()


@pytest.mark.parametrize("name", ["floor", "make_divisible"])
def test_a_function_is_no_name_of_a_definition(name):
    messages = [problem.message() for problem in problems(spec(f"{name} 1x1 @4", f"unit {name} = conv2d -> relu\n"))]
    assert f"`{name}` is the name of a function" in messages


# Parameters that are words, ops, or follow others


BLOCK = """block B(width, hidden = width // 2, kind = plain | wide, act = relu) {
  output y = in -> conv2d 1x1 @hidden -> act -> conv2d 1x1 @width if kind == wide else conv2d 1x1 @(2 * width)
}
"""


@pytest.mark.parametrize(
    ("args", "hidden", "out"),
    [
        ("width: 8", 4, 16),
        ("width: 8, hidden: 3", 3, 16),
        ("width: 8, kind: wide", 4, 8),
        ("width: 8, kind: wide if mode == wide else plain", 4, 16),
        ("width: 8, kind: (mode)", 4, 16),
        ("width: 8, kind: mode, act: silu if mode == wide else tanh", 4, 16),
    ],
)
def test_arguments_follow_others_and_are_words_and_choices(args, hidden, out):
    done = compiled(spec(f"b: B({args}) -> relu if mode == wide", BLOCK, params="(mode = plain | wide)"))
    found = [int(shape.channels) for shape in done.net.graph.shapes().values()]
    assert (found[1], found[-1]) == (hidden, out)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("width: 8, kind: tall", "`kind` of `B` is one of `plain`, `wide`"),
        ("width: 8, kind: 3", "`kind` of `B` is one of `plain`, `wide`"),
        ("width: 8, kind: relu", "`kind` of `B` is one of `plain`, `wide`"),
    ],
)
def test_an_argument_that_is_none_of_the_words_is_refused(args, message):
    assert message in [problem.message() for problem in problems(spec(f"B({args})", BLOCK))]


def test_a_near_word_is_suggested():
    (problem,) = problems(spec("B(width: 8, kind: wids)", BLOCK))
    assert "wide" in problem.label()


def test_defaults_of_nets_follow_others():
    text = spec("conv2d 1x1 @hidden -> conv2d 1x1 @width", params="(width = 8, hidden = 2 * width)")
    assert list(compiled(text, width=3).net.params) == ["width", "hidden"]
    shapes = compiled(text, width=3).net.graph.shapes()
    assert [int(s.channels) for s in shapes.values()] == [8, 6, 3]
    assert [int(s.channels) for s in compiled(text, hidden=5).net.graph.shapes().values()] == [8, 5, 8]
    assert "2 * width" in compiled(text).text


def test_a_variant_gives_what_a_default_of_its_base_follows():
    base = spec("conv2d 1x1 @hidden -> conv2d 1x1 @width", params="(width = 8, hidden = 2 * width)")
    done = compiled(base + "net V = N(width: 5)\n", "V")
    assert [int(s.channels) for s in done.net.graph.shapes().values()] == [8, 10, 5]


def test_defaults_of_blocks_know_what_flows_in():
    block = "block B(width = 2 * in) = conv2d 1x1 @width -> relu\n"
    assert "in_channels" in compiled(spec("B -> B", block)).text
    assert [int(s.channels) for s in compiled(spec("B -> B", block)).net.graph.shapes().values()] == [8, 16, 16, 32, 32]


def test_an_op_is_a_default():
    assert "F.silu" in compiled(spec("conv2d 1x1 @4 -> act", params="(act = silu)")).text
    assert not codes(spec("conv2d 1x1 @4 -> act -> relu if act == identity", params="(act = identity)"))


# Names for numbers


def test_a_name_stands_for_a_number():
    block = "block B {\n  let hidden = in // 2\n  let wide = 2 * hidden\n"
    block += "  output y = in -> conv2d 1x1 @hidden -> conv2d 1x1 @wide\n}\n"
    done = compiled(spec("B", block))
    assert [int(s.channels) for s in done.net.graph.shapes().values()] == [8, 4, 8]
    net = "inc 1\nnet N(width = 0.5) {\n  let size = 4 * 8\n  input x [3, size, size]\n"
    net += "  let stem = make_divisible(32 * width)\n"
    net += "  output y = x -> conv2d 1x1 @stem : [stem, size, 32]\n}\n"
    assert int(compiled(net).net.graph.shapes()["y"].channels) == 16


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("let w = 3\n  output y = x -> relu", "E208"),
        ("let x = 3\n  output y = x -> relu", "E206"),
        ("let w = 3\n  let w = 4\n  output y = x -> conv2d 1x1 @w", "E206"),
        ("let relu = 3\n  output y = x -> conv2d 1x1 @relu", "E206"),
        ("let w = v\n  output y = x -> conv2d 1x1 @w", "E201"),
        ("let print = 3\n  output y = x -> conv2d 1x1 @print", "E207"),
        ("output y = x -> conv2d 1x1 @w\n  let w = 4", "E212"),
    ],
)
def test_names_of_numbers_are_held_to_the_rules_of_names(lines, code):
    found = codes(f"inc 1\nnet N {{\n  input x [3, 8, 8]\n  {lines}\n}}\n")
    assert code in found


SET = "(kind = plain | big, act = relu, ks = [1], n = 2)"
CHAIN = "conv2d 1x1 @n -> act -> concat { | for k in ks: conv2d (kernel: [k, k], width: 2) } -> relu if kind == big"


def test_callers_set_words_ops_and_lists():
    done = compiled(spec(CHAIN, params=SET), kind="big", act="silu", ks=[1, 3], n=5)
    assert [node.op.word for node in done.net.graph][2:] == ["silu", "conv2d", "conv2d", "concat", "relu"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "tall"}, "`kind` is one of `plain`, `big`, not `tall`"),
        ({"kind": 3}, "`kind` is one of `plain`, `big`, not `3`"),
        ({"act": "slu"}, "nothing is called `slu`"),
        ({"ks": None}, "not NoneType"),
        ({"ks": {}}, "not dict"),
    ],
)
def test_what_a_parameter_cannot_be_is_told(settings, message):
    with pytest.raises(Exception, match=message):
        compiled(spec(CHAIN, params=SET), **settings)
