"""Random texts by the thousand, formatted and held to the laws: `python -m tests.formatter scrambled|broken`."""

import argparse
import sys
import time
from collections import Counter

from tests.formatter.laws import differences
from tests.formatter.scramble import Layouts

EVERY = 1_000
"""Texts after which a line is written."""
SHOWN = 3
"""Texts that are written out where a law does not hold."""


def main(arguments=None):
    """Format the texts of some seeds; 1 if a law does not hold for one of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.formatter", description=__doc__)
    parser.add_argument("what", choices=["scrambled", "broken"], help="texts that parse, or mostly do not")
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0, help="the first seed; the others follow")
    given = parser.parse_args(arguments)
    make, tally, start = getattr(Layouts(), given.what), Counter(), time.perf_counter()
    for seed in range(given.seed, given.seed + given.count):
        text = make(seed)
        tally.update(texts=1, characters=len(text), comments=text.count("#"))
        found = held(text)
        if found:
            tally["mismatches"] += 1
            if tally["mismatches"] <= SHOWN:
                print(f"seed {seed}: {', '.join(found)}\n{text}")
        if tally["texts"] % EVERY == 0 or tally["texts"] == given.count:
            counts = [f"{tally[word]:,} {word}" for word in ("texts", "characters", "comments", "mismatches")]
            print(f"{', '.join(counts)}, {time.perf_counter() - start:.0f} s", flush=True)
    return int(tally["mismatches"] > 0)


def held(text):
    """What does not hold of a text's layout, whatever happens."""
    try:
        return differences(text)
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]


if __name__ == "__main__":
    sys.exit(main())
