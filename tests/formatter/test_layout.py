"""The layout of each construct: a text as somebody may type it, and as it is written."""

import re

import pytest

from incdsl.formatter.fmt import formatted

UNITS = "inc 1\nunit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu\n"


def net(body):
    return f"inc 1\nnet N {{\n{body}}}\n"


ALREADY = {
    "rails under each other": (
        "inc 1\nblock B(width) = concat {\n  | a: conv2d 1x1 @width\n  | conv2d 1x1 @4 -> b: conv2d 3x3 @width\n}\n"
    ),
    "rails that their author wrote on one line": "inc 1\nblock B = add { | identity | relu } -> relu\n",
    "rails inside rails": (
        "inc 1\nblock B = add {\n  | identity\n  | concat {\n      | relu\n      | gap\n        -> relu\n"
        "    } -> conv2d 1x1 @in\n} -> relu\n"
    ),
    "rails behind an arrow": net(
        "  input x [3, 8, 8]\n  output y = x\n    -> add {\n      | identity\n      | relu\n    }\n    -> relu\n"
    ),
    "several steps to a line": net(
        "  input x [3, 8, 8]\n  y = x\n    -> a: relu -> b: relu\n    -> c: relu -> d: relu\n  output z = y\n"
    ),
    "a choice on the next line": (
        "inc 1\nblock B(k) = in\n  -> (a: conv2d 1x1 @8) if k == 1\n"
        "     else concat (split) { | for s in [1, 2]: conv2d 1x1 @4 }\n  -> relu\n"
    ),
    "a table of settings": net(
        "  input x [3, 8, 8]\n  y = x\n    -> a: M(n1:  64, r3: 128, n3:   8, pool: 4)\n    -> relu\n"
        "    -> b: M(n1: 192, r3:   6, n3: 192, pool: w)\n  output z = y -> c: M(n1: 1, r3: 2, n3: 3, pool: 4)\n"
    ),
    "assertions in a column past their chains": net(
        "  input x [3, 8, 8]\n\n  y = x\n    -> conv2d 3x3 @8           : [8, 8, 8]\n    -> relu -> relu -> relu\n"
        "    -> conv2d 3x3 @16          : [16, 8, 8]\n\n  output z = y -> conv2d 1x1   : [16, 8, 8]\n"
    ),
    "one assertion": net("  input x [3, 8, 8]\n  output y = x -> relu : [3, 8, 8]\n"),
    "an assertion behind rails": net(
        "  input x [3, 8, 8]\n  y = x -> add {\n    | identity\n    | relu\n  } : [3, 8, 8]\n  output z = y\n"
    ),
    "an assertion on a line of its own": net(
        "  input x [3, 8, 8]\n  y = x\n    -> relu                   : [3, 8, 8]\n"
        "    -> much: relu -> longer: relu -> than: relu -> others: relu\n"
        "                              : [3, 8, 8]\n    -> again: conv2d 3x3 @3\n  output z = y\n"
    ),
    "every item of a net": (
        'inc 1\n# About the file\nfrom "a.inc" use A, b as c\n\nnet N(n = 10, kind = plain | wide) {\n'
        "  let w = make_divisible(n * 2, 8)\n  input x [3, H, W]\n  a, b = (x, x) -> Two(k: -1, l: [[1, 2], [3, 4]])\n"
        "  _, c = b -> split 2 (sizes: [4, 4])\n  aux early (weight: 0.3) = a -> gap -> fc: linear @n\n"
        "  output y = c -> conv2d 7x7/2x1 @(2 * w) pad 3x2 (bias: not n > 3 and true) -> maxpool 3x3/2 valid ceil\n"
        '  expect params = 3 - (2 - 1)\n  expect keys = "4f189a04c26ece82"\n}\n'
    ),
    "every kind of step": (
        "inc 1\nunit u(act = relu) = 0: conv2d -> act\nblock B {\n  input low, high\n"
        "  y = low -> u 5x5 @4 as 3x3 @4, 3x3 -> u 3x3 @8 as { | 1x3 @4 | 3x1 @4 } -> (a: relu -> gap) times 2\n"
        "  z = y -> f.0..: C for k, l in [[1, 2]] -> scale -1 -> pad (top: 1) -> maxpool 2x2 pad (bottom: 1)\n"
        "  output w = z -> depthwise/stride half (kernel: k, act: leakyrelu(slope: 0.1)) if k == 1 else u 3x3 @in\n}\n"
    ),
    "a variant": (
        "inc 1\nnet V(k = 2) = N(n: k) with {\n  unit u = conv2d\n  a.b: maxpool 3x3 -> u 1x1 @192\n  without early\n"
        "  input x [1, 8, 8]\n  output y = grid -> flatten : [2048]\n  expect params = 3\n}\n\nnet W = V\n"
    ),
    "nothing in braces": "inc 1\nnet N {\n}\n",
}


@pytest.mark.parametrize("text", ALREADY.values(), ids=ALREADY)
def test_what_is_written_so_stays(text):
    assert formatted(text) == text


@pytest.mark.parametrize("text", ALREADY.values(), ids=ALREADY)
def test_blanks_do_not_matter(text):
    """Blanks within lines are doubled, and those between signs left out."""
    squeezed = re.sub(r" *([=,|@(){}\[\]]) *", r"\1", text)
    assert formatted(squeezed) == text
    assert formatted(re.sub("(?<!#)(?<!# About)(?<!# About the) +", "  \t ", text)) == text


CHANGED = {
    "items on one line": (
        "inc 1 unit u = relu net N { input x [3,8,8] output y = x->u }",
        "inc 1\nunit u = relu\nnet N {\n  input x [3, 8, 8]\n  output y = x -> u\n}\n",
    ),
    "lines that break anywhere": (
        "inc\n1\nblock B\n(\nwidth\n)\n=\nconv2d 3x3\n@width\n(bias:\nfalse)\n",
        "inc 1\nblock B(width) = conv2d 3x3 @width (bias: false)\n",
    ),
    "arrows at the end of lines": (
        "inc 1\nblock B = relu ->\n  gap ->\n  relu\n",
        "inc 1\nblock B = relu\n  -> gap\n  -> relu\n",
    ),
    "one rail on a line of its own": (
        "inc 1\nblock B = add { | relu | gap\n  | identity }",
        "inc 1\nblock B = add {\n  | relu\n  | gap\n  | identity\n}\n",
    ),
    "blank lines": (
        "\n\ninc 1\n\n\n\nblock A = relu\nblock B {\n\n\n  a = in -> relu\n\n\n\n  output y = a\n\n}\n\n\n",
        "inc 1\n\nblock A = relu\nblock B {\n  a = in -> relu\n\n  output y = a\n}\n",
    ),
    "line ends of Windows": ("inc 1\r\n# a\r\nblock  A = relu\r\n", "inc 1\r\n# a\r\nblock A = relu\r\n"),
    "line ends of two kinds": ("inc 1\r\n# a\nblock A = relu\r\n", "inc 1\n# a\nblock A = relu\n"),
    "no line end": ("inc 1\n# a", "inc 1\n# a\n"),
    "no text": ("", ""),
    "a chain that is too long": (
        f"inc 1\nblock B = {' -> '.join(['conv2d 3x3 @64 (bias: false)'] * 4)}",
        "inc 1\nblock B = conv2d 3x3 @64 (bias: false)\n" + "  -> conv2d 3x3 @64 (bias: false)\n" * 3,
    ),
    "rails that are too long": (
        f"inc 1\nblock B = relu -> add {{ {' '.join(['| conv2d 3x3 @64 (bias: false)'] * 4)} }} -> relu",
        "inc 1\nblock B = relu -> add {\n" + "  | conv2d 3x3 @64 (bias: false)\n" * 4 + "} -> relu\n",
    ),
    "settings that are too long": (
        f"inc 1\nblock B = relu -> conv2d 3x3 @64 ({', '.join(f'setting{i}: {i}' for i in range(10))}) times 2",
        "inc 1\nblock B = relu\n  -> conv2d 3x3 @64 (setting0: 0, setting1: 1, setting2: 2, setting3: 3, setting4: 4, "
        "setting5: 5, setting6: 6,\n     setting7: 7, setting8: 8, setting9: 9)\n     times 2\n",
    ),
    "an assertion in parentheses that is too long": (
        f"inc 1\nblock B = (relu : [{', '.join(['1_000_000'] * 10)}, 1]) times 2\n    : [1]",
        f"inc 1\nblock B = (relu\n    : [{', '.join(['1_000_000'] * 10)}, 1])\n    times 2\n    : [1]\n",
    ),
    "an assertion that makes a line too long": (
        f"inc 1\nblock B = {'a' * 60}: conv2d 3x3 @64 (bias: false) : [1_000_000 * 1_000_000, 1_000_000]",
        f"inc 1\nblock B = {'a' * 60}: conv2d 3x3 @64 (bias: false)\n    : [1_000_000 * 1_000_000, 1_000_000]\n",
    ),
}


@pytest.mark.parametrize(("text", "expected"), CHANGED.values(), ids=CHANGED)
def test_what_is_written_otherwise_changes(text, expected):
    assert formatted(text) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("block B = {}: conv2d 3x3 (bias: false) -> {}: relu", "block B = {}: conv2d 3x3 (bias: false)\n  -> {}: relu"),
        ("block B = add {{ | {}: relu | {}: gap }} -> gap", "block B = add {{\n  | {}: relu\n  | {}: gap\n}} -> gap"),
        ("block B = {}: relu (a: 1) for {} in [1, 2]", "block B = {}: relu (a: 1)\n    for {} in [1, 2]"),
    ],
    ids=["chain", "rails", "choice"],
)  # fmt: skip
def test_a_line_of_120_columns_stays_and_a_longer_one_is_broken(before, after):
    free = 120 - len(before.format("", ""))
    fits, wide = ((each - 50) * "a" for each in (free, free + 1))
    assert len(before.format(fits, "b" * 50)) == 120
    for text in (before.format(fits, "b" * 50), after.format(wide, "b" * 50)):
        assert formatted(f"inc 1\n{text}\n") == f"inc 1\n{text}\n"
    assert formatted(f"inc 1\n{before.format(wide, 'b' * 50)}\n") == f"inc 1\n{after.format(wide, 'b' * 50)}\n"


def test_a_table_that_would_not_fit_is_none():
    uses = {"a" * 60: 1, "b": 1_000_000_000}
    rows = [f"    -> {label}: M(aa: {n}, bb: {n}, cc: {n}, dd: {n})\n" for label, n in uses.items()]
    text = net(f"  input x [3, 8, 8]\n  output y = x\n{''.join(rows)}")
    assert formatted(text) == text


def test_few_settings_are_no_table():
    text = net("  input x [3, 8, 8]\n  output y = x\n    -> M(a: 1, b: 2, c: 3)\n    -> M(a: 100, b: 2, c: 3)\n")
    assert formatted(text) == text


@pytest.mark.parametrize("text", ["inc 2\nblock   B=relu", "block   B=relu", "# A page\n\nSome   words"])
def test_another_edition_is_left_alone(text):
    assert formatted(text) == text
