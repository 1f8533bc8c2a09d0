"""What is measured, in which order: what starts at once for all cells, then what is compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import torch

from benchmarks.gpu.case import Case
from benchmarks.gpu.contenders import CONTENDERS, Contender
from benchmarks.gpu.deadline import Deadline
from benchmarks.gpu.device import Device
from benchmarks.gpu.environment import environment
from benchmarks.gpu.layers import layer_rows
from benchmarks.gpu.prepared import PreparedNet, read_nets
from benchmarks.gpu.race import Racer, race, said
from benchmarks.gpu.results import Results, Row
from benchmarks.gpu.roofline import roofline
from benchmarks.gpu.training import TRAINERS
from benchmarks.gpu.ways import no_incdsl, way_rows

Named = TypeVar("Named", PreparedNet, Contender)
LAYERS_GUESS, WAYS_GUESS = 20, 100
"""Seconds that the layers of one cell may take, and their ways, until they were measured once."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted; no `nets` and no `contenders` are all of them. `max_autotune` is a run of its own."""

    device: str
    nets: tuple[str, ...]
    dtypes: tuple[str, ...]
    batches: tuple[int, ...]
    contenders: tuple[str, ...]
    max_autotune: bool
    parts: tuple[str, ...]
    train_batch: int
    rounds: int


def measure(folder: Path, plan: Plan, results: Results, deadline: Deadline) -> None:
    """Measure what `prepare` wrote to a folder.

    Raises:
        ValueError: if the plan names something that does not exist.
    """
    Run(folder, plan, results, deadline).all()


class Run:
    """One run of a plan."""

    def __init__(self, folder: Path, plan: Plan, results: Results, deadline: Deadline) -> None:
        self._plan, self._results, self._deadline = plan, results, deadline
        self._device = Device(plan.device)
        self._nets = _chosen(read_nets(folder), plan.nets)
        stages = (0, 2) if plan.max_autotune else (0, 1)
        self._contenders = _chosen([each for each in CONTENDERS if each.stage in stages], plan.contenders)

    def all(self) -> None:
        """Everything, the cheap before the costly."""
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        roofs = {dtype: roofline(self._device, dtype) for dtype in self._plan.dtypes}
        self._results.add("environment", **environment(self._device))  # with the clocks that it has under load
        for dtype, roof in roofs.items():
            self._results.add("roofline", dtype=dtype, **asdict(roof))
        if self._plan.max_autotune:
            self._times(2)
            return
        for stage in (0, 1):
            if "times" in self._plan.parts:
                self._times(stage)
            if "layers" in self._plan.parts and stage == 0:
                self._listed("layer", LAYERS_GUESS, lambda case: layer_rows(case, "deployed", roofs[case.dtype]))
            if "ways" in self._plan.parts and stage == 1:
                self._listed("way", WAYS_GUESS, self._ways_of)
            if "training" in self._plan.parts:
                self._training(stage)

    def _times(self, stage: int) -> None:
        """The contenders of a stage, beside those of stage 0, which are timed again: a table has one run of rounds."""
        if any(each.stage == stage for each in self._contenders):
            racers = [each for each in self._contenders if each.stage in (0, stage)]
            for case in self._cases():
                self._race("evaluation", case, racers, stage)

    def _training(self, stage: int) -> None:
        for net in self._nets:
            case = Case(net, "bf16", self._plan.train_batch, self._device)
            self._race("training", case, [each for each in TRAINERS if each.stage in (0, stage)], stage)

    def _race(self, kind: str, case: Case, racers: Sequence[Racer], stage: int) -> None:
        if stage:
            torch.compiler.reset()
        with torch.no_grad():
            race(kind, case, racers, self._plan.rounds, stage, self._results, self._deadline)

    def _listed(self, what: str, guess: float, rows: Callable[[Case], list[Row]]) -> None:
        """The rows of each cell."""
        for case in self._cases():
            cell = {"net": case.net.name, "dtype": case.dtype, "batch": case.batch}
            reason = self._deadline.refuses(what, guess)
            if reason:
                self._results.add("skipped", kind=f"{what}s", **cell, reason=reason)
                continue
            with self._deadline.task(what):
                try:
                    found = rows(case)
                except Exception as problem:
                    self._results.add("failed", kind=f"{what}s", **cell, reason=said(problem))
                    continue
            for row in found:
                self._results.add(what, **cell, **row)

    @staticmethod
    def _ways_of(case: Case) -> list[Row]:
        missing = no_incdsl(case)
        if missing:
            raise ImportError(missing)
        return way_rows(case)

    def _cases(self) -> Iterator[Case]:
        for net in self._nets:
            for dtype in self._plan.dtypes:
                for batch in self._plan.batches:
                    yield Case(net, dtype, batch, self._device)


def _chosen(candidates: Sequence[Named], names: Sequence[str]) -> list[Named]:
    """Those with these names, in the order of all; all if no names are given."""
    known = {each.name for each in candidates}
    if not known.issuperset(names):
        raise ValueError(f"unknown: {', '.join(sorted(set(names) - known))}; known: {', '.join(sorted(known))}")
    return [each for each in candidates if not names or each.name in names]
