"""`analyze` answers for every text: as much as is known, and all that is wrong."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from statistics import mean

import pytest

import incdsl
from fuzz import deletions
from incdsl.compiler import compile_net
from incdsl.elaborate.resolve import Definition
from incdsl.ops import Op
from incdsl.source import Source
from incdsl.syntax import tree
from tests.process import ROOT, V3

SPECS = [*sorted((ROOT / "specs").rglob("*.inc")), *sorted((ROOT / "examples").rglob("*.inc"))]
every_spec = pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)

PLAIN = """inc 1
net N {
  input x [3, 8, 8]
  a = x -> conv2d 3x3 @4
  b = a -> relu
  output y = add { | a | b }
}
"""


WORDS = {"H", "W", "_", "split", "bilinear", "image"}
"""What stands where a name may, and is none: axes, and words of settings."""


def codes(text, **settings):
    return [problem.code for problem in incdsl.analyze(text, **settings).problems]


def uses(analysis):
    """Every name in a file that stands for something, but the names of settings and of modules."""
    for node in tree.nodes(analysis.file):
        if isinstance(node, tree.Call) and node.name.text != "split":
            yield node.name
        elif isinstance(node, tree.Variable) and node.name not in WORDS:
            yield node
        elif isinstance(node, tree.Bundle):
            yield from node.names


@cache
def analyzed(path):
    """The analysis of a file, once for all tests."""
    return incdsl.analyze(path)


@every_spec
def test_every_name_resolves(path):
    analysis = analyzed(path)
    for name in uses(analysis):
        meaning = analysis.references[name]
        assert isinstance(meaning, Definition | tree.Tree) or issubclass(meaning, Op), str(name)


@every_spec
def test_every_written_step_has_its_shapes(path):
    analysis = analyzed(path)
    nets = {item.name.text for item in analysis.file.items if isinstance(item, tree.Net)}
    for definition in analysis.file.definitions:
        if not nets:
            continue  # a module of blocks, of which nothing is known but the text
        for node in tree.nodes(definition):
            if isinstance(node, tree.Step | tree.Rail | tree.Factor | tree.Aux):
                found = analysis.steps[node]
                assert found, str(node)
                if not isinstance(definition, tree.Unit):
                    assert all(each.known for each in found), str(node)


@every_spec
def test_every_net_is_complete(path):
    analysis = analyzed(path)
    assert not analysis.errors
    assert all(net.complete and net.cost.params for net in analysis.nets)


def test_what_does_not_depend_on_a_mistake_is_known():
    analysis = incdsl.analyze(PLAIN.replace("relu", "rellu"))
    shapes = {name.text: found[0].known for name, found in analysis.steps.items() if isinstance(name, tree.Name)}
    assert shapes == {"x": True, "a": True, "b": False, "y": False}
    assert [problem.code for problem in analysis.problems] == ["E201"]


def test_each_mistake_of_a_chain_is_told():
    chain = "conf2d 3x3 @4 -> rellu -> tahn -> maxpol 2x2/2 valid"
    assert codes(PLAIN.replace("relu", chain)) == ["E201"] * 4


@pytest.mark.parametrize(
    "unused", ["block B = conf2d 3x3 @4", "unit u = conf2d -> relu", "block B { output y = in -> rellu }"]
)
def test_so_are_those_of_what_no_net_uses(unused):
    assert codes(PLAIN + unused) == ["E201"]


def test_what_no_net_uses_is_a_warning():
    assert codes(PLAIN + "block B = relu\nunit u = relu\n") == ["W402", "W402"]
    assert codes("inc 1\nblock B = relu\nunit u = relu\n") == []


@pytest.mark.parametrize("definition", ["block B = conv2d 3x3 @4 -> mistake", "unit B = conv2d 3x3 @4 -> mistake"])
@pytest.mark.parametrize("chain", ["wrong -> B", "relu -> B if 1 == 2", "concat { | relu | B if 1 == 2 }"])
def test_what_is_used_where_nothing_is_known_is_looked_at(definition, chain):
    found = incdsl.analyze(f"inc 1\n{definition}\nnet N {{\n  input x [3, 8, 8]\n  output y = x -> {chain}\n}}\n")
    (mistake,) = (problem for problem in found.errors if "mistake" in problem.message())
    assert mistake.path == "B"


def test_a_unit_of_steps_without_parameters_may_have_labels():
    text = incdsl.compile(
        "inc 1\nunit u = r: relu -> tanh\nnet N {\n  input x [3, 8, 8]\n  output y = x -> u -> u -> k: u\n}\n"
    )
    assert [f"self.{name} = U()" in text for name in ("u", "u_2", "k")] == [True] * 3


def test_a_net_without_inputs_as_a_step():
    inner = "net M {\n  input [3, 8, 8]\n  output z = x -> relu\n}\n"
    assert "E101" in codes(f"inc 1\n{inner}net N {{\n  input x [3, 8, 8]\n  output y = (x, x -> M\n}}\n")
    assert codes(f"inc 1\n{inner}net N {{\n  input x [3, 8, 8]\n  output y = x -> relu2 -> M\n}}\n")


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("a = in -> relu\n  output a", "E101"),
        ("a = in -> relu\n  output 3", "E101"),
        ("output f, f = in -> split 2", "E206"),
        ("f, f = in -> split 2\n  output y = f", "E206"),
    ],
)
def test_a_block_without_an_output(lines, code):
    text = f"inc 1\nblock B {{\n  {lines}\n}}\nnet N {{\n  input x [4, 8, 8]\n  output y = x -> B\n}}\n"
    found = incdsl.analyze(text)
    assert code in [problem.code for problem in found.errors]
    assert not found.net("N").complete


@pytest.mark.parametrize(
    "line",
    ["a, b = x -> split 2 : [nonsense, 0]", "a, b = x -> Two : [2, 8, 8]", "a, b = (x, x) : [4, 8, 8] -> Both"],
)
def test_a_shape_is_stated_of_one_value(line):
    two = "block Two {\n  output f = in -> relu\n  output g = f -> tanh\n}\n"
    both = "block Both {\n  input p, q\n  output f = p -> relu\n  output g = q -> tanh\n}\n"
    text = f"inc 1\n{two}{both}net N {{\n  input x [4, 8, 8]\n  {line}\n  output y = add {{ | a | b }}\n}}\n"
    (found,) = incdsl.analyze(text).errors
    assert (found.code, "one value" in found.message()) == ("E209", True)


@pytest.mark.parametrize(("definition", "code"), [("block B = mistake", "E201"), ("block B = relu", "W402")])
def test_of_a_file_only_the_net_that_is_named_matters(definition, code):
    text = f"{PLAIN}{definition}\n{PLAIN.removeprefix('inc 1')}".replace("net N", "net M", 1)
    assert codes(text) == [code]
    assert compile_net(Source("two.inc", text), "N").warnings == ()


@pytest.mark.parametrize(
    ("items", "code", "lacks"),
    [("input z [3, 8, 8]\n  a = z -> relu", "E214", "output"), ("output a = relu", "E209", "input")],
)
def test_a_net_that_lacks_ports_is_no_step(tmp_path, items, code, lacks):
    user = "net N {\n  input x [3, 8, 8]\n  output y = x -> M\n}\n"
    inner = f"net M {{\n  {items}\n}}\n"
    both = f"inc 1\n{inner}{user}"
    found = incdsl.analyze(both)
    assert code in [problem.code for problem in found.errors]
    assert not found.net("N").complete
    with pytest.raises(incdsl.CompileError, match=f"`M` has no {lacks}"):
        compile_net(Source("both.inc", both), "N")
    (tmp_path / "m.inc").write_text(f"inc 1\n{inner}")
    (tmp_path / "n.inc").write_text(f'inc 1\nfrom "m.inc" use M\n{user}')
    (problem,) = incdsl.analyze(tmp_path / "n.inc").errors
    assert problem.message() == f"`M` has no {lacks}"


def test_warnings_do_not_crowd_out_an_error():
    steps = " -> ".join(f"{'lL'[i % 2]}{i // 2}: relu" for i in range(240))
    found = incdsl.analyze(f"inc 1\nnet N {{\n  input x [3, 8, 8]\n  output y = x -> {steps} -> mistake\n}}\n")
    assert {problem.severity for problem in found.problems} == {"error", "warning"}
    assert [problem.code for problem in found.errors] == ["E201"]


def test_a_net_that_is_not_complete_has_an_error():
    analysis = incdsl.analyze(PLAIN.replace("@4", "@"))
    assert analysis.errors
    assert not analysis.net("N").complete


def test_definitions_are_found_from_their_uses():
    analysis = incdsl.analyze("inc 1\nunit u = conv2d -> relu\n" + PLAIN[6:].replace("conv2d", "u"))
    (use,) = [node for node in analysis.references if isinstance(node, tree.Name) and node.text == "u"]
    assert analysis.references[use].tree is analysis.file.items[0]


def test_values_are_found_from_theirs():
    analysis = incdsl.analyze(PLAIN)
    use = next(node for node in analysis.references if isinstance(node, tree.Name) and node.text == "b")
    declared = analysis.references[use]
    assert (declared.text, declared.span.line) == ("b", 5)


def test_a_setting_is_a_value():
    text = PLAIN.replace("net N", "net N(w = 4)").replace("@4", "@w")
    analysis = incdsl.analyze(text, w=6)
    assert analysis.net().net.params == {"w": 6}
    assert analysis.net().cost.params == 3 * 9 * 6 + 6


def test_threads_do_not_meet():
    texts = [PLAIN.replace("@4", f"@{i}") for i in range(1, 9)] * 3
    alone = [incdsl.analyze(text).net().cost.params for text in texts]
    with ThreadPoolExecutor(8) as pool:
        together = [analysis.net().cost.params for analysis in pool.map(incdsl.analyze, texts)]
    assert together == alone


def test_a_token_less_loses_only_what_depends_on_it():
    """`python -m fuzz.deletions` deletes each token of v3.inc."""
    found = list(deletions.shares(V3.read_text(encoding="utf-8"), every=31))
    assert len(found) > 12
    assert mean(found) > 0.95
