"""The fuzzer itself: its inputs can be made again, and it notices what is not as promised."""

import os
import signal
from collections import Counter

import pytest

from fuzz import run, watch
from fuzz.inputs import CORPUS, make, seeds, trees
from incdsl.compiler import check_file, from_bytes
from incdsl.diagnostics import CompileError
from tests.process import ROOT, python


def code(data, folder):
    """The exit code that an input gives."""
    return watch.answered(data, folder).code


@pytest.fixture
def folder(tmp_path):
    """A folder with the spec that inputs import; the alarm is set."""
    (tmp_path / "lib.inc").write_text(watch.LIBRARY)
    before = signal.getsignal(signal.SIGVTALRM)
    watch.set_alarm()
    yield tmp_path
    signal.signal(signal.SIGVTALRM, before)


def test_inputs_can_be_made_again():
    assert [make("a", i) for i in range(100)] == [make("a", i) for i in range(100)]
    assert len({make("a", i) for i in range(100)}) > 90
    assert make("b", 1) != make("a", 1)


def test_inputs_reach_all_phases(folder):
    codes = Counter()
    for i in range(600):
        try:
            check_file(from_bytes(make("phases", i), "fuzz.inc", folder / "fuzz.inc"))
            codes["ok"] += 1
        except CompileError as error:
            codes.update({d.code[:2] for d in error.diagnostics})
    assert all(codes[kind] > 2 for kind in ("ok", "E1", "E2", "E3", "E5")), codes


def test_the_corpus_is_answered(folder):
    files = sorted(CORPUS.glob("*.inc"))
    assert len(files) >= 20
    assert len(trees()) > 100
    assert set(seeds()) >= {path.read_bytes() for path in files}
    wrong = {path.stem for path in files if code(path.read_bytes(), folder) != 0}
    assert wrong == {path.stem for path in files if path.stem.startswith("wrong")}


def _loop(data, folder):
    while True:
        pass


def _fill(data, folder):
    return 0, "x" * (1 << 40)


def _fail(data, folder):
    raise RecursionError("too deep")


@pytest.mark.parametrize(("bug", "problem"), [(_loop, "no answer"), (_fill, "MiB"), (_fail, "RecursionError")])
def test_what_is_not_as_promised_is_noticed(folder, monkeypatch, bug, problem):
    monkeypatch.setattr(watch, "_compiled", bug)
    assert problem in watch.answered(b"inc 1", folder, hangs=0.1).problem


def test_too_much_work_is_noticed(folder, monkeypatch):
    data = (CORPUS / "units.inc").read_bytes()
    assert not watch.answered(data, folder).problem  # what is loaded or kept at the first use is no work
    calls = watch.counted(data, folder)
    assert abs(watch.counted(data, folder) - calls) < 0.01 * calls
    monkeypatch.setattr(watch, "CALLS", 2 * calls)
    assert watch.answered(data, folder, suspect=0).problem == ""
    monkeypatch.setattr(watch, "CALLS", calls // 2)
    assert watch.answered(data, folder, suspect=0).problem.endswith(" calls")
    assert watch.answered(data, folder).problem == ""


def test_answers_that_differ_are_noticed(folder, monkeypatch):
    answers = iter([(0, "a"), (0, "b")])
    monkeypatch.setattr(watch, "_compiled", lambda data, folder: next(answers))
    assert watch.answered(b"inc 1", folder, twice=True).problem == "two compilations differ"


def test_a_process_that_dies_is_noticed(folder, monkeypatch):
    def die(data, folder, twice):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(run, "answered", die)
    tally = run.in_chunks("a", 0, 3, 60, folder)
    assert tally.inputs == 3
    assert tally.problems == [(i, "the process died") for i in range(3)]


def test_what_a_process_leaves_is_noticed(tmp_path):
    def problem(returncode, *names):
        for name in names:
            (tmp_path / name).write_text("half")
        found = watch.subprocess.CompletedProcess([], returncode, b"", b"")
        return watch._problem(found, tmp_path)

    assert problem(0) == ""
    assert problem(3) == "exit code 3"
    assert problem(1, "out.py") == "it wrote a file and failed"
    assert problem(0) == "it left half a file"
    assert problem(0, ".out.py.tmp").startswith("it left [")


@pytest.mark.thorough
def test_the_command_tells_how_it_went():
    found = python("-m", "fuzz.run", "--inputs", "300", "--processes", "2", "--seed", "x", cwd=ROOT)
    assert found.returncode == 0, found.stdout.decode()
    assert b"in process: 300 inputs" in found.stdout
    assert b"processes: 2 inputs" in found.stdout
