"""Where a step is elaborated: the instance that it will belong to, and what its names mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from incdsl.diagnostics import Diagnostic
from incdsl.ir.graph import Instance
from incdsl.syntax import tree
from incdsl.values import Extent, Shape

if TYPE_CHECKING:
    from incdsl.elaborate.overrides import Overrides
    from incdsl.elaborate.resolve import Definition, Names


class Problem(Exception):
    """Ends the elaboration of one step. Who raises it does not know the path; who catches it adds that."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.code)
        self.diagnostic = diagnostic


class Poisoned(Exception):
    """A step depends on something whose mistake was reported already, or of which nothing is known."""


class Unknown:
    """What flows behind a mistake, and the value of a parameter where nobody gives one."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = Unknown()
NOT_NEEDED: Final = "_"
"""Stands in place of a name for what is not needed of several values."""


@dataclass(frozen=True, slots=True)
class Value:
    """What flows: the node that makes it, and its shape in the symbols of the instance."""

    node: str
    shape: Shape


One: TypeAlias = Value | Unknown
Flow: TypeAlias = One | tuple[One, ...] | None
"""What flows into a step: one value, several together, or None where nothing does."""


@dataclass(frozen=True, eq=False, repr=False)
class OpRef:
    """An op, unit or block as a value: `block B(act) = conv2d 3x3 @8 -> act` used as `B(act: relu)`."""

    name: tree.Name
    args: tuple[tree.Arg | tree.Error, ...]
    scope: Scope

    def __repr__(self) -> str:
        return self.name.text


@dataclass(frozen=True, slots=True)
class Binding:
    """Values that are bound together: what they read, and the nodes that make them.

    What is not needed is called `_`.
    """

    names: tuple[str, ...]
    values: tuple[One, ...]
    reads: set[str]
    nodes: range


@dataclass(eq=False)
class Scope:
    """The inside of one instance while it is elaborated: what names mean there, and which labels are taken."""

    instance: Instance
    title: str
    names: Names
    """What names of definitions mean: those of the file in which it was written."""
    params: dict[str, Any] = field(default_factory=dict)
    values: dict[str, One] = field(default_factory=dict)
    declared: dict[str, tree.Tree] = field(default_factory=dict)
    """Where its parameters and values are declared."""
    input: One | None = None
    """What `in` is; None where there is no such thing."""
    read: set[str] = field(default_factory=set)
    """Parameters and values that were read."""
    heads: set[str] = field(default_factory=set)
    """The names of auxiliary heads, which nothing else can read."""
    labels: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    around: tuple[Definition, ...] = ()
    """The definitions that it is inside of."""
    overrides: tuple[Overrides, ...] = ()
    """What variants change here, the outermost net's first."""
    axes: dict[str, Extent] = field(default_factory=dict)
    """What `H` and `W` are in assertions."""
    exact: bool = True
    """Whether heights and widths in assertions hold: not in a net that is a step on another size than its own."""
    bindings: list[Binding] = field(default_factory=list)
    """Its bound values so far."""
    is_net: bool = False
    dry: bool = False
    """Whether it is only looked at: nothing is placed, and what it depends on does not count."""
    hidden: bool = False
    """Whether it is written but does not come about: it is replaced, or a choice leaves it out."""

    def inside(self, instance: Instance) -> Scope:
        """The scope of a repetition: the same names, labels of its own."""
        return replace(self, instance=instance, title=f"{self.title} > {instance.label}", labels={}, counts={})

    def binding(self, row: dict[str, Any], names: tuple[tree.Name, ...] = ()) -> Scope:
        """The scope of one turn of a loop."""
        if not row:
            return self
        declared = {**self.declared, **{name.text: name for name in names}}
        return replace(self, params={**self.params, **row}, declared=declared)

    def aside(self) -> Scope:
        """The scope of what is written but does not come about: it is looked at, and leaves no trace."""
        return replace(
            self, dry=True, hidden=True, read=set(), labels={}, counts={}, bindings=[], values=dict(self.values),
            heads=set(self.heads),
        )  # fmt: skip

    @contextmanager
    def reading(self) -> Iterator[set[str]]:
        """Gather the names that are read meanwhile."""
        mine, before = set[str](), set(self.read)
        self.read.clear()
        try:
            yield mine
        finally:
            mine |= self.read
            self.read |= before


def class_of(instance: Instance) -> Instance:
    """The net, block or unit that an instance belongs to: repetitions are no classes of their own."""
    while instance.kind == "sequence" and instance.parent:
        instance = instance.parent
    return instance
