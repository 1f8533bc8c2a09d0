"""Where a step is elaborated: the class it will belong to, what its names mean, and who collects complaints."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from incdsl.diagnostics import Diagnostic
from incdsl.ir.graph import Instance
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.values import Shape

if TYPE_CHECKING:
    from incdsl.elaborate.names import Definition, Names


class Problem(Exception):
    """Ends the elaboration of one step; its value is poisoned, so that one mistake gives one message."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.code)
        self.diagnostic = diagnostic


class Poisoned(Exception):
    """A step depends on something whose mistake was already told."""


@dataclass(frozen=True, slots=True)
class Value:
    """What flows: the node that makes it, and its shape in the symbols of the scope."""

    node: str
    shape: Shape


@dataclass(frozen=True, eq=False, repr=False)
class OpRef:
    """An op, unit or block as a value: `block B(act) = conv2d 3x3 @8 -> act` used as `B(act: relu)`."""

    name: str
    args: tuple[tree.Arg, ...]
    scope: Scope

    def __repr__(self) -> str:
        return self.name


@dataclass(eq=False)
class Scope:
    """One class of the generated code while it is being filled."""

    instance: Instance
    title: str
    names: Names
    """What names mean here: those of the file in which it was written."""
    params: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Value | None] = field(default_factory=dict)
    input: Value | None = None
    used: set[str] = field(default_factory=set)
    labels: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    bound: dict[str, Span] = field(default_factory=dict)
    around: tuple[Definition, ...] = ()
    """The units and blocks around it."""
    is_net: bool = False

    def inside(self, instance: Instance, extra: dict[str, Any]) -> Scope:
        """A scope for a repetition: the same class and names, labels of its own."""
        title = f"{self.title} > {instance.label}"
        return replace(self, instance=instance, title=title, params={**self.params, **extra}, labels={}, counts={})
