"""The wheel: it holds grammar, specs and tables and no tests, and compiles as the checkout does."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import incdsl
from tests.process import ROOT, V3, environment

pytestmark = pytest.mark.thorough
NEEDED = {
    "incdsl/runtime/kernels/winograd.cpp": "incdsl/runtime/kernels/winograd.cpp",
    "incdsl/grammars/inc.lark": "grammars/inc.lark",
    "incdsl/specs/v3.inc": "specs/v3.inc",
    "incdsl/syntax/inc.lalr.json": "incdsl/syntax/inc.lalr.json",
}
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "generated")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a copy of the repository."""
    copy = tmp_path_factory.mktemp("copy") / "incdsl"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    target = tmp_path_factory.mktemp("wheel")
    if all(importlib.util.find_spec(name) for name in ("build", "hatchling")):
        command = ["build", "--wheel", "--no-isolation", "--outdir", str(target), str(copy)]
    else:
        command = ["pip", "wheel", "--no-deps", "--wheel-dir", str(target), str(copy)]
    made = subprocess.run([sys.executable, "-m", *command], cwd=target, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    (found,) = target.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel, unpacked into a folder from which it can be imported."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def called(installed, *arguments, cwd):
    """`incdsl` of the unpacked wheel: the checkout is not on the path, and the working directory neither."""
    found = subprocess.run(
        [sys.executable, "-P", "-m", "incdsl", *arguments],
        cwd=cwd, env=environment(PYTHONPATH=str(installed)), capture_output=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr.decode()
    return found.stdout


@pytest.mark.parametrize(("inside", "origin"), NEEDED.items())
def test_the_wheel_holds_what_the_compiler_reads(wheel, inside, origin):
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(inside) == (ROOT / origin).read_bytes()


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {Path(name).parts[0] for name in names} == {"incdsl", next(n for n in names if n.endswith("/RECORD"))[:-7]}
    sources = {p.relative_to(ROOT).as_posix() for p in (ROOT / "incdsl").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == sources
    specs = {f"incdsl/{p.relative_to(ROOT).as_posix()}" for p in (ROOT / "specs").rglob("*.inc")}
    assert {name for name in names if name.endswith(".inc")} == specs
    assert not [name for name in names if "tests" in name.lower() or "test_" in name.lower()]


def test_the_wheel_states_licence_script_and_types(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        text = archive.read(metadata).decode()
        scripts = archive.read(metadata.replace("METADATA", "entry_points.txt")).decode()
        assert any(n.endswith("licenses/LICENSE") for n in archive.namelist())
        assert "incdsl/py.typed" in archive.namelist(), "`Typing :: Typed` needs the marker of PEP 561"
    assert "License-Expression: Apache-2.0" in text
    assert "incdsl = incdsl.cli:main" in scripts


def test_the_unpacked_wheel_is_what_is_imported(installed, tmp_path):
    code = (
        "import incdsl, incdsl.resources; print(incdsl.__file__); print(incdsl.resources.shipped_spec('specs/v3.inc'))"
    )
    found = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment(PYTHONPATH=str(installed)),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for line in found.stdout.splitlines():
        assert line.startswith(f"{installed}{os.sep}incdsl{os.sep}")


def test_the_unpacked_wheel_compiles_to_the_bytes_of_the_checkout(installed, tmp_path):
    expected = incdsl.compile(V3).replace("incdsl compile v3.inc\n", "incdsl compile specs/v3.inc\n")
    aside = called(installed, "compile", "specs/v3.inc", "-o", "-", cwd=tmp_path).decode()
    assert aside.replace("specs/v3.inc -o -\n", "specs/v3.inc\n") == expected
    called(installed, "compile", "specs/v3.inc", cwd=tmp_path)
    assert (tmp_path / "generated" / "v3.py").read_text(encoding="utf-8") == expected


def test_the_unpacked_wheel_explains_and_summarizes(installed, tmp_path):
    assert b"E301" in called(installed, "explain", "E301", cwd=tmp_path)
    assert b"27,161,264" in called(installed, "summary", "specs/v3.inc", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []
