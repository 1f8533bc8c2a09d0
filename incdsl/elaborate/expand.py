"""What a chain says when nothing but the text is known: groups spliced in, and which op of a unit its uses speak to."""

from __future__ import annotations

from typing import NamedTuple

from incdsl.diagnostics.names import BadFlow
from incdsl.elaborate.resolve import Definition
from incdsl.elaborate.scope import Problem
from incdsl.ops import Op, find
from incdsl.ops.merge import Joining
from incdsl.source import Span
from incdsl.syntax import tree


class Link(NamedTuple):
    """A step as it is elaborated: what was written, or what a variant or a repetition makes of it."""

    step: tree.Step
    atom: tree.Atom
    labels: tuple[tree.Label, ...]
    repeat: tree.Times | tree.Each | tree.When | None
    shape: tree.Dims | None
    ends: tuple[tree.Step, ...] = ()
    """Groups in parentheses that end with it."""

    @classmethod
    def of(cls, step: tree.Step) -> Link:
        """A step as it is written."""
        return cls(step, step.atom, step.labels, step.repeat, step.shape)

    @property
    def span(self) -> Span:
        """Where it is written."""
        return self.step.span

    @property
    def once(self) -> Link:
        """One turn of its repetition."""
        return self._replace(labels=(), repeat=None, shape=None)

    @property
    def choices(self) -> tuple[tuple[tree.Expr | None, Link], ...]:
        """The steps of which one is chosen, each with its test; the last has none if there is always one."""
        found: list[tuple[tree.Expr | None, Link]] = []
        this, repeat = self._replace(repeat=None, shape=None), self.repeat
        while isinstance(repeat, tree.When):
            found.append((repeat.test, this))
            if repeat.other is None:
                return tuple(found)
            this, repeat = this._replace(step=repeat.other, atom=repeat.other.atom), repeat.other.repeat
        return (*found, (None, this))

    @property
    def may_be_left_out(self) -> bool:
        """Whether its tests may leave nothing of it."""
        return isinstance(self.repeat, tree.When) and self.choices[-1][0] is not None

    @property
    def repeats(self) -> bool:
        """Whether it comes several times."""
        return isinstance(self.repeat, tree.Times | tree.Each)

    @property
    def factors(self) -> tree.Factors | None:
        """The factors of its kernel."""
        return self.atom.factors if isinstance(self.atom, tree.Call) else None


def links(chain: tree.Chain) -> list[Link]:
    """The steps of a chain, those of plain groups in parentheses among them."""
    found: list[Link] = []
    for step in chain.steps:
        if isinstance(step.atom, tree.Group) and not step.repeat and not step.labels:
            inner = links(step.atom.chain)
            inner[-1] = inner[-1]._replace(shape=inner[-1].shape or step.shape, ends=(*inner[-1].ends, step))
            found.extend(inner)
        else:
            found.append(Link.of(step))
    return found


class Main(NamedTuple):
    """The op of a unit that takes sigils and settings of each use, and where it stands among the unit's steps."""

    at: int
    call: tree.Call
    op: type[Op]


def main_of(unit: Definition) -> Main:
    """The first op with a kernel or a width, or else the first; what stands before it are ops as well."""
    found: list[Main] = []
    steps = links(unit.unit.chain)
    for index, link in enumerate(steps):
        call = link.atom
        op = find(call.name.text) if isinstance(call, tree.Call) and not link.repeat and not call.factors else None
        if op is None or issubclass(op, Joining):
            break
        assert isinstance(call, tree.Call)
        found.append(Main(index, call, op))
        if {"kernel", "width"} & op.sigils.keys():
            return found[-1]
    if found:
        return found[0]
    reason = f"the unit `{unit.name}` must start with an op, which takes what its uses say"
    raise Problem(BadFlow(span=steps[0].span, reason=reason))
