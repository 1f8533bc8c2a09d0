"""Guided by coverage: atheris changes specs, and keeps what reaches new parts of parser and compiler.

`python -m fuzz.atheris_compile -max_total_time=20` starts from the committed corpus and keeps what it finds in a folder
that is removed; arguments are those of libFuzzer. Half of the changes are its own, half are of tokens.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["incdsl", "lark"]):
    from fuzz.inputs import CORPUS, mutated
    from fuzz.run import FAILURES
    from fuzz.watch import LIBRARY, answered, set_alarm


def changed(data: bytes, most: int, seed: int) -> bytes:
    """Another input made from one."""
    random = Random(seed)
    if not data or random.random() < 0.5:
        return bytes(atheris.Mutate(data, most))
    return mutated(data, random)[:most]


def main() -> int:
    """Fuzz in a process of its own, which libFuzzer ends as it likes, and tidy up after it."""
    with TemporaryDirectory() as library, TemporaryDirectory() as kept:
        folder = Path(library)
        (folder / "lib.inc").write_text(LIBRARY)
        set_alarm()

        def hold(data: bytes) -> None:
            answer = answered(data, folder)
            if answer.problem:
                raise AssertionError(answer.problem)

        FAILURES.mkdir(exist_ok=True)
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        folders = [] if any(not word.startswith("-") for word in sys.argv[1:]) else [kept, str(CORPUS)]
        atheris.Setup(
            [sys.argv[0], f"-artifact_prefix={FAILURES}/", *sys.argv[1:], *folders], hold, custom_mutator=changed
        )
        atheris.Fuzz()
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
