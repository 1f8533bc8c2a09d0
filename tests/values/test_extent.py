"""Extents: every one is the function that its steps are, at every size, and equal functions are equal."""

from fractions import Fraction

import pytest
from hypothesis import given, settings, strategies as st

from incdsl.values import Extent, Image, Num, TooComplicated, Vector
from incdsl.values.extent import MAX_DEPTH, Minimum, smaller

thoroughly = settings(max_examples=150)

SIZES = [*range(40), 255, 256, 1000, 4097]

affine = st.tuples(st.just("affine"), st.integers(1, 4), st.integers(-9, 9), st.integers(1, 4))
swept = st.tuples(
    st.just("window"), st.integers(1, 5), st.integers(1, 4), st.integers(0, 4), st.integers(1, 3), st.booleans()
)
chains = st.lists(st.one_of(affine, swept), max_size=5)

H = Extent.of("H")


def positions(size, kernel, stride, padding, dilation, ceil):
    """How many windows there are, counted one by one; nothing below 1 says how far the first is from fitting."""
    span = dilation * (kernel - 1) + 1
    room = size + 2 * padding - span
    if room < 0:
        return -(-room // stride) + 1 if ceil else room // stride + 1
    starts = [s for s in range(0, room + stride, stride) if s <= room or (ceil and s < size + padding)]
    return len(starts)


def stepped(extent, chain):
    for word, *numbers in chain:
        extent = extent.floor_affine(*numbers) if word == "affine" else extent.window(*numbers)
    return extent


def by_hand(size, chain):
    for word, *numbers in chain:
        if word == "affine":
            scale, offset, divisor = numbers
            size = (scale * size + offset) // divisor
        else:
            size = Extent.fixed(size).window(*numbers).offset
    return size


@pytest.mark.parametrize("ceil", [False, True])
def test_windows_are_counted(ceil):
    wrong = []
    for kernel, stride, padding, dilation in (
        (k, s, p, d) for k in (1, 2, 3, 5) for s in (1, 2, 3, 5) for p in range(4) for d in (1, 2, 3)
    ):
        if ceil and 2 * padding > kernel:
            continue  # no pool has that
        setting = (kernel, stride, padding, dilation, ceil)
        extent = H.window(*setting)
        for size in range(1, 20):
            if size + 2 * padding <= dilation * (kernel - 1):
                continue
            expected = positions(size, *setting)
            if not expected == extent.at(size) == Extent.fixed(size).window(*setting).offset:
                wrong.append((setting, size))
    assert not wrong


def test_a_window_moves_by_one_unless_told():
    assert H.window(3) == H.window(3, 1, 0, 1, False) == H.floor_affine(1, -2, 1)
    assert [H.window(4, 3).at(n) for n in (3, 4, 6, 7)] == [0, 1, 1, 2]


def test_windows_take_numbers_with_expressions():
    symbol = Num.symbol(3, "k")
    extent = H.window(symbol, Num.symbol(2, "s"), Num.symbol(1, "p"), Num.symbol(2, "d"), True)
    assert extent == H.window(3, 2, 1, 2, True)
    assert "k" not in str(extent)
    assert type(Extent.fixed(symbol).offset) is int


@thoroughly
@given(chains)
def test_extents_are_their_steps(chain):
    extent = stepped(H, chain)
    expected = [by_hand(n, chain) for n in SIZES]
    assert [extent.at(n) for n in SIZES] == expected
    assert [extent.at(n) for n in SIZES] == expected, "remembered"
    assert [extent.within({"H": n, "W": 1}) for n in SIZES] == expected
    assert [eval(extent.show(), {}, {"H": n}) for n in SIZES] == expected  # noqa: S307
    assert str(extent) == extent.show()
    assert extent.axis == "H"
    assert not extent.is_fixed


@thoroughly
@given(chains, st.integers(0, 99))
def test_extents_repeat_with_their_period(chain, size):
    extent = stepped(H, chain)
    growth = extent.period * extent.slope
    assert growth.denominator == 1
    assert all(extent.at(n + extent.period) == extent.at(n) + growth for n in SIZES)
    fixed = stepped(Extent.fixed(size), chain)
    assert (fixed.is_fixed, fixed.axis, fixed.slope, fixed.period, fixed.depth) == (True, None, 0, 1, 0)
    assert fixed.at(3) == fixed.within({}) == fixed.offset == by_hand(size, chain)
    assert fixed.show() == str(fixed.offset)


@thoroughly
@given(chains, chains)
def test_extents_follow_one_another(first, second):
    joined = stepped(H, second).after(stepped(Extent.of("W"), first))
    assert [joined.at(n) for n in SIZES] == [by_hand(n, [*first, *second]) for n in SIZES]
    assert joined.axis == "W"
    fixed = Extent.fixed(7)
    assert fixed.after(H) is fixed
    assert stepped(H, second).after(fixed).is_fixed


@pytest.mark.parametrize(
    ("steps", "text", "period", "slope"),
    [
        ("H", "H", 1, 1),
        ("H.floor_affine(1, 1000, 1)", "H + 1000", 1, 1),
        ("H.floor_affine(1, -1000, 1)", "H - 1000", 1, 1),
        ("H.floor_affine(1, 0, 2)", "H // 2", 2, Fraction(1, 2)),
        ("H.floor_affine(3, 0, 1)", "3 * H", 1, 3),
        ("H.floor_affine(3, 1, 2)", "(3 * H + 1) // 2", 2, Fraction(3, 2)),
        ("H.floor_affine(4, 6, 2)", "2 * H + 3", 1, 2),
        ("H.floor_affine(4, 7, 6)", "(2 * H + 3) // 3", 3, Fraction(2, 3)),
        ("H.floor_affine(1, 1, 2).floor_affine(1, 1, 3)", "(H + 3) // 6", 6, Fraction(1, 6)),
        ("H.floor_affine(2, 1, 1).floor_affine(3, 5, 4)", "(3 * H + 4) // 2", 2, Fraction(3, 2)),
        ("H.floor_affine(1, 1, 2).floor_affine(2, 0, 1)", "2 * ((H + 1) // 2)", 2, 1),
        ("H.floor_affine(1, 1, 2).floor_affine(2, 0, 1).floor_affine(1, 1, 1)", "2 * ((H + 1) // 2) + 1", 2, 1),
        ("H.floor_affine(1, 0, 3).floor_affine(2, 0, 1).floor_affine(1, 0, 4)", "(H // 3) // 2", 6, Fraction(1, 6)),
        ("H.floor_affine(1, 0, 3).floor_affine(2, 0, 3)", "(2 * (H // 3)) // 3", 9, Fraction(2, 9)),
        (
            "H.floor_affine(1, 0, 2).floor_affine(3, 0, 1).floor_affine(1, 0, 2)",
            "(3 * (H // 2)) // 2",
            4,
            Fraction(3, 4),
        ),
        ("H.floor_affine(1, 0, 3).floor_affine(2, 1, 3)", "(2 * (H // 3) + 1) // 3", 9, Fraction(2, 9)),
        ("H.floor_affine(3, 0, 2).floor_affine(2, 0, 3)", "(2 * ((3 * H) // 2)) // 3", 2, 1),
        ("H.floor_affine(3, 0, 2).floor_affine(4, 0, 3)", "(4 * ((3 * H) // 2)) // 3", 2, 2),
        ("H.window(3, 2, 1, 1, True)", "(H + 2) // 2", 2, Fraction(1, 2)),
        ("H.window(2, 3, 0, 1, True)", "min((H + 3) // 3, (H + 2) // 3)", 3, Fraction(1, 3)),
    ],
)
def test_extents_are_canonical(steps, text, period, slope):
    extent = eval(steps, {}, {"H": H})  # noqa: S307
    assert (str(extent), extent.period, extent.slope) == (text, period, slope)
    assert [extent.at(n) for n in SIZES] == [eval(text, {}, {"H": n}) for n in SIZES]  # noqa: S307


def test_equal_functions_are_equal():
    """Rails that agree at every size leave no condition behind."""
    assert H.window(3, 2, 1) == H.window(1, 2) == H.window(5, 2, 2)
    assert H.window(3, 2).window(3, 2) == H.window(7, 4)
    assert H.window(3, 2, 1).window(1, 500) == H.window(3, 1000, 1)
    assert H.floor_affine(1, 0, 2).floor_affine(2, 0, 1).floor_affine(1, 0, 2) == H.floor_affine(1, 0, 2)
    assert hash(H.window(3, 2, 1)) == hash(H.window(1, 2))
    assert Extent.of("W") != H
    assert (H.fixed(5), H.of("H")) == (Extent(None, 0, 5, 1), Extent("H", 1, 0, 1))


def test_fixed_extents_are_worked_out():
    fixed = Extent.fixed(1).floor_affine(3, -10, 2)
    assert (fixed.offset, fixed.period, fixed.slope) == (-4, 1, 0), "rounded down"
    assert Extent.fixed(1 << 60).floor_affine(1, 1, 1).offset == (1 << 60) + 1


def test_rounding_up_is_kept_only_where_it_matters():
    """Only where a last window could start behind the input is the count the smaller of two."""
    assert isinstance(H.window(3, 2, 0, 1, True).base, str)
    assert isinstance(H.window(3, 3, 0, 1, True).base, str)
    assert isinstance(H.window(5, 3, 0, 1, True).base, str)
    both = H.window(3, 4, 0, 1, True)
    assert isinstance(both.base, Minimum)
    assert (both.depth, both.base.depth, both.base.axis, both.axis) == (2, 1, "H", "H")
    assert [both.at(n) for n in range(1, 9)] == [1, 1, 1, 1, 2, 2, 2, 2][:8]


def test_the_smaller_of_two():
    near, far = Extent.fixed(3), Extent.fixed(4)
    assert smaller(near, far) is smaller(far, near) is near
    same = Extent.fixed(4)
    assert smaller(far, same) is far
    assert smaller(H, H) is H
    assert smaller(H, Extent.of("H")) == H
    left, right = H.window(4, 2), H.window(3, 3)
    least = smaller(left, right)
    assert [least.at(n) for n in SIZES] == [min(left.at(n), right.at(n)) for n in SIZES]
    assert least.period == 6
    assert least.show() == f"min({left}, {right})"
    deep = H.floor_affine(1, 0, 2).floor_affine(3, 0, 1)
    assert smaller(deep, H).depth == smaller(H, deep).depth == 1 + 1 + deep.depth == 3


def test_roundings_inside_one_another_have_an_end():
    extent = H
    for depth in range(MAX_DEPTH + 1):
        assert extent.depth == depth
        extent = extent.floor_affine(1, 0, 2).floor_affine(3, 0, 1) if depth < MAX_DEPTH else extent
    assert extent.depth == 100
    with pytest.raises(TooComplicated):
        extent.floor_affine(1, 0, 2).floor_affine(3, 0, 1)


def test_shapes_are_numbers_at_a_size():
    image = Image(Num.symbol(8, "in"), H.window(3, 2), Extent.of("W"))
    assert image.at({"H": 9, "W": 300}) == (8, 4, 300)
    assert image.with_channels(5) == Image(5, H.window(3, 2), Extent.of("W"))
    assert str(image) == "[in, (H - 1) // 2, W]"
    vector = Vector(Num.symbol(8, "in"))
    assert (vector.at({}), vector.with_channels(3), str(vector)) == ((8,), Vector(3), "[in]")
    assert type(vector.at({})[0]) is type(image.at({"H": 9, "W": 9})[0]) is int
