"""Compiles a kernel with the system's compiler, once: into a folder of the user's, under a name made of its content."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

Tell = Callable[[str], None]

_COMPILERS = ("c++", "g++", "clang++")
_FLAGS = ("-std=c++20", "-O3", "-ffp-contract=fast", "-fopenmp", "-fPIC", "-shared")
"""`-ffp-contract`: a product and the sum behind it are one rounding. Nothing else about numbers is relaxed."""
_LIBRARIES = Path(torch.__file__).parent / "lib"
_HEADERS = Path(torch.__file__).parent / "include"


class CannotBuild(Exception):
    """There is no kernel here, and why; what would have used it does without."""


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler and how it is called: INCDSL_CXX and INCDSL_CXXFLAGS, or the first that the system has.

    The flags name the processor, `-march=native` unless others are given.
    """

    command: str
    flags: tuple[str, ...]

    @classmethod
    def found(cls) -> Compiler:
        """The compiler of this machine.

        Raises:
            CannotBuild: if there is none.
        """
        asked = os.environ.get("INCDSL_CXX")
        command = next(filter(None, map(shutil.which, (asked,) if asked else _COMPILERS)), None)
        if command is None:
            raise CannotBuild(f"there is no C++ compiler: {asked or ', '.join(_COMPILERS)} not found")
        flags = os.environ.get("INCDSL_CXXFLAGS")
        return cls(command, tuple(shlex.split(flags)) if flags else (_native(),))

    def target(self) -> str:
        """The macros that the compiler defines: its version, the processor, and what that has.

        Raises:
            CannotBuild: if the compiler does not know C++20, the flags or the processor.
        """
        return self.run("-std=c++20", *self.flags, "-dM", "-E", "-x", "c++", os.devnull)

    def run(self, *arguments: str) -> str:
        """Call it; what it prints.

        Raises:
            CannotBuild: with the first error that it reports.
        """
        try:
            english = {**os.environ, "LC_ALL": "C"}
            command = [self.command, *arguments]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=english)
        except OSError as error:
            raise CannotBuild(f"{self.command} does not run: {error.strerror}") from None
        if done.returncode:
            lines = done.stderr.splitlines() or ["no reason given"]
            reason = next((line for line in lines if "error" in line), lines[-1])
            raise CannotBuild(f"{self.command} fails: {reason.strip()}")
        return done.stdout


def build(name: str, source: str, definitions: Sequence[str] = (), tell: Tell | None = None) -> Path:
    """The shared library of a C++ source that includes headers of PyTorch; compiled if it is not there yet.

    Its name has a hash of the source, the command, the compiler's own macros and PyTorch's version: another processor
    or compiler, which may see the same folder, makes a library of its own. It appears whole or not at all, so processes
    may compile the same one at the same time.

    Args:
        name: what the library is called.
        source: the whole text.
        definitions: macros, `NAME=VALUE`.
        tell: is told before the compiler runs, and after; standard error unless it is given.

    Raises:
        CannotBuild: if there is no compiler, if it fails, or if the folder is not safe.
    """
    if os.name != "posix":
        raise CannotBuild(f"kernels are not compiled on {platform.system()}")
    compiler = Compiler.found()
    arguments = [*_FLAGS, *compiler.flags, *(f"-D{each}" for each in definitions), *_torch_flags()]
    made_of = (source, compiler.command, *arguments, compiler.target(), torch.__version__)
    digest = hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:20]
    library = cache_folder() / f"{name}-{digest}.so"
    if not library.exists():
        tell = tell or _tell
        tell(f"incdsl: compiling the kernel {name} with {compiler.command}, once for this machine ...")
        _compile(compiler, arguments, source, library)
        tell(f"incdsl: {library}")
    return library


def cache_folder() -> Path:
    """Where libraries are kept: INCDSL_CACHE, or a folder of the user's cache; made if it is missing.

    Raises:
        CannotBuild: if it cannot be made, or if anybody else could write into it.
    """
    asked, caches = os.environ.get("INCDSL_CACHE"), os.environ.get("XDG_CACHE_HOME")
    folder = Path(asked) if asked else (Path(caches) if caches else Path.home() / ".cache") / "incdsl"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise CannotBuild(f"{folder} cannot be made: {error.strerror}") from None
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise CannotBuild(f"others may write into {folder}, and what lies there is run")
    return folder


def _compile(compiler: Compiler, arguments: Sequence[str], source: str, library: Path) -> None:
    try:
        with tempfile.TemporaryDirectory(prefix=f".{library.stem}.", dir=library.parent) as folder:
            text, made = Path(folder, f"{library.stem}.cpp"), Path(folder, library.name)
            text.write_text(source, encoding="utf-8")
            compiler.run(str(text), *arguments, "-o", str(made))
            made.replace(library)
    except OSError as error:
        raise CannotBuild(f"{library.parent} cannot be written: {error.strerror}") from None


def _native() -> str:
    return "-march=native" if platform.machine() in ("x86_64", "AMD64") else "-mcpu=native"


def _torch_flags() -> list[str]:
    abi = int(torch.compiled_with_cxx11_abi())
    return [
        f"-D_GLIBCXX_USE_CXX11_ABI={abi}", f"-isystem{_HEADERS}", f"-L{_LIBRARIES}", f"-Wl,-rpath,{_LIBRARIES}",
        "-ltorch_cpu", "-lc10",
    ]  # fmt: skip


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
