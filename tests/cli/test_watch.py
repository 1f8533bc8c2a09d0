"""`incdsl watch`: what it says when a spec changes, and that it sees the change."""

import os
import signal
import subprocess
import sys
from queue import Queue
from threading import Thread
from time import sleep

import pytest

from incdsl.cli.watch_ import Watched
from tests.process import ROOT

TEXT = """inc 1
from "unit.inc" use conv
net N {
  input x [3, 8, 8]
  output y = x -> a: conv 3x3 @4 -> b: conv 3x3 @8 : [8, 8, 8]
}
"""
UNIT = "inc 1\nunit conv = conv2d -> relu\n"
GOOD = "N: 408 parameters, 25,344 MACs -> generated/net.py"


@pytest.fixture
def spec(folder):
    (folder / "net.inc").write_text(TEXT)
    (folder / "unit.inc").write_text(UNIT)
    return folder / "net.inc"


@pytest.fixture
def said(capsys):
    """`said(watched)`: what one look at the spec makes it say, without the time, and the mistakes."""

    def look(watched):
        folders = watched.look()
        assert all(folder.is_dir() for folder in folders)
        out, err = capsys.readouterr()
        return [line[10:] if line[2:3] == ":" else line for line in out.splitlines()], err

    return look


def test_the_first_look_compiles(spec, said):
    assert said(Watched("net.inc")) == ([GOOD], "")
    assert "incdsl compile net.inc" in (spec.parent / "generated" / "net.py").read_text()


def test_nothing_is_said_of_a_text_that_is_the_same(spec, said):
    watched = Watched("net.inc")
    said(watched)
    spec.write_text(TEXT)
    assert said(watched) == ([], "")


def test_what_changed_is_told(spec, said):
    watched = Watched("net.inc")
    said(watched)
    spec.write_text(TEXT.replace("@4", "@6"))
    lines, err = said(watched)
    assert lines == [
        "N: 608 parameters (+200), 38,016 MACs (+12,672 MACs) -> generated/net.py",
        "  N",
        "    ~ a  width 4 -> 6; +56 parameters, +3,456 MACs",
        "  2 parts follow, written as before behind what changed: +144 parameters, +9,216 MACs",
        "  checkpoints of the state before do not load",
    ]
    assert err == ""


def test_after_mistakes_it_is_compared_with_what_was_right(spec, said):
    watched = Watched("net.inc")
    said(watched)
    for wrong, code in (
        (TEXT.replace("conv 3x3 @4", "cnv 3x3 @4"), "E201"),
        (TEXT.replace("[8, 8, 8]\n}", "[9, 8, 8]\n}"), "E304"),
    ):
        spec.write_text(wrong)
        lines, err = said(watched)
        assert lines == ["1 error"]
        assert code in err
    spec.unlink()
    lines, err = said(watched)
    assert lines == ["not read"]
    assert "E105" in err
    assert said(watched) == ([], "")
    spec.write_text(TEXT)
    assert said(watched) == ([GOOD, "  as it was"], "")


def test_what_is_imported_is_watched(spec, said):
    watched = Watched("net.inc")
    said(watched)
    (spec.parent / "unit.inc").write_text(UNIT.replace("conv2d", "conv2d (bias: false)"))
    lines, _ = said(watched)
    assert lines[1:4] == [
        "  N",
        "    ~ a  bias true -> false; -4 parameters",
        "    ~ b  bias true -> false; -8 parameters",
    ]


def test_a_spec_with_several_nets_is_checked(folder, said):
    lines, _ = said(Watched("two.inc"))
    assert [line.partition(":")[0] for line in lines] == ["Small", "Large"]
    assert not (folder / "generated").exists()
    lines, _ = said(Watched("two.inc::Large"))
    assert lines == ["Large: 32 parameters, 1,536 MACs -> generated/two_Large.py"]


def test_settings_and_the_output_are_those_of_compile(folder, said):
    lines, _ = said(Watched("one.inc", "here.py", {"width": 5}))
    assert lines[0].endswith("-> here.py")
    assert "incdsl compile one.inc -o here.py --set width=5" in (folder / "here.py").read_text()


def test_a_module_that_was_edited_is_left_alone(spec, said):
    watched = Watched("net.inc")
    said(watched)
    module = spec.parent / "generated" / "net.py"
    module.write_text(module.read_text().replace("relu", "gelu"))
    spec.write_text(TEXT.replace("@4", "@6"))
    lines, err = said(watched)
    assert lines == ["1 error"]
    assert "edited" in err
    assert "gelu" in module.read_text()


def test_a_process_sees_files_change(spec):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "incdsl", "watch", "net.inc"],
        cwd=spec.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )  # fmt: skip
    lines = Queue()
    Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True).start()
    try:
        assert GOOD in lines.get(timeout=300)
        spec.write_text(TEXT.replace("@4", "@6"))  # it may not listen yet: written again until it answers
        while lines.empty():
            spec.touch()
            sleep(0.1)
        while "(+200)" not in lines.get(timeout=300):  # the file may be seen while it is only half written
            pass
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=300) in (0, 1, 130)
        process.stdout.close()
    assert "Traceback" not in "".join(lines.queue)


def test_standard_input_is_no_file(call):
    done = call("watch", "-")
    assert done.exit_code == 2
    assert "cannot be watched" in done.stderr
