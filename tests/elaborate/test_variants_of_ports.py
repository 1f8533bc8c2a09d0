"""Variants of nets that contain blocks with several inputs and outputs, and nets as steps."""

import pytest

from tests.nets import compiled, keys, problems

BASE = """inc 1
block Fuse(width) {
  input low, high
  up = low -> b: conv2d 1x1 @width -> upsample 2
  output fine = add { | left: high -> conv2d 3x3 @width | up } -> act: relu
  output coarse = low -> c: conv2d 1x1 @width -> relu
}
net Body(width = 4, depth = 1) {
  input image [3, 16, 16]
  output c3 = image -> a: conv2d 3x3/2 @width half
  aux early (weight: 0.3) = c3 -> gap -> fc: linear @3
  output c4 = c3 -> b: conv2d 3x3/2 @(2 * width) half -> more: conv2d 3x3 @(2 * width) times depth
}
net Plain = Body with { without early }
net Base(width = 6) {
  input x [3, 16, 16]
  c3, c4 = x -> body: Body(width: width)
  p3, p4 = (c4, c3) -> fuse: Fuse(width: 5)
  output y = p3 -> last: conv2d 1x1 @2
  output z = p4 -> end: conv2d 1x1 @3
}
"""


def variant(changes, params="", before="", base="Base"):
    return f"{BASE}{before}net V{params} = {base} with {{ {changes} }}\n"


def shapes(text):
    """The shape of every weight by the path of its layer."""
    done = compiled(text, "V")
    known = done.net.graph.shapes()
    found = {}
    for node in done.net.graph:
        if node.path and node.op.owns_parameters():
            tensors = node.op.tensors(*(known[name] for name in done.net.graph.operands(node.name)))
            found[node.path] = next(tensor.shape for tensor in tensors if tensor.name == "weight")
    return found


def messages(text, net="V"):
    return [problem.message() for problem in problems(text, net)]


CHANGES = {
    "a step of a block": ("fuse.c: conv2d 3x3 @7", {"fuse.c": (7, 12, 3, 3), "end": (3, 7, 1, 1)}),
    "a rail of a block": ("fuse.left: high -> conv2d 1x1 @5", {"fuse.left": (5, 6, 1, 1)}),
    "an input of a block is read no more": ("fuse.left: up -> relu", {"fuse.left": None}),
    "a step reads another input": ("fuse.c: high -> conv2d 3x3/2 @5 half", {"fuse.c": (5, 6, 3, 3)}),
    "a block": ("fuse: Fuse(width: 8)", {"fuse.b": (8, 12, 1, 1), "last": (2, 8, 1, 1)}),
    "what flows into a block": (
        "fuse: (c4, c3) -> first: Fuse(width: 12) -> Swap -> second: Fuse(width: 3)",
        {"fuse.c": None, "first.c": (12, 12, 1, 1), "second.c": (3, 12, 1, 1)},
    ),
    "parameters of a net inside": (
        "body: Body(width: 9, depth: 2)",
        {"body.a": (9, 3, 3, 3), "body.more.1": (18, 18, 3, 3), "fuse.b": (5, 18, 1, 1)},
    ),
    "a step of a net inside": ("body.a: conv2d 5x5/2 @width half", {"body.a": (6, 3, 5, 5)}),
    "a step of one that varies it too": (
        "body: Half(width: width)",
        {"body.a": (6, 3, 7, 7), "body.b": (12, 6, 3, 3), "body.early.fc": (3, 6)},
    ),
    "a head of a net inside": ("body.early: gap -> fc2: linear @7", {"body.early.fc": None, "body.early.fc2": (7, 6)}),
    "a net without its head": ("body: Plain(width: width)", {"body.a": (6, 3, 3, 3), "body.early.fc": None}),
    "no head of a net inside": ("without body_early", {"body.a": (6, 3, 3, 3), "body.early.fc": None}),
}
MORE = """block Swap {
  input u, v
  output p = v
  output q = u
}
net Half = Body with { a: conv2d 7x7/2 @width half }
"""


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_and_what_stays(name):
    change, expected = CHANGES[name]
    before, after = shapes(variant("")), shapes(variant(change, before=MORE))
    assert {path: after.get(path) for path in expected} == expected
    where = change.removeprefix("without ").partition(":")[0].partition(".")[0].partition("_")[0]
    assert {path for path in before if before[path] != after.get(path)} <= {
        *expected, *(path for path in before if path.partition(".")[0] in (where, "fuse", "last", "end")),
    }  # fmt: skip


def test_parameters_of_a_variant_reach_a_net_inside():
    done = compiled(variant("body: Body(width: wide, depth: deep)", "(wide = 3, deep = 2)"), "V", deep=3)
    assert "body.more.2.weight" in keys(done)
    assert "def __init__(self, wide: int = 3, *, aux: bool = True) -> None:" in done.text


def test_a_variant_of_a_variant_has_the_last_word_inside_too():
    before = (
        "net Half = Body with { a: conv2d 7x7/2 @width half }\nnet Other = Base with { body: Half(width: width) }\n"
    )
    found = shapes(variant("body.a: conv2d 1x1/2 @width valid", before=before, base="Other"))
    assert found["body.a"] == (6, 3, 1, 1)


def test_what_a_variant_outside_replaces_a_variant_inside_need_not_find():
    before = (
        "net Half = Body with { more.0: conv2d 1x1 @(2 * width) }\nnet Other = Base with { body: Half(width: width) }\n"
    )
    assert messages(variant("body.more: relu", before=before, base="Other")) == []


def test_the_deployed_form_has_no_head_to_leave_out():
    assert "aux" not in compiled(variant("without body_early"), "V").text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("fuse.d: relu", "`Base` has no rail or step `fuse.d`"),
        ("body.aa: relu", "`Base` has no rail or step `body.aa`"),
        ("without body_late", "`Base` has no aux head or output `body_late`"),
        ("without early", "`Base` has no aux head or output `early`"),
        ("body: Wrong(width: width)", "`Body` has no rail or step `aa`"),
        ("body: Headless(width: width)", "`Body` has no aux head or output `late`"),
        ("fuse.left: conv2d 1x1 @5", "nothing flows into `add`"),
        ("fuse: conv2d 3x3 @4", "2 values flow into `conv2d`, which takes one"),
        ("body: One", "the chain gives one value for 2 names"),
        ("fuse: (p3, c3) -> Fuse(width: 3)", "nothing is called `p3`"),
        ("end: p3 -> conv2d 1x1 @3", "nothing uses `relu`"),
        ("body: Body(breadth: 3)", "`Body` has no parameter `breadth`"),
    ],
)
def test_what_does_not_fit_is_told(change, message):
    before = (
        "net Wrong = Body with { aa: relu }\nnet Headless = Body with { without late }\n"
        "net One {\n  input im [3, 16, 16]\n  output o = im -> conv2d 3x3 @4\n}\n"
    )
    assert messages(variant(change, before=before)) == [message]


def test_a_near_name_of_a_head_inside_is_suggested():
    (problem,) = problems(variant("without body_earl"), "V")
    assert problem.label() == "did you mean `body_early`?"


def test_a_call_may_speak_to_two_ops():
    """The unit that it names is another one in a variant, and both nets are steps of one."""
    text = (
        "inc 1\nunit u = groupnorm\nnet M {\n  input x [4, 8, 8]\n  output y = x -> u 2\n}\n"
        "net V = M with {\n  unit u = upsample\n}\n"
        "net N {\n  input x [4, 8, 8]\n  output y = x -> m: M\n  output z = x -> v: V\n}\n"
    )
    words = [node.op.word for node in compiled(text, "N").net.graph]
    assert words == ["", "groupnorm", "upsample"]
