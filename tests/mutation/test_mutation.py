"""The driver of mutation testing sees what is killed and what is not, and its list is about the code as it is."""

import json
import subprocess
import sys

import pytest

from tests.mutation import __main__ as command
from tests.mutation.fork import Outcome
from tests.mutation.listed import lines_of, listed, outdated
from tests.mutation.mutants import Mutant, Places, different
from tests.mutation.scope import ROOT, SCOPE, in_scope

SEEDED = {
    "killed": (
        "incdsl/values/num.py",
        "Linear.plus",
        "self.constant + other.constant",
        "self.constant - other.constant",
    ),
    "survived": (
        "incdsl/values/num.py",
        "Linear.plus",
        "self.constant + other.constant",
        "other.constant + self.constant",
    ),
    "timeout": ("incdsl/elaborate/names.py", "lettered", "divmod(index - 1, 26)", "divmod(index * 27, 26)"),
    "killed anew": ("incdsl/values/num.py", "<module>", "MAX_SIZE = 200", "MAX_SIZE = 201"),
    "survived anew": ("incdsl/values/num.py", "<module>", "MAX_SIZE = 200", "MAX_SIZE = 100 + 100"),
}

TRIAL = """
import json, sys
from tests.mutation.fork import outcome, reach, sharpest, with_tests
from tests.mutation.mutants import Mutant

def work(session):
    known = reach(session, {})
    for name, path, function, source in json.load(sys.stdin):
        mutant = Mutant(path, function, "", "", source, not name.endswith("anew"))
        tests = sharpest(mutant, known, [], 60)
        print(json.dumps([name, *outcome(session, mutant, tests, known)]))

with_tests(sys.argv[1:], work)
"""

TESTS = (
    "tests/values/test_num.py::test_expressions_are_canonical",
    "tests/values/test_num.py::test_expressions_have_a_largest_size",
    "tests/elaborate/test_naming.py::test_letters_go_on_after_z",
)


@pytest.mark.thorough
def test_what_is_killed_survives_and_never_ends_is_told_apart():
    seeded = []
    for name, (path, function, original, mutated) in SEEDED.items():
        text = (ROOT / path).read_text()
        assert text.count(original) == 1
        seeded.append([name, path, function, text.replace(original, mutated)])
    done = subprocess.run(
        [sys.executable, "-c", TRIAL, *TESTS], input=json.dumps(seeded), cwd=ROOT, text=True, capture_output=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]
    assert {name: word for name, word, _ in lines} == {name: name.split()[0] for name in SEEDED}, done.stderr
    assert next(test for name, _, test in lines if name == "killed anew") == TESTS[1]


def test_listed_mutants_are_of_the_code_as_it_is():
    assert not list(outdated(listed()))
    assert all(len(why.split()) >= 3 for why in listed().values())


@pytest.mark.thorough
def test_listed_mutants_are_ones_that_are_made():
    pytest.importorskip("cosmic_ray")
    from tests.mutation.mutants import mutants

    keys, functions = set(listed()), {}
    for path, function, *_ in keys:
        functions.setdefault(path, set()).add(function)
    assert keys <= {mutant.key for path, names in functions.items() for mutant in mutants(path, names)}


ENTRY = '[[mutant]]\nmodule = "{}"\nfunction = "{}"\noriginal = "{}"\nmutated = ["{}"]\nwhy = "because"\n'


@pytest.mark.parametrize(
    ("entry", "old"),
    [
        (("incdsl/values/extent.py", "smaller", "return left", "return right"), True),
        (("incdsl/values/extent.py", "<module>", "MAX_DEPTH = 100", "MAX_DEPTH = 101"), False),
        (("incdsl/values/extent.py", "<module>", "MAX_DEPTH = 100", "MAX_DEPTH = 100"), True),
        (("incdsl/values/extent.py", "Extent.of", "MAX_DEPTH = 100", "MAX_DEPTH = 101"), True),
        (("incdsl/values/gone.py", "<module>", "MAX_DEPTH = 100", "MAX_DEPTH = 101"), True),
    ],
)
def test_an_entry_that_no_longer_fits_is_noticed(entry, old):
    assert bool(list(outdated(listed(ENTRY.format(*entry))))) == old


KEY = ("incdsl/values/extent.py", "<module>", "MAX_DEPTH = 100", "MAX_DEPTH = 101")


@pytest.mark.parametrize(
    ("word", "excused", "said", "status"),
    [
        ("killed", {}, "survivors that are not listed: 0", 0),
        ("timeout", {}, "survivors that are not listed: 0", 0),
        ("survived", {}, "survivors that are not listed: 1", 1),
        ("survived", {KEY: "why"}, "survivors that are not listed: 0", 0),
        ("killed", {KEY: "why"}, "is listed, but killed", 1),
    ],
)
def test_a_run_fails_on_survivors_that_are_not_listed(capsys, word, excused, said, status):
    assert command.report({KEY: Outcome(word)}, excused, True, 60.0) == status
    assert said in capsys.readouterr().out


def test_places_are_functions_classes_and_modules():
    text = "X = 1\n\n\nclass C:\n    y: int = 1\n\n    @property\n    def f(self) -> int:\n        return 2\n"
    places = Places(text)
    assert [places.part(line).name for line in (1, 4, 5, 7, 8, 9)] == [
        "<module>",
        "C.<class>",
        "C.<class>",
        "C.f",
        "C.f",
        "C.f",
    ]
    assert [places.part(line).inside for line in (1, 5, 8, 9)] == [False, False, False, True]
    assert places.skipped((8, 19))
    assert not places.skipped((9, 15))
    assert different("a\nb  c\nd\n", "a\nb x\nd\n") == ("b c", "b x")
    assert Mutant("p", "f", "a", "b", "", True).key == ("p", "f", "a", "b")


def test_what_is_in_scope_exists():
    for path, patterns in SCOPE.items():
        assert (ROOT / path).exists()
        for pattern in patterns:
            assert pattern == "*" or list(lines_of(path, pattern)), f"{path}: {pattern}"
    assert in_scope("incdsl/ops/window.py", "Conv2d.infer")
    assert not in_scope("incdsl/ops/window.py", "Conv2d.lower")
    assert not in_scope("incdsl/ops/code.py", "Lowering.<class>")
