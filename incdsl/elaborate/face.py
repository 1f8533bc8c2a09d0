"""The inputs and outputs of a net, with what its variants change of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.ports import output_names
from incdsl.elaborate.resolve import Definition
from incdsl.elaborate.scope import Scope
from incdsl.syntax import tree


class Entry(NamedTuple):
    """An input of a net as its outermost variant states it, and the scope in which its sizes are numbers."""

    item: tree.Input
    scope: Scope
    base: tree.Input | None = None
    """What the net that is written out states, if a variant states something else."""

    @property
    def name(self) -> tree.Name:
        """What it is called, in all variants."""
        return self.item.name

    @property
    def dims(self) -> tuple[tree.Expr, ...]:
        """Its channels, and for an image height and width."""
        return self.item.dims.items

    def is_free(self, dim: tree.Expr) -> bool:
        """Whether a size is left to the caller, as in [3, H, W]."""
        return isinstance(dim, tree.Variable) and dim.name not in self.scope.params

    def resizes(self, scope: Scope, evaluate: Expressions) -> bool:
        """Whether a variant gives it another size, at which the assertions of the net, in whose scope they are, do not
        hold."""
        if self.base is None:
            return False
        before = Entry(self.base, scope)
        return [before.size(dim, evaluate) for dim in before.dims[1:]] != [
            self.size(d, evaluate) for d in self.dims[1:]
        ]

    def size(self, dim: tree.Expr, evaluate: Expressions) -> Any:
        """A size as a number; None where it is left to the caller."""
        return None if self.is_free(dim) else evaluate.number(dim, self.scope)


def inputs_of(line: Sequence[Definition], levels: Sequence[Mapping[str, Any]], scope: Scope) -> list[Entry]:
    """The inputs of a net; `levels` are the parameters of each net of the line, and `scope` is its inside."""
    found = []
    for item in line[-1].net.items:
        if isinstance(item, tree.Input):
            entry = Entry(item, scope)
            for definition, params in reversed(list(zip(line[:-1], levels, strict=False))):
                for mine in _of(definition, tree.Input):
                    if mine.name.text == item.name.text:
                        inner = Scope(scope.instance, scope.title, definition.names, dict(params))
                        inner.declared = {param.name.text: param for param in definition.net.params}
                        entry = Entry(mine, inner, item)
            found.append(entry)
    return found


def outputs_of(line: Sequence[Definition]) -> list[str]:
    """The names of a net's outputs: those that no variant leaves out, and those that variants add."""
    names = output_names(line[-1].net.items)
    for definition in reversed(line[:-1]):
        gone = {item.name.text for item in _of(definition, tree.Without)}
        names = [name for name in names if name not in gone]
        names += [name.text for item in _of(definition, tree.Output) for name in item.names]
    return list(dict.fromkeys(names))


def _of(definition: Definition, kind: type[Any]) -> list[Any]:
    """The changes of a kind that a variant states."""
    variant = definition.net.variant
    return [item for item in variant.items if isinstance(item, kind)] if variant else []
