"""Mutated specs for the front end: it answers for every text, gives it back, and stays within its budgets.

Usage: python -m fuzz.front [--count N] [--seed S]

Tokens of the shipped specs and examples are deleted, doubled, swapped and replaced by others, bytes are flipped; one
change in a text, or several. `parse` and `analyze` must not raise, `str(parse(text).file)` is the text, a net that is
not complete has an error, and what the analysis costs is within the budget, counted in units of work.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from incdsl.elaborate.budget import MAX_STEPS, WORK_FOR_A_STEP
from incdsl.frontend import analyze_source
from incdsl.source import Source
from incdsl.syntax.parser import parse

ROOT = Path(__file__).parents[1]
MOST_CHANGES = (1, 1, 1, 1, 2, 3, 8, 30)


def seeds() -> list[str]:
    """The texts that are mutated."""
    folders = (ROOT / "specs", ROOT / "examples")
    return [path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.rglob("*.inc"))]


def mutated(text: str, random: Random) -> str:
    """The text with a few changes of one kind."""
    kind = random.choice(("delete", "double", "swap", "replace", "flip"))
    if kind == "flip":
        data = bytearray(text.encode())
        for _ in range(random.choice(MOST_CHANGES)):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        return data.decode("utf-8", "surrogateescape")
    words = [str(token) for token in parse(text).tokens]
    for _ in range(random.choice(MOST_CHANGES)):
        i, j = random.randrange(len(words)), random.randrange(len(words))
        if kind == "delete":
            words[i] = ""
        elif kind == "double":
            words[i] += words[i]
        elif kind == "swap":
            words[i], words[j] = words[j], words[i]
        else:
            words[i] = words[j]
    return "".join(words)


def problem(text: str) -> str:
    """What is wrong with the front end's answer to a text; empty if nothing is."""
    if str(parse(text).file) != text:
        return "the tree does not give its text back"
    analysis = analyze_source(Source("mutated.inc", text))
    if not analysis.errors and not all(net.complete for net in analysis.nets):
        return "a net is not complete, and nothing says why"
    if analysis.work > WORK_FOR_A_STEP * MAX_STEPS + WORK_FOR_A_STEP:
        return f"the analysis took {analysis.work:,} units of work"
    return ""


def failures(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Texts with a wrong answer, and what is wrong."""
    random, texts = Random(seed), seeds()
    for _ in range(count):
        text = mutated(random.choice(texts), random)
        try:
            found = problem(text)
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
        if found:
            yield text, found


def main() -> None:
    """Run, and print what failed."""
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    found = Counter[str]()
    for i, (text, what) in enumerate(failures(given.count, given.seed)):
        found[what] += 1
        if i < 5:
            print(f"{what}\n{text}\n{'-' * 40}")
    print(f"{given.count:,} texts, seed {given.seed}: {sum(found.values())} failures")
    for what, times in found.most_common():
        print(f"{times:>8}  {what}")


if __name__ == "__main__":
    main()
