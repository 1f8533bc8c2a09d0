"""Rails that do not say what they seem to say: nothing but choices, and labels that come out as other names."""

import re

import pytest

from incdsl.frontend import analyze_source
from incdsl.source import Source
from tests.nets import codes, compiled, keys, problems, spec


def merge(rail, default="true"):
    """A merge of this rail and another; the rest of the chain uses what the rail may not."""
    return spec(
        f"add {{ | {rail} | conv2d 3x3 @8 }} -> relu if skip -> tanh if wide", params=f"(skip = {default}, wide = true)"
    )


def typed(diagnostic):
    """What the help of a problem says to write."""
    return re.findall(r"`\| (.*?)` (?:leaves|hands)", diagnostic.help())


@pytest.mark.parametrize(
    ("rail", "ways"),
    [
        ("identity if skip", ["if skip: identity"]),
        ("conv2d 1x1 @8 if skip", ["if skip: conv2d 1x1 @8", "identity -> conv2d 1x1 @8 if skip"]),
        ("a: conv2d 1x1 @8 if skip", ["if skip: a: conv2d 1x1 @8", "identity -> a: conv2d 1x1 @8 if skip"]),
        (
            "conv2d 1x1 @8 if skip -> relu if skip",
            ["if skip: conv2d 1x1 @8 -> relu", "identity -> conv2d 1x1 @8 if skip -> relu if skip"],
        ),
        ("conv2d 1x1 @8 if skip -> relu if wide", ["identity -> conv2d 1x1 @8 if skip -> relu if wide"]),
        ("(relu if skip -> tanh if skip)", ["if skip: relu -> tanh", "identity -> (relu if skip -> tanh if skip)"]),
        ("(relu -> tanh) if skip", ["if skip: (relu -> tanh)", "identity -> (relu -> tanh) if skip"]),
        ("if wide: relu if skip", ["identity -> relu if skip"]),
        ("for w in [8, 8]: conv2d 1x1 @w if skip", ["identity -> conv2d 1x1 @w if skip"]),
    ],
)
@pytest.mark.parametrize("skip", [False, True])
def test_a_rail_is_not_nothing_but_a_choice(rail, ways, skip):
    default = str(skip).lower()
    (problem,) = problems(merge(rail, default))
    assert (problem.code, typed(problem)) == ("E224", ways)
    guard = rail[: rail.rfind(": ") + 2] if rail.startswith(("if", "for")) else ""
    for way in ways:
        assert not codes(merge(guard + way, default))


@pytest.mark.parametrize(
    "rail",
    ["identity", "relu if skip -> tanh", "tanh -> relu if skip", "if skip: identity", "identity -> relu if skip",
     "x -> relu if skip", "dropout 0.5 times 2"],
)  # fmt: skip
def test_a_rail_that_has_a_step_may_have_choices(rail):
    assert not codes(merge(rail))


def test_a_change_that_is_nothing_but_a_choice_is_refused():
    base = spec("add { | a: relu | conv2d 3x3 @8 }").replace("net N", "net Base")
    text = f"{base}net V(skip = false) = Base with {{ a: tanh if skip }}\n"
    (problem,) = problems(text)
    assert problem.code == "E224"
    assert problem.help() == "`identity -> tanh if skip` hands on what flows in"
    assert not codes(text.replace("tanh if skip", "identity -> tanh if skip"))


@pytest.mark.parametrize(
    ("body", "help"),
    [
        ("= add { | in -> conv2d 3x3 @in }", "`in` is what flows in here; a rail reads it as `| identity -> …`"),
        (
            "{ a = in -> relu output y = in -> add { | in -> tanh | a } }",
            "`in` is what flows in here; a rail reads it as `| identity -> …`",
        ),
        ("= relu -> add { | in -> tanh }", "a merge of bound values starts its chain: `y = concat { | a | b }`"),
        (
            "{ a = in -> relu output y = in -> add { | a -> tanh | a } }",
            "a merge of bound values starts its chain: `y = concat { | a | b }`",
        ),
    ],
)
def test_some_rail_reads_what_flows_in(body, help):
    (problem,) = problems(spec("B", f"block B {body}\n"))
    assert (problem.code, problem.help()) == ("E209", help)
    mended = (
        body.replace("| in ->", "| identity ->") if "identity" in help else body.replace("-> add", "-> relu -> add")
    )
    assert codes(spec("B", f"block B {mended}\n")) == ([] if "identity" in help else ["E209"])


# Labels


def warned(chain):
    found = analyze_source(Source("spec", spec(chain)))
    assert not found.errors
    return [problem for problem in found.problems if problem.code == "W403"]


@pytest.mark.parametrize(
    ("rail", "name", "step", "whole"),
    [
        ("a: conv2d 1x1 @8 -> b: batchnorm -> conv2d 3x3 @8", "a_1", "a b y_a", "a_1 b a_2"),
        ("a.0: conv2d 1x1 @8 -> b: batchnorm -> conv2d 3x3 @8", "a.0.0", "a.0 b y_a", "a.0.0 a.0.1 b"),
        ("a: (prelu -> conv2d 1x1 @8) -> b: batchnorm", "", "a_1 a_2 b", "a_1 a_2 b"),
        ("a: conv2d 5x5 @8 as 3x3, 3x3 -> b: batchnorm -> conv2d 3x3 @8", "", "a_1 a_2 b y_a", "a_1 a_2 b a_3"),
    ],
)
def test_a_numbered_label_beside_others_is_told_where_the_readings_differ(rail, name, step, whole):
    label, _, rest = rail.partition(": ")
    found = warned(f"add {{ | {rail} | identity }}")
    assert [(problem.rail, problem.name) for problem in found] == ([(label, name)] if name else [])
    for written, names in ((f"identity -> {rail}", step), (f"{label}: identity -> {rest}", whole)):
        chain = f"add {{ | {written} | identity }}"
        assert not warned(chain)
        assert " ".join(dict.fromkeys(key.rpartition(".")[0] for key in keys(compiled(spec(chain))))) == names


@pytest.mark.parametrize(
    "rail",
    ["a: conv2d 1x1 @8 -> conv2d 3x3 @8", "a: conv2d 1x1 @8 -> b: batchnorm", "conv2d 1x1 @8 -> b: batchnorm -> prelu",
     "a: relu -> conv2d 1x1 @8 -> b: batchnorm -> conv2d 1x1 @8",
     "a: conv2d 1x1 @8 -> b: batchnorm -> add { | c: conv2d 1x1 @8 | d: conv2d 1x1 @8 } -> e: batchnorm"],
)  # fmt: skip
def test_other_labels_of_rails_are_not(rail):
    assert not warned(f"add {{ | {rail} | identity }}")


@pytest.mark.parametrize(
    ("step", "written"),
    [
        ("h: add { | a: conv2d 1x1 @8 | b: conv2d 1x1 @8 }", "add { | h.a: conv2d 1x1 @8 | h.b: conv2d 1x1 @8 }"),
        ("h: (a: conv2d 1x1 @8 -> b: batchnorm)", "h.a: conv2d 1x1 @8 -> h.b: batchnorm"),
        ("h: (relu -> add { | a: conv2d 1x1 @8 | relu })", "relu -> add { | h.a: conv2d 1x1 @8 | relu }"),
        ("h: add { | a: conv2d 1x1 @8 -> batchnorm | relu }", "add { | h.a: conv2d 1x1 @8 -> batchnorm | relu }"),
        ("h.2: (a: conv2d 1x1 @8 -> b: batchnorm)", "h.2.a: conv2d 1x1 @8 -> h.2.b: batchnorm"),
    ],
)
def test_a_label_that_would_vanish_is_refused(step, written):
    (problem,) = problems(spec(step))
    label = step.partition(":")[0]
    assert (problem.code, problem.span.text) == ("E215", label)
    assert f"`{label}.NAME: …`" in problem.help()
    assert all(key.startswith(label) for key in keys(compiled(spec(written))))


@pytest.mark.parametrize("step", ["h: add { | tanh | relu }", "h: (relu -> tanh)", "h: add { | a: relu | tanh }"])
def test_a_label_of_what_owns_nothing_is_a_path_for_variants(step):
    base = spec(step).replace("net N", "net Base")
    assert not codes(f"{base}net V = Base with {{ h: sigmoid }}\n")
