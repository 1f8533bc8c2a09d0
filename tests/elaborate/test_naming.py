"""The naming rule, case by case: which attributes the steps of a chain that is called `y` become."""

import re

import pytest

import incdsl
from incdsl.analysis.cost import state_dict
from incdsl.diagnostics import CompileError
from incdsl.elaborate.names import MAX_BLOCK_DEPTH, lettered, numbered
from tests.nets import compiled, spec

UNITS = """unit u = conv2d -> batchnorm
unit one = conv2d -> relu
unit bare = relu -> maxpool 3x3
unit pair = c: conv2d -> b: batchnorm
unit rails = sigmoid -> concat { | conv2d 1x1 @2 | relu }
unit none = sigmoid -> concat { | tanh | relu }
unit grouped = relu -> (conv2d 1x1 @2 -> relu) times 1
block B = conv2d 1x1 @4
block P = relu
block R(act) = conv2d 1x1 @4 -> act
block Two(act) = act -> conv2d 1x1 @4 -> act
block T = conv2d 1x1 @4 -> conv2d 1x1 @4 -> relu -> batchnorm -> relu
block Q = concat { | conv2d 1x1 @4 | relu } -> concat { | relu | conv2d 1x1 @4 } -> (conv2d 1x1 @8) times 2
"""

CASES = [
    # One owner is called like its chain, several are numbered.
    ("conv2d 1x1 @4", "y"),
    ("relu -> conv2d 1x1 @4 -> relu", "y"),
    ("conv2d 1x1 @4 -> batchnorm", "y_1 y_2"),
    ("k: conv2d 1x1 @4 -> conv2d 1x1 @4", "k y"),
    ("k: conv2d 1x1 @4 -> conv2d 1x1 @4 -> batchnorm", "k y_1 y_2"),
    ("m: relu -> relu -> conv2d 1x1 @4", "y"),
    # Factors in sequence count one each, parallel ones have letters.
    ("conv2d 7x7 @4 as 1x7, 7x1 -> batchnorm", "y_1 y_2 y_3"),
    ("k: conv2d 7x7 @4 as 1x7, 7x1", "k_1 k_2"),
    ("k, l: conv2d 7x7 @4 as 1x7, 7x1 -> batchnorm", "k l y"),
    ("conv2d 3x3 @4 as { | 1x3 | 3x1 }", "y_a y_b"),
    ("k: conv2d 3x3 @4 as { | 1x3 | 3x1 }", "k_a k_b"),
    ("conv2d 1x1 @4 -> conv2d 3x3 @4 as { | 1x3 | 3x1 }", "y_1 y_2a y_2b"),
    ("maxpool 3x3 -> relu", ""),
    # Rails have their chain's name and a letter, or their own.
    ("concat { | conv2d 1x1 @4 | relu }", "y_a"),
    ("concat { | relu | k: conv2d 1x1 @4 -> relu -> batchnorm }", "k_1 k_2"),
    ("concat { | relu | k.l: conv2d 1x1 @4 -> relu -> batchnorm }", "k.l_1 k.l_2"),
    # What has a label of its own takes no number from the chain, nor does what only holds such steps.
    ("concat { | k: conv2d 1x1 @4 | relu } -> conv2d 1x1 @2", "k y"),
    ("concat { | k: conv2d 1x1 @4 | conv2d 1x1 @4 } -> conv2d 1x1 @2", "k y_1b y_2"),
    ("concat { | k: conv2d 1x1 @4 -> prelu | relu } -> conv2d 1x1 @2", "k_1 k_2 y"),
    ("concat { | relu -> k: conv2d 1x1 @4 | relu } -> conv2d 1x1 @2", "k y"),
    ("concat { | relu -> k: conv2d 1x1 @4 -> prelu | relu } -> conv2d 1x1 @2", "k y_1a y_2"),
    ("concat { | concat { | k: conv2d 1x1 @4 | relu } | relu } -> conv2d 1x1 @2", "k y"),
    ("concat { | identity | k.0..: B times 2 } -> conv2d 1x1 @2", "k.0.conv2d k.1.conv2d y"),
    ("concat { | identity | identity -> (k: conv2d 1x1 @4 -> l: prelu) if true } -> conv2d 1x1 @2", "k l y"),
    ("(k: conv2d 1x1 @4 -> l: prelu) if false -> conv2d 1x1 @2", "y"),
    ("a: conv2d 1x1 @4 -> concat { | c: conv2d 1x1 @4 | d: conv2d 1x1 @4 } -> e: batchnorm", "a c d e"),
    ("concat { | a: conv2d 1x1 @4 -> b: prelu -> add { | c: conv2d 1x1 @4 | d: conv2d 1x1 @4 } | relu }", "a b c d"),
    ("concat { | tanh | relu } -> conv2d 1x1 @2", "y"),
    ("m: concat { | conv2d 1x1 @4 | conv2d 1x1 @4 -> batchnorm | relu }", "m_a m_b_1 m_b_2"),
    ("a.b: concat { | conv2d 1x1 @1 | relu -> conv2d 1x1 @1 }", "a.b_a a.b_b"),
    ("x1_2: concat { | conv2d 1x1 @1 | relu }", "x1_2a"),
    ("concat { | for k in [1, 3]: conv2d (kernel: [k, k], width: 2) }", "y_a y_b"),
    ("concat { | for k in [1, 3]: relu -> b: conv2d (kernel: [k, k], width: 2) | conv2d 1x1 @1 }", None),
    ("concat { | if false: conv2d 1x1 @1 | if true: conv2d 1x1 @1 }", "y_a"),
    ("concat { | k.0: conv2d 1x1 @1 | k.1: conv2d 1x1 @1 }", "k.0 k.1"),
    ("concat { | f.0..: B times 2 | conv2d 1x1 @1 }", "f.0.conv2d f.1.conv2d y_b"),
    # Several labels are those of a step's parts, and name no rail.
    ("concat { | a, b: pair 1x1 @4 -> conv2d 1x1 @2 | relu }", "a b y_a"),
    ("concat { | a, b: pair 1x1 @4 -> conv2d 1x1 @2 | relu } -> prelu", "a b y_1a y_2"),
    # Labels that count up, over repetitions and over the turns of a rail's `for`.
    ("layer1..: B times 2 -> conv2d 1x1 @3", "layer1.conv2d layer2.conv2d y"),
    ("s.b9..: conv2d 1x1 @w for w in [1, 2]", "s.b9 s.b10"),
    ("layer..: B times 2", None),
    ("layer01..: B times 2", None),
    ("concat { | for k in [1, 3]: b1..: conv2d (kernel: [k, k], width: 2) }", "b1 b2"),
    ("concat { | for k in [1, 3]: b: conv2d (kernel: [k, k], width: 2) }", "b_a b_b"),
    ("concat { | relu | for w in [1, 3]: f.0..: conv2d 1x1 @w -> prelu }", "f.0.0 f.0.1 f.1.0 f.1.1"),
    ("concat { | for k in [1, 3]: b1..: conv2d (kernel: [k, k], width: 2) -> c: prelu }", None),
    ("concat { | for w in [1, 3]: b1..: conv2d 1x1 @w times 2 }", None),
    ("concat { | b1..: conv2d 1x1 @4 }", None),
    # A unit is one step; what it owns decides.
    ("one 1x1 @4", "y"),
    ("u 1x1 @4 -> u 1x1 @4", "y_1.conv2d y_1.batchnorm y_2.conv2d y_2.batchnorm"),
    ("bare -> conv2d 1x1 @4", "y"),
    ("none -> conv2d 1x1 @4", "y"),
    ("rails -> conv2d 1x1 @4", "y_1a y_2"),
    ("grouped -> conv2d 1x1 @4", "y_1.0.0 y_2"),
    ("a, b: pair 1x1 @4", "a b"),
    ("concat { | a, b: pair 1x1 @4 | relu }", "a b"),
    ("pair 1x1 @4", "y.c y.b"),
    # Groups are spliced in, repetitions are one step.
    ("(conv2d 1x1 @4 -> relu) -> batchnorm", "y_1 y_2"),
    ("k: (conv2d 1x1 @4 -> relu) -> batchnorm", "k y"),
    ("(conv2d 1x1 @4 -> (relu -> (batchnorm -> relu)))", "y_1 y_2"),
    ("(relu -> conv2d 1x1 @2) : [2, _, _]", "y"),
    ("(relu -> conv2d 1x1 @2 -> relu) : [2, _, _]", "y"),
    ("(conv2d 1x1 @4) times 2", "y.0.0 y.1.0"),
    ("k: B times 2 -> conv2d 1x1 @3", "k.0.conv2d k.1.conv2d y"),
    ("(relu -> relu) times 2 -> conv2d 1x1 @3", "y_2"),
    ("conv2d 1x1 @w for w in [1, 2] -> relu -> batchnorm", "y_1.0 y_1.1 y_2"),
    ("features.0..: B times 2 -> relu", "features.0.conv2d features.1.conv2d"),
    ("features.0: conv2d 1x1 @4 -> features.3: relu -> features.4: batchnorm", "features.0 features.4"),
    # After a number, steps, factors and rails are members of a container.
    ("f.3: (conv2d 1x1 @4 -> relu -> conv2d 1x1 @3) -> relu", "f.3.0 f.3.1"),
    ("concat { | relu | k.1: conv2d 1x1 @4 -> relu -> batchnorm }", "k.1.0 k.1.1"),
    ("f.3: conv2d 7x7 @4 as 1x7, 7x1 -> f.4: relu -> f.5: prelu", "f.3.0 f.3.1 f.5"),
    ("f.3: conv2d 3x3 @4 as { | 1x3 | 3x1 }", "f.3.a f.3.b"),
    ("f.3: concat { | conv2d 1x1 @4 -> prelu | relu -> conv2d 1x1 @4 }", "f.3.a_1 f.3.a_2 f.3.b"),
    ("f.3: (conv2d 1x1 @4 -> conv2d 3x3 @4 as { | 1x3 | 3x1 })", "f.3.0 f.3.1.a f.3.1.b"),
    ("f.3: (conv2d 1x1 @4 -> B)", "f.3.0 f.3.1.conv2d"),
    # A choice renames nobody.
    ("k: conv2d 1x1 @4 if true", "k"),
    ("conv2d 1x1 @4 if false -> conv2d 1x1 @3", "y_2"),
    ("(relu -> maxpool 3x3) if true -> conv2d 1x1 @2", "y"),
    ("(batchnorm -> maxpool 3x3) if true -> conv2d 1x1 @2", "y_1 y_2"),
    ("(batchnorm -> maxpool 3x3) if false -> conv2d 1x1 @2", "y_2"),
    # A block is a module, whatever it owns; its own chain names steps by their words.
    ("B -> relu", "y.conv2d"),
    ("B -> P", "y_1.conv2d"),
    ("P -> conv2d 1x1 @4", "y_2"),
    ("T", "y.conv2d_1 y.conv2d_2 y.batchnorm"),
    ("Q", "y.branch_1a y.branch_2b y.group.0.0 y.group.1.0"),
    ("R(act: batchnorm)", "y.conv2d y.act"),
    ("R(act: relu) -> batchnorm", "y_1.conv2d y_2"),
    ("Two(act: batchnorm)", "y.act_1 y.conv2d y.act_2"),
    ("Two(act: relu)", "y.conv2d"),
]


def named(chain, units=UNITS, shape="[3, 32, 32]"):
    """The modules that own parameters, in the state_dict's order."""
    graph = compiled(spec(chain, units, shape)).net.graph
    return list(dict.fromkeys(key.rpartition(".")[0] for key, _ in state_dict(graph, graph.shapes())))


@pytest.mark.parametrize(("chain", "names"), CASES)
def test_steps_are_named(chain, names):
    if names is None:
        with pytest.raises(CompileError):
            named(chain)
    else:
        assert " ".join(named(chain)) == names


@pytest.mark.parametrize(
    ("index", "letters"),
    [(0, "a"), (1, "b"), (25, "z"), (26, "aa"), (27, "ab"), (51, "az"), (52, "ba"), (701, "zz"), (702, "aaa")],
)
def test_letters_go_on_after_z(index, letters):
    assert lettered("stem", index) == f"stem_{letters}"
    assert lettered("branch3x3_2", index) == f"branch3x3_2{letters}"
    assert lettered("a_b", index) == f"a_b_{letters}"
    assert lettered("2", index) == f"2.{letters}"
    assert lettered("features.17", index) == f"features.17.{letters}"
    assert lettered("features.x17", index) == f"features.x17_{letters}"
    assert lettered("features.17_2", index) == f"features.17_2{letters}"
    assert lettered("1.a", index) == f"1.a_{letters}"
    assert lettered("_2", index) == f"_2_{letters}"


def test_numbers_start_at_one():
    assert numbered("a", 0) == []
    assert numbered("a", 1) == ["a"]
    assert numbered("a", 3) == ["a_1", "a_2", "a_3"]


def test_members_of_a_container_are_numbered_as_pytorch_does():
    assert numbered("features.17", 0) == []
    assert numbered("features.17", 1) == ["features.17"]
    assert numbered("features.17", 3) == ["features.17.0", "features.17.1", "features.17.2"]
    assert numbered("17", 2) == ["17.0", "17.1"]
    assert numbered("x17", 2) == ["x17_1", "x17_2"]
    assert numbered("1.x", 2) == ["1.x_1", "1.x_2"]


def test_many_rails_have_letters():
    names = named(f"concat {{ {'| conv2d 1x1 @1 ' * 28} }}")
    assert names[0] == "y_a"
    assert names[24:] == ["y_y", "y_z", "y_aa", "y_ab"]


def test_an_assertion_after_a_group_is_kept_for_its_last_step():
    with pytest.raises(CompileError, match="E304"):
        named("(relu -> conv2d 1x1 @2) : [5, _, _]")
    with pytest.raises(CompileError, match="E304"):
        named("(relu -> conv2d 1x1 @2 : [5, _, _]) : [2, _, _]")
    with pytest.raises(CompileError, match="E304"):
        named("(relu -> conv2d 1x1 @2 : [2, _, _] -> relu) : [5, _, _]")
    assert named("(relu : [3, _, _] -> conv2d 1x1 @2 : [2, _, _]) : [2, _, _]") == ["y"]


def tower(height):
    """A unit that uses a unit that uses …, the last of which owns nothing."""
    units = [f"unit u{i} = relu -> u{i + 1}\n" for i in range(height - 1)]
    return "".join([*units, f"unit u{height - 1} = relu -> tanh\n"])


def test_units_are_looked_into_so_deep():
    assert MAX_BLOCK_DEPTH == 64
    assert named("u0 -> conv2d 1x1 @4", tower(MAX_BLOCK_DEPTH)) == ["y"]
    with pytest.raises(CompileError, match="E50"):
        named("u0 -> conv2d 1x1 @4", tower(MAX_BLOCK_DEPTH + 1))


def test_many_units_are_no_deep_ones():
    units = "".join(f"unit u{i} = sigmoid -> conv2d 1x1 @2\n" for i in range(70))
    names = named(" -> ".join(f"u{i}" for i in range(70)), units)
    assert names == [f"y_{i}" for i in range(1, 71)]


def test_ops_without_a_name_are_numbered_in_their_class():
    """The graph's own names: op and count, apart for each class."""
    text = spec("relu -> relu -> tanh -> relu -> P -> P", "block P = relu -> relu\n")
    assert [name for name in compiled(text).net.graph.shapes() if ":" in name] == [
        "x:", ":relu", ":relu#2", ":tanh", ":relu#3", "y_1:relu", "y_1:relu#2", "y_2:relu", "y_2:relu#2",
    ]  # fmt: skip


@pytest.mark.parametrize(("height", "deep"), [(63, []), (64, []), (65, ["u64"]), (66, ["u64"]), (2000, ["u64"])])
def test_units_of_a_change_are_looked_into_so_deep(height, deep):
    """Steps that a variant replaces are not counted before they are named."""
    varied = "net N {\n  input x [3, 8, 8]\n  output y = x -> k: relu\n}\n"
    other = tower(60).replace("u", "v").replace("vnit", "unit").replace("relv", "relu")
    text = f"inc 1\n{tower(height)}{other}{varied}net M = N() with {{\n  k: v0 -> u0 -> tanh\n}}\n"
    assert [d.span.text for d in incdsl.check(text) if d.code == "E503"] == deep


def test_values_are_called_like_their_rails():
    """A rail of one step is called by its word, others by their label or letter, with `_` for the dots of a path."""
    chain = "concat { | tanh | sigmoid -> relu | k: conv2d 1x1 @4 -> relu | concat { | relu | tanh } }"
    code = compiled(spec(f"{chain} -> concat {{ | relu | a.b: tanh }}")).text.partition("def forward")[2]
    assert re.findall(r"^ +(\w+) = ", code, re.M) == [
        "tanh", "branch_b", "branch_b", "k", "k", "relu", "tanh_2", "joined", "x", "relu", "a_b",
    ]  # fmt: skip
