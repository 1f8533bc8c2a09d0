"""Blocks with several inputs and outputs, and nets as steps: what is legal, what is built, and what is told."""

import keyword

import pytest

from incdsl.compiler import for_inference
from incdsl.syntax.table import table
from tests.nets import codes, compiled, keys, predicted, problems

FUSE = """block Fuse(width) {
  input low, high
  output fine = add { | high -> a: conv2d 3x3 @width | low -> b: conv2d 1x1 @width -> upsample 2 } -> relu
  output coarse = low -> c: conv2d 1x1 @width -> relu
}
"""
BODY = """net Body(width = 4) {
  input image [3, 16, 16]
  output c3 = image -> a: conv2d 3x3/2 @width half
  aux early (weight: 0.3) = c3 -> gap -> fc: linear @3
  output c4 = c3 -> b: conv2d 3x3/2 @(2 * width) half
}
"""
PAIR = "  a = x -> conv2d 3x3 @4\n  b = x -> conv2d 3x3/2 @5 half\n"


def net(lines, before="", params=""):
    return f"inc 1\n{before}net N{params} {{\n  input x [3, 16, 16]\n{lines}\n}}\n"


def messages(text):
    return [problem.message() for problem in problems(text, "N")]


# What is not needed


@pytest.mark.parametrize(
    ("names", "ends", "layers"),
    [
        ("p, q", "  output y = p\n  output z = q", {"a", "b", "c"}),
        ("p, _", "  output y = p", {"a", "b"}),
        ("_, q", "  output y = q\n  output z = a", {"c"}),
    ],
)
def test_what_is_not_needed_is_not_built(names, ends, layers):
    done = compiled(net(f"{PAIR}  {names} = (b, a) -> f: Fuse(width: 3)\n{ends}", FUSE), "N")
    assert {key.split(".")[1] for key in keys(done) if key.startswith("f.")} == layers


def test_an_output_may_be_one_of_several():
    done = compiled(net(f"{PAIR}  output _, q = (b, a) -> Fuse(width: 3)\n  output z = a", FUSE), "N")
    assert list(done.net.graph.outputs) == ["q", "z"]
    assert [key for key in keys(done) if "." in key and key.startswith("q.")] == ["q.c.weight", "q.c.bias"]


def test_a_block_may_leave_out_what_it_does_not_need():
    outer = "block Outer {\n  input u, v\n  output _, y = (u, v) -> f: Fuse(width: 2)\n  output z = v -> relu\n}\n"
    done = compiled(net(f"{PAIR}  output y, z = (b, a) -> o: Outer", FUSE + outer), "N")
    assert [key for key in keys(done) if key.startswith("o.")] == ["o.f.c.weight", "o.f.c.bias"]
    assert list(done.net.graph.outputs) == ["y", "z"]


def test_what_a_choice_does_not_need_is_not_built():
    lines = f"{PAIR}  p, q = (b, a) -> f: Fuse(width: 5)\n  output y = p\n"
    lines += "  output z = b -> add { | identity | if wide: q }"
    text = net(lines, FUSE, "(wide = false)")
    assert {key.split(".")[1] for key in keys(compiled(text, "N")) if key.startswith("f.")} == {"a", "b"}
    assert "f.c.weight" in keys(compiled(text, "N", wide=True))


def test_what_only_a_head_reads_is_told():
    lines = f"{PAIR}  p, q = (b, a) -> f: Fuse(width: 5)\n  aux h = q -> gap -> linear @2\n  output y = p"
    assert messages(net(lines, FUSE)) == ["only auxiliary heads need `relu`"]


@pytest.mark.parametrize("line", ["_, _ = (b, a) -> Fuse(width: 3)", "_ = x -> relu", "output _ = x -> relu"])
def test_something_is_needed(line):
    assert messages(net(f"{PAIR}  {line}\n  output y = a\n  output z = b", FUSE)) == ["`_` cannot be used as a name"]


def test_what_is_not_needed_has_no_value():
    lines = f"{PAIR}  _, q = (b, a) -> Fuse(width: 3)\n  output y = q\n  output z = _ -> relu"
    assert messages(net(lines, FUSE)) == ["nothing is called `_`"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("p = (b, a) -> Fuse(width: 3)", "the chain gives 2 values for 1 name"),
        ("p, q, r = (b, a) -> Fuse(width: 3)", "the chain gives 2 values for 3 names"),
        ("p, q = b -> Fuse(width: 3)", "`Fuse` has 2 inputs, `low`, `high`, but one value flows in"),
        ("p, q = (b, a, a) -> Fuse(width: 3)", "`Fuse` has 2 inputs, `low`, `high`, but 3 values flow in"),
        ("p, q = (b, a) -> relu", "2 values flow into `relu`, which takes one"),
    ],
)
def test_numbers_of_values_that_do_not_fit(line, message):
    names = line.partition(" =")[0].split(", ")
    ends = "\n".join(f"  output o_{name} = {name}" for name in names)
    assert messages(net(f"{PAIR}  {line}\n{ends}", FUSE)) == [message]


# Values that only pass


@pytest.mark.parametrize(
    ("before", "use"),
    [
        (
            "net Body {\n  input image [3, 16, 16]\n  output c = image\n}\n",
            "s = x -> body: Body\n  output y = s -> relu",
        ),
        (
            "block Swap {\n  input u, v\n  output p = v\n  output q = u\n}\n",
            "a = x -> relu\n  s, t = (x, a) -> swap: Swap\n  output y = concat { | s | t -> sigmoid }",
        ),
    ],
)
def test_what_only_hands_on_values_is_no_module(before, use):
    done = compiled(net(f"  {use}", before), "N")
    assert not done.net.graph.ports
    assert "class Swap" not in done.text
    assert "class Body" not in done.text


# Names


@pytest.mark.parametrize("name", ["self", "torch", "F", "nn", "Tensor", "forward", "training", "_", "__v", "tuple"])
def test_a_name_that_generated_code_cannot_have_is_no_input(name):
    block = f"block P {{\n  input {name}, v\n  output o = concat {{ | {name} | v -> conv2d 1x1 @3 }}\n}}\n"
    assert codes(net("  output y = (x, x) -> P", block), "N") == ["E207"]
    assert codes(net("  output y = x -> relu", block)) == ["E207"]


@pytest.mark.parametrize("name", sorted({*keyword.kwlist} - {word.lower() for word in table().keywords}))
def test_a_keyword_of_python_is_no_port(name):
    block = "block P {{\n  input {0}, v\n  output {1} = concat {{ | {0} | v -> conv2d 1x1 @3 }}\n}}\n"
    assert codes(net("  output y = (x, x) -> P", block.format(name, "o")), "N") == ["E207"]
    assert codes(net("  output y = (x, x) -> P", block.format("u", name)), "N") == ["E207"]


@pytest.mark.parametrize(
    ("inputs", "params", "message"),
    [
        ("u, u", "", "`u` is bound already"),
        ("u, v", "(u)", "`u` is a parameter"),
        ("relu, v", "", "`relu` is the name of a unit, block or op"),
        ("P, v", "", "`P` is the name of a unit, block or op"),
        ("u, v", "(v_channels)", "`v_channels` is what the constructor calls the channels that flow in"),
    ],
)
def test_an_input_has_a_name_of_its_own(inputs, params, message):
    first, second = inputs.split(", ")
    width = params.strip("()") or "3"
    block = (
        f"block P{params} {{\n  input {inputs}\n"
        f"  output o = concat {{ | {first} | {second} -> conv2d 1x1 @{width} }}\n}}\n"
    )
    use = f"P({width}: 2)" if params else "P"
    assert messages(net(f"  output y = (x, x) -> {use}", block)) == [message]


def test_the_channels_that_flow_in_are_no_parameter():
    """The argument of the constructor would mean both."""
    block = "block P(in_channels) = conv2d 3x3 @in_channels -> conv2d 1x1 @in\n"
    told = ["`in_channels` is what the constructor calls the channels that flow in"]
    assert messages(net("  output y = x -> P(in_channels: 5)", block)) == told
    inner = "net M(in_channels = 3) {\n  input x [in_channels, 8, 8]\n  output y = x -> conv2d 1x1 @4\n}\n"
    assert messages(net("  output y = x -> M", inner)) == told
    assert codes(f"inc 1\n{inner}") == []


def test_the_words_of_the_language_are_no_names():
    """A parameter `aux` would hide the argument that every class around a head has."""
    assert codes(net("  output y = x -> conv2d 3x3 @aux", params="(aux = 3)"), "N")[0] == "E101"


# Heads of nets inside


def test_heads_leave_a_net_inside_by_its_path():
    blocks = "block Wrap {\n  c, d = in -> body: Body\n  output y = concat { | c -> maxpool 2x2/2 valid | d }\n}\n"
    lines = (
        "  c, d = x -> one: Body\n  w = x -> parts.0: Wrap\n  output y = concat { | c -> maxpool 2x2/2 valid | d | w }"
    )
    done = compiled(net(lines, BODY + blocks), "N")
    assert [(head.name, head.weight) for head in done.net.graph.heads] == [
        ("one_early", 0.3), ("parts_0_body_early", 0.3),
    ]  # fmt: skip
    assert 'aux_weights: ClassVar[dict[str, float]] = {"one_early": 0.3, "parts_0_body_early": 0.3}' in done.text
    assert not for_inference(done).net.graph.heads
    assert not any("early" in key for key in keys(for_inference(done)))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "  c, d = x -> body: Body\n  output body_early = c\n  output z = d",
            "`body_early` is the name by which the auxiliary head `early` of `body` leaves the net",
        ),
        (
            "  c, d = x -> body: Body\n  aux body_early = c -> gap -> linear @2\n  output y = c\n  output z = d",
            "`body_early` is the name of another auxiliary head",
        ),
        (
            "  aux h = x -> body: Body -> gap -> linear @2\n  output y = x -> relu",
            "an auxiliary head hands on one value, and `Body` has the auxiliary head `early`",
        ),
        (
            "  output y = x -> parts: Half times 3",
            "what repeats hands on one value, and `Half` has the auxiliary head `h`",
        ),
        (
            "  output y = x -> parts: Around times 3",
            "what repeats hands on one value, and `Half` has the auxiliary head `h`",
        ),
    ],
)
def test_a_head_needs_a_way_out_and_a_name(lines, message):
    half = (
        "net Half {\n  input image [3, 16, 16]\n  v = image -> conv2d 3x3 @3\n"
        "  aux h = v -> gap -> fc: linear @2\n  output y = v -> relu\n}\nblock Around = Half -> relu\n"
    )
    assert messages(net(lines, BODY + half)) == [message]


def test_a_net_without_its_heads_repeats():
    half = (
        "net Half {\n  input image [3, 16, 16]\n  v = image -> conv2d 3x3 @3\n"
        "  aux h = v -> gap -> fc: linear @2\n  output y = v -> relu\n}\nnet Plain = Half with { without h }\n"
    )
    done = compiled(net("  output y = x -> parts: Plain times 2", half), "N")
    assert keys(done) == [f"parts.{i}.v.{name}" for i in (0, 1) for name in ("weight", "bias")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("net N {\n  input x [3, 8, 8]\n  output y = x -> N\n}\n", "`N` contains itself: N > N"),
        (
            "net M {\n  input x [3, 8, 8]\n  output y = x -> N\n}\n"
            "net N {\n  input x [3, 8, 8]\n  output y = x -> M\n}\n",
            "`N` contains itself: N > M > N",
        ),
    ],
)
def test_a_net_does_not_contain_itself(text, message):
    assert messages(f"inc 1\n{text}") == [message]


@pytest.mark.parametrize(("first", "argument"), [("a", "x"), ("x", "x_")])
def test_several_outputs_of_what_flows_in(first, argument):
    block = f"block B {{\n  output {first} = in -> conv2d 3x3 @4\n  output b = in -> conv2d 3x3 @8\n}}\n"
    done = compiled(net("  u, v = x -> B\n  output y = concat { | u | v }", block), "N")
    assert f"def forward(self, {argument}: Tensor) -> tuple[Tensor, Tensor]:" in done.text
    assert keys(done) == [f"u.{first}.weight", f"u.{first}.bias", "u.b.weight", "u.b.bias"]


def test_what_flows_in_beside_a_value():
    block = FUSE + "block One {\n  m = in -> maxpool 2x2/2 valid\n  p, q = (m, in) -> Fuse(width: 4)\n"
    block += "  output y = concat { | p | q -> upsample 2 }\n}\n"
    done = compiled(net("  output y = x -> One", block), "N")
    assert keys(done)[::2] == ["y.p.a.weight", "y.p.b.weight", "y.p.c.weight"]
    assert predicted(done, {"H": 16, "W": 16}) == (8, 16, 16)


@pytest.mark.parametrize(
    ("line", "help"),
    [
        ("p, q = Fuse(x, x)", "values flow in: `x -> Fuse`, or `(a, b) -> Fuse` if it has several inputs"),
        ("p, q = (x, x) -> Fuse(width: 4) times 2", "write its uses one after another"),
        ("p, q, r = x -> Body", "a name for each; use `_`"),
        ("p = x -> upsample(2)", "write `upsample 2`"),
    ],
)
def test_what_helps(line, help):
    found = problems(net(f"  {line}\n  output y = x -> relu", FUSE + BODY), "N")
    assert any(help in problem.help() for problem in found)


def test_of_several_values_one_may_be_left_out():
    text = net("  p, q = x -> split (sizes: [1, 2])\n  output y = p -> relu")
    (found,) = problems(text, "N")
    assert (found.code, found.help()) == ("E208", "call it `_` if you do not need it")
