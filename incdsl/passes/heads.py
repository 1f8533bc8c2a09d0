"""Auxiliary heads, which only training runs."""

from __future__ import annotations

from dataclasses import replace

from incdsl.ir.net import Event, Net
from incdsl.passes.base import Pass


class DropHeads(Pass):
    """Leaves out auxiliary heads, and what only they read: evaluation runs neither."""

    def __call__(self, net: Net) -> Net:
        """The net without heads."""
        heads = net.graph.heads
        if not heads:
            return net
        events = (Event(self.name, head.instance.path, True, "only training runs it") for head in heads)
        return replace(net, graph=net.graph.changed(heads=False), trace=(*net.trace, *events))
