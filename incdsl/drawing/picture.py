"""What a figure shows, before anything has a place: values, the things that make them, and bodies of things."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from incdsl.elaborate.record import Visit

Form = Literal["convolution", "pool", "linear", "scale", "plain"]
"""What a step is: a convolution, a pool, a linear layer, a change of the grid, or a step without a window."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape as figures print it: channels, and the grid as `35 × 35` (empty for a vector)."""

    channels: int | None
    grid: str = ""

    def __str__(self) -> str:
        texts = [str(self.channels) if self.channels is not None else "?", self.grid]
        return " × ".join(text for text in texts if text)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a thing costs; None where the size of the input is free."""

    params: int = 0
    macs: int | None = 0
    activations: int | None = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.params + other.params,
            None if self.macs is None or other.macs is None else self.macs + other.macs,
            None if self.activations is None or other.activations is None else self.activations + other.activations,
        )


@dataclass(frozen=True, slots=True)
class Mistake:
    """An error where it stands: the code, the headline, the arithmetic, and what helps."""

    code: str
    message: str
    arithmetic: str = ""
    help: str = ""


@dataclass(eq=False, slots=True)
class Value:
    """What flows from a thing: its shape if it is known, its name if it has one, and what leaves the body with it."""

    cell: Cell
    shape: Shape | None
    name: str = ""
    outputs: list[str] = field(default_factory=list)
    heads: list[Block] = field(default_factory=list)
    readers: int = 0
    broken: bool = False
    """Whether it is the value that a merge cannot take."""
    node: str = ""
    """The node of the graph that gives it; empty if it is not known."""

    @property
    def channels(self) -> int | None:
        """How many channels it has."""
        return self.shape.channels if self.shape else None

    @property
    def grid(self) -> str:
        """Its grid; empty for a vector, and where it is not known."""
        return self.shape.grid if self.shape else ""


@dataclass(frozen=True, slots=True)
class Face:
    """What is printed in the box of a step: a word, a kernel, what follows it, and the channels at the right."""

    word: str = ""
    kernel: str = ""
    suffix: str = ""
    right: str = ""


@dataclass(eq=False, slots=True)
class Thing:
    """Whatever has a place: one value flows in at the top and one leaves at the bottom, unless it is a block or a board
    of several doors."""

    path: str = ""
    """Where it is in the net; the identity of its box."""
    group: str = ""
    """The bound name that it was written for."""
    title: str = ""
    """All that is known of it, in a sentence."""
    cost: Cost = Cost()
    mistakes: tuple[Mistake, ...] = ()
    visits: tuple[Visit, ...] = field(default=(), kw_only=True)
    """What was written that it stands for, as the walk came by it; of equal neighbours in one box that of each."""


@dataclass(eq=False, slots=True)
class Step(Thing):
    """An op, or a unit of ops, in one box."""

    form: Form = "plain"
    face: Face = Face()
    change: int = 0
    """-1 where the grid gets coarser, 1 where it gets finer."""
    known: bool = True


@dataclass(eq=False, slots=True)
class Block(Thing):
    """A block or a net as one box; `inside` is drawn where it is opened, and as a miniature where not."""

    name: str = ""
    kind: str = ""
    settings: str = ""
    times: int = 1
    key: object = None
    """What equal blocks have in common."""
    inside: Body | None = None
    head: bool = False
    known: bool = True


@dataclass(eq=False, slots=True)
class Sequence(Thing):
    """Things one after another, and the value behind each."""

    parts: list[Thing] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    entering: Value | None = None
    """What flows into the first of them."""

    def __iter__(self) -> Iterator[tuple[Thing, Value]]:
        return zip(self.parts, self.values, strict=True)


@dataclass(eq=False, slots=True)
class Rail:
    """One branch of a parallel: its name, what flows into it, and its things (none for an identity)."""

    name: str
    entering: Value
    inside: Sequence
    wrong: bool = False

    @property
    def leaving(self) -> Value:
        """What lands in the merge."""
        return self.inside.values[-1] if self.inside.values else self.entering


@dataclass(eq=False, slots=True)
class Parallel(Thing):
    """Rails side by side, from a fork or a split to their merge."""

    word: str = "concat"
    rails: list[Rail] = field(default_factory=list)
    shares: tuple[int, ...] = ()
    """The channels of each rail where the value is split."""
    thin: bool = False
    """Whether it is the factors of a kernel, whose bar says no numbers."""
    known: bool = True


@dataclass(eq=False, slots=True)
class Bracket(Thing):
    """Things that stand for a kernel, or that repeat: the label stands at their left."""

    label: str = ""
    inside: Sequence = field(default_factory=Sequence)
    joined: bool = False
    """Whether its things stand closer, as the factors of one kernel do."""


@dataclass(eq=False, slots=True)
class Door(Thing):
    """An input of a body, with its name."""

    name: str = ""


@dataclass(eq=False, slots=True)
class Join(Thing):
    """A merge whose rails come from different places."""

    word: str = "concat"
    known: bool = True


@dataclass(eq=False, slots=True)
class Split(Thing):
    """A value cut into parts, each of which goes its own way."""

    shares: tuple[int, ...] = ()


@dataclass(eq=False, slots=True)
class Cell:
    """A thing in its body, with the values that it reads and those that it gives."""

    thing: Thing
    reads: list[Value] = field(default_factory=list)
    gives: list[Value] = field(default_factory=list)
    names: tuple[str, ...] = ()
    """What the rails of a merge are called."""
    wrong: frozenset[int] = frozenset()
    """The rails that a merge cannot take."""


@dataclass(eq=False, slots=True)
class Body:
    """What stands inside a net or block: cells in the order in which they were written, which is a topological one."""

    cells: list[Cell]
    inputs: list[Value]
    outputs: list[Value]
    """In the order of the doors; a value may be several of them."""
    is_net: bool = False
    taps: bool = False
    """Whether outputs may leave its spine on the way, as they do in a whole net."""

    @property
    def spine(self) -> Sequence | None:
        """All that stands between the only input and the end, if it is one sequence; heads and outputs leave it."""
        rest = [cell for cell in self.cells if not isinstance(cell.thing, Door)]
        if len(self.inputs) != 1 or len(rest) > 1 or (len(self.outputs) > 1 and not self.taps):
            return None
        if not rest:
            return Sequence()
        (cell,) = rest
        straight = isinstance(cell.thing, Sequence) and len(cell.reads) == 1
        return cell.thing if straight and isinstance(cell.thing, Sequence) else None
