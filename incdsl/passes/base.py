"""What a pass is, and how passes run one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace

from incdsl.ir.net import Level, Net
from incdsl.ir.validate import validate


class Pass(ABC):
    """From a net to a net of the same function; what it did stands in the trace of the new one.

    A net that it has nothing to do to is given back with the same graph.
    """

    @property
    def name(self) -> str:
        """The class's name."""
        return type(self).__name__

    @abstractmethod
    def __call__(self, net: Net) -> Net:
        """The net after the pass; the one that came in is not changed."""


def run(net: Net, passes: Iterable[Pass], level: Level) -> Net:
    """A net after all these passes, which prepare it for a level.

    After each that changes the graph it is held to the invariants that are checked quickly, and in the end to all.

    Raises:
        CompilerBug: if a pass broke one.
    """
    net = replace(net, level=None, origin=net.origin or net)
    for each in passes:
        graph = net.graph
        net = each(net)
        if net.graph is not graph:
            validate(net, quick=True)
    net = replace(net, level=level)
    validate(net)
    return net
