"""How fast the compiler is: whole process, stages, a keystroke, and synthetic nets of 1k, 10k and 100k steps.

Usage: python -m benchmarks.compiler [--write]    (--write puts the tables into docs/benchmarks.md)
       python -m benchmarks.compiler --against CHECKOUT    (this tree and another commit's, side by side)
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.page import put

ROOT = Path(__file__).parents[1]
RUNS = 15
SIZES = (1_000, 10_000, 100_000)


def synthetic(steps: int) -> str:
    """A spec of about this many ops: Inception-like blocks of 17 ops, written out a hundred times at most."""
    blocks = max(steps // 17, 1)
    written = min(blocks, 50)
    each, extra = divmod(blocks, written)
    lines = [f"    -> stage{i}: Block(width: {8 + 4 * (i % 8)}) times {each + (i < extra)}" for i in range(written)]
    return (
        "inc 1\nunit conv = conv: conv2d (bias: false) -> bn: batchnorm (eps: 1e-3) -> relu\n"
        "net Synthetic {\n  input image [3, 64, 64]\n  body = image -> first: conv 1x1 @32\n"
        + "\n".join(lines)
        + "\n  output y = body -> relu\n}\n"
        "block Block(width) = concat {\n  | branch1: conv 1x1 @8\n  | branch3: conv 1x1 @width -> conv 3x3 @8\n"
        "  | branch5: conv 1x1 @width -> conv 3x3 @16\n}\n"
    )


def median_ms(function: Callable[[], object], runs: int = RUNS) -> float:
    """Median time of a call, after one to warm up."""
    function()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def processes() -> list[tuple[str, float]]:
    """Whole processes, interleaved: bare Python, the help page, checking and compiling v3."""
    commands = {
        "python -c pass": ["-c", "pass"],
        "incdsl --help": ["-m", "incdsl", "--help"],
        "incdsl check specs/v3.inc": ["-m", "incdsl", "check", "specs/v3.inc"],
        "incdsl compile specs/v3.inc -o -": ["-m", "incdsl", "compile", "specs/v3.inc", "-o", "-"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for round_ in range(RUNS + 1):
        for name, arguments in commands.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
            if round_:
                times[name].append(time.perf_counter() - started)
    return [(name, 1000 * statistics.median(taken)) for name, taken in times.items()]


def stages(text: str, runs: int = RUNS) -> dict[str, float]:
    """Milliseconds of each stage in a warm process."""
    from incdsl.analysis.cost import cost
    from incdsl.analysis.sizes import legal_sizes
    from incdsl.compiler import compile_net
    from incdsl.diagnostics import Sink
    from incdsl.elaborate.budget import Budget
    from incdsl.elaborate.net import elaborate
    from incdsl.elaborate.record import Record
    from incdsl.elaborate.resolve import resolve
    from incdsl.files import load
    from incdsl.source import Source

    source, sink = Source("bench.inc", text), Sink()
    limit = 1 << 30
    taken: dict[str, list[float]] = {"parse": [], "elaborate": [], "analyse": [], "write": [], "all": []}
    for run in range(runs + 1):
        clock = [time.perf_counter()]
        spec = load(source, sink)
        clock.append(time.perf_counter())
        definition = resolve(spec, sink)[spec.file.nets[0].name.text]
        found = elaborate(definition, {}, sink, Budget(limit), Record())
        clock.append(time.perf_counter())
        legal_sizes(found.net, sink)
        cost(found.net)
        clock.append(time.perf_counter())
        whole = time.perf_counter()
        done = compile_net(source, max_steps=limit)
        before_text = time.perf_counter()
        _ = done.text
        end = time.perf_counter()
        if run or runs == 1:
            for name, a, b in zip(("parse", "elaborate", "analyse"), clock, clock[1:], strict=False):
                taken[name].append(b - a)
            taken["write"].append(end - before_text)
            taken["all"].append(end - whole)
    return {name: 1000 * statistics.median(values) for name, values in taken.items()}


def keystrokes(text: str) -> float:
    """Milliseconds to analyze a spec again after a change of one of its lines: the median over all lines."""
    from incdsl.frontend import analyze_source
    from incdsl.source import Source

    lines = text.split("\n")
    taken = []
    for i in range(len(lines)):
        changed = "\n".join([*lines[:i], f"{lines[i]}  # changed", *lines[i + 1 :]])
        started = time.perf_counter()
        analyze_source(Source("bench.inc", changed))
        taken.append(time.perf_counter() - started)
    return 1000 * statistics.median(taken)


def table_load() -> float:
    """Milliseconds to load the parse table."""
    from incdsl.syntax.table import table

    return median_ms(table.__wrapped__)


def growth(steps: int) -> tuple[int, float, float]:
    """Ops, seconds and peak memory in MiB of one synthetic net, in this process."""
    from incdsl.compiler import compile_net
    from incdsl.source import Source

    compile_net(Source("warm.inc", synthetic(100))).text  # noqa: B018 - warms caches
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text = synthetic(steps)
    runs = max(1, min(9, 20_000 // steps))
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        done = compile_net(Source("bench.inc", text), max_steps=1 << 30)
        done.text  # noqa: B018 - writes the module
        times.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return len(done.net.graph), statistics.median(times), (peak - before) / 1024


def grown() -> list[tuple[int, float, float]]:
    """Each size in a process of its own, three rounds interleaved, medians."""
    found: dict[int, list[tuple[int, float, float]]] = {size: [] for size in SIZES}
    for _ in range(3):
        for size in SIZES:
            command = [sys.executable, __file__, "--size", str(size)]
            words = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
            found[size].append((int(words[0]), float(words[1]), float(words[2])))
    return [
        (rows[0][0], statistics.median(r[1] for r in rows), statistics.median(r[2] for r in rows))
        for rows in found.values()
    ]


def report() -> str:
    """All tables, in Markdown."""
    lines = [
        "## The compiler",
        "",
        "Written by `python -m benchmarks.compiler --write`; medians, processes and sizes interleaved.",
        f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}, {_cores()} cores.",
        "",
        "### Whole processes",
        "",
        "| command | ms |",
        "| --- | --: |",
        *(f"| `{name}` | {taken:.0f} |" for name, taken in processes()),
        "",
        "### Inception-v3 in a warm process",
        "",
        "| stage | ms |",
        "| --- | --: |",
        f"| load the parse table (once a process) | {table_load():.1f} |",
    ]
    lines += [f"| {name} | {taken:.1f} |" for name, taken in stages((ROOT / "specs/v3.inc").read_text()).items()]
    lines.append(
        f"| a keystroke: `analyze` after a change of one line | {keystrokes((ROOT / 'specs/v3.inc').read_text()):.1f} |"
    )
    rows = grown()
    base = rows[0][1] / rows[0][0]
    lines += [
        "",
        "### Synthetic nets",
        "",
        "Parse to text, each size in a process of its own; memory is the growth of the process's peak.",
        "",
        "| ops | s | µs an op | against the smallest | MiB |",
        "| --: | --: | --: | --: | --: |",
    ]
    for count, seconds, memory in rows:
        per_op = seconds / count
        lines.append(f"| {count:,} | {seconds:.3f} | {1e6 * per_op:.1f} | {per_op / base:.2f} | {memory:.0f} |")
    return "\n".join(lines) + "\n"


_ONE = """
import statistics, sys, time
from incdsl.compiler import compile_net
from incdsl.source import Source
text, runs, taken = open(sys.argv[1]).read(), int(sys.argv[2]), []
for _ in range(runs + 1):
    started = time.perf_counter()
    done = compile_net(Source("bench.inc", text), max_steps=1 << 30)
    done.text
    taken.append(time.perf_counter() - started)
print(statistics.median(taken[1:]))
"""
"""Compiles a spec again and again in one process, by what every version of the package has."""


def against(other: Path, rounds: int = 9) -> str:
    """This tree and another checkout, in turn: medians, and the median of the rounds' ratios (other / this)."""
    synthetic_ = Path(tempfile.mkdtemp()) / "synthetic.inc"
    synthetic_.write_text(synthetic(100_000))
    jobs = {
        "v3, warm process": (["-c", _ONE, str(ROOT / "specs/v3.inc"), "20"], rounds),
        "94k ops": (["-c", _ONE, str(synthetic_), "1"], 5),
        "`check specs/v3.inc`, process": (["-m", "incdsl", "check", str(ROOT / "specs/v3.inc")], rounds),
    }
    lines = ["| job | this, ms | other, ms | other / this |", "| --- | --: | --: | --: |"]
    for name, (arguments, count) in jobs.items():
        pairs = [[_timed(arguments, tree) for tree in (ROOT, other)] for _ in range(count)]
        ratio = statistics.median(theirs / ours for ours, theirs in pairs)
        mine, theirs = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
        lines.append(f"| {name} | {mine:.1f} | {theirs:.1f} | {ratio:.2f} |")
    return "\n".join(lines)


def _timed(arguments: list[str], tree: Path) -> float:
    """Seconds that a job says it took, or that its process took if it says nothing of the kind."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    started = time.perf_counter()
    found = subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environment, capture_output=True, text=True, check=True
    )
    taken = time.perf_counter() - started
    return float(found.stdout) if arguments[0] == "-c" else taken


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    if "--against" in sys.argv:
        print(against(Path(sys.argv[-1]).resolve()))
    elif "--size" in sys.argv:
        print(*growth(int(sys.argv[-1])))
    else:
        text = report()
        print(text)
        if "--write" in sys.argv:
            put(text)
