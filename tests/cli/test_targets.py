"""Where `-o` may not write: names that hide modules, and places where no file can be."""

import os
import stat
from pathlib import Path

import pytest

from tests.cli.folders import entries
from tests.process import incdsl


@pytest.mark.parametrize(
    "name",
    ["torch.py", "typing.py", "os.py", "numpy.py", "incdsl.py", "con.py", "NUL.py", "com1.py", "lpt9.py", "x.txt", "x",
     "x.pyc", ".py", "x.py.bak"],
)  # fmt: skip
@pytest.mark.parametrize("force", [[], ["--force"]], ids=["plain", "force"])
def test_names_that_hide_modules_or_are_no_modules_are_refused(call, folder, name, force):
    before = entries(folder)
    result = call("compile", "one.inc", "-o", name, *force)
    assert result.exit_code == 1
    assert f"error[E602]: {name} " in result.stderr
    assert entries(folder) == before


@pytest.mark.parametrize("target", ["one.inc/net.py", "one.inc/deep/net.py", "/dev/null/net.py", "a" * 300 + ".py"])
def test_a_place_where_no_file_can_be(call, folder, target):
    before = entries(folder)
    result = call("compile", "one.inc", "-o", target)
    assert result.exit_code == 2
    assert "error[E603]: cannot write" in result.stderr
    assert entries(folder) == before


def test_a_folder_is_no_target(call, folder):
    (folder / "net.py").mkdir()
    for force in ([], ["--force"]):
        result = call("compile", "one.inc", "-o", "net.py", *force)
        assert result.exit_code == 2
        assert "error[E603]: cannot write net.py: it is not a regular file" in result.stderr
    assert (folder / "net.py").is_dir()
    assert call("compile", "one.inc", "--check", "-o", "net.py").exit_code in (1, 2)


@pytest.mark.thorough
@pytest.mark.parametrize("flags", [[], ["--force"], ["--check"]], ids=["plain", "force", "check"])
def test_a_fifo_is_no_target_and_nobody_waits_for_it(folder, flags):
    os.mkfifo(folder / "net.py")
    result = incdsl("compile", "one.inc", "-o", "net.py", *flags, cwd=folder)
    assert result.returncode in (1, 2)
    assert b"error[E60" in result.stderr
    assert stat.S_ISFIFO((folder / "net.py").stat().st_mode)


def test_a_link_stays_a_link_and_its_file_is_written(call, folder):
    (folder / "real").mkdir()
    call("compile", "one.inc", "-o", "real/net.py")
    (folder / "net.py").symlink_to(Path("real") / "net.py")
    assert call("compile", "one.inc", "-o", "net.py", "--set", "width=9").exit_code == 0
    assert (folder / "net.py").is_symlink()
    assert not (folder / "real" / "net.py").is_symlink()
    assert "width=9" in (folder / "real" / "net.py").read_text(encoding="utf-8")
    assert entries(folder / "real") == ["net.py"]


@pytest.mark.parametrize("target", ["missing.py", "net.py"], ids=["dangling", "loop"])
def test_a_link_to_nothing_is_refused(call, folder, target):
    (folder / "net.py").symlink_to(target)
    result = call("compile", "one.inc", "-o", "net.py")
    assert result.exit_code == 2
    assert "error[E603]" in result.stderr
    assert (folder / "net.py").is_symlink()
    assert not (folder / "missing.py").exists()
