"""What enters and leaves an instance of a block or net: values, and the symbols of their channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

from incdsl.diagnostics.names import NameTaken
from incdsl.elaborate.resolve import Definition
from incdsl.elaborate.scope import NOT_NEEDED, UNKNOWN, Flow, One, Problem, Scope, Value
from incdsl.elaborate.use import Use, bad_flow
from incdsl.ir.graph import Graph, Instance, Ports
from incdsl.syntax import tree
from incdsl.values import Num, Pair, Real, SymbolPair, expression
from incdsl.values.num import rebased


def instance_of(
    definition: Definition, use: Use, label: str, ports: list[str], flows: tuple[One, ...], arguments: dict[str, Any]
) -> Instance:
    """The instance of a block or net, its numbers in the symbols of the class around it."""
    channels = {channels_symbol(port, ports): f.shape.channels if isinstance(f, Value) else 1
                for port, f in zip(ports or [""], flows, strict=True)}  # fmt: skip
    for param in written.params if isinstance(written := definition.tree, tree.Block | tree.Net) else ():
        if param.name.text in channels:
            taken = "what the constructor calls the channels that flow in"
            raise Problem(NameTaken(span=param.span, name=param.name.text, taken_by=taken))
    kept = {p: v for p, v in arguments.items() if is_number(v)}
    kind: Literal["block", "net"] = "block" if isinstance(definition.tree, tree.Block) else "net"
    return Instance(
        kind, definition.name, label, use.scope.instance, {**channels, **kept}, definition.comments, use.note,
        use.span, use.number, use.chain, definition.place, use.optional,
    )  # fmt: skip


def inner_scope(
    definition: Definition, use: Use, instance: Instance, ports: list[str], flows: tuple[One, ...],
    arguments: dict[str, Any],
) -> Scope:  # fmt: skip
    """The scope inside an instance, where numbers are known by their names."""
    parent = use.scope
    entering = [entering_as(f, channels_symbol(port, ports)) for port, f in zip(ports or [""], flows, strict=True)]
    params = definition.tree.params if isinstance(definition.tree, tree.Block | tree.Net) else ()
    declared: dict[str, tree.Tree] = {param.name.text: param for param in params}
    if isinstance(definition.tree, tree.Block):
        inputs = [n for item in definition.block.items if isinstance(item, tree.Inputs) for n in item.names]
        declared |= {name.text: name for name in inputs}
    return Scope(
        instance,
        f"{parent.title} > {instance.label}: {definition.name}",
        definition.names,
        {p: as_symbol(v, p) if p in instance.arguments else v for p, v in arguments.items()},
        dict(zip(ports, entering, strict=False)),
        declared,
        input=entering[0] if len(entering) == 1 else None,
        around=(*parent.around, definition),
        overrides=parent.overrides, axes=parent.axes, exact=parent.exact,
        dry=parent.dry or not all(isinstance(f, Value) for f in flows), hidden=parent.hidden,
    )  # fmt: skip


def output_names(items: Iterable[tree.Tree]) -> list[str]:
    """What the outputs of a block or net are called, those aside that it does not need itself."""
    names = [name.text for item in items if isinstance(item, tree.Output) for name in item.names]
    return [name for name in names if name != NOT_NEEDED]


def leading(items: Iterable[tree.Tree]) -> Iterator[tree.Let]:
    """The names of numbers in front of everything that is computed: inputs may mention them."""
    for item in items:
        if isinstance(item, tree.Let):
            yield item
        elif not isinstance(item, tree.Input | tree.Inputs):
            return


def arity(use: Use, ports: list[str]) -> tuple[One, ...]:
    """What flows in, one value for each input."""
    if len(use.flow) != len(ports):
        if use.flow == (UNKNOWN,):
            return (UNKNOWN,) * len(ports)
        inputs = f"{len(ports)} inputs, {', '.join(f'`{p}`' for p in ports)}" if len(ports) > 1 else "one input"
        few = "one value flows" if len(use.flow) == 1 else f"{len(use.flow)} values flow"
        hint = f"`({', '.join(ports)}) -> {use.word}`" if len(ports) > 1 else f"`value -> {use.word}`"
        raise bad_flow(use.call.name.span, f"`{use.word}` has {inputs}, but {few} in", hint)
    return use.flow


def leave(
    graph: Graph, ports: list[str], flows: tuple[One, ...], outputs: list[str], scope: Scope, empty: bool
) -> Flow:
    """What leaves an instance, and the names of what enters and leaves it; an empty one only hands on values."""
    instance, inside = scope.instance, [scope.values.get(name, UNKNOWN) for name in outputs]
    if not empty and (len(ports) > 1 or len(outputs) > 1 or (ports and ports != ["in"])):
        entering = zip(ports or [_unnamed(outputs)], flows, strict=True)
        graph.ports[instance] = Ports(_nodes(entering), _nodes(zip(outputs, inside, strict=True)))
    left = tuple([leaving(value, instance) for value in inside])
    return left if len(left) > 1 else left[0] if left else UNKNOWN


def _nodes(values: Iterable[tuple[str, One]]) -> tuple[tuple[str, str], ...]:
    """The nodes of values that are known, beside their names."""
    return tuple([(name, value.node) for name, value in values if isinstance(value, Value)])


def _unnamed(outputs: list[str]) -> str:
    """What generated code calls an input that the block does not name, beside outputs of these names."""
    name = "x"
    while name in outputs:
        name += "_"
    return name


def name_results(graph: Graph, names: tuple[str, ...], values: tuple[One, ...]) -> None:
    """What leaves the last instance is called as its user names it, if these values are what leaves it."""
    instance, ports = next(reversed(graph.ports.items()), (None, None))
    made = [value.node if isinstance(value, Value) else "" for value in values]
    if instance and ports and made == [node for _, node in ports.outputs]:
        results = tuple(
            [(port, name) for (port, _), name in zip(ports.outputs, names, strict=True) if name != NOT_NEEDED]
        )
        graph.ports[instance] = replace(ports, results=results)


def channels_symbol(port: str, ports: list[str]) -> str:
    """The symbol of the channels that flow into a port."""
    return f"{port}_channels" if len(ports) > 1 else "in_channels"


def entering_as(value: One, symbol: str) -> One:
    """A value inside of an instance, where its number of channels is a symbol."""
    if not isinstance(value, Value):
        return value
    return Value(value.node, value.shape.with_channels(Num.symbol(int(value.shape.channels), symbol)))


def leaving(value: One | None, instance: Instance) -> One:
    """The value that leaves a class, its channels in the symbols of the class around it."""
    if not isinstance(value, Value):
        return UNKNOWN
    outer = {k: expression(v) for k, v in instance.arguments.items() if whole(v)}
    return Value(value.node, value.shape.with_channels(rebased(value.shape.channels, outer)))


def as_symbol(value: Any, name: str) -> Any:
    """A number that is known by its name inside a class."""
    if isinstance(value, Pair):
        plain = type(value[0]) is int and type(value[1]) is int
        return (_pair if plain else SymbolPair)(value[0], value[1], name)
    return Num.symbol(int(value), name) if isinstance(value, int) else Real(value, name)


_pair = lru_cache(maxsize=10_000)(SymbolPair)
"""Most uses of a unit have the same kernels, strides and padding."""


def is_number(value: Any) -> bool:
    """Whether a value is a number, which a constructor can take."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole(value: Any) -> bool:
    """Whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)
