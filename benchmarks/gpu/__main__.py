"""Measures generated modules on a GPU.

Usage: python -m benchmarks.gpu --out DIR [--deadline SECONDS] [--modules DIR] [--device cuda|cpu] [--small] ...
       python -m benchmarks.gpu --prepare DIR [--nets v3,v4,...]    (needs incdsl; what --modules reads elsewhere)
       python -m benchmarks.gpu --page DIR [--write]                (results of an earlier run as Markdown)

Compilations are kept from run to run where TORCHINDUCTOR_CACHE_DIR names a folder that stays.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gpu.deadline import Clock, Deadline
from benchmarks.gpu.results import Results, read_rows
from benchmarks.gpu.tables import page
from benchmarks.page import put

NETS = "v3,v4,inception_resnet_v2"
SPECS = Path(__file__).parents[2] / "specs"
SMALL = Path(__file__).with_name("small.inc")
PARTS = "times,layers,ways,training"


def main(arguments: Sequence[str] | None = None, clock: Clock = time.monotonic) -> None:
    """Prepare, or measure and write the page, or only write the page."""
    given = parsed(arguments)
    if given.prepare:
        _prepare(given, given.prepare)
    elif given.page:
        _write_page(given.page, given.write)
    elif given.out:
        _measure(given, clock)
    else:
        raise SystemExit("one of --out, --prepare and --page is needed")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="measure; rows.jsonl and page.md are written there")
    parser.add_argument("--prepare", type=Path, metavar="DIR", help="write the modules and measure nothing")
    parser.add_argument("--page", type=Path, metavar="DIR", help="write the page of an earlier run again")
    parser.add_argument("--write", action="store_true", help="also put the page into docs/benchmarks.md")
    parser.add_argument("--modules", type=Path, metavar="DIR", help="modules that --prepare wrote; needs no incdsl")
    parser.add_argument("--deadline", type=float, default=840, help="seconds; what cannot be finished is skipped")
    parser.add_argument("--nets", help=f"specs in specs/, without .inc; {NETS}, or all of --modules")
    parser.add_argument("--small", action="store_true", help="a small net instead, to try the script")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--dtypes", default="bf16,fp16,fp32")
    parser.add_argument("--batches", default="1,8,32,128")
    parser.add_argument("--contenders", metavar="NAME,...", help="by default all but those of --max-autotune")
    parser.add_argument("--max-autotune", action="store_true", help="only torch.compile(mode='max-autotune'), minutes")
    parser.add_argument("--parts", default=PARTS)
    parser.add_argument("--train-batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=25)
    return parser.parse_args(arguments)


def _prepare(given: argparse.Namespace, folder: Path) -> None:
    from benchmarks.gpu.prepare import prepare

    prepare(folder, [SMALL] if given.small else [SPECS / f"{name}.inc" for name in (given.nets or NETS).split(",")])


def _measure(given: argparse.Namespace, clock: Clock) -> None:
    deadline = Deadline(given.deadline, clock)
    folder = given.modules or given.out / "modules"
    if not given.modules:
        _prepare(given, folder)
    from benchmarks.gpu.measure import Plan, measure  # needs PyTorch

    plan = Plan(
        device=given.device,
        nets=tuple(given.nets.split(",")) if given.nets else (),
        dtypes=tuple(given.dtypes.split(",")),
        batches=tuple(map(int, given.batches.split(","))),
        contenders=tuple(given.contenders.split(",")) if given.contenders else (),
        max_autotune=given.max_autotune,
        parts=tuple(given.parts.split(",")),
        train_batch=given.train_batch,
        rounds=given.rounds,
    )
    with Results(given.out) as results:
        try:
            measure(folder, plan, results, deadline)
        finally:
            _write_page(given.out, given.write)


def _write_page(folder: Path, into_docs: bool) -> None:
    text = page(read_rows(folder))
    (folder / "page.md").write_text(text, encoding="utf-8")
    print(text)
    if into_docs:
        put(text)


if __name__ == "__main__":
    main()
