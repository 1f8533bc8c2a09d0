"""Compares random layers with exact numbers: python -m tests.winograd --count 10000 --seed 0 [--usual]."""

from __future__ import annotations

import argparse
import random

from incdsl.runtime.kernels.build import CannotBuild
from tests.winograd.layers import check, draw


def main() -> None:
    """Draw, compare, and say how near the bounds the errors came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--usual", action="store_true", help="without schemes of higher order")
    given = parser.parse_args()
    worst = 0.0
    try:
        for seed in range(given.seed, given.seed + given.count):
            worst = max(worst, check(draw(random.Random(seed), higher_order=not given.usual)))
    except CannotBuild as error:
        print(f"NOT RUN: {error}")
        return
    print(f"{given.count} layers from seed {given.seed}: no mismatch; errors are {worst:.2g} of their bound at most")


if __name__ == "__main__":
    main()
