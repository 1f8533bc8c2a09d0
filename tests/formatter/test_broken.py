"""Of a broken text, items that make sense are formatted, and the others stay as they are."""

import pytest

from incdsl.formatter.fmt import formatted

CASES = {
    "an item of a net": (
        "inc 1\nnet N {\n  input   x [3, 8, 8]\n  y   = x -> conv2d 3x3 @(4 -> relu\n  output   z = x\n}\n",
        "inc 1\nnet N {\n  input x [3, 8, 8]\n  y   = x -> conv2d 3x3 @(4 -> relu\n  output z = x\n}\n",
    ),
    "a definition": (
        "inc 1\nunit   a = relu\nblock   B = relu   gap\n\n\nunit   c = relu\n",
        "inc 1\nunit a = relu\nblock   B = relu   gap\n\nunit c = relu\n",
    ),
    "the end": ("inc 1\nunit   a = relu\nnet   N {\n  input   x [3", "inc 1\nunit a = relu\nnet   N {\n  input   x [3"),
    "no edition": ("unit   a = relu", "unit   a = relu"),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_the_rest_is_formatted(text, expected):
    assert formatted(text).rstrip() == expected.rstrip()
