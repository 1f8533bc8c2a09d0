"""The kernel for other processors and under sanitizers: random layers in processes of their own."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from incdsl.runtime.kernels.build import CannotBuild, Compiler
from incdsl.runtime.kernels.matrices import kernel_source
from incdsl.winograd import schemes
from tests.process import ROOT, environment, python

needs_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="NOT RUN: this is no x86-64")
HEADERS = Path(torch.__file__).parent / "include"
LEVELS = {"x86-64-v2": "sse4_2", "x86-64-v3": "avx2", "x86-64-v4": "avx512f"}
"""What a processor must have for code of a level to run."""
SANITIZERS = (
    "-march=native -O1 -fsanitize=address,undefined -fno-sanitize-recover=all"
    " -fno-sanitize-address-use-after-scope -fno-sanitize=null,object-size"
)
"""What is left out takes GCC minutes."""


@pytest.fixture
def compiler():
    try:
        return Compiler.found()
    except CannotBuild as error:
        pytest.skip(f"NOT RUN: {error}")


def campaign(cache, flags, count, *arguments, **variables):
    """Random layers, by a kernel that is compiled with these flags; it must have run."""
    env = environment(INCDSL_CACHE=str(cache), INCDSL_CXXFLAGS=flags, OMP_NUM_THREADS="2", **variables)
    done = python("-m", "tests.winograd", "--count", str(count), *arguments, cwd=ROOT, env=env)
    assert done.returncode == 0, done.stderr.decode()
    assert f"{count} layers from seed 0: no mismatch" in done.stdout.decode()


def sanitizing(compiler):
    """The environment of a process whose memory is watched."""
    library = compiler.run("-print-file-name=libasan.so").strip()
    if not Path(library).is_absolute():
        pytest.skip(f"NOT RUN: {compiler.command} has no libasan.so")
    return {"LD_PRELOAD": library, "ASAN_OPTIONS": "detect_leaks=0"}


@needs_x86
@pytest.mark.parametrize("level", [
    pytest.param("x86-64-v2", marks=pytest.mark.long), "x86-64-v3", pytest.param("x86-64-v4", marks=pytest.mark.long),
])  # fmt: skip
def test_levels_of_x86(level, compiler, tmp_path):
    if LEVELS[level] not in Path("/proc/cpuinfo").read_text(encoding="utf-8").split():
        pytest.skip(f"NOT RUN: this processor has no {LEVELS[level]}")
    campaign(tmp_path / "cache", f"-march={level}", 100, "--usual")


@pytest.mark.long
def test_under_sanitizers(compiler, tmp_path):
    """Each access to memory is looked up, and what C++ leaves undefined ends the process.

    Tensors come from malloc, which the sanitizer of addresses replaces in the whole process.
    """
    campaign(tmp_path / "cache", SANITIZERS, 1000, **sanitizing(compiler))


@pytest.mark.parametrize("real", ["float", "double"])
def test_for_arm_it_is_compiled_only(real, tmp_path):
    found = shutil.which("aarch64-linux-gnu-g++")
    if not found:
        pytest.skip("NOT RUN: there is no compiler for ARM, aarch64-linux-gnu-g++")
    source = tmp_path / "kernel.cpp"
    source.write_text(kernel_source(schemes(higher_order=True)), encoding="utf-8")
    flags = ["-std=c++20", "-O2", "-fopenmp", f"-DINCDSL_REAL={real}", f"-isystem{HEADERS}"]
    done = subprocess.run(
        [found, *flags, "-c", str(source), "-o", str(tmp_path / "kernel.o")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
