"""The rows of a run as a page in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.gpu.results import Row

_UNTOLD = ("what", "device", "inductor_cache")
LONGEST = 15
"""Layers of a table: those that lose the most time to the roofline."""


def page(rows: Sequence[Row]) -> str:
    """The part of docs/benchmarks.md that a run gives."""
    kinds = {"evaluation": "Evaluation", "training": "Training"}
    lines = ["## Measured on a GPU", "", *_head(rows), ""]
    for kind, title in kinds.items():
        for cell in _cells(rows, kind):
            lines += [f"### {title}: {_cell_name(cell[0])}", "", *_race(cell), ""]
    for cell in _grouped(_of(rows, "layer")):
        lines += [f"### Layers: {_cell_name(cell[0])}", "", *_layers(cell), ""]
    for cell in _grouped(_of(rows, "way")):
        lines += [f"### Ways of layers: {_cell_name(cell[0])}", "", *_ways(cell), ""]
    for row in rows:
        if row.get("kind") in ("layers", "ways"):
            lines.append(f"- {row['kind'].capitalize()} of {_cell_name(row)}: {row['what']}, {row['reason']}")
    return "\n".join(lines).rstrip() + "\n"


def _head(rows: Sequence[Row]) -> Iterator[str]:
    yield "Written by `python -m benchmarks.gpu --out DIR`, random weights."
    for row in _of(rows, "environment"):
        facts = [f"{name} {value}" for name, value in row.items() if value is not None and name not in _UNTOLD]
        yield f"{row['device']}; {', '.join(facts)}."
    yield ""
    yield "Medians of interleaved rounds, with the quartiles around them, by events of the device; inputs take turns."
    yield "The error is the distance from float64 relative to its norm, of at most eight images. Memory is the peak of"
    yield "what is in use while a contender is built and first called, without what it shares with one above that was"
    yield "compiled in the same way."
    yield ""
    yield "All are in channels_last but `fp32`, which is contiguous. `ours` is the deployed module, all else the"
    yield "training module. `compile` is `torch.compile` with freezing, `max-autotune` its mode of that name, `+ graph`"
    yield "the same inside a CUDA graph. Steps of training are under bf16 autocast."
    yield ""
    for row in _of(rows, "roofline"):
        copied, multiplied = row["bytes"] / 1e12, row["flops"] / 1e12
        yield f"In {row['dtype']} a copy moves {copied:.2f} TB/s, a product of matrices {multiplied:.1f} TFLOP/s."


def _race(rows: Sequence[Row]) -> Iterator[str]:
    yield "| contender | ms | quartiles | images/s | kernels | memory, MiB | error |"
    yield "| --- | --: | --: | --: | --: | --: | --: |"
    for row in rows:
        if row["what"] == "time":
            quartiles = f"{row['low']:.3f} to {row['high']:.3f}"
            memory = None if row["memory"] is None else f"{row['memory'] / 2**20:.0f}"
            numbers = (f"{row['ms']:.3f}", quartiles, f"{row['images_per_second']:,.0f}", row["kernels"], memory)
            yield _line(row["name"], *numbers, f"{row['error']:.0e}")
    yield ""
    for row in rows:
        if row["what"] != "time":
            yield f"- {row['name']}: {row['what']}, {row['reason']}".replace("\n", " ")


def _layers(rows: Sequence[Row]) -> Iterator[str]:
    known = [row for row in rows if "bytes" in row]
    total, least = sum(row["seconds"] for row in rows), sum(_least(row) for row in known)
    yield f"The deployed module, eagerly in channels_last: {len(rows)} kernels in {1e6 * total:,.0f} µs,"
    yield f"{1e6 * least:,.0f} at the roofline. Those that lose the most; all are in `rows.jsonl`:"
    yield ""
    yield "| layer | kind | µs | MB | GFLOPs | of the roofline |"
    yield "| --- | --- | --: | --: | --: | --: |"
    for row in sorted(known, key=lambda row: _least(row) - row["seconds"])[:LONGEST]:
        work = (f"{row['bytes'] / 1e6:.2f}", f"{row['flops'] / 1e9:.3f}")
        share = None if row["share"] is None else f"{row['share']:.0%}"
        yield _line(row["name"], row["kind"], f"{1e6 * row['seconds']:.1f}", *work, share)
    for row in rows:
        if "bytes" not in row:
            yield f"\n{row['name']} takes {1e6 * row['seconds']:.1f} µs, and the analysis knows nothing of it."


def _ways(rows: Sequence[Row]) -> Iterator[str]:
    """Each layer in microseconds: the ways that are not ours, and the fastest kernel that is."""
    others = [way for way in ("plain", "fused", "product") if any(way in row["seconds"] for row in rows)]
    best = [min(row["seconds"].values(), default=0) for row in rows]
    yield f"Each layer by itself, in a CUDA graph of many calls, µs; all in their fastest way: {1e6 * sum(best):,.0f}."
    yield ""
    yield _line("layer", *others, "kernel", "its configuration")
    yield _line("---", *("--:" for _ in others), "--:", "---")
    for row in rows:
        kernels = {way: seconds for way, seconds in row["seconds"].items() if way.startswith("kernel")}
        fastest = min(kernels, key=lambda way: kernels[way], default=None)
        times = [row["seconds"].get(way) for way in (*others, fastest)]
        config = fastest.removeprefix("kernel").strip() if fastest else None
        yield _line(row["name"], *(None if each is None else f"{1e6 * each:.1f}" for each in times), config)


def _least(row: Row) -> float:
    """Seconds at the roofline."""
    return float(row["seconds"] * (row["share"] or 0))


def _cells(rows: Sequence[Row], kind: str) -> list[list[Row]]:
    """The rows of each cell, of the stage that has most times: a later one, if there was time for it."""
    found: dict[Any, dict[int, list[Row]]] = {}
    for row in rows:
        if row.get("kind") == kind and "stage" in row:
            found.setdefault(_key(row), {}).setdefault(row["stage"], []).append(row)
    return [_fullest(stages) for stages in found.values()]


def _fullest(stages: dict[int, list[Row]]) -> list[Row]:
    return stages[max(stages, key=lambda stage: (len(_of(stages[stage], "time")), stage))]


def _grouped(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each cell."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(_key(row), []).append(row)
    return list(found.values())


def _of(rows: Sequence[Row], what: str) -> list[Row]:
    return [row for row in rows if row["what"] == what]


def _key(row: Row) -> tuple[Any, ...]:
    return row["net"], row["dtype"], row["batch"]


def _cell_name(row: Row) -> str:
    return f"{row['net']}, {row['dtype']}, batch {row['batch']}"


def _line(*cells: object) -> str:
    return f"| {' | '.join('' if cell is None else str(cell) for cell in cells)} |"
