"""How long a figure takes: v3, and chains of many steps. `python -m benchmarks.drawing`."""

from __future__ import annotations

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
    """A row of the table: the fastest rounds of reading the net, laying it out, and painting it, in CPU time."""
    asked = Asked(max_steps=20_000)
    part = chosen(Source("spec.inc", text), asked=asked)
    reading = _fastest(lambda: chosen(Source("spec.inc", text), asked=asked), 2)
    laid_out = _fastest(lambda: drawing(part, look).sheet, rounds)
    painted = [drawing(part, look) for _ in range(rounds)]
    for each in painted:
        each.sheet  # noqa: B018  it is kept
    painting = min(_timed(lambda each=each: each.svg) for each in painted)  # type: ignore[misc]
    size = len(painted[0].svg) / 1e3
    times = " | ".join(f"{1e3 * each:,.1f}" for each in (reading, laid_out, painting))
    print(f"| {what} | {times} | {size:,.0f} |")


def _fastest(call: Callable[[], object], rounds: int) -> float:
    return min(_timed(call) for _ in range(rounds))


def _timed(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Measure, and print the table of docs/benchmarks.md."""
    print("| figure | analysis and picture, ms | layout, ms | painting, ms | kB |\n| --- | --: | --: | --: | --: |")
    v3 = (shipped_specs() / "v3.inc").read_text()
    measure("v3", v3, Look())
    measure("v3, opened", v3, Look(depth=1))
    for count in (1_000, 2_000, 5_000, 10_000):
        measure(f"{count:,} steps", chain(count), Look(), 3)


if __name__ == "__main__":
    main()
