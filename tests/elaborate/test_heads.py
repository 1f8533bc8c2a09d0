"""Auxiliary heads: nothing but training reads what they give."""

import pytest

from tests.nets import compiled, problems


def net(lines):
    return f"inc 1\nnet N {{\n  input x [3, 8, 8]\n  {lines}\n}}\n"


HEAD = "a = x -> conv2d 3x3 @4\n  aux early = a -> gap -> fc: linear @2\n  "


@pytest.mark.parametrize(
    "lines",
    [
        "output y = early -> relu",
        "output y = a -> gap\n  output z = early",
        "output y = add { | early | a -> gap -> last: linear @2 }",
        "output y = concat { | a -> gap | early }",
        "output y = a -> gap -> concat { | identity | early -> relu }",
        "aux late = early -> relu\n  output y = a -> gap",
        "b = early -> relu\n  output y = b",
        "output y = a -> gap -> linear @early",
        "output y = a -> gap -> linear @3 if early == 2",
    ],
)
def test_what_a_head_gives_is_not_read(lines):
    found = problems(net(HEAD + lines))
    assert {p.message() for p in found} == {"`early` is an auxiliary head, and only training runs it"}


def test_a_head_of_a_net_inside_is_not_read_there():
    text = f"inc 1\nnet Inner {{\n  input x [3, 8, 8]\n  {HEAD}output y = early -> relu\n}}\n"
    text += "net Outer {\n  input x [3, 8, 8]\n  output y = x -> inner: Inner\n}\n"
    assert "only training runs it" in problems(text)[0].message()


def test_what_a_head_reads_can_be_read_by_others():
    assert compiled(net(HEAD + "output y = a -> gap -> last: linear @2")).net.graph.heads
