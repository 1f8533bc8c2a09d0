"""The two sides of a correspondence: layers, and the containers that hold them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import or_

from incdsl.ir.graph import Chain, Graph, Instance, Node
from incdsl.ir.net import Net
from incdsl.ops.base import Sizes
from incdsl.ops.dense import Flatten
from incdsl.values import Image, Vector
from incdsl.weights.layers import Entry, Layer, Path, Role

NUMBERED = re.compile(r"(.*?)(\d+)([a-z]?)((?:_\d+x\d+)?)")
"""`Conv2d_0b_1x7`: what is numbered, number and letter, and the size of a kernel."""
Members = frozenset[int]
"""Layers of one side, by their position."""


@dataclass(frozen=True, eq=False, slots=True)
class Container:
    """Layers that stand below one name: a block, unit or rail of the net, a part of the names of a checkpoint.

    Containers of the same layers are one; `paths` are theirs, the outermost first.
    """

    paths: tuple[Path, ...]
    members: Members

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called, by the last words of its paths."""
        return tuple(dict.fromkeys(path[-1] for path in self.paths))

    def __str__(self) -> str:
        return ".".join(self.paths[0])


@dataclass(frozen=True)
class Family:
    """Siblings below a path of the checkpoint whose names differ in one number, and perhaps a letter, in that order."""

    path: Path
    stem: str
    numbers: tuple[tuple[int, str], ...]
    members: tuple[Members, ...]


@dataclass(frozen=True)
class Side:
    """Layers with their paths, in the order in which they run (the net's) or are listed (a checkpoint's)."""

    layers: tuple[Layer, ...]
    paths: tuple[Path, ...]
    containers: tuple[Container, ...]
    children: Mapping[Path, Mapping[str, Members]] = field(default_factory=dict)
    """What stands directly below each path of a checkpoint's names."""
    start: int = 0
    """How many containers hold all of a checkpoint; paths begin below them."""
    numbers: tuple[Family, ...] = ()
    """Numbered names of a checkpoint, those without a sibling too."""
    upstream: tuple[int, ...] = ()
    """For each layer of the net those that it runs on, at any distance, as bits."""

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """Numbered siblings of a checkpoint."""
        return tuple(family for family in self.numbers if len(family.members) > 1)

    @cached_property
    def below(self) -> dict[Path, dict[str, Members]]:
        """What stands directly below each path, by the names of the layers."""
        return _below(self.paths)

    @cached_property
    def around(self) -> list[list[Container]]:
        """The containers of each layer, larger ones first."""
        found: list[list[Container]] = [[] for _ in self.layers]
        for container in sorted(self.containers, key=lambda c: -len(c.members)):
            for member in container.members:
                found[member].append(container)
        return found

    def crossed(self, members: Members) -> Container | None:
        """A container that holds some of these layers and others besides, but not all of them."""
        around = (container for i in members for container in self.around[i])
        return next((c for c in around if not (c.members <= members or members <= c.members)), None)

    def title(self, container: Container) -> str:
        """A container as the names of its layers have it, with the containers that hold everything."""
        path = container.paths[0]
        words = re.split("([./])", self.layers[min(container.members)].key)
        if not self.children or "" in words:
            return ".".join(path)
        return "".join(words[: 2 * (self.start + len(path) - 1)]) + path[-1]


def checkpoint_side(found: Sequence[Layer]) -> Side:
    """A checkpoint as its names tell it; containers that hold everything are left out."""
    start = _common_start([layer.path for layer in found])
    paths = below_common(found)
    frozen = _below(paths)
    below = {(*path, name): members for path, names in frozen.items() for name, members in names.items()}
    numbers = tuple(_numbers(frozen))
    containers = _containers([*below.items(), *_groups(numbers)])
    return Side(tuple(found), tuple(paths), containers, frozen, start, numbers)


def below_common(found: Sequence[Layer]) -> list[Path]:
    """The paths of a checkpoint's layers below the containers that hold all of them."""
    start = _common_start([layer.path for layer in found])
    return [layer.path[start:] for layer in found]


def _below(paths: Iterable[Path]) -> dict[Path, dict[str, Members]]:
    found: dict[Path, dict[str, set[int]]] = {}
    for i, path in enumerate(paths):
        for depth, name in enumerate(path):
            found.setdefault(path[:depth], {}).setdefault(name, set()).add(i)
    return {path: {name: frozenset(members) for name, members in names.items()} for path, names in found.items()}


def _groups(numbers: Iterable[Family]) -> Iterator[tuple[Path, Members]]:
    """Numbered siblings of several layers each, `branch7x7_1` and `branch7x7_2`: what a rail without a name is."""
    for family in numbers:
        if len(family.members) > 1 and any(len(members) > 1 for members in family.members):
            yield (*family.path, f"{family.stem}…"), frozenset[int]().union(*family.members)


def _numbers(children: Mapping[Path, Mapping[str, Members]]) -> Iterator[Family]:
    """Siblings whose names differ in one number, in its order; nothing where two have the same."""
    for path, siblings in children.items():
        found: dict[str, list[tuple[tuple[int, str], str]]] = {}
        for name in siblings:
            match = NUMBERED.fullmatch(name)
            if (
                match and len(match[2]) <= 9 and not re.search(r"\dx$", match[1])
            ):  # the second number of a kernel's size
                found.setdefault(match[1], []).append(((int(match[2]), match[3]), name))
        for stem, named in found.items():
            if len(dict(named)) == len(named):
                names = [name for _, name in sorted(named)]
                yield Family(path, stem, tuple(dict(sorted(named))), tuple(siblings[name] for name in names))


def _common_start(paths: list[Path]) -> int:
    """How many containers hold all layers."""
    shortest = min(map(len, paths), default=0)
    first = paths[0] if paths else ()
    return next((i for i in range(shortest) if any(path[i] != first[i] for path in paths)), max(shortest - 1, 0))


def paths_of_heads(net: Net) -> dict[str, frozenset[str]]:
    """The paths of the layers of each auxiliary head, by its name."""
    found: dict[int, set[str]] = {id(head.instance): set() for head in net.graph.heads}
    for node in net.graph:
        for instance in _instances(node):
            if node.label and id(instance) in found:
                found[id(instance)].add(node.path)
    return {head.name: frozenset(found[id(head.instance)]) for head in net.graph.heads}


def net_side(net: Net, left_out: Collection[str] = frozenset()) -> Side:
    """The layers of a net in the order of its steps, with blocks, units, repetitions and rails around them.

    `left_out` are paths of layers that are no part of it.
    """
    graph, shapes = net.graph, net.graph.shapes()
    found: list[Layer] = []
    below: dict[tuple[int, int], tuple[Path, set[int]]] = {}
    upstream: list[int] = []
    reached: dict[str, int] = {}
    for node in graph:
        before = reached[node.name] = reduce(or_, (reached[name] for name in graph.operands(node.name)), 0)
        tensors = node.op.tensors(*(shapes[name] for name in graph.operands(node.name))) if node.label else ()
        if not tensors or node.path in left_out:
            continue
        for key, path in _around(node):
            below.setdefault(key, (path, set()))[1].add(len(found))
        reached[node.name] |= 1 << len(found)
        upstream.append(before)
        roles = {_role(t.name): Entry(t.key(node.path), t.shape) for t in tensors}
        found.append(Layer(tuple(node.path.split(".")), roles, "norm" if "running_mean" in roles else ""))
    paths = tuple(layer.path for layer in found)
    itself = [(path, {i}) for i, path in enumerate(paths)]
    containers = _containers([*below.values(), *itself])
    return Side(tuple(found), paths, containers, upstream=tuple(upstream))


def _role(name: str) -> Role:
    roles: dict[str, Role] = {
        "bias": "bias", "running_mean": "running_mean", "running_var": "running_var",
        "num_batches_tracked": "num_batches_tracked",
    }  # fmt: skip
    return roles.get(name, "weight")


def _instances(node: Node) -> Iterator[Instance]:
    instance: Instance | None = node.instance
    while instance is not None:
        yield instance
        instance = instance.parent


def _around(node: Node) -> Iterator[tuple[tuple[int, int], Path]]:
    """What holds a node, from the inside: rails of its chain, its block or unit, and so on outwards."""
    chain: Chain | None = node.chain
    for instance in _instances(node):
        above = tuple(instance.path.split(".")) if instance.path else ()
        inner: Chain | None = chain
        while inner is not None:
            if inner.rail:
                yield (id(instance), id(inner)), (*above, inner.name)
            inner = inner.parent
        if instance.parent is None or instance.chain is None:
            return
        yield (id(instance), 0), above
        chain = instance.chain


def _containers(found: Iterable[tuple[Path, Iterable[int]]]) -> tuple[Container, ...]:
    """Containers of equal layers as one."""
    same: dict[Members, list[Path]] = {}
    for path, members in found:
        same.setdefault(frozenset(members), []).append(path)
    return tuple(
        Container(tuple(sorted((path for path in paths if path and path[-1]), key=len)), members)
        for members, paths in same.items()
        if any(path and path[-1] for path in paths)
    )


def flattened_from(graph: Graph, name: str) -> Sizes | None:
    """The [C, H, W] whose flattening a linear layer reads; nothing where there is none, or H = W = 1.

    Raises:
        ValueError: if several values meet between the two, so that the order of channels is no flattened image's.
    """
    shapes = graph.shapes()
    (value,) = graph.operands(name)
    waiting, several, flattened = [value], False, None
    while waiting:
        value = waiting.pop()
        op, operands = graph[value].op, graph.operands(value)
        if isinstance(op, Flatten):
            before = shapes[operands[0]]
            if isinstance(before, Image) and (int(op.size[0]), int(op.size[1])) != (1, 1):
                flattened = (int(before.channels), int(op.size[0]), int(op.size[1]))
        elif isinstance(shapes[value], Vector) and op.kind != "linear":
            several |= any(int(shapes[each].channels) != int(shapes[value].channels) for each in operands)
            several |= len(operands) > 1
            waiting.extend(operands)
    if several and flattened:
        raise ValueError(f"{graph[name].path} reads several values, one of them a flattened image")
    return flattened
