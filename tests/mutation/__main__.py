"""Mutates, tests, and says which mutants survive: `python -m tests.mutation [PATTERN ...] [--again]`."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter, defaultdict
from fnmatch import fnmatchcase

from tests.mutation.fork import Outcome, Reach, Session, outcome, reach, sharpest, with_tests
from tests.mutation.listed import Key, listed, outdated
from tests.mutation.mutants import Mutant, every_mutant
from tests.mutation.scope import ROOT, SCOPE, SLOW, TESTS

NOTES = ROOT / ".mutation"
NEAR = 8
"""How many tests that killed in a function are tried first on its next mutant."""


def main(arguments: list[str] | None = None) -> int:
    """Test all mutants, or those whose `path:function` matches a pattern; 0 if every survivor is listed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("patterns", nargs="*", help="path:function, such as '*/num.py:Linear.*'")
    parser.add_argument("--again", action="store_true", help="only mutants that the last run did not see killed")
    parser.add_argument(
        "--same-tests", action="store_true", help="believe what the last run saw of test files that are as they were"
    )
    parser.add_argument("--limit", type=float, default=8.0, help="seconds of tests that are tried on a mutant")
    options = parser.parse_args(arguments)
    NOTES.mkdir(exist_ok=True)
    results: dict[Key, Outcome] = {}
    chosen = [m for m in every_mutant() if not options.patterns or _matches(m, options.patterns)]
    if options.again:
        lines = (NOTES / "results.jsonl").read_text().splitlines()
        before = {tuple(key): Outcome(*result) for key, *result in map(json.loads, lines)}
        results = {m.key: before[m.key] for m in chosen if m.key in before and before[m.key].word == "killed"}
        chosen = [m for m in chosen if m.key not in results]
    start, whole = time.time(), not options.patterns and not options.again
    notes = (NOTES / "results.jsonl").open("w" if whole else "a", buffering=1)

    def work(session: Session) -> None:
        known = _reach(session, options.same_tests)
        used = [seconds for seconds, _ in known.values() if 0 <= seconds <= SLOW]
        print(f"{len(chosen)} mutants, {len(used)} tests of {sum(used):.0f} seconds", flush=True)
        if whole:
            _hold_still(session, known, options.limit)
        killers: defaultdict[str, list[str]] = defaultdict(list)
        for mutant in chosen:
            near, far = killers[f"{mutant.path}:{mutant.function}"], killers[mutant.path]
            tests = sharpest(mutant, known, near[:NEAR] + far[:NEAR], options.limit)
            result = outcome(session, mutant, tests, known)
            if result.test in known:
                for recent in (near, far):
                    recent[:] = [result.test, *(test for test in recent if test != result.test)]
            previous = results.get(mutant.key)
            if previous is None or previous.word == "killed":
                results[mutant.key] = result  # of two mutants with one key, the one that survives counts
                notes.write(f"{json.dumps([mutant.key, *result])}\n")
            if result.word != "killed":
                print(
                    f"{result.word}: {mutant.path}: {mutant.function}: {mutant.original}  =>  {mutant.mutated}",
                    flush=True,
                )

    with_tests([test for test in TESTS if (ROOT / test).exists()], work)
    notes.close()
    return report(results, listed(), not options.patterns, time.time() - start)


def _hold_still(session: Session, known: Reach, limit: float) -> None:
    """Raise if tests fail on modules that are loaded anew without a change: everything would seem to be killed."""
    for path in SCOPE:
        same = Mutant(path, "<module>", "", "", (ROOT / path).read_text(), False)
        result = outcome(session, same, sharpest(same, known, [], limit), known)
        if result.word != "survived":
            raise RuntimeError(f"{path} as it is: {result}")


def _matches(mutant: Mutant, patterns: list[str]) -> bool:
    return any(fnmatchcase(f"{mutant.path}:{mutant.function}", pattern) for pattern in patterns)


def _reach(session: Session, same: bool) -> Reach:
    notes = NOTES / "reach.json"
    texts = {path: (ROOT / path).read_bytes() for path in {test.partition("::")[0] for test in session.items}}
    digests = {path: hashlib.sha256(text).hexdigest() for path, text in texts.items()}
    known: Reach = {}
    if same and notes.exists():
        for test, digest, seconds, functions in json.loads(notes.read_text()):
            if digests.get(test.partition("::")[0]) == digest:
                known[test] = seconds, frozenset(functions)
    known = reach(session, known)
    rows = [[test, digests[test.partition("::")[0]], seconds, sorted(f)] for test, (seconds, f) in known.items()]
    notes.write_text(json.dumps(rows))
    return known


def report(results: dict[Key, Outcome], excused: dict[Key, str], whole: bool, seconds: float) -> int:
    """Print figures and what is wrong; whether nothing is."""
    print(f"{'':34}  mutants   killed  timeouts  equivalent")
    for path in [*SCOPE, "total"]:
        mine = {key: result for key, result in results.items() if path in ("total", key[0])}
        words = Counter(result.word for result in mine.values())
        equal = sum(result.word == "survived" and key in excused for key, result in mine.items())
        print(f"{path:34} {len(mine):8,} {words['killed']:8,} {words['timeout']:9,} {equal:11,}")
    survivors = [key for key, result in results.items() if result.word == "survived" and key not in excused]
    killed = [key for key in excused if key in results and results[key].word != "survived"]
    gone = [key for key in excused if key not in results] if whole else []
    for what, keys in (("survives", survivors), ("is listed, but killed", killed), ("is listed, but gone", gone)):
        for path, function, original, mutated in keys:
            print(f"{what}: {path}: {function}: {original}  =>  {mutated}")
    for entry in outdated(excused):
        print(f"is listed, but not in the code: {entry}")
    print(f"minutes: {seconds / 60:.1f}")
    print(f"survivors that are not listed: {len(survivors)}")
    return 1 if survivors or killed or gone or any(outdated(excused)) else 0


if __name__ == "__main__":
    sys.exit(main())
