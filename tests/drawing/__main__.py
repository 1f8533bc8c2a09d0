"""Draws random nets and holds the figures to their laws: `python -m tests.drawing --count 10000`."""

import argparse
import sys
import time

from tests.drawing.random_figures import hold


def main():
    """Draw, and say what broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    started, failed = time.process_time(), 0
    for seed in range(given.seed, given.seed + given.count):
        try:
            hold(seed)
        except Exception as error:
            failed += 1
            print(f"seed {seed}: {type(error).__name__}: {str(error)[:300]}", flush=True)
    print(f"{given.count} nets, {failed} broken, {time.process_time() - started:.0f} s of CPU")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
