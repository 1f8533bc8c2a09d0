"""What a rewrite rule is: its sites, the conditions that they must meet, and the edit that it proposes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Generic, NoReturn, Protocol, TypeVar

from incdsl.diagnostics import CompilerBug
from incdsl.ir.graph import Node
from incdsl.passes.edit import Edit
from incdsl.passes.view import View


class Site(Protocol):
    """A place of a graph at which a rule applies or declines; each rule has its own kind."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes that other edits of the same sweep must leave alone."""


S = TypeVar("S", bound=Site)


@dataclass(frozen=True, slots=True)
class Condition(Generic[S]):
    """What must hold at a site: a name for tests, a test, and the reason that people read when it fails."""

    name: str
    holds: Callable[[View, S], bool]
    reason: str


class Rule(ABC, Generic[S]):
    """A rewrite. Its docstring is its equation and its condition; `conditions` are the same as data.

    A rule looks and proposes; it changes nothing, and remembers nothing from one graph to the next.
    """

    conditions: tuple[Condition[S], ...] = ()
    exact: ClassVar[bool] = False
    """Whether float results stay the same to the last bit, where PyTorch does not round by the strides of a tensor."""
    training: ClassVar[bool] = False
    """Whether it also holds while training, and keeps every key of the state_dict."""
    by_default: ClassVar[bool] = True
    """Whether a level runs it without being asked to."""

    def __init__(self, without: str = "") -> None:
        self.active = tuple(c for c in self.conditions if c.name != without)

    @property
    def name(self) -> str:
        """The class's name."""
        return type(self).__name__

    def found(self, view: View) -> Iterator[tuple[Node, S]]:
        """All sites of a graph, each with the node that it stands for, in the order of these."""
        for node in view.graph:
            for site in self.sites(view, node):
                yield node, site

    def sites(self, view: View, node: Node) -> Iterator[S]:
        """The sites that a node stands for; structure only: what may not be is for the conditions to say.

        A rule that has to see more than one node at a time defines `found` instead.
        """
        raise NotImplementedError

    def allows(self, view: View, site: S) -> bool:
        """Whether all conditions hold."""
        return all(condition.holds(view, site) for condition in self.active)

    @abstractmethod
    def rewrite(self, view: View, site: S) -> Edit | tuple[Edit, ...]:
        """The edit of a site whose conditions hold, or the edits, each at its own place."""

    def describe(self, view: View, site: S) -> str:
        """What an application did, in a few words."""
        return ""

    def where(self, view: View, node: Node, site: S) -> str:
        """The place of a site, for people: the path of its node, or class and op; an input by its name."""
        inputs = (name for name, value in view.graph.inputs.items() if value == node.name)
        return node.path or next(inputs, "") or f"{node.instance.path}:{node.op.word}".lstrip(":")


class Refusal(Rule[S]):
    """A rewrite that comes to mind and is not made: its conditions, which never all hold, say why."""

    def rewrite(self, view: View, site: S) -> NoReturn:
        """Not reached, for the conditions never all hold."""
        raise CompilerBug(f"{self.name} is never applied")
