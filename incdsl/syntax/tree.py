"""The surface tree: one frozen dataclass per construct of the language, each with its span."""

from __future__ import annotations

from dataclasses import dataclass

from incdsl.source import Span
from incdsl.syntax.expr import (
    Arg as Arg,
    Arithmetic as Arithmetic,
    Boolean as Boolean,
    Comparison as Comparison,
    Expr as Expr,
    InChannels as InChannels,
    Junction as Junction,
    List as List,
    Negative as Negative,
    Nested as Nested,
    Number as Number,
    Test as Test,
    Tree as Tree,
    Value as Value,
    Variable as Variable,
    Word as Word,
)

# Steps


@dataclass(frozen=True, slots=True)
class Label(Tree):
    """`Mixed_5b:` or `features.3:`; a trailing `..` counts up over a repetition."""

    parts: tuple[str, ...]
    counts: bool

    @property
    def text(self) -> str:
        """The path as written."""
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Padding(Tree):
    """`valid`, `same`, `half`, or `pad` with an amount per axis."""

    word: str
    amount: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Kernel(Tree):
    """`3x3`, height first."""

    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Factor(Tree):
    """One part of a factorized kernel: `1x7 @192`."""

    kernel: Kernel
    width: Expr | None


@dataclass(frozen=True, slots=True)
class Factors(Tree):
    """`as 1x7, 7x1` or, in parallel, `as { | 1x3 | 3x1 }`."""

    parallel: bool
    items: tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class Call(Tree):
    """A use of an op, a unit or a block, with its sigils and settings."""

    name: str
    name_span: Span
    kernel: Kernel | None = None
    stride: Kernel | Expr | None = None
    width: Expr | None = None
    padding: Padding | None = None
    ceil: Span | None = None
    number: Number | None = None
    args: tuple[Arg, ...] = ()
    factors: Factors | None = None


@dataclass(frozen=True, slots=True)
class BlockInput(Tree):
    """`in` as a step: what flows into the block."""


@dataclass(frozen=True, slots=True)
class Group(Tree):
    """A chain in parentheses."""

    pipe: Pipe


@dataclass(frozen=True, slots=True)
class RailsFor(Tree):
    """`for k in kernels:` before a rail."""

    names: tuple[str, ...]
    rows: Value


@dataclass(frozen=True, slots=True)
class Only(Tree):
    """`if test:` before a rail."""

    test: Test


@dataclass(frozen=True, slots=True)
class Rail(Tree):
    """One parallel branch of a merge."""

    guard: RailsFor | Only | None
    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Merge(Tree):
    """`concat { | … | … }` and its siblings."""

    word: str
    word_span: Span
    args: tuple[Arg, ...]
    rails: tuple[Rail, ...]


Atom = Call | BlockInput | Group | Merge


@dataclass(frozen=True, slots=True)
class Times(Tree):
    """`times n`."""

    count: Expr


@dataclass(frozen=True, slots=True)
class Each(Tree):
    """`for w in [128, 160]`."""

    names: tuple[str, ...]
    rows: Value


@dataclass(frozen=True, slots=True)
class When(Tree):
    """`if test`, else identity."""

    test: Test


@dataclass(frozen=True, slots=True)
class Step(Tree):
    """One link of a chain."""

    labels: tuple[Label, ...]
    atom: Atom
    repeat: Times | Each | When | None = None
    shape: Dims | None = None


@dataclass(frozen=True, slots=True)
class Dims(Tree):
    """`[C, H, W]` of an input or an assertion; `_` stands for any extent in an assertion."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Pipe(Tree):
    """`step -> step -> …`."""

    steps: tuple[Step, ...]


# Definitions


@dataclass(frozen=True, slots=True)
class Name(Tree):
    """A name where it is bound."""

    text: str


@dataclass(frozen=True, slots=True)
class Param(Tree):
    """A parameter, with its default if it has one."""

    name: str
    default: Value | None


@dataclass(frozen=True, slots=True)
class Bind(Tree):
    """`name = chain`."""

    names: tuple[Name, ...]
    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Output(Tree):
    """`output name = chain`."""

    names: tuple[Name, ...]
    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Aux(Tree):
    """`aux name (weight: w) = chain`, a head that only training sees."""

    name: Name
    args: tuple[Arg, ...]
    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Input(Tree):
    """`input name [C, H, W]`."""

    name: Name
    dims: Dims


@dataclass(frozen=True, slots=True)
class Expect(Tree):
    """`expect params = 27_161_264`."""

    fact: Name
    value: Expr | Text


@dataclass(frozen=True, slots=True)
class Text(Tree):
    """A string."""

    value: str


@dataclass(frozen=True, slots=True)
class Unit(Tree):
    """`unit name = chain`."""

    name: Name
    pipe: Pipe
    comments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block(Tree):
    """`block Name(params) = chain` or with a body of bound values and one output."""

    name: Name
    params: tuple[Param, ...]
    items: tuple[Bind | Output, ...]
    pipe: Pipe | None
    comments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Override(Tree):
    """`Mixed_7c.branch_pool: chain` of a variant: what stands in place of a rail or step."""

    path: str
    path_span: Span
    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Without(Tree):
    """`without AuxLogits` of a variant."""

    name: Name


@dataclass(frozen=True, slots=True)
class Variant(Tree):
    """`Base(args) with { … }`: the net that is varied, and what is different."""

    base: Name
    args: tuple[Arg, ...]
    changes: tuple[Override | Unit | Without, ...]
    facts: tuple[Expect, ...]


@dataclass(frozen=True, slots=True)
class Net(Tree):
    """`net Name(params) { … }`, or `net Name(params) = Base(args) with { … }`; then its items are its own facts."""

    name: Name
    params: tuple[Param, ...]
    items: tuple[Input | Output | Aux | Expect | Bind, ...]
    comments: tuple[str, ...]
    variant: Variant | None = None


@dataclass(frozen=True, slots=True)
class Used(Tree):
    """`conv as plain` in an import: what the other file calls it, and what this one does."""

    name: Name
    own: Name


@dataclass(frozen=True, slots=True)
class Import(Tree):
    """`from "modules.inc" use InceptionA, conv as plain`."""

    file: Text
    names: tuple[Used, ...]


@dataclass(frozen=True, slots=True)
class File(Tree):
    """A whole spec."""

    edition: int
    edition_span: Span
    units: tuple[Unit, ...]
    blocks: tuple[Block, ...]
    nets: tuple[Net, ...]
    header: tuple[str, ...]
    """The comment lines between the edition line and the first definition, if a blank line or nothing follows them."""
    imports: tuple[Import, ...] = ()

    @property
    def definitions(self) -> tuple[Unit | Block | Net, ...]:
        """All that it defines."""
        return (*self.units, *self.blocks, *self.nets)
