"""Where a made step stands: what its names mean, and what may still be defined for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from incdsl.ops import REGISTRY, Op
from incdsl.syntax import tree
from incdsl.testing import spelling
from incdsl.testing.choices import Choices
from incdsl.testing.settings import Illegal
from incdsl.values import Shape


@dataclass(frozen=True)
class Env:
    """What names mean in one instance of a block, or in the net."""

    channels: int
    params: dict[str, Any]
    values: dict[str, Shape]

    def value(self, node: Any) -> Any:
        """What a setting comes to. Raises `Illegal` where it is below 1."""
        found = spelling.value_of(node, self.names, self.channels)
        if isinstance(node, tree.Tree) and type(found) is int and found < 1:
            raise Illegal("numbers of a spec count from 1")
        return found

    def holds(self, test: tree.Expr) -> bool:
        """Whether a condition holds."""
        return bool(spelling.value_of(test, self.names, self.channels))

    @property
    def names(self) -> dict[str, Any]:
        """Numbers by name."""
        return {**{name: int(shape.channels) for name, shape in self.values.items()}, **self.params}

    def inside(self, params: dict[str, Any]) -> Env:
        """The same place with more parameters."""
        return replace(self, params={**self.params, **params})


After: TypeAlias = Callable[[Shape, Env], Shape]
"""The shape that comes out of what flows in; raises `Illegal`."""


class Piece(NamedTuple):
    """What stands between two arrows, and what it does to a shape."""

    atom: tree.Atom
    after: After
    module: bool = False
    """Whether it is a module of its own, which may repeat."""
    labelled: bool = False
    """Whether it may have a label."""
    whole: Callable[[], int] = lambda: 1
    """How many parts own parameters."""


class Link(NamedTuple):
    """A written step, and what it does to a shape."""

    step: tree.Step
    after: After
    module: bool = False


@dataclass
class Unit:
    """A defined unit: its main op, what it says of it, and the rest of its chain, which may stand before that."""

    tree: tree.Unit
    first: type[Op]
    settings: dict[str, Any]
    rest: list[Link]
    owners: int
    modules: bool
    before: bool


@dataclass
class Block:
    """A defined block: its parameters with values that are legal, and what it does to a shape."""

    tree: tree.Block
    params: dict[str, Any]
    flowed: Shape
    after: Callable[[Shape, dict[str, Any]], Shape]


@dataclass
class Ported:
    """A defined block with ports, or a net: its parameters with values that are legal, what flowed in, what leaves."""

    tree: tree.Block | tree.Net
    params: dict[str, Any]
    flowed: tuple[Shape, ...]
    has_head: bool
    after: Callable[[Sequence[Shape], dict[str, Any]], list[Shape]]

    @property
    def is_plain(self) -> bool:
        """Whether it is a step like others: one value goes in, one comes out."""
        return len(self.flowed) == len(self.after(self.flowed, self.params)) == 1 and not self.has_head


@dataclass
class World:
    """All that is defined for one net, and the size of its inputs."""

    choices: Choices
    words: Sequence[str]
    sizes: dict[str, int] = field(default_factory=dict)
    free: bool = False
    units: list[Unit] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    ported: list[Ported] = field(default_factory=list)
    steps: int = 0
    """How many more steps there may be."""
    near: bool = False


@dataclass
class Place:
    """The inside of one definition while it is made; parameters are added as they are needed."""

    world: World
    env: Env
    block: bool = False
    depth: int = 0
    loops: bool = False
    """Whether parameters of a loop are in reach, whose values differ from one repetition to the next."""
    exact: bool = True
    """Whether shapes are the same in all instances, so that they may be stated."""
    labels: list[int] = field(default_factory=lambda: [0])

    @property
    def choices(self) -> Choices:
        """Where choices come from."""
        return self.world.choices

    def label(self, atom: tree.Atom) -> str:
        """A label that no other step of the class has; numbers only label what is one module."""
        self.labels[0] += 1
        stem = f"{self.choices.pick(('m', 'part', 'stage'))}{self.labels[0]}"
        op = REGISTRY.get(atom.name.text) if isinstance(atom, tree.Call) else None
        if self.block and self.choices.chance(15):
            return str(self.labels[0])
        if not self.choices.chance(20) or (op and op.is_parameter):
            return stem
        several = not isinstance(atom, tree.Call) or atom.factors
        return f"{stem}.{'a' if several else self.choices.pick(('a', '0', 'b.0'))}"

    def parameter(self, value: Any) -> str:
        """A parameter of this value, new if there is none."""
        for name, known in self.env.params.items():
            if type(known) is type(value) and known == value and self.choices.chance(70):
                return name
        name = f"p{len(self.env.params) + 1}"
        self.env.params[name] = value
        return name

    def amount(self, value: int) -> tree.Expr:
        """An expression that comes to this number here."""
        choices = self.choices
        if choices.chance(60):
            return spelling.expression(value)
        if self.block and value == self.env.channels and choices.chance(60):
            return tree.InChannels()
        if self.block and value == 2 * self.env.channels and choices.chance(60):
            return spelling.arithmetic(tree.InChannels(), "*", spelling.expression(2))
        if self.block and self.env.channels == 2 * value and choices.chance(60):
            return spelling.arithmetic(tree.InChannels(), "//", spelling.expression(2))
        for name, shape in self.env.values.items():
            if int(shape.channels) == value and choices.chance(30):
                return spelling.variable(name)
        if self.loops or choices.chance(40):
            return spelling.expression(value)
        if choices.chance(25):
            return self._computed(value)
        more = choices.number(0, 2)
        if not more:
            return spelling.variable(self.parameter(value))
        if value <= more:
            return spelling.arithmetic(spelling.variable(self.parameter(value + more)), "-", spelling.expression(more))
        return spelling.arithmetic(spelling.variable(self.parameter(value - more)), "+", spelling.expression(more))

    def _computed(self, value: int) -> tree.Expr:
        """A function, a remainder or a choice that comes to this number here."""
        choices, other = self.choices, self.choices.number(1, 8)
        kind = choices.pick(("min", "max", "make_divisible", "%", "if"))
        if kind == "%":
            divisor = spelling.expression(value + other)
            return spelling.arithmetic(spelling.variable(self.parameter(2 * value + other)), "%", divisor)
        mine = spelling.variable(self.parameter(value))
        if kind == "if":
            truth = choices.chance(50)
            then, otherwise = (mine, spelling.expression(other)) if truth else (spelling.expression(other), mine)
            return tree.Conditional(then, self.test(truth), otherwise)
        second = {"min": max(value, other), "max": min(value, other), "make_divisible": 1}[kind]
        args = (tree.Arg(None, mine), tree.Arg(None, spelling.expression(second)))
        return tree.Nested(spelling.name(kind), args)

    def constant(self, node: Any) -> bool:
        """Whether a part reads no parameter: the compiler asks for every parameter to be read, whatever the choices."""
        return not spelling.names_in(node) & (self.env.params.keys() | self.env.values.keys())

    def test(self, truth: bool) -> tree.Expr:
        """A condition that is so here."""
        if self.choices.chance(10):
            inner = self.test(not truth)
            return tree.Negation(tree.Parenthesized(inner) if isinstance(inner, tree.Junction) else inner)
        if not self.loops and self.choices.chance(25):
            word = self.choices.pick(("and", "or"))
            parts = (self._comparison(truth), self._comparison(truth if self.choices.chance(50) else word == "and"))
            return tree.Junction(word, parts)
        return self._comparison(truth)

    def _comparison(self, truth: bool) -> tree.Expr:
        if self.loops or self.choices.chance(20):
            return tree.Boolean(truth)
        if self.choices.chance(50):
            return spelling.variable(self.parameter(truth))
        if self.choices.chance(20):
            name = spelling.variable(self.parameter(self.choices.pick(("plain", "wide"))))
            right = self.env.params[name.name] if self.choices.chance(50) else "other"
            sign = "==" if truth == (right != "other") else "!="
            return tree.Comparison(name, sign, spelling.variable(right))
        number = self.choices.number(1, 6)
        name = spelling.variable(self.parameter(number))
        sign, other = self.choices.pick(
            (("==", number), (">=", number - 1)) if truth else (("!=", number), ("<", number))
        )
        return tree.Comparison(name, sign, spelling.expression(other))


WORDS = (
    *("conv2d",) * 12, *("batchnorm", "relu", "maxpool", "avgpool") * 3,
    *(word for word in sorted(REGISTRY) if word not in ("concat", "add", "mul")),
)  # fmt: skip
"""The ops of the language, those oftener that networks are made of."""
