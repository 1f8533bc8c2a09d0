"""The inputs of a net: their shapes, and the axes on which its sizes depend."""

from __future__ import annotations

from collections.abc import Sequence

from incdsl.diagnostics.names import BadSetting
from incdsl.elaborate.bound import claim_value
from incdsl.elaborate.face import Entry
from incdsl.elaborate.node import Location
from incdsl.elaborate.scope import UNKNOWN, Poisoned, Problem, Scope, Value
from incdsl.elaborate.tools import Tools
from incdsl.ir.graph import Chain, Input
from incdsl.syntax import tree
from incdsl.values import Extent, Image, Shape, TooComplicated, Vector


class Inputs:
    """Places the inputs of a net."""

    def __init__(self, tools: Tools, scope: Scope, entries: Sequence[Entry]) -> None:
        self._tools = tools
        self._scope = scope
        self._entries = entries

    def place(self) -> None:
        """Put all inputs into the graph; one that is wrong is an unknown value."""
        images = [entry for entry in self._entries if len(entry.dims) == 3]
        alike = self._of_one_size(images)
        for entry in self._entries:
            try:
                self._input(entry, alike)
            except (Problem, Poisoned, TooComplicated) as error:
                self._scope.values[entry.name.text] = UNKNOWN
                self._scope.declared[entry.name.text] = entry.name
                self._tools.caught(error, self._scope, entry.item.span)
        self._hold_sizes_together(images)

    def _of_one_size(self, images: Sequence[Entry]) -> bool:
        """Whether all images are of one size: they share `H` and `W` then, and else each has its own."""
        evaluate = self._tools.evaluate
        try:
            sizes = {
                tuple(evaluate.number(dim, entry.scope) for dim in entry.dims[1:])
                for entry in images if not any(map(entry.is_free, entry.dims[1:]))
            }  # fmt: skip
        except (Problem, Poisoned, TooComplicated):  # reported when the input itself is read
            return True
        return len(sizes) <= 1

    def _input(self, entry: Entry, alike: bool) -> None:
        name, dims, tools = entry.name, entry.dims, self._tools
        claim_value(name, self._scope, tools)
        channels = tools.evaluate.number(dims[0], entry.scope)
        tools.evaluate.pin(entry.scope, channels)
        if not isinstance(channels, int) or isinstance(channels, bool) or channels < 1:
            raise _bad_input(entry, "the number of channels must be a whole number of at least 1")
        shape: Shape = Vector(int(channels))
        if len(dims) == 3:
            prefix = "" if alike else f"{name.text}."
            extents = [self._extent(dim, axis, prefix, entry) for dim, axis in zip(dims[1:], "HW", strict=True)]
            self._scope.exact &= not entry.resizes(self._scope, tools.evaluate)
            shape = Image(int(channels), *extents)
        elif len(dims) != 1:
            batch = "; the batch is not stated" if len(dims) == 4 else ""
            raise _bad_input(entry, f"an input is [C, H, W] or [C], not of {len(dims)} dimensions{batch}")
        location = Location(name.span, Chain(name.text), tools.placer.step_number())
        value = tools.placer.place(Input(shape=shape), [], self._scope, location)
        tools.graph.inputs[name.text] = value.node
        self._scope.values[name.text] = Value(value.node, shape)
        self._scope.declared[name.text] = name
        tools.record.came(name, self._scope, self._scope.values[name.text])

    def _extent(self, dim: tree.Expr, axis: str, prefix: str, entry: Entry) -> Extent:
        nominal = self._tools.conditions.nominal
        if entry.is_free(dim):
            assert isinstance(dim, tree.Variable)
            if not dim.name:
                raise Poisoned
            if dim.name != axis:
                raise _bad_input(entry, f"a free size is written `{axis}` here, as in [3, H, W]")
            nominal[axis] = None
            self._scope.axes[axis] = Extent.of(axis)
            return Extent.of(axis)
        size = self._tools.evaluate.number(dim, entry.scope)
        self._tools.evaluate.pin(entry.scope, size)
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size < 1 << 31:
            raise _bad_input(entry, "a size is a whole number of at least 1")
        nominal[prefix + axis] = int(size)
        if entry.base:
            self._scope.axes[axis] = Extent.of(prefix + axis)
        return Extent.of(prefix + axis)

    def _hold_sizes_together(self, images: Sequence[Entry]) -> None:
        """Legal sizes are those of one H and one W: beside a free size no other input has one of its own."""
        free = [[entry.is_free(dim) for dim in entry.dims[1:]] for entry in images]
        if len(images) > 1 and any(map(any, free)) and not all(map(all, free)):
            entry = next(entry for entry, each in zip(images, free, strict=True) if not all(each))
            reason = "if there are several inputs, either all sizes are free, `H` and `W`, or none is"
            self._tools.report(_bad_input(entry, reason).diagnostic, self._scope)


def _bad_input(entry: Entry, reason: str) -> Problem:
    diagnostic = BadSetting(span=entry.item.dims.span, owner="input", setting=entry.name.text, reason=f"- {reason}")
    return Problem(diagnostic)
