"""Runs random nets by the thousand: made, compiled, run on PyTorch, compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import perf_counter

from incdsl.compiler import Compilation, compile_net
from incdsl.diagnostics import CompileError
from incdsl.source import Source
from incdsl.testing.checks import outcome
from incdsl.testing.choices import Seeded
from incdsl.testing.random_nets import Spec, make


@dataclass
class Tally:
    """What came out of many nets; `mismatches` hold the seed, the differences and the spec.

    `not_compared` are nets whose numbers are no evidence, neither for nor against: they are not finite.
    """

    nets: int = 0
    accepted: int = 0
    steps: int = 0
    not_compared: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    mismatches: list[tuple[int, list[str], str]] = field(default_factory=list)
    seconds: float = 0.0


def run(seeds: Iterable[int], tally: Tally | None = None) -> Tally:
    """Make, compile and compare a net for each seed."""
    tally = tally or Tally()
    for seed in seeds:
        start = perf_counter()
        spec = make(Seeded(seed))
        tally.nets += 1
        try:
            done = compiled(spec)
        except CompileError as error:
            tally.codes[error.diagnostics[0].code] += 1
        except Exception as error:
            tally.mismatches.append((seed, [f"{type(error).__name__}: {error}"], spec.text))
        else:
            tally.accepted += 1
            tally.steps += len(done.net.graph)
            tally.words.update(node.op.word for node in done.net.graph)
            found = outcome(done, seed)
            tally.not_compared += bool(found.not_compared)
            if found.differences:
                tally.mismatches.append((seed, found.differences, spec.text))
                print(f"mismatch: seed {seed}", *found.differences[:3], sep="\n  ", flush=True)
        tally.seconds += perf_counter() - start
    return tally


def compiled(spec: Spec) -> Compilation:
    """The net of a made spec, its text written. Raises `CompileError`."""
    done = compile_net(Source("made.inc", spec.text), spec.net)
    assert done.text
    return done
