"""How long a figure takes: v3, and chains of many steps. `python -m benchmarks.drawing`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from incdsl.drawing.drawing import Look, drawing
from incdsl.drawing.part import chosen
from incdsl.resources import shipped_specs
from incdsl.source import Source
from incdsl.subject import Asked

ROUNDS = 7


def chain(count: int) -> str:
    """A net of so many steps, in bound values of a hundred steps each."""
    lines = ["inc 1", "net Long {", "  input x [16, 32, 32]"]
    before = "x"
    for i in range(count // 100):
        steps = " -> ".join(["conv2d 3x3 @16"] * 100)
        lines.append(f"  {'output y' if i == count // 100 - 1 else f'v{i}'} = {before} -> {steps}")
        before = f"v{i}"
    return "\n".join([*lines, "}", ""])


def measure(what: str, text: str, look: Look, rounds: int = ROUNDS) -> None:
    """The medians of reading the net as a picture, laying it out, and painting it."""
    parts = chosen(Source("spec.inc", text), asked=Asked(max_steps=20_000))
    reading = _median(lambda: chosen(Source("spec.inc", text), asked=Asked(max_steps=20_000)), 3)
    laid_out = _median(lambda: drawing(parts, look).sheet, rounds)
    made = drawing(parts, look)
    work = made.work
    painting = _median(lambda: drawing(parts, look).svg, rounds) - laid_out
    print(
        f"{what:28} layout {1e3 * laid_out:8.1f} ms   painting {1e3 * painting:7.1f} ms   "
        f"analysis and picture {1e3 * reading:8.1f} ms   {work:7} looks   {len(made.svg):9,} bytes"
    )


def _median(call: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Measure."""
    v3 = (shipped_specs() / "v3.inc").read_text()
    measure("v3", v3, Look())
    measure("v3, opened", v3, Look(depth=1))
    for count in (1_000, 2_000, 5_000, 10_000):
        measure(f"{count:,} steps", chain(count), Look(), 3)


if __name__ == "__main__":
    main()
