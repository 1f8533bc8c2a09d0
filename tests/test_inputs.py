"""Sizes of several inputs: free for all of them, or for none."""

import pytest

import incdsl

NET = "inc 1\nnet N {{\n  input a {}\n  input b {}\n  output y = a -> add {{ | identity | b -> relu }}\n}}\n"


@pytest.mark.parametrize(("one", "other"), [("[3, H, W]", "[3, H, W]"), ("[3, 16, 8]", "[3, 16, 8]"), ("[3]", "[3]")])
def test_all_or_none(one, other):
    assert incdsl.check(NET.format(one, other)) == []
    assert incdsl.compile(NET.format(one, other))


@pytest.mark.parametrize(
    ("one", "other"), [("[3, 16, W]", "[3, H, W]"), ("[3, H, W]", "[3, H, 4]"), ("[3, H, W]", "[3, 8, 8]")]
)
def test_some_are_refused(one, other):
    (found,) = incdsl.check(NET.format(one, other))
    assert found.code == "E203"
    assert "for all or for none" in found.message()


def test_vectors_have_no_size():
    text = "inc 1\nnet N {\n  input a [3, H, W]\n  input b [3]\n  output y = a -> relu\n  output z = b -> relu\n}\n"
    assert incdsl.check(text) == []
