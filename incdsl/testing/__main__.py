"""`python -m incdsl.testing grids`: how many settings were compared with PyTorch, and what differed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import torch

from incdsl.testing.grids import AXES, DIFFERENCES, WORDS, Axis, Grid, Word, answers
from incdsl.testing.windows import windows

SHOWN = 5
"""Mismatches that are written out."""


def main(arguments: list[str] | None = None) -> int:
    """Run the grids that are asked for; 1 if anything differs that is not listed."""
    parser = argparse.ArgumentParser(prog="python -m incdsl.testing", description=__doc__)
    parser.add_argument("what", choices=["grids"])
    parser.add_argument("--op", action="append", choices=WORDS, help="only this op; may be given several times")
    given = parser.parse_args(arguments)
    words = [word for word in WORDS if not given.op or word in given.op]
    torch.set_num_threads(1)
    print(f"eager PyTorch {torch.__version__} on the CPU, one thread")
    print(f"\n{'':24}{'configurations':>15}{'accepted':>11}{'on purpose':>12}{'mismatches':>12}{'seconds':>9}")
    found = _run("accept, output size", answers, words) + _run("cells, divisors", windows, words)
    _row("total", found)
    _explain(found)
    return int(any(grid.mismatches for grid in found))


def _run(what: str, compare: Callable[[Word, Axis], Grid], words: list[Word]) -> list[Grid]:
    print(what)
    found: list[Grid] = []
    for word in words:
        grids = [compare(word, axis) for axis in AXES]
        _row(f"  {word}, both axes", grids)
        found += grids
    return found


def _row(title: str, grids: list[Grid]) -> None:
    numbers = [sum(g.configurations for g in grids), sum(g.accepted for g in grids)]
    numbers += [sum(g.differences.total() for g in grids), sum(len(g.mismatches) for g in grids)]
    cells = "".join(f"{n:>{width},}" for n, width in zip(numbers, (15, 11, 12, 12), strict=True))
    print(f"{title:24}{cells}{sum(g.seconds for g in grids):>9.1f}", flush=True)


def _explain(grids: list[Grid]) -> None:
    print("\nrefused on purpose, where PyTorch accepts:")
    for each in DIFFERENCES:
        print(f"  {sum(g.differences[each.name] for g in grids):,}  {each.name}: {each.reason}")
    for line in [line for g in grids for line in g.mismatches][:SHOWN]:
        print(f"mismatch: {line}")


if __name__ == "__main__":
    sys.exit(main())
