"""Fuzzes parser and compiler and tells how it went; the exit code is 1 if anything was not as promised.

Inputs are answered in processes that are forked for some thousands of them, all under a limit of 256 MiB more than the
process had before; where an answer takes long, its calls are counted. Some go to the command line in real processes as
well. The seed and the index of an input are enough to make it again: `--only INDEX` answers it here, with
`--show` it is written out.
"""

from __future__ import annotations

import argparse
import gc
import json
import mmap
import os
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fuzz.inputs import MIX, grammar, make, seeds, shipped, trees
from fuzz.watch import LIBRARY, Answer, answered, answered_by_process, limit_memory, set_alarm

CHUNK = 5_000
TWICE = 50
"""Every so many inputs one is answered twice, and the answers are compared."""
FAILURES = Path(__file__).parent / "failures"


@dataclass
class Tally:
    """What came of some inputs."""

    inputs: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)
    mebibytes: float = 0.0
    problems: list[tuple[int, str]] = field(default_factory=list)

    def add(self, index: int, answer: Answer) -> None:
        """Count one answer."""
        self.inputs += 1
        self.codes[str(answer.code)] += 1
        self.slowest = max(self.slowest, (answer.seconds, index))
        if answer.problem or answer.code not in (0, 1, 2):
            self.problems.append((index, answer.problem or f"exit code {answer.code}"))

    def merge(self, other: dict[str, Any]) -> None:
        """Count what another process counted."""
        self.inputs += other["inputs"]
        self.codes.update(other["codes"])
        self.slowest = max(self.slowest, tuple(other["slowest"]))
        self.mebibytes = max(self.mebibytes, other["mebibytes"])
        self.problems += [(index, text) for index, text in other["problems"]]


class Chunk:
    """A forked process that answers some inputs, and how far it came."""

    def __init__(self, seed: str, start: int, stop: int, folder: Path, end: float) -> None:
        self.start, self.stop = start, stop
        self._progress = mmap.mmap(-1, 8)
        self._read, write = os.pipe()
        self.process = os.fork()
        if not self.process:
            os.close(self._read)
            self._answer(seed, write, folder, end)
        os.close(write)

    def _answer(self, seed: str, write: int, folder: Path, end: float) -> None:
        """The child: never returns."""
        code = 1
        try:
            tally = Tally()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            limit_memory()
            set_alarm()
            for index in range(self.start, self.stop):
                if time.monotonic() > end:
                    break
                self._progress[:] = index.to_bytes(8, "little")
                tally.add(index, answered(make(seed, index), folder, index % TWICE == 0))
            tally.mebibytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            with os.fdopen(write, "w") as stream:
                json.dump(vars(tally), stream)
            code = 0
        finally:
            os._exit(code)

    def result(self) -> tuple[dict[str, Any] | None, int]:
        """What the child counted, or nothing if it died; and the input at which it stood."""
        with os.fdopen(self._read) as stream:
            text = stream.read()
        _, status = os.waitpid(self.process, 0)
        died = os.waitstatus_to_exitcode(status) != 0
        return (None if died else json.loads(text)), int.from_bytes(self._progress[:], "little")


def in_chunks(seed: str, first: int, inputs: int, seconds: float, folder: Path) -> Tally:
    """Answer many inputs, a chunk in a process."""
    tally = Tally()
    end = time.monotonic() + seconds
    index, stop = first, first + inputs
    while index < stop and time.monotonic() < end:
        chunk = Chunk(seed, index, min(index + CHUNK, stop), folder, end)
        found, reached = chunk.result()
        if found:
            tally.merge(found)
            index = chunk.stop
        else:
            tally.problems.append((reached, "the process died"))
            tally.inputs += reached + 1 - index
            index = reached + 1
        print(f"\r{tally.inputs:,} inputs, {len(tally.problems)} problems", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return tally


def by_processes(seed: str, indices: range, seconds: float) -> Tally:
    """Give some inputs to the command line."""
    tally = Tally()
    end = time.monotonic() + seconds
    for number, index in enumerate(indices):
        if time.monotonic() > end:
            break
        tally.add(index, answered_by_process(make(seed, index), number))
    return tally


def report(name: str, tally: Tally, wall: float, seed: str) -> None:
    """Tell how it went, and keep what was not as promised."""
    codes = ", ".join(f"{count:,} x {code}" for code, count in sorted(tally.codes.items()))
    print(f"{name}: {tally.inputs:,} inputs in {wall:,.0f} s; exit codes {codes}")
    memory = f"; at most {tally.mebibytes:.0f} MiB above the start" if tally.mebibytes else ""
    print(f"  slowest {tally.slowest[0]:.2f} s (input {tally.slowest[1]}){memory}; {len(tally.problems)} problems")
    for index, problem in tally.problems[:50]:
        FAILURES.mkdir(exist_ok=True)
        (FAILURES / f"{index}.inc").write_bytes(make(seed, index))
        print(f"  input {index}: {problem!r}")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=10, help="how many inputs go to real processes as well")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop in process after this time")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--first", type=int, default=0, help="index of the first input")
    parser.add_argument("--only", type=int, help="answer one input here")
    parser.add_argument("--show", action="store_true", help="with --only: write the input out")
    return parser.parse_args()


def main() -> int:
    """Run; 1 if anything was not as promised."""
    given = arguments()
    for prepare in (seeds, trees, shipped, grammar):
        prepare()
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lib.inc").write_text(LIBRARY)
        if given.only is not None:
            data = make(given.seed, given.only)
            if given.show:
                sys.stdout.buffer.write(data)
            set_alarm()
            print(answered(data, folder))
            return 0
        answered(seeds()[0], folder)  # what is loaded at the first use belongs to the baseline
        gc.freeze()
        start = time.monotonic()
        tally = in_chunks(given.seed, given.first, given.inputs, given.seconds, folder)
    middle = time.monotonic()
    print(f"seed {given.seed}, {len(MIX)} kinds of input")
    report("in process", tally, middle - start, given.seed)
    step = max(1, tally.inputs // max(given.processes, 1))
    indices = range(given.first, given.first + tally.inputs, step)[: given.processes]
    real = by_processes(given.seed, indices, given.seconds)
    report("processes", real, time.monotonic() - middle, given.seed)
    return bool(tally.problems or real.problems)


if __name__ == "__main__":
    sys.exit(main())
