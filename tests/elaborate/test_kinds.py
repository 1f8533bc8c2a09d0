"""Every kind of value at every place where a spec can have one: taken or refused, never an accident."""

import pytest

from incdsl.frontend import analyze_source
from incdsl.source import Source

KINDS = {
    "list": "[1, 2]", "nested list": "[[1, 2], [3]]", "word": "half", "op": "relu", "boolean": "true",
    "real": "0.5", "negative": "-3",
}  # fmt: skip
PLACES = {
    "output y = x -> relu : [P, 8, 8]": (),
    "output y = x -> relu : [3, P, 8]": (),
    "output y = x -> rulu : [3, P, 8]": (),
    "output y = x -> conv2d (kernel: P, width: 3)": (),
    "output y = x -> conv2d (kernel: [P, P], width: 3)": (),
    "output y = x -> conv2d 3x3 @3 half (stride: P)": ("list",),
    "output y = x -> conv2d 3x3/P @3 half": ("list",),
    "output y = x -> conv2d 3x3 @P": (),
    "output y = x -> conv2d 3x3 @3 (padding: P)": ("list", "word"),
    "output y = x -> relu times P": (),
    "output y = x -> conv2d 1x1 @w for w in P": ("list",),
    "output y = x -> concat { | for a, b in P: conv2d 1x1 @a -> conv2d 1x1 @b }": (),
    "output y = x -> relu if P": ("boolean",),
    "output y = x -> relu if P < 3": ("real", "negative"),
    "output y = x -> conv2d 3x3 @3 as 1x3 @P, 3x1": (),
    "output y = x -> conv2d 3x3 @3 as 1x3, 3x1 @P": (),
    "output y = x -> conv2d 3x3 @3 as { | 1x3 @P | 3x1 @P }": (),
    "output y = x -> conv2d 3x3 @P as { | 1x3 | 3x1 }": (),
    "output y = x -> pad (top: P)": (),
    "output y = x -> conv2d 3x3 @3 pad (top: P)": (),
    "output y = x -> resize (like: P)": (),
    "output y = x -> relu if P else tanh": ("boolean",),
    "output y = x -> conv2d 1x1 @(max(P, 2))": ("negative", "real"),
    "output y = x -> conv2d 1x1 @(3 if P == P else 4)": (
        "boolean",
        "list",
        "negative",
        "nested list",
        "op",
        "real",
        "word",
    ),
    "output y = x -> concat (split: P) { | relu | tanh }": ("list",),
    "a, b = x -> split (sizes: P)\n  output y = concat { | a | b }": ("list",),
    "output y = x -> dropout (p: P)": ("real",),
    "output y = x -> conv2d 1x1 @(P + 1)": (),
    "output y = x -> conv2d 1x1 @(7 // P)": (),
    "output y = x -> conv2d 1x1 @(-P)": ("negative",),
    "output y = x -> B(w: P)": (),
    "output y = x -> C(w: P)": (),
    "output y = x -> M(channels: P)": (),
    "output y = x -> M(size: P)": (),
    "aux h (weight: P) = x -> gap -> linear @3\n  output y = x -> relu": ("real", "negative"),
    "output y = x -> P": ("op",),
    "output y = x -> A(act: P)": ("op",),
}
USED = """block A(act) = conv2d 1x1 @3 -> act
block B(w) = conv2d 1x1 @w
block C(w) = relu : [w, 8, 8]
net M(channels = 3, size = 8) {
  input i [channels, size, 8]
  output o = i -> relu : [channels, size, 8]
}
"""


@pytest.mark.parametrize("place", PLACES)
def test_each_kind_of_value_is_taken_or_refused(place):
    taken = set()
    for kind, value in KINDS.items():
        text = f"inc 1\n{USED}net N(P = {value}) {{\n  input x [3, 8, 8]\n  {place}\n}}\n"
        analysis = analyze_source(Source("spec", text))
        assert analysis.errors or all(net.complete for net in analysis.nets)
        taken |= set() if analysis.errors else {kind}
    assert taken == set(PLACES[place])
