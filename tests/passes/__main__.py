"""`python -m tests.passes --count N --seed S`: random nets at every level, and by each rule alone, beside the original.

Half of the nets are those of `incdsl.testing`, half are made of what rules look for. For inference the emitted modules
are compared in float64 to 1e-10; rules that do not round, and all for training, to the last bits, and by their keys.
"""

import argparse
import sys
from collections import Counter
from time import perf_counter

import torch

from incdsl.compiler import compile_net
from incdsl.diagnostics import CompileError
from incdsl.passes.rule import Refusal
from incdsl.runtime.certify import certify
from incdsl.runtime.harness import noise
from incdsl.runtime.load import load_net
from incdsl.source import Source
from incdsl.testing.choices import Seeded
from incdsl.testing.random_nets import make
from tests.passes.random_nets import spec
from tests.passes.subjects import (
    ALL,
    LAST_BITS,
    RULES,
    after,
    arguments_of,
    largest_error,
    some_sizes,
    trains_alike,
)

TOLERANCE = 1e-10


def compiled(seed):
    """The net of a seed; nothing if the language refuses it."""
    made = make(Seeded(seed)) if seed % 2 else None
    try:
        done = compile_net(Source("made.inc", made.text if made else spec(seed)), made.net if made else None)
    except CompileError:
        return None
    return done


def mismatches(done, applied):
    """What differs from the original at a level or by a rule; `applied` counts what rules did."""
    deployed = after(done, *(rule() for rule in RULES["inference"] if rule.by_default))
    applied.update({"inference": 1} if any(event.applied for event in deployed.net.trace) else {})
    for evidence in certify(done, deployed):
        if not evidence.passed:
            yield f"inference: {evidence.name}: {evidence.detail}"
    trained = after(done, *(rule() for rule in RULES["train"]), train=True)
    applied.update({"train": 1} if any(event.applied for event in trained.net.trace) else {})
    if not trains_alike(done, trained, tolerance=LAST_BITS):
        yield "train: not the same to the last bit, or other keys"
    for rule in ALL:
        if not issubclass(rule, Refusal):
            yield from _alone(done, rule, applied)


def _alone(done, rule, applied):
    alone = after(done, rule())
    if any(event.applied and event.rule == rule.__name__ for event in alone.net.trace):
        applied[rule.__name__] += 1
        error = largest_error(done, alone, some_sizes(done, count=2), legal_arguments(done))
        if not error <= (LAST_BITS if rule.exact else TOLERANCE):
            yield f"{rule.__name__}: {error:.3g}"
    if rule.training:
        trained = after(done, rule(), train=True)
        if any(event.applied for event in trained.net.trace) and not trains_alike(done, trained, tolerance=LAST_BITS):
            yield f"{rule.__name__} while training: not the same to the last bit, or other keys"


def legal_arguments(done):
    """Arguments of the constructor that make a module that runs: groups have to divide channels, for one."""
    found = []
    for arguments in arguments_of(done):
        try:
            load_net(done)(**arguments).eval()(*noise(done, some_sizes(done)[0]))
        except (TypeError, ValueError, RuntimeError):
            continue
        found.append(arguments)
    return found


def main(arguments=None):
    """Compare; 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.passes", description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    start, accepted, failed, applied = perf_counter(), 0, 0, Counter()
    for seed in range(given.seed, given.seed + given.count):
        done = compiled(seed)
        if not done:
            continue
        accepted += 1
        try:
            found = list(mismatches(done, applied))
        except Exception as error:  # the engine, the emitter or PyTorch refuse it
            found = [f"{type(error).__name__}: {error}"]
        failed += bool(found)
        for line in found:
            print(f"seed {seed}: {line}", flush=True)
    print(f"{given.count:,} nets, {accepted:,} accepted, {failed:,} mismatches, {perf_counter() - start:,.0f} s")
    for name, times in sorted(applied.items(), key=lambda pair: -pair[1]):
        print(f"{times:>7,} nets changed by {name}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
