"""Compiling at the first use: once, whole or not at all, into a folder that nobody else writes to; or a reason."""

import ctypes
import shutil
import subprocess
import sys

import pytest

from incdsl.runtime.kernels import build as building
from incdsl.runtime.kernels.build import CannotBuild, Compiler, build, cache_folder
from tests.process import environment

SOURCE = 'extern "C" int answer() { return ANSWER; }'


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty folder for libraries."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("INCDSL_CACHE", str(folder))
    return folder


@pytest.fixture
def compiler():
    try:
        return Compiler.found()
    except CannotBuild as error:
        pytest.skip(f"NOT RUN: {error}")


@pytest.fixture
def told():
    """What is said, and to whom."""
    messages = []
    return messages, messages.append


def answer(path):
    return ctypes.CDLL(str(path)).answer()


def test_it_is_compiled_once(cache, compiler, told):
    messages, tell = told
    first = build("example", SOURCE, ("ANSWER=42",), tell)
    assert answer(first) == 42
    assert len(messages) == 2
    assert messages[0].startswith("incdsl: compiling the kernel example with ")
    assert build("example", SOURCE, ("ANSWER=42",), tell) == first
    assert len(messages) == 2
    assert [each.name for each in cache.iterdir()] == [first.name]


def test_whatever_it_is_made_of_changes_its_name(cache, compiler, monkeypatch):
    paths = {build("example", SOURCE, ("ANSWER=1",)), build("example", SOURCE, ("ANSWER=2",))}
    paths.add(build("example", SOURCE + "\n", ("ANSWER=1",)))
    monkeypatch.setenv("INCDSL_CXXFLAGS", "-O1 -DOTHER")
    paths.add(build("example", SOURCE, ("ANSWER=1",)))
    monkeypatch.setattr(building.torch, "__version__", "0")
    paths.add(build("example", SOURCE, ("ANSWER=1",)))
    assert sorted(map(answer, paths)) == [1, 1, 1, 1, 2]


def test_another_processor_has_a_library_of_its_own(cache, compiler, monkeypatch):
    """The flag is the same, `native`; what the compiler makes of it is not."""
    first = build("example", SOURCE, ("ANSWER=1",))
    native = compiler.target()
    monkeypatch.setattr(Compiler, "target", lambda self: native + "#define __AVX1024__ 1\n")
    assert build("example", SOURCE, ("ANSWER=1",)) != first


def test_progress_is_told_on_standard_error(cache, compiler, capfd):
    build("example", SOURCE, ("ANSWER=1",))
    out, err = capfd.readouterr()
    assert not out
    assert "compiling the kernel example" in err


def test_two_processes_may_compile_at_the_same_time(cache, compiler):
    code = f"from incdsl.runtime.kernels.build import build; print(build('example', {SOURCE!r}, ('ANSWER=7',)))"
    command = [sys.executable, "-c", code]
    running = [
        subprocess.Popen(command, env=environment(INCDSL_CACHE=str(cache)), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    first, second = (each.communicate()[0] for each in running)
    assert first == second
    assert answer(first.strip()) == 7
    assert len(list(cache.iterdir())) == 1


def test_without_a_compiler_there_is_a_reason(cache, monkeypatch):
    monkeypatch.delenv("INCDSL_CXX", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CannotBuild, match=r"^there is no C\+\+ compiler: c\+\+, g\+\+, clang\+\+ not found$"):
        build("example", SOURCE)
    monkeypatch.setenv("INCDSL_CXX", "another")
    with pytest.raises(CannotBuild, match="another not found"):
        build("example", SOURCE)


def test_what_the_compiler_says_is_the_reason_and_nothing_is_left(cache, compiler):
    with pytest.raises(CannotBuild, match=r"error: .*nonsense"):
        build("example", "nonsense;")
    assert not list(cache.iterdir())


def test_a_compiler_that_knows_no_such_processor(cache, compiler, monkeypatch):
    monkeypatch.setenv("INCDSL_CXXFLAGS", "-march=abacus")
    with pytest.raises(CannotBuild, match=r"error: .*abacus"):
        build("example", SOURCE)


def test_a_command_that_is_no_program(cache, tmp_path, monkeypatch):
    script = tmp_path / "cxx"
    script.write_text("not a program")
    script.chmod(0o700)
    monkeypatch.setenv("INCDSL_CXX", str(script))
    with pytest.raises(CannotBuild, match="does not run: Exec format error"):
        build("example", SOURCE)


def test_a_folder_that_others_write_to_is_refused(cache, compiler):
    build("example", SOURCE, ("ANSWER=1",))
    cache.chmod(0o777)
    with pytest.raises(CannotBuild, match="others may write into"):
        build("example", SOURCE, ("ANSWER=1",))


def test_a_folder_that_cannot_be_made(cache, compiler):
    cache.write_text("a file")
    with pytest.raises(CannotBuild, match="cannot be made"):
        build("example", SOURCE)


def test_the_folder_is_the_users(tmp_path, monkeypatch):
    monkeypatch.delenv("INCDSL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert cache_folder() == tmp_path / "caches" / "incdsl"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "incdsl"
    assert cache_folder().stat().st_mode & 0o777 == 0o700
