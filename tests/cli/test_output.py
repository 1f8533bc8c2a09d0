"""Generated files are written whole or not at all, and never over somebody's work."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from incdsl import writing
from incdsl.codegen import output
from incdsl.diagnostics import CompileError
from tests.cli.conftest import ONE
from tests.cli.folders import entries
from tests.process import environment, incdsl, python

OLD_SPEC = ONE
NEW_SPEC = ONE.replace("width = 4", "width = 5")
STOP_IN_THE_MIDDLE = """
import os, signal, sys
from pathlib import Path
from incdsl.codegen import output
step, target, text = sys.argv[1], Path(sys.argv[2]), sys.stdin.read()
real = {"fsync": os.fsync, "replace": Path.replace, "chmod": Path.chmod}[step]
def stop(*arguments):
    if "after" in sys.argv:
        real(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(os if step == "fsync" else Path, step, stop)
output.write(target, text)
"""


@pytest.fixture
def texts(call, folder):
    """The module as it was, and as it is to be."""
    texts = []
    for spec in (None, NEW_SPEC):
        if spec:
            (folder / "one.inc").write_text(spec, encoding="utf-8")
        call("compile", "one.inc", "-o", "net.py", "--force")
        texts.append((folder / "net.py").read_text(encoding="utf-8"))
    (folder / "net.py").unlink()
    return tuple(texts)


def code(error):
    """The code of the only diagnostic."""
    (found,) = error.value.diagnostics
    return found.code


# Failures in the middle


def write_a_part(path, text, **settings):
    """What a disk does that fills up."""
    path.write_bytes(text[: len(text) // 2].encode())
    raise OSError(28, "No space left on device")


def refuse(*arguments, **settings):
    """What a full or broken disk does."""
    raise OSError(5, "Input/output error")


def interrupt(*arguments, **settings):
    """What a user does who is tired of waiting."""
    raise KeyboardInterrupt


def break_at(step, monkeypatch, how=refuse):
    """Make one step of writing fail."""
    if step == "write":
        monkeypatch.setattr(Path, "write_text", write_a_part)
    elif step in ("chmod", "replace", "mkdir"):
        monkeypatch.setattr(Path, step, how)
    elif step == "mkstemp":
        monkeypatch.setattr(writing.tempfile, step, how)
    else:
        monkeypatch.setattr(os, step, how)


@pytest.mark.parametrize("step", ["mkdir", "mkstemp", "write", "fsync", "chmod", "replace"])
@pytest.mark.parametrize("present", [False, True], ids=["new", "over"])
def test_a_step_that_fails_leaves_the_old_file_or_none(texts, tmp_path, monkeypatch, step, present):
    old, new = texts
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / "net.py"
    if present:
        target.write_text(old, encoding="utf-8")
    break_at(step, monkeypatch)
    with pytest.raises(CompileError) as error:
        output.write(target, new)
    assert code(error) == "E603"
    assert entries(folder) == (["net.py"] if present else [])
    assert not present or target.read_text(encoding="utf-8") == old


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_an_interrupt_leaves_no_temporary_file(texts, tmp_path, monkeypatch, step):
    old, new = texts
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / "net.py"
    target.write_text(old, encoding="utf-8")
    break_at(step, monkeypatch, interrupt)
    with pytest.raises(KeyboardInterrupt):
        output.write(target, new)
    assert entries(folder) == ["net.py"]
    assert target.read_text(encoding="utf-8") == old


@pytest.mark.thorough
@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_killed_in_the_middle_leaves_the_old_file_or_the_new(texts, folder, step, when):
    old, new = texts
    target = folder / "net.py"
    target.write_text(old, encoding="utf-8")
    command = [sys.executable, "-c", STOP_IN_THE_MIDDLE, step, str(target), when]
    killed = subprocess.run(command, input=new.encode(), env=environment(), capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    written = new if (step, when) == ("replace", "after") else old
    assert target.read_text(encoding="utf-8") == written
    assert incdsl("compile", "one.inc", "-o", "net.py", cwd=folder).returncode == 0
    assert target.read_text(encoding="utf-8") == new


def _killed_at_line(number, target, text):
    """Write in a process that is killed before it runs a line of the module that writes; whether it was killed."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    lines = 0

    def trace(scope, event, argument):
        nonlocal lines
        if scope.f_code.co_filename not in (output.__file__, writing.__file__):
            return None
        lines += event == "line"
        if lines == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    try:
        sys.settrace(trace)
        output.write(target, text)
    finally:
        os._exit(0)


@pytest.mark.thorough
@pytest.mark.parametrize("present", [False, True], ids=["new", "over"])
def test_a_process_killed_before_any_line_leaves_the_old_file_or_the_new(texts, tmp_path, present):
    old, new = texts
    seen, number = set(), 0
    killed = True
    while killed:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        target = folder / "net.py"
        if present:
            target.write_text(old, encoding="utf-8")
        killed = _killed_at_line(number, target, new)
        seen.add(target.read_text(encoding="utf-8") if target.exists() else None)
        assert all(name == "net.py" or name.endswith(".tmp") for name in entries(folder))
        output.write(target, new)
        assert target.read_text(encoding="utf-8") == new
    assert number > 25
    assert seen == {old if present else None, new}


@pytest.mark.thorough
@pytest.mark.parametrize("delay", [0.05, 0.1, 0.2, 0.3, 0.4, 0.6])
def test_a_command_killed_at_any_time_leaves_the_old_file_or_the_new(texts, folder, delay):
    old, new = texts
    target = folder / "net.py"
    target.write_text(old, encoding="utf-8")
    command = [sys.executable, "-m", "incdsl", "compile", "one.inc", "-o", "net.py"]
    with subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE) as running:
        time.sleep(delay)
        running.kill()
    assert target.read_text(encoding="utf-8") in (old, new)


def test_what_a_killed_process_left_is_removed_after_an_hour(texts, tmp_path):
    names = [
        ".net.py.abcd1234.tmp",
        ".net.py.young_00.tmp",
        ".net.py.tmp",
        ".other.py.abcd1234.tmp",
        ".net.py.ABCD.tmp",
    ]
    for name in names:
        (tmp_path / name).write_text("half")
        os.utime(tmp_path / name, (0, 0))
    os.utime(tmp_path / names[1])
    (tmp_path / ".net.py.link0000.tmp").symlink_to("nothing")
    assert output.write(tmp_path / "net.py", texts[0])
    left = [name for name in entries(tmp_path) if name.endswith(".tmp")]
    assert left == sorted([*names[1:], ".net.py.link0000.tmp"])


@pytest.mark.thorough
def test_a_file_that_may_not_grow_is_not_written(texts, folder):
    old = texts[0]
    before = [*entries(folder), "net.py"]
    (folder / "net.py").write_text(old, encoding="utf-8")
    limits = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700)); from incdsl.cli import main; "
    )
    for target in ("net.py", "new.py"):
        call = f"sys.argv[1:] = ['compile', 'one.inc', '-o', '{target}']; main()"
        result = python("-B", "-c", limits + call, cwd=folder)
        assert result.returncode == 2
        assert b"error[E603]: cannot write" in result.stderr
    assert (folder / "net.py").read_text(encoding="utf-8") == old
    assert entries(folder) == sorted(before)


@pytest.mark.parametrize("present", [False, True], ids=["new", "over"])
def test_a_folder_that_may_not_be_changed(texts, present):
    with TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        folder = Path(name)
        if present:
            (folder / "net.py").write_text(texts[0], encoding="utf-8")
        folder.chmod(0o555)
        child = os.fork()
        if not child:
            code = 1
            try:
                if not os.geteuid():
                    os.setuid(65534)  # the superuser may write anywhere
                output.write(folder / "net.py", texts[1])
            except CompileError as error:
                code = 0 if error.diagnostics[0].reason == "permission denied" else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert entries(folder) == (["net.py"] if present else [])
        assert not present or (folder / "net.py").read_text(encoding="utf-8") == texts[0]
        folder.chmod(0o755)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "arguments", [["compile", "-o", "-"], ["check"], ["summary"], ["check", "--format", "json"]], ids=" ".join
)
def test_a_full_device_is_told(folder, arguments):
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "incdsl", *arguments, "one.inc"]
        result = subprocess.run(
            command, cwd=folder, env=environment(), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert result.returncode == 2
    assert result.stderr == b"error: cannot write the output: no space left on device\n"


@pytest.mark.thorough
def test_readers_never_see_half_a_file(texts, folder):
    target = folder / "net.py"
    seen = set()
    output.write(target, texts[0])
    loop = (
        "import sys; from pathlib import Path; from incdsl.codegen import output\n"
        "texts = sys.stdin.read().split('\\x00')\n"
        "for i in range(400): output.write(Path(sys.argv[1]), texts[i % 2])\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", loop, target], stdin=subprocess.PIPE, env=environment())
    writer.stdin.write("\0".join(texts).encode())
    writer.stdin.close()
    while writer.poll() is None:
        seen.add(target.read_text(encoding="utf-8"))
    assert writer.returncode == 0
    assert seen == set(texts)


# What is there already


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text + "\n",
        lambda text: text.replace("nn.Conv2d", "nn.Conv3d"),
        lambda text: text.replace("\n#\n", "\n# my remark\n", 1),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("body sha256:", "body sha256:0"),
        lambda text: text.replace("  body sha256:", "  body:"),
    ],
    ids=["line", "code", "comment", "end", "hash", "no hash"],
)
def test_an_edited_file_is_refused_without_force(texts, tmp_path, edit):
    old, new = texts
    target = tmp_path / "net.py"
    target.write_text(edit(old), encoding="utf-8")
    assert edit(old) != old
    with pytest.raises(CompileError, match="was edited by hand") as error:
        output.write(target, new)
    assert code(error) == "E601"
    assert target.read_text(encoding="utf-8") == edit(old)
    assert output.write(target, new, force=True)
    assert target.read_text(encoding="utf-8") == new


@pytest.mark.parametrize("content", [b"", b"import os\n", b"\xff\xfe\x00", b"# Generated by incdsl;", b"a\nb\nc\n"])
def test_a_file_that_incdsl_did_not_write_is_refused_without_force(texts, tmp_path, content):
    target = tmp_path / "net.py"
    target.write_bytes(content)
    with pytest.raises(CompileError, match=r"net\.py was not written by incdsl") as error:
        output.write(target, texts[1])
    assert code(error) == "E601"
    assert target.read_bytes() == content
    assert output.write(target, texts[1], force=True)
    assert target.read_text(encoding="utf-8") == texts[1]


def test_a_generated_file_is_replaced_without_asking(texts, tmp_path):
    target = tmp_path / "net.py"
    assert output.write(target, texts[0])
    assert output.write(target, texts[1])
    assert target.read_text(encoding="utf-8") == texts[1]


@pytest.mark.parametrize("force", [False, True])
def test_an_unchanged_file_is_not_touched(texts, tmp_path, force):
    target = tmp_path / "net.py"
    output.write(target, texts[0])
    os.utime(target, ns=(10**18, 10**18))
    before = target.stat()
    assert not output.write(target, texts[0], force=force)
    after = target.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


# Modes


def test_a_new_file_has_the_mode_of_the_umask(texts, tmp_path):
    mask = os.umask(0o027)
    try:
        output.write(tmp_path / "net.py", texts[0])
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "net.py").stat().st_mode) == 0o640


def test_an_old_file_keeps_its_mode(texts, tmp_path):
    target = tmp_path / "net.py"
    output.write(target, texts[0])
    target.chmod(0o600)
    output.write(target, texts[1])
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


# Names and places
