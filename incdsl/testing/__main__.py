"""`python -m incdsl.testing grids` and `nets`: how much was compared with PyTorch, and what differed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import torch

from incdsl.testing.campaign import Tally, run
from incdsl.testing.grids import AXES, DIFFERENCES, WORDS, Axis, Grid, Word, answers
from incdsl.testing.windows import windows

SHOWN = 5
"""Mismatches that are written out."""

EVERY = 1_000
"""Nets after which a line is written."""


_WIDTHS = (15, 11, 12, 14, 12)
"""Of the columns that count nets."""


def main(arguments: list[str] | None = None) -> int:
    """Run the grids, or random nets; 1 if anything differs that is not listed."""
    parser = argparse.ArgumentParser(prog="python -m incdsl.testing", description=__doc__)
    parser.add_argument("what", choices=["grids", "nets"])
    parser.add_argument(
        "--op", action="append", choices=WORDS, help="grids of this op only; may be given several times"
    )
    parser.add_argument("--count", type=int, default=1_000, help="how many nets")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the first net; the others follow")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print(f"eager PyTorch {torch.__version__} on the CPU, one thread")
    if given.what == "nets":
        return _nets(given.count, given.seed)
    return _grids([word for word in WORDS if not given.op or word in given.op])


def _nets(count: int, seed: int) -> int:
    head = ("nets", "accepted", "steps", "not compared", "mismatches", "seconds")
    print(f"\n{'seeds':24}" + "".join(f"{word:>{width}}" for word, width in zip(head, (*_WIDTHS, 9), strict=True)))
    total = Tally()
    for start in range(seed, seed + count, EVERY):
        seeds = range(start, min(start + EVERY, seed + count))
        run(seeds, total)
        counts = [total.nets, total.accepted, total.steps, total.not_compared, len(total.mismatches)]
        _line(f"{seed} to {seeds[-1]}", counts, total.seconds, _WIDTHS)
    for code, times in total.codes.most_common():
        print(f"refused: {times:,} with {code}")
    for failed, found, text in total.mismatches[:SHOWN]:
        print(f"mismatch: seed {failed}", *found, text, sep="\n")
    return int(bool(total.mismatches))


def _grids(words: list[Word]) -> int:
    print(f"\n{'':24}{'configurations':>15}{'accepted':>11}{'on purpose':>12}{'mismatches':>12}{'seconds':>9}")
    found = _compare("accept, output size", answers, words) + _compare("cells, divisors", windows, words)
    _row("total", found)
    _explain(found)
    return int(any(grid.mismatches for grid in found))


def _compare(what: str, compare: Callable[[Word, Axis], Grid], words: list[Word]) -> list[Grid]:
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
    _line(title, numbers, sum(g.seconds for g in grids))


def _line(title: str, numbers: list[int], seconds: float, widths: Sequence[int] = (15, 11, 12, 12)) -> None:
    cells = "".join(f"{n:>{width},}" for n, width in zip(numbers, widths, strict=True))
    print(f"{title:24}{cells}{seconds:>9.1f}", flush=True)


def _explain(grids: list[Grid]) -> None:
    print("\nrefused on purpose, where PyTorch accepts:")
    for each in DIFFERENCES:
        print(f"  {sum(g.differences[each.name] for g in grids):,}  {each.name}: {each.reason}")
    for line in [line for g in grids for line in g.mismatches][:SHOWN]:
        print(f"mismatch: {line}")


if __name__ == "__main__":
    sys.exit(main())
