"""Where the errors of an analysis stand among what was visited."""

from __future__ import annotations

from collections import defaultdict

from incdsl.diagnostics import Diagnostic
from incdsl.drawing.picture import Mistake
from incdsl.elaborate.record import Visit
from incdsl.frontend import Analysis
from incdsl.syntax import tree


class Mistakes:
    """The errors of a net by the innermost thing that each is about."""

    def __init__(self, analysis: Analysis, root: Visit) -> None:
        self._of: dict[tree.Tree, list[Diagnostic]] = defaultdict(list)
        self._odd: set[tree.Tree] = set()
        self.unplaced: list[Diagnostic] = []
        if not analysis.errors:
            return
        met = list(dict.fromkeys(_met(root)))
        for problem in analysis.errors:
            at = _innermost(problem, met)
            if at is None:
                self.unplaced.append(problem)
                continue
            self._of[at].append(problem)
            for row in problem.rows():
                if row.remark:
                    self._odd.update(
                        node for node in met if isinstance(node, tree.Rail) and node.chain.span == row.span
                    )

    def of(self, visit: Visit) -> tuple[Mistake, ...]:
        """What is wrong with what was visited."""
        found = self._of.get(visit.node, ())
        return tuple([_told(problem) for problem in found])

    def is_odd(self, rail: Visit) -> bool:
        """Whether a rail is one that its merge cannot take."""
        return rail.node in self._odd


def _met(root: Visit) -> list[tree.Tree]:
    found, waiting = [], [root]
    while waiting:
        visit = waiting.pop()
        found.append(visit.node)
        waiting.extend(reversed(visit.parts))
    return found


def _innermost(problem: Diagnostic, met: list[tree.Tree]) -> tree.Tree | None:
    """The smallest thing that has a place in a figure and holds the error."""
    span = problem.span
    if span is None:
        return None
    best: tree.Tree | None = None
    for node in met:
        if not isinstance(node, tree.Step | tree.Factor | tree.Merge | tree.Aux):
            continue
        around = node.span
        holds = around.source is span.source and around.start <= span.start and span.end <= around.end
        if holds and (best is None or around.end - around.start <= best.span.end - best.span.start):
            best = node
    return best


def _told(problem: Diagnostic) -> Mistake:
    remarks = [row.remark for row in problem.rows() if row.remark]
    return Mistake(problem.code, problem.message(), remarks[0] if remarks else problem.label(), problem.help())
