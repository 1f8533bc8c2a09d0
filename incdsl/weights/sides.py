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
from incdsl.weights.layers import SEPARATORS, Entry, Layer, Part, Path, Role, says_nothing

NUMBERED = re.compile(r"(.*?)(\d+)([a-z]?)((?:_\d+x\d+)?)")
"""`Conv2d_0b_1x7`: what is numbered, number and letter, and the size of a kernel."""
Members = frozenset[int]
"""Layers of one side, by their position."""


@dataclass(frozen=True, eq=False, slots=True)
class Container:
    """Layers that stand below one name: a block, unit or rail of the net, a part of the names of a checkpoint.

    Containers of the same layers are one; `paths` are theirs, the outermost first. `within` is the definition of the
    spec that gives the outermost its name.
    """

    paths: tuple[Path, ...]
    members: Members
    within: str = ""

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

    @cached_property
    def named(self) -> dict[str, Members]:
        """Layers by their names, by those of their tensors, and by what holds them; with dots between their parts."""
        found = {".".join(path): container.members for container in self.containers for path in container.paths}
        found |= {self.title(container).replace("/", "."): container.members for container in self.containers}
        for i, layer in enumerate(self.layers):
            names = (layer.name, *(entry.key for entry in layer.tensors.values()))
            found |= dict.fromkeys((name.replace("/", ".") for name in names), frozenset([i]))
        return found

    def title(self, container: Container) -> str:
        """A container as the names of its layers have it, with the containers that hold everything."""
        path = container.paths[0]
        words = SEPARATORS.split(self.layers[min(container.members)].key)
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
    named = [*below.items(), *_groups(numbers)]
    containers = _containers((path, "", members) for path, members in named)
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
            match = numbered(name, siblings)
            if (
                match and len(match[1]) <= 9 and not re.search(r"\dx$", match[0])
            ):  # the second number of a kernel's size
                found.setdefault(match[0], []).append(((int(match[1]), match[2]), name))
        for stem, named in found.items():
            if len(dict(named)) == len(named):
                names = [name for _, name in sorted(named)]
                yield Family(path, stem, tuple(dict(sorted(named))), tuple(siblings[name] for name in names))


def numbered(name: str, siblings: Collection[str]) -> tuple[str, str, str] | None:
    """What is numbered, number and letter; the first of `conv2d`, `conv2d_1`, `conv2d_2` has the number 0."""
    if f"{name}_1" in siblings:
        return f"{name}_", "0", ""
    match = NUMBERED.fullmatch(name)
    return (match[1], match[2], match[3]) if match else None


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
    below: dict[tuple[int, int], tuple[Path, str, set[int]]] = {}
    upstream, words = list[int](), list[str]()
    reached: dict[str, int] = {}
    for node in graph:
        before = reached[node.name] = reduce(or_, (reached[name] for name in graph.operands(node.name)), 0)
        tensors = node.op.tensors(*(shapes[name] for name in graph.operands(node.name))) if node.label else ()
        if not tensors or node.path in left_out:
            continue
        for key, path, within in _around(node):
            below.setdefault(key, (path, within, set()))[2].add(len(found))
        reached[node.name] |= 1 << len(found)
        words.append(node.instance.word)
        upstream.append(before)
        roles = {_role(t.name): Entry(t.key(node.path), t.shape) for t in tensors}
        part: Part = "norm" if "running_mean" in roles else ""
        if node.op.is_parameter and says_nothing(node.label):
            part = "unknown"
        found.append(Layer(tuple(node.path.split(".")), roles, part))
    paths = tuple(layer.path for layer in found)
    itself = [(path, words[i], {i}) for i, path in enumerate(paths)]
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


def _around(node: Node) -> Iterator[tuple[tuple[int, int], Path, str]]:
    """What holds a node, from the inside: rails of its chain, its block or unit, and so on outwards.

    With the definition in which each stands.
    """
    chain: Chain | None = node.chain
    for instance in _instances(node):
        above = tuple(instance.path.split(".")) if instance.path else ()
        inner: Chain | None = chain
        while inner is not None:
            if inner.rail:
                yield (id(instance), id(inner)), (*above, inner.name), instance.word
            inner = inner.parent
        if instance.parent is None or instance.chain is None:
            return
        yield (id(instance), 0), above, instance.parent.word
        chain = instance.chain


def _containers(found: Iterable[tuple[Path, str, Iterable[int]]]) -> tuple[Container, ...]:
    """Containers of equal layers as one."""
    same: dict[Members, list[tuple[Path, str]]] = {}
    for path, within, members in found:
        if path and path[-1]:
            same.setdefault(frozenset(members), []).append((path, within))
    ordered = ((members, sorted(paths, key=lambda each: len(each[0]))) for members, paths in same.items())
    return tuple(Container(tuple(path for path, _ in paths), members, paths[0][1]) for members, paths in ordered)


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
