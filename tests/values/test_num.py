"""Numbers with expressions: whatever is computed with them, value and expression stay what integers would give."""

import operator

import pytest
from hypothesis import assume, given, settings, strategies as st

from incdsl.values import Num, Pair, Real, SymbolPair, TooComplicated, expression
from incdsl.values.num import (
    MAX_SIZE,
    Linear,
    Product,
    Quotient,
    Symbol,
    as_written,
    constant,
    described,
    rebased,
    spelled,
    unwritten,
)
from tests.nets import compiled, predicted

thoroughly = settings(max_examples=200)

NAMES = "abc"
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv}
VALUES = [{"a": 7, "b": 288, "c": 1000}, {"a": 1, "b": 3, "c": -5}, {"a": 12, "b": 2, "c": 600}]

leaves = st.one_of(st.sampled_from(NAMES), st.integers(-6, 12))
trees = st.recursive(leaves, lambda inner: st.tuples(st.sampled_from([*OPERATORS, "neg"]), inner, inner), max_leaves=7)


def computed(tree, values):
    """A tree of operators with numbers of any kind in place of names."""
    if isinstance(tree, tuple):
        word, left, right = tree
        if word == "neg":
            return -computed(left, values)
        return OPERATORS[word](computed(left, values), computed(right, values))
    return values[tree] if isinstance(tree, str) else tree


def symbols(values=VALUES[0]):
    return {name: Num.symbol(value, name) for name, value in values.items()}


def plain(tree, values):
    try:
        return computed(tree, values)
    except ZeroDivisionError:
        assume(False)


@thoroughly
@given(trees, st.sampled_from(VALUES))
def test_values_are_those_of_integers(tree, values):
    expected = plain(tree, values)
    number = computed(tree, symbols(values))
    assert int(number) == expected
    assert isinstance(number, Num) == bool(expression(number).terms)


@thoroughly
@given(trees)
def test_expressions_hold_for_other_values(tree):
    results = [plain(tree, values) for values in VALUES]
    linear = expression(computed(tree, symbols()))
    assert [linear.evaluate(values) for values in VALUES] == results
    assert [eval(linear.show(), {}, values) for values in VALUES] == results  # noqa: S307
    assert linear.symbols <= set(NAMES)
    assert linear.symbols == {name for name in NAMES if name in linear.show()}


@thoroughly
@given(trees, trees)
def test_expressions_are_substituted(tree, inner):
    """`a` replaced by an expression is what it is to compute with that in place of `a`."""
    results = [plain(tree, {**values, "a": plain(inner, values)}) for values in VALUES]
    linear = expression(computed(tree, symbols())).substitute({"a": expression(computed(inner, symbols()))})
    assert [linear.evaluate(values) for values in VALUES] == results


def text(expr):
    """The expression of a number, given as Python over the names of `symbols()`."""
    return expression(eval(expr, {}, symbols())).show()  # noqa: S307


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("a + 0", "a"),
        ("0 + a", "a"),
        ("a - a + 5", "5"),
        ("a + 3 + 1", "4 + a"),
        ("a // -3", "(-a) // 3"),
        ("a // -1", "-a"),
        ("(3 * a + 7) // -3", "-a - 3"),
        ("0 // a", "0 // a"),
        ("a - 1", "a - 1"),
        ("-a * b", "(-a) * b"),
        ("-2 * (a // 2)", "-2 * (a // 2)"),
        ("2 * a // -6", "(-a) // 3"),
        ("b + a", "a + b"),
        ("a + a + 3", "3 + 2 * a"),
        ("a - 3", "a - 3"),
        ("3 - a", "3 - a"),
        ("-a - 3", "-a - 3"),
        ("-2 * a", "-2 * a"),
        ("a - 2 * b", "a - 2 * b"),
        ("a * b", "a * b"),
        ("b * a", "a * b"),
        ("(a + 1) * b", "(1 + a) * b"),
        ("2 * a * b", "(2 * a) * b"),
        ("(2 * a) * (3 * b)", "(2 * a) * (3 * b)"),
        ("2 * (a * b)", "2 * a * b"),
        ("a * b * 1000 + 300", "300 + 1000 * a * b"),
        ("a // 2", "a // 2"),
        ("3 * (a // 2)", "3 * (a // 2)"),
        ("-1 * (a // 2)", "-(a // 2)"),
        ("b - a // 2", "-(a // 2) + b"),
        ("b - a * b", "-a * b + b"),
        ("(4 * a + 2) // 2", "1 + 2 * a"),
        ("(4 * a + 2) // 6", "(1 + 2 * a) // 3"),
        ("(a + 2) // 2", "(2 + a) // 2"),
        ("a // a", "1"),
        ("a * 0", "0"),
        ("a * 1", "a"),
        ("7 // a", "7 // a"),
        ("a // b", "a // b"),
        ("(a * b) // 2", "(a * b) // 2"),
        ("(a // 2) * (a // 3)", "(a // 2) * (a // 3)"),
        ("(a // 2) + (a * b)", "a * b + a // 2"),
        ("5", "5"),
        ("-5", "-5"),
    ],
)
def test_expressions_are_canonical(number, shown):
    assert text(number) == shown


def test_symbols_may_be_spelled_otherwise():
    a, b, _ = symbols().values()
    assert expression((a + 1) * b - a // 2).show(str.upper) == "(1 + A) * B - A // 2"


@pytest.mark.parametrize("word", OPERATORS)
def test_what_is_no_integer_is_left_to_python(word):
    a, b, _ = symbols().values()
    for left, right in ((a, 1.5), (1.5, a), (b, -0.25)):
        result = OPERATORS[word](left, right)
        assert isinstance(result, float)
        assert result == OPERATORS[word](float(left), float(right))
    with pytest.raises(TypeError):
        OPERATORS[word](a, None)


def test_plain_numbers_stay_plain():
    a = symbols()["a"]
    assert type(a - a) is int
    assert type(a + 1) is Num
    assert expression(12) == Linear(12)
    assert expression(True) == Linear(1)


def total(count, start=0):
    """A sum of so many symbols."""
    return Num(count, Linear(0, tuple((Symbol(f"s{i:03}"), 1) for i in range(start, start + count))))


def test_expressions_have_a_largest_size():
    """A sum has one number and its symbols; a product or quotient has both its sides."""
    assert MAX_SIZE == 200
    assert expression(1 * total(199)).size == 200
    with pytest.raises(TooComplicated):
        1 * total(200)
    half = total(98)
    assert expression(half * total(98)).size == 2 + 2 * 99
    assert expression(half // total(98, 1)).size == 2 + 2 * 99
    with pytest.raises(TooComplicated):
        half * total(99)
    with pytest.raises(TooComplicated):
        total(99) // half
    assert Linear(3).size == 1
    assert Linear(3).symbols == frozenset()


def test_numbers_are_rebased():
    inner = Num.symbol(288, "in")
    outer = rebased(2 * inner + 1, {"in": expression(Num.symbol(224, "x") + 64)})
    assert (outer, expression(outer).show()) == (577, "129 + 2 * x")
    fixed = rebased(2 * inner, {"in": Linear(288)})
    assert type(fixed) is int
    assert fixed == 576
    assert rebased(5, {"in": Linear(1)}) == 5
    linear = expression(inner)
    assert linear.substitute({"other": Linear(1)}) is linear


@pytest.mark.parametrize(
    ("number", "name", "value", "shown"),
    [
        ("a * b + 5", "a", "0", "5"),
        ("a * b + 5", "b", "3", "5 + 3 * a"),
        ("a // b + 5", "b", "a", "6"),
        ("a // b + 5", "a", "b * 3", "5 + (3 * b) // b"),
        ("a // 3", "a", "7", "2"),
        ("a // 3", "a", "-7", "-3"),
        ("7 // a", "a", "-3", "-3"),
        ("(3 * b + 7) // a", "a", "-3", "-b - 3"),
        ("(2 * a + b) // 6", "b", "4", "(2 + a) // 3"),
        ("7 // a", "a", "2", "3"),
        ("7 // a", "a", "-7", "-1"),
    ],
)
def test_what_becomes_known_is_worked_out(number, name, value, shown):
    linear, known = (expression(eval(text, {}, symbols())) for text in (number, value))  # noqa: S307
    assert linear.substitute({name: known}).show() == shown


def test_what_holds_a_symbol_is_no_constant():
    symbol = Num.symbol(3, "k")
    for value in (symbol, Real(0.5, "p"), SymbolPair(3, 3, "k"), Pair(symbol, 3), Pair(3, symbol)):
        assert not constant(value)
    for value in (3, 0.5, "same", True, Pair(3, 3)):
        assert constant(value)


def test_settings_are_described_by_their_symbols():
    symbol = Num.symbol(3, "k")
    assert described(SymbolPair(3, 3, "k")) == described(Real(0.5, "k")) == ("symbol", "k")
    assert described(symbol) == expression(symbol)
    assert described(Pair(symbol, 3)) == (expression(symbol), ("int", 3))
    assert described(True) == ("bool", True) != described(1)


def test_pairs_are_two_numbers():
    pair = SymbolPair(3, 5, "k")
    assert (tuple(pair), pair.name, pair.text, Pair(1, 7).text) == ((3, 5), "k", "3x5", "1x7")
    assert SymbolPair(1, 1).name == ""


def test_atoms_are_compared_by_what_they_are():
    a, b, _ = symbols().values()
    left, right = expression(a), Linear(2)
    assert Product(left, right) != Quotient(left, right)
    assert not Linear(4).compound
    assert [expression(x).compound for x in (a, 2 * a, a + 1, a + b, a // 2)] == [False, True, True, True, True]


@pytest.mark.parametrize(
    "width",
    ["w + (3 * in + 7) // (0 - 3)", "w - in // 2", "w - 2 * (in // 2)", "w - w * in // 9", "w - (in // 2) * (in // 3)"],
)
def test_generated_widths_are_those_that_were_checked(width, generated):
    """`w - in // 2` is kept as `-(in // 2) + w`: without the parentheses 7 channels would lose 4."""
    import torch

    text = f"inc 1\nnet N {{\n  input x [7, 4, 4]\n  output y = x -> B(w: 40)\n}}\nblock B(w) = conv2d 1x1 @({width})\n"
    done = compiled(text)
    expected = eval(width.replace("in", "x"), {}, {"x": 7, "w": 40})  # noqa: S307
    assert predicted(done, {"H": 4, "W": 4})[0] == expected
    assert generated(done.text)()(torch.zeros(1, 7, 4, 4)).shape[1] == expected


def in_words(tree, values):
    """As `computed`, with the text of every operation."""
    if not isinstance(tree, tuple):
        return computed(tree, values)
    word, left, right = tree[0], *(in_words(part, values) for part in tree[1:])
    return -left if word == "neg" else as_written(word, left, right, OPERATORS[word](left, right))


@thoroughly
@given(trees)
def test_what_was_written_is_shown_with_the_same_value(tree):
    expected = [plain(tree, values) for values in VALUES]
    try:
        shown = spelled(in_words(tree, symbols()))
    except (TooComplicated, ZeroDivisionError):
        return
    for values, value in zip(VALUES, expected, strict=True):
        assert eval(shown.show(), {}, values) == value  # noqa: S307 - made here
        rest = shown.substitute({"a": Linear(values["a"])})
        assert "a" not in rest.symbols
        assert eval(rest.show(), {}, values) == value  # noqa: S307 - as above


A, B = Num.symbol(7, "a"), Num.symbol(12, "b")


def by(sign, left, right):
    return as_written(sign, left, right, OPERATORS[sign](left, right))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (by("*", A, B), "a * b"),
        (by("*", B, A), "b * a"),
        (by("*", 2, by("+", A, 8)), "2 * (a + 8)"),
        (by("+", by("*", A, 2), B), "a * 2 + b"),
        (by("-", A, by("-", B, 1)), "a - (b - 1)"),
        (by("-", A, by("//", B, 2)), "a - b // 2"),
        (by("*", by("//", A, 2), 2), "a // 2 * 2"),
        (by("//", A, by("*", 2, B)), "a // (2 * b)"),
        (by("+", by("*", A, 0), B), "b"),
        (by("-", A, A), "0"),
    ],
)
def test_no_more_parentheses_than_needed(value, shown):
    assert spelled(value).show() == shown


def test_a_number_under_its_own_name_is_in_canonical_form():
    assert spelled(unwritten(by("+", B, by("*", A, 2)))).show() == "2 * a + b"


def test_what_nobody_would_read_is_in_canonical_form():
    number = A
    for _ in range(5_000):
        number = by("+", number, 1)
    assert len(spelled(number).show()) < 300
    assert spelled(number).substitute({"a": Linear(7)}) == Linear(5_007)
