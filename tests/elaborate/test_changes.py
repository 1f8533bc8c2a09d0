"""What a variant may change, by which names, and what is said of the rest."""

import re

import pytest

from incdsl.compiler import check_file, compile_net
from incdsl.source import Source
from tests.elaborate.test_variants import BASE, variant
from tests.nets import keys, problems
from tests.process import ROOT

PLAIN = BASE.replace("  expect params = 4_104\n", "")
SHIPPED = {
    "v3": ("InceptionV3", "conv, InceptionB, InceptionC"),
    "v3_fid": ("InceptionV3FID", ""),
    "v4": ("InceptionV4", "conv, InceptionB"),
    "googlenet": ("GoogLeNet", "conv"),
    "xception": ("Xception", "conv"),
}


def shipped(name, changes, more=""):
    """A variant of a net of a shipped spec."""
    net, known = SHIPPED[name]
    used = [n for n in known.split(", ") if n and re.search(rf"\b{n}\b", changes + more)]
    text = (
        f'inc 1\nfrom "specs/{name}.inc" use {", ".join([net, *used])}\nnet X = {net} with {{\n  {changes}\n}}\n{more}'
    )
    return Source("x.inc", text)


def described(source, name=None):
    """What is wrong with it, one text for each problem."""
    found = problems(source, name, None if name else ROOT)
    return [f"{d.code} {d.message()}|{d.label()}|{d.help()}" for d in found]


# The outermost has the last word, on all that lies inside


@pytest.mark.parametrize(
    "lines",
    [
        "net A = Base with { b.wide: conv 1x1 @4 }\nnet V = A with { b: Mixed(width: 4) }",
        "net A = Base with { b.wide: conv 1x1 @4 }\nnet C = A with { b.deep: relu }\n"
        "net V = C with { b: Mixed(width: 4) }",
        "net A = Base with { b.deep_1: conv 1x1 @5 }\n"
        "net V = A with { b.deep: conv 1x1 @4 -> conv 5x5 @4 as 3x3, 3x3 }",
        "net A = Base with { b.avgpool: relu }\nnet V = A with { b.branch_pool: avg 3x3 -> conv 1x1 @4 }",
        "net A = Base with { b: conv 1x1 @12 }\nnet V = A with { b: Mixed(width: 4) }",
        "net A = Base with { tail.0.wide: conv 1x1 @4 }\nnet V = A with { tail: Mixed(width: 4) times 2 }",
        "net A = Base with { Early.fc: linear @3 }\nnet V = A with { Early: gap -> fc: linear @classes }",
    ],
)
def test_a_replacement_discards_what_inner_variants_changed_inside(lines):
    base, changed = variant("", "Base"), variant(lines)
    assert changed.cost.params == base.cost.params
    assert keys(changed) == keys(base)


@pytest.mark.parametrize("chain", ["InceptionC", "conv2d 3x3 @2048"])
def test_a_block_with_a_changed_rail_is_replaced(chain):
    more = '\nfrom "specs/v3.inc" use InceptionC' if chain == "InceptionC" else ""
    text = f'inc 1\nfrom "specs/v3_fid.inc" use InceptionV3FID{more}\n'
    text += f"net X = InceptionV3FID with {{ Mixed_7c: {chain} }}"
    (done,) = check_file(Source("x.inc", text), root=ROOT)
    pools = [node.op.word for node in done.net.graph if node.instance.path == "Mixed_7c" and "pool" in node.op.word]
    assert pools == (["avgpool"] if chain == "InceptionC" else [])


def test_a_head_with_a_changed_step_is_left_out():
    done = variant("net A = Base with { Early.fc: linear @3 }\nnet V = A with { without Early }")
    assert not done.net.graph.heads
    assert done.cost.params == 3974


def test_a_variant_of_a_variant_changes_what_a_replacement_holds(generated):
    lines = """net A = Base with { b: (conv 1x1 @12 -> conv 3x3 @12) }
    net C = A with { b_1: conv 3x3 @9 -> conv 1x1 @5 }
    net V = C with { b_1_2: conv 5x5 @7 }"""
    net = generated(variant(lines).text)()
    assert [m.conv.out_channels for m in (net.b_1_1, net.b_1_2, net.b_2)] == [9, 7, 12]
    assert net.b_1_2.conv.kernel_size == (5, 5)


def test_what_an_inner_variant_took_away_is_not_there():
    lines = """net A = Base with { b: conv 1x1 @12  without Early }
    net C = A with { b.wide: conv 1x1 @4 }
    net D = A with { without Early }
    net V = A with { Early: gap -> linear @3 }"""
    assert [text.partition("|")[0] for text in described(Source("x.inc", PLAIN + lines))] == [
        "E220 `A` has no rail or step `b.wide`",
        "E220 `A` has no aux head or output `Early`",
        "E220 `A` has no rail or step `Early`",
    ]


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("a: Mixed(width: 8)", "a.wide: conv 3x3 @8"),
        ("a: conv 3x3 @8", "a.wide: conv 3x3 @8"),
        ("a: conv 3x3 @8", "a.none: conv 3x3 @8"),
        ("a.deep: conv 3x3 @8", "a.deep_1: conv 3x3 @8"),
        ("a.branch_pool: conv 3x3 @8", "a.avgpool: maxpool 3x3"),
        ("tail: conv 3x3 @12 times 2", "tail.1: relu"),
        ("without Early", "Early.fc: linear @3"),
        ("Early: gap -> linear @3", "Early.gap: gap"),
    ],
)
def test_one_variant_does_not_change_a_place_and_its_inside(outer, inner):
    path = inner.partition(":")[0]
    whole, verb = (outer.split()[1], "leaves out") if "without" in outer else (outer.partition(":")[0], "replaces")
    for changes in (f"{outer}\n  {inner}", f"{inner}\n  {outer}"):
        line = PLAIN.count("\n") + 2 + (changes.startswith(inner))
        message = f"`{path}` lies inside `{whole}`, which line {line} {verb}"
        found = described(Source("x.inc", f"{PLAIN}net V = Base with {{\n  {changes}\n}}"))
        assert [text.partition("|")[0] for text in found] == [f"E222 {message}"]


# Names that a reader sees, and no others


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("v3", "Mixed_6a.maxpool: maxpool 3x3/2 valid -> conv 1x1 @288", "Mixed_6a.maxpool.conv.weight"),
        ("v3", "dropout: relu -> batchnorm", "dropout.weight"),
        ("v3", "Mixed_5b.avgpool: conv 3x3 @8", "Mixed_5b.avgpool.conv.weight"),
        ("v3", "AuxLogits: conv 1x1 @8 -> gap -> linear @classes", "AuxLogits.linear.weight"),
        ("v3", "AuxLogits: InceptionB(width: 4)", "AuxLogits.branch1x1.conv.weight"),
        ("v4", "features.17: InceptionB -> InceptionB", "features.17.1.branch0.conv.weight"),
        ("v4", "features.10.branch1.1: conv 1x1 @100 -> conv 3x3 @120", "features.10.branch1.1.0.conv.weight"),
        ("v4", "features.6: conv2d 3x3 @384", "features.6.weight"),
        ("googlenet", "inception3a.branch3.1: conv 5x5 @32 as 3x3, 3x3", "inception3a.branch3.1.1.conv.weight"),
        ("xception", "block4.identity: conv2d 1x1 @728", "block4.identity.weight"),
    ],
)
def test_what_a_reader_sees_can_be_replaced(name, change, expected):
    (done,) = check_file(shipped(name, change), root=ROOT)
    assert expected in keys(done)


def test_labels_in_the_chain_of_a_change_are_those_of_its_steps():
    changes = "a.wide: k: conv 1x1 @4 -> conv 3x3 @8  b.wide: k: conv 3x3 @4  fc: l: linear @3"
    done = variant(f"net V = Base with {{ {changes} }}")
    names = {key.partition(".conv")[0] for key in keys(done)}
    assert {"a.k", "a.wide", "b.k", "l.weight"} <= names
    assert not {"b.wide", "fc.weight"} & names


def test_a_label_that_counts_names_each_repetition():
    """The whole of `features.6..` has no name, so `features.6` is the first."""
    (done,) = check_file(shipped("v4", "features.6: conv2d 3x3 @384"), root=ROOT)
    assert "features.7.branch0.conv.weight" in keys(done)


def test_the_first_label_of_a_rail_whose_other_steps_have_labels_is_its_steps(generated):
    (done,) = check_file(shipped("googlenet", "inception3a.branch3.0: conv 1x1 @24"), root=ROOT)
    net = generated(done.text)()
    assert net.inception3a.branch3[0].conv.out_channels == net.inception3a.branch3[1].conv.in_channels == 24


@pytest.mark.parametrize(
    ("name", "path", "reason", "hint"),
    [
        ("v3", "Mixed_6b.branch7x7_2", "is a factor of `conv 7x7 @192 as 1x7, 7x1`", "the rail `Mixed_6b.branch7x7`"),
        ("v3", "Mixed_7b.branch3x3_2a", "is a factor of `conv 3x3 @768 as", "the rail `Mixed_7b.branch3x3`"),
        ("v3", "Mixed_7b.branch3x3_2", "is a factor of `conv 3x3 @768 as", "the rail `Mixed_7b.branch3x3`"),
        ("v3", "Mixed_5b.concat", "joins rails", "replace the step `Mixed_5b`"),
        ("v3", "Mixed_7b.concat", "joins rails", "replace the rails"),
        ("v3", "flatten", "is a part of the step `fc`", "replace the step `fc`"),
        ("v3", "Mixed_6b.branch1x1.bn", "is a part of the unit `conv`", "redefine the unit"),
        ("v4", "features.7.branch1", "only a prefix of their names", "`features.7.branch1.0`, `features.7.branch1.1`"),
        ("googlenet", "inception3a.branch3", "only a prefix of their names", "`inception3a.branch3.0`"),
        ("xception", "conv1", "is a part of `conv1, bn1: conv 3x3/2 @32 valid`", "nothing around it"),
        ("xception", "block1.skipbn", "is a part of `skip, skipbn: conv 1x1/2", "replace the step `block1`"),
    ],
)
def test_what_is_only_a_part_says_what_to_replace(name, path, reason, hint):
    (text,) = described(shipped(name, f"{path}: relu"))
    assert text.startswith(f"E220 `{path}` {'is not a rail or step, ' if 'prefix' in reason else ''}{reason}")
    assert hint in text
    assert "did you mean" not in text


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("v4", "features.7.branch"),
        ("v3", "Mixed_5b.branch_b"),
        ("v3", "Mixed_7c.branch"),
        ("v3", "Mixed_6a.branch_c"),
        ("v3", "stem"),
        ("v3", "stem_1"),
        ("v3", "logits"),
        ("v3", "Mixed_6b.brnch1x1"),
        ("v3", "image"),
    ],
)
def test_names_that_nobody_sees_are_none(name, path):
    (text,) = described(shipped(name, f"{path}: relu"))
    assert text.startswith(f"E220 `{SHIPPED[name][0]}` has no rail or step `{path}`")
    suggested = re.search("did you mean `(.*)`", text)
    if suggested:
        assert suggested[1] != path
        assert not any(t.startswith("E220") for t in described(shipped(name, f"{suggested[1]}: relu")))


def test_every_name_of_a_summary_is_accepted_or_explained():
    """And whatever an explanation says to replace can be replaced."""
    from incdsl.analysis.table import rows

    done = compile_net(Source("x.inc", PLAIN), "Base")
    for name in dict.fromkeys(row.name for row in rows(done.net, done.cost, "layer")):
        if name in ("concat", "add"):
            continue
        for text in described(Source("x.inc", f"{PLAIN}net V = Base with {{ {name}: identity }}"), "V"):
            if text.startswith("E220"):
                assert "has no" not in text, name
                for other in re.findall("(?:step|rail|head) `([^`]*)`$", text):
                    found = described(Source("x.inc", f"{PLAIN}net V = Base with {{ {other}: identity }}"), "V")
                    assert not any(t.startswith("E220") for t in found)


MANY = """inc 1
net Base(deep = true, n = 2) {
  input x [8, 16, 16]
  a, b = x -> split 2
  c = a -> conv2d 3x3 @4
  y = b -> concat { | identity | r: c -> relu } -> opt: conv2d 3x3 @8 if deep -> conv2d 1x1 @8 if n > 1
    -> concat (split) { | left: conv2d 1x1 @4 | right: identity } -> dropout 0.1 -> dropout 0.2
    -> concat { | if deep: only: conv2d 1x1 @4 | other: conv2d 3x3 @4 } -> u -> relu
    -> fac: conv2d 5x5 @8 as 3x3, 3x3 -> rep: (conv2d 1x1 @8 -> relu) times n -> t: R(act: tanh)
  output z = y -> gap -> linear @3
}
block R(act) = add { | identity | conv2d 3x3 @in -> act }
unit u = conv2d (kernel: [1, 1], width: in) -> sigmoid
"""


def many(changes, args=""):
    return Source("many.inc", f"{MANY}net V = Base{args} with {{ {changes} }}\n")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ("r: c -> conv2d 1x1 @4 -> relu", "r.weight"),
        ("left: conv2d 1x1 @in -> conv2d 3x3 @in", "left_2.weight"),
        ("only: conv2d 1x1 @2 -> conv2d 1x1 @4", "only_2.weight"),
        ("fac: conv2d 1x1 @8", "fac.weight"),
        ("rep: conv2d 1x1 @8", "rep.weight"),
        ("rep.1: conv2d 1x1 @8", "rep.1.weight"),
        ("rep.1.1: prelu", "rep.1.1.weight"),
        ("t.tanh: conv2d 1x1 @8", "t.tanh.weight"),
        ("z: linear @4 -> linear @3", "z_2.weight"),
    ],
)
def test_places_of_all_kinds(changes, expected):
    assert expected in keys(compile_net(many(changes), "V"))


@pytest.mark.parametrize("path", ["dropout", "identity", "relu"])
def test_a_name_of_several_steps_is_none_of_them(path):
    (text,) = described(many(f"{path}: tanh"), "V")
    assert text.startswith(f"E220 `{path}` is the name of several steps")


def test_the_second_step_without_a_label():
    (text,) = described(many("dropout_2: tanh"), "V")
    assert text.startswith("E220 `dropout_2` has no label, and is not the only `dropout`")


def test_an_if_stays_with_what_it_governs():
    changes = "opt: conv2d 1x1 @8  only: conv2d 5x5 @4"
    with_them, without = compile_net(many(changes), "V"), compile_net(many(changes, "(deep: false)"), "V")
    assert {"opt.weight", "only.weight"} <= set(keys(with_them))
    assert not {"opt.weight", "only.weight"} & set(keys(without))


def test_values_that_lose_their_last_use_are_not_built():
    text = """inc 1
    net Base {
      input x [8, 16, 16]
      y = x -> a: conv2d 1x1 @8
      s = y -> conv2d 3x3/2 @4 valid
      t = s -> conv2d 5x5 @4
      aux early = t -> gap -> linear @3
      output z = y -> b: B
    }
    block B {
      u = in -> conv2d 3x3 @9
      v = u -> relu
      output w = in -> add { | m: v -> conv2d 1x1 @in | identity }
    }
    net V = Base with { without early }
    net W = V with { b.m: conv2d 1x1 @8 }
    """
    source = Source("values.inc", text)
    assert not any(key.startswith(("s", "t", "early")) for key in keys(compile_net(source, "V")))
    done = compile_net(source, "W")
    assert keys(done) == ["a.weight", "a.bias", "b.m.weight", "b.m.bias"]
    assert str(done.sizes.evaluation["H"]) == ">= 1"


def test_a_share_that_loses_its_last_use_leaves_the_others():
    done = compile_net(many("r: conv2d 3x3 @4"), "V")
    assert [node.op.start for node in done.net.graph if node.op.word == "slice"][:1] == [4]
    assert not any(key.startswith("c.") for key in keys(done))
    both = "net W = Base with { r: conv2d 3x3 @4  z: linear @3 }"
    assert described(Source("many.inc", MANY + both), "W") == []


def test_long_chains_of_values_lose_their_last_use():
    values = "".join(f"  v{i} = v{i - 1} -> conv2d 3x3 @4\n" for i in range(1, 40))
    text = f"inc 1\nnet Base {{\n  input x [3, 8, 8]\n  v0 = x -> relu\n{values}  aux h = v39 -> gap -> linear @3\n"
    text += "  output y = x -> a: conv2d 1x1 @2\n}\nnet V = Base with { without h }\n"
    assert keys(compile_net(Source("long.inc", text), "V")) == ["a.weight", "a.bias"]
