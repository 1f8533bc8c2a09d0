"""One input under watch: how it was answered, and whether that kept to what is promised."""

from __future__ import annotations

import cProfile
import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

from incdsl.codegen.module import intact
from incdsl.compiler import check_file, compile_net, from_bytes
from incdsl.diagnostics import CompileError
from incdsl.diagnostics.render import render

CALLS = 12_000_000
"""Calls of functions that an answer may take; v3.inc takes 280,000."""
SUSPECT = 0.5
"""Seconds of processor time after which an input is answered once more, and its calls are counted."""
HANGS = 60.0
"""Seconds of processor time after which an answer is not waited for: not all work is calls."""
MEBIBYTES = 256
LIBRARY = "inc 1\nunit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu\nblock B(width) = conv 3x3 @width\n"
COMMANDS = (["compile", "-o", "out.py"], ["check", "--format", "json"], ["summary"], ["check", "--format", "github"])


class OutOfTime(BaseException):
    """The alarm rang."""


@dataclass(frozen=True)
class Answer:
    """An exit code, the processor time, and what was wrong with the answer, if anything."""

    code: int
    seconds: float
    problem: str = ""


def limit_memory() -> None:
    """From now on this process gets 256 MiB more and no byte beyond."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + (MEBIBYTES << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def set_alarm() -> None:
    """Let the timer of this process end what takes too long."""

    def ring(number: int, scope: FrameType | None) -> None:
        raise OutOfTime

    signal.signal(signal.SIGVTALRM, ring)


def answered(data: bytes, folder: Path, twice: bool = False, hangs: float = HANGS, suspect: float = SUSPECT) -> Answer:
    """Check an input, compile its nets, show its diagnostics, all in this process."""
    start = time.process_time()
    code, problem = 70, ""
    signal.setitimer(signal.ITIMER_VIRTUAL, hangs)
    try:
        code, first = _compiled(data, folder)
        if twice and _compiled(data, folder)[1] != first:
            problem = "two compilations differ"
        if time.process_time() - start > suspect and (calls := counted(data, folder)) > CALLS:
            problem = f"{calls:,} calls"
    except OutOfTime:
        problem = f"no answer within {hangs} s"
    except MemoryError:
        problem = f"more than {MEBIBYTES} MiB"
    except BaseException as error:  # a fuzzer is told of everything
        problem = f"{type(error).__name__}: {error}"[:300]
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return Answer(code, time.process_time() - start, problem)


def counted(data: bytes, folder: Path) -> int:
    """How many functions are called to answer an input, builtins too: but for a few the same on any machine."""
    profile = cProfile.Profile()
    profile.runcall(_compiled, data, folder)
    return sum(entry.callcount for entry in profile.getstats())


def _compiled(data: bytes, folder: Path) -> tuple[int, str]:
    """The exit code that the command line would give, and all that it would write."""
    try:
        source = from_bytes(data, "fuzz.inc", folder / "fuzz.inc")
        done = check_file(source)
        texts = [each.text for each in done] or [compile_net(source).text]
        told = render([w for each in done for w in each.warnings], "human")
    except CompileError as error:
        problems = error.diagnostics
        told = "\n".join(render(problems, form) for form in ("human", "github"))
        json.loads(render(problems, "json"))
        texts, code = [], 2 if all(d.code == "E105" for d in problems) else 1
    else:
        code = 0
    for line in "\n".join([*texts, told]).split("\n"):
        if not line.isprintable():
            raise AssertionError(f"a line that is not printable: {line!r}")
    return code, "\n".join([*texts, told])


def answered_by_process(data: bytes, number: int) -> Answer:
    """Give an input to the command line in a process of its own."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "fuzz.inc").write_bytes(data)
        (folder / "lib.inc").write_text(LIBRARY)
        command = COMMANDS[number % len(COMMANDS)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            found = subprocess.run(
                [sys.executable, "-m", "incdsl", command[0], "fuzz.inc", *command[1:]], cwd=folder,
                capture_output=True, timeout=60, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Answer(70, 60.0, "the process did not end")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Answer(found.returncode, seconds, _problem(found, folder))


def _problem(found: subprocess.CompletedProcess[bytes], folder: Path) -> str:
    """What is wrong with a process that ended, or with what it left."""
    told = found.stdout + found.stderr
    left = {path.name for path in folder.iterdir()} - {"fuzz.inc", "lib.inc"}
    checks: list[tuple[Callable[[], Any], str]] = [
        (lambda: found.returncode in (0, 1, 2), f"exit code {found.returncode}"),
        (lambda: b"Traceback" not in told and b"internal error" not in told, told[-300:].decode("utf-8", "replace")),
        (lambda: left <= {"out.py"}, f"it left {sorted(left)}"),
        (lambda: not left or found.returncode == 0, "it wrote a file and failed"),
        (lambda: not left or intact((folder / "out.py").read_text()), "it left half a file"),
    ]
    return next((problem for holds, problem in checks if not holds()), "")
