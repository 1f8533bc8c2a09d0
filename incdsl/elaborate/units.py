"""Which op of a unit takes what its uses say."""

from __future__ import annotations

from typing import NamedTuple

from incdsl.diagnostics.names import BadFlow
from incdsl.elaborate.names import Definition
from incdsl.elaborate.naming import spliced
from incdsl.elaborate.scope import Problem, Scope
from incdsl.ops import Op, find
from incdsl.ops.merge import Joining
from incdsl.syntax import tree


class Main(NamedTuple):
    """The op of a unit that takes sigils and settings of each use, and where it stands among the unit's steps."""

    at: int
    call: tree.Call
    op: type[Op]


def main_of(unit: Definition, scope: Scope) -> Main:
    """The first op with a kernel or a width, or else the first; what stands before it are ops as well."""
    steps = spliced(unit_of(unit).pipe)
    found: list[Main] = []
    for index, step in enumerate(steps):
        call = step.atom
        op = find(call.name) if isinstance(call, tree.Call) and not step.repeat and not call.factors else None
        if op is None or issubclass(op, Joining):
            break
        assert isinstance(call, tree.Call)
        found.append(Main(index, call, op))
        if {"kernel", "width"} & op.sigils.keys():
            return found[-1]
    if found:
        return found[0]
    reason = f"the unit `{unit.name}` must start with an op, which takes what its uses say"
    raise Problem(BadFlow(span=steps[0].span, path=scope.title, reason=reason))


def unit_of(definition: Definition) -> tree.Unit:
    """The tree of a definition that is a unit."""
    assert isinstance(definition.tree, tree.Unit)
    return definition.tree
