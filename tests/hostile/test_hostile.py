"""Hostile specs get an answer: with little work, within memory, with an exit code, and nothing written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.watch import CALLS, MEBIBYTES
from tests.hostile import corpus
from tests.hostile.names import CHARACTERS, COMMENTS, NAMES
from tests.hostile.texts import ANY, BYTES, NETS, OK, PLAIN, SIZES
from tests.nets import spec
from tests.process import ROOT, environment, incdsl, no_accident

MADE = {**BYTES, **SIZES, **NAMES, **CHARACTERS, **COMMENTS}
COMMITTED = corpus.expected()
SMALL = ("imports/", "output/")
"""Folders of the corpus whose specs are not about how much work they are."""
AS_PROCESSES = ["empty", "invalid utf-8", "1 MiB and a byte", "nesting 65", "escape in a comment", "sum of 20,000"]
COMMITTED_AS_PROCESSES = [path for path in COMMITTED if path.startswith("imports/") or "60" in path][::8]


def some(names, quick):
    """Parameters of a test: those that take work are thorough."""
    return [name if quick(name) else pytest.param(name, marks=pytest.mark.thorough) for name in names]


@pytest.fixture(scope="module")
def server():
    """`ask(arguments, folder)`: the answer of a child of a warm process."""
    command = [sys.executable, "-m", "tests.hostile.server"]
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as warm:

        def ask(arguments, folder, count=False):
            request = {"arguments": arguments, "folder": str(folder), "count": count}
            warm.stdin.write(json.dumps(request).encode() + b"\n")
            warm.stdin.flush()
            return json.loads(warm.stdout.readline())

        yield ask
        warm.stdin.close()


@pytest.fixture
def places(tmp_path):
    """A folder for the spec, and an empty one to work in."""
    (tmp_path / "work").mkdir()
    return tmp_path / "spec.inc", tmp_path / "work"


def data(name):
    """The bytes of a made case, and what must come of it."""
    text, expected = MADE[name]
    return (text.encode() if isinstance(text, str) else text), expected


def hold(found, expected, out, err):
    """Hold an answer to what must come of a case."""
    told = err.replace("\u2026", "")
    assert "Traceback" not in told
    assert "internal error" not in told
    assert found in (0, 1, 2), told[:300]
    if expected == OK:
        assert found == 0, told[:300]
    elif expected != ANY:
        assert f"[{expected}]" in told
        assert found == (2 if expected == "E105" else 1)
    assert bool(out) == (found == 0)
    assert bool(err) >= (found != 0)


def hold_limits(found):
    """Hold an answer to the work, if it was counted, to the memory, and to characters that a terminal may see."""
    assert found["calls"] <= CALLS
    assert found["mebibytes"] <= MEBIBYTES
    assert all(line.isprintable() for text in (found["out"], found["err"]) for line in text.split("\n"))


@pytest.mark.parametrize("name", some(MADE, lambda name: name not in SIZES))
def test_an_answer_comes_and_nothing_else(server, places, name):
    spec, work = places
    content, expected = data(name)
    spec.write_bytes(content)
    found = server(["compile", "-o", "-", "../spec.inc"], work)
    hold(found["code"], expected, found["out"], found["err"])
    hold_limits(found)
    assert list(work.iterdir()) == []
    assert spec.read_bytes() == content


@pytest.mark.thorough
@pytest.mark.parametrize("name", NETS)
def test_many_nets_are_checked(server, places, name):
    spec, work = places
    spec.write_text(NETS[name][0])
    found = server(["check", "../spec.inc"], work)
    hold(found["code"], NETS[name][1], found["out"], found["err"])
    hold_limits(found)


@pytest.mark.parametrize("name", some(COMMITTED, lambda name: name.startswith(SMALL)))
def test_the_corpus_is_answered(server, tmp_path, name):
    path = corpus.FOLDER / name
    found = server(["check", str(path)], tmp_path)
    hold(found["code"], COMMITTED[name], found["out"], found["err"])
    hold_limits(found)
    if COMMITTED[name] == OK:
        found = server(["compile", "-o", "-", corpus.last_net(path)], tmp_path)
        hold(found["code"], OK, found["out"], found["err"])
        hold_limits(found)
    assert list(tmp_path.iterdir()) == []


def test_work_is_counted(server, tmp_path):
    """And too much of it is noticed."""
    found = server(["compile", "-o", "-", "specs/v3.inc"], tmp_path, count=True)
    assert 50_000 < found["calls"] < 1_000_000
    hold_limits(found)
    with pytest.raises(AssertionError):
        hold_limits(found | {"calls": CALLS + 1})


def test_the_index_of_the_corpus_is_complete():
    on_disk = {path for path in corpus.FOLDER.rglob("*.inc") if "imports" not in path.parts}
    on_disk |= set((corpus.FOLDER / "imports").glob("*/spec.inc"))
    assert {path.relative_to(corpus.FOLDER).as_posix() for path in on_disk} == set(COMMITTED)
    assert all(path.stat().st_size <= 20_000 for path in on_disk)


@pytest.mark.thorough
@pytest.mark.parametrize("name", AS_PROCESSES)
def test_an_answer_comes_from_a_fresh_process(places, name):
    spec, work = places
    content, expected = data(name)
    spec.write_bytes(content)
    found = incdsl("compile", "-o", "-", str(spec), cwd=work)
    assert no_accident(found)
    hold(found.returncode, expected, found.stdout.decode(), found.stderr.decode())
    assert list(work.iterdir()) == []


@pytest.mark.thorough
@pytest.mark.parametrize("name", COMMITTED_AS_PROCESSES)
def test_the_corpus_is_answered_by_fresh_processes(tmp_path, name):
    found = incdsl("check", str(corpus.FOLDER / name), cwd=tmp_path)
    assert no_accident(found)
    hold(found.returncode, COMMITTED[name], found.stdout.decode(), found.stderr.decode())


@pytest.mark.parametrize("name", [n for n, (_, expected) in CHARACTERS.items() if expected[0] == "E"])
def test_logs_of_hostile_specs_hold_one_command_a_line(server, places, name):
    spec, work = places
    spec.write_bytes(data(name)[0])
    found = server(["check", "--format", "github", "../spec.inc"], work)
    lines = found["out"].split("\n")[:-1]
    assert lines
    assert all(line.startswith(("::error ", "::warning ")) and line.isprintable() for line in lines)


def test_comments_stay_comments(server, places):
    spec, work = places
    for name, (text, expected) in COMMENTS.items():
        spec.write_text(text, encoding="utf-8", newline="")
        found = server(["compile", "-o", "-", "../spec.inc"], work)
        if expected == OK:
            body = found["out"].split("\n")
            assert not any(line.strip().startswith("import os") for line in body), name
            assert body[0].startswith("# Generated by incdsl; edits are lost. Net N of spec.inc.")
            assert body[1].startswith("# spec sha256:")


# Files that are no specs


def _missing(folder):
    return folder / "no.inc"


def _folder(folder):
    return folder


def _fifo(folder):
    os.mkfifo(folder / "fifo.inc")
    return folder / "fifo.inc"


def _loop(folder):
    (folder / "loop.inc").symlink_to("loop.inc")
    return folder / "loop.inc"


def _dangling(folder):
    (folder / "link.inc").symlink_to("nothing.inc")
    return folder / "link.inc"


def _below_a_file(folder):
    (folder / "file.inc").write_text(PLAIN)
    return folder / "file.inc" / "spec.inc"


def _long(folder):
    return folder / ("a" * 300 + ".inc")


def _longest(folder):
    return Path("a/" * 4000 + "spec.inc")


def _device(folder):
    return Path("/dev/zero")


@pytest.mark.parametrize(
    "make",
    [_missing, _folder, _fifo, _loop, _dangling, _below_a_file, _long, _longest, _device],
    ids=lambda make: make.__name__[1:],
)
def test_what_is_no_regular_file_cannot_be_read(server, places, make):
    spec, work = places
    path = make(spec.parent)
    for command in (["check"], ["compile", "-o", "-"], ["summary"]):
        found = server([*command, str(path)], work)
        hold(found["code"], "E105", found["out"], found["err"])
    assert list(work.iterdir()) == []


def test_a_net_that_is_not_chosen_is_no_danger(server, places):
    path, work = places
    path.write_text(PLAIN + spec("B", "block B = B\n").removeprefix("inc 1\n").replace("net N", "net M"))
    assert server(["compile", "-o", "-", "../spec.inc::N"], work)["code"] == 0
    found = server(["check", "../spec.inc"], work)
    assert found["code"] == 1
    assert "E210" in found["err"]
