"""The surface tree: one class for each construct of the language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from incdsl.syntax.expr import (
    Arg as Arg,
    Arithmetic as Arithmetic,
    Boolean as Boolean,
    Comparison as Comparison,
    Conditional as Conditional,
    Error as Error,
    Expr as Expr,
    InChannels as InChannels,
    Junction as Junction,
    List as List,
    Name as Name,
    Negation as Negation,
    Negative as Negative,
    Nested as Nested,
    Number as Number,
    Parenthesized as Parenthesized,
    Variable as Variable,
    Word as Word,
)
from incdsl.syntax.node import NOWHERE as NOWHERE, Tree as Tree, content as content, nodes as nodes
from incdsl.syntax.tokens import is_for_linter, own_lines

_EDITION = re.compile(r"(?:\s|#[^\n]*\n)*inc\s+\d+")

# Steps


@dataclass(eq=False, slots=True)
class Label(Tree):
    """`Mixed_5b:` or `features.3:`; a trailing `..` counts up over a repetition."""

    text: str
    counts: bool

    @property
    def names(self) -> list[str]:
        """The parts of its path."""
        return self.text.split(".")


@dataclass(eq=False, slots=True)
class Padding(Tree):
    """`valid`, `same`, `half`, `tfsame`, or `pad` with an amount per axis or with what each side gets."""

    word: str
    amount: tuple[int, int] | None = None
    sides: tuple[Arg | Error, ...] = ()


@dataclass(eq=False, slots=True)
class Kernel(Tree):
    """`3x3`, height first."""

    height: int
    width: int

    @property
    def shown(self) -> str:
        """As it is written."""
        return f"{self.height}x{self.width}"


@dataclass(eq=False, slots=True)
class Factor(Tree):
    """One part of a factorized kernel: `1x7 @192`."""

    kernel: Kernel
    width: Expr | None


@dataclass(eq=False, slots=True)
class Factors(Tree):
    """`as 1x7, 7x1` or, in parallel, `as { | 1x3 | 3x1 }`."""

    parallel: bool
    items: tuple[Factor, ...]


@dataclass(eq=False, slots=True)
class Call(Tree):
    """A use of an op, a unit, a block or a net, with its sigils and settings; or of a bound value."""

    name: Name
    kernel: Kernel | Error | None = None
    stride: Kernel | Expr | None = None
    width: Expr | None = None
    padding: Padding | None = None
    ceil: Word | None = None
    number: Number | None = None
    args: tuple[Arg | Error, ...] = ()
    factors: Factors | None = None

    @property
    def bare(self) -> bool:
        """Whether it is a name and nothing more."""
        sigils = (self.kernel, self.stride, self.width, self.padding, self.ceil, self.number, self.factors)
        return not self.args and all(each is None for each in sigils)


@dataclass(eq=False, slots=True)
class BlockInput(Tree):
    """`in` as a step: what flows into the block."""


@dataclass(eq=False, slots=True)
class Group(Tree):
    """A chain in parentheses."""

    chain: Chain


@dataclass(eq=False, slots=True)
class Bundle(Tree):
    """`(c4, c3)`: several values that flow together into a block or net of as many inputs."""

    names: tuple[Name, ...]


@dataclass(eq=False, slots=True)
class Documented(Tree):
    """What the comments above it describe."""

    @property
    def comments(self) -> tuple[str, ...]:
        """The comment lines right above it, without `#`; those right below `inc 1` are about the file."""
        return tuple(text for _, text in self.lines_above if not is_for_linter(text))

    @property
    def lines_above(self) -> tuple[tuple[int, str], ...]:
        """These lines with their numbers, and with those that are for the linter."""
        first = self.first_token
        if first is None:
            return ()
        known, line = dict(own_lines(first)), first.line - 1
        while line in known:
            line -= 1
        above = first.source.text.count("\n", 0, first.before) + 1
        about_file = line == above and _EDITION.fullmatch(first.source.text, 0, first.before)
        return () if about_file else tuple((each, known[each]) for each in range(line + 1, first.line))


@dataclass(eq=False, slots=True)
class Rail(Documented):
    """One parallel branch of a merge; `for`, `if` or `else` governs it, if anything does."""

    guard: Each | When | Else | None
    chain: Chain


@dataclass(eq=False, slots=True)
class Merge(Tree):
    """`concat { | … | … }` and its siblings."""

    word: Name
    args: tuple[Arg | Error, ...]
    rails: tuple[Rail, ...]


Atom = Call | BlockInput | Group | Bundle | Merge | Error


@dataclass(eq=False, slots=True)
class Times(Tree):
    """`times n`."""

    count: Expr


@dataclass(eq=False, slots=True)
class Each(Tree):
    """`for w in [128, 160]`."""

    names: tuple[Name, ...]
    rows: Expr


@dataclass(eq=False, slots=True)
class When(Tree):
    """`if test`, else the other step, or identity."""

    test: Expr
    other: Step | None = None


@dataclass(eq=False, slots=True)
class Else(Tree):
    """`else:` or `else if test:` in front of a rail, behind one with `if`."""

    test: Expr | None


@dataclass(eq=False, slots=True)
class Step(Tree):
    """One link of a chain."""

    labels: tuple[Label, ...]
    atom: Atom
    repeat: Times | Each | When | None = None
    shape: Dims | None = None


@dataclass(eq=False, slots=True)
class Dims(Tree):
    """`[C, H, W]` of an input or an assertion; `_` stands for any extent in an assertion."""

    items: tuple[Expr, ...]


@dataclass(eq=False, slots=True)
class Chain(Tree):
    """`step -> step -> …`."""

    steps: tuple[Step, ...]


# Definitions


@dataclass(eq=False, slots=True)
class Words(Tree):
    """`plain | bottleneck`: the words that a parameter may be, the first of them its default."""

    names: tuple[Name, ...]


@dataclass(eq=False, slots=True)
class Let(Tree):
    """`let hidden = in // 4`: a name for a number or another setting."""

    name: Name
    value: Expr


@dataclass(eq=False, slots=True)
class Param(Tree):
    """A parameter, with its default if it has one."""

    name: Name
    default: Expr | Words | None

    @property
    def words(self) -> tuple[str, ...]:
        """The words that it may be, if it is one."""
        return tuple([name.text for name in self.default.names]) if isinstance(self.default, Words) else ()


@dataclass(eq=False, slots=True)
class Bind(Documented):
    """`name = chain`."""

    names: tuple[Name, ...]
    chain: Chain


@dataclass(eq=False, slots=True)
class Output(Documented):
    """`output name = chain`."""

    names: tuple[Name, ...]
    chain: Chain


@dataclass(eq=False, slots=True)
class Aux(Documented):
    """`aux name (weight: w) = chain`, a head that only training sees."""

    name: Name
    args: tuple[Arg | Error, ...]
    chain: Chain


@dataclass(eq=False, slots=True)
class Input(Tree):
    """`input name [C, H, W]` of a net."""

    name: Name
    dims: Dims


@dataclass(eq=False, slots=True)
class Inputs(Tree):
    """`input low, high` of a block."""

    names: tuple[Name, ...]


@dataclass(eq=False, slots=True)
class Expect(Tree):
    """`expect params = 27_161_264`."""

    fact: Name
    value: Expr | Text


@dataclass(eq=False, slots=True)
class Text(Tree):
    """A string."""

    value: str


@dataclass(eq=False, slots=True)
class Unit(Documented):
    """`unit name(params) = chain`."""

    name: Name
    params: tuple[Param, ...]
    chain: Chain


@dataclass(eq=False, slots=True)
class Block(Documented):
    """`block Name(params) = chain`, or with a body of inputs, bound values and outputs."""

    name: Name
    params: tuple[Param, ...]
    items: tuple[Inputs | Let | Bind | Output | Error, ...]
    chain: Chain | None


@dataclass(eq=False, slots=True)
class Override(Tree):
    """`Mixed_7c.branch_pool: chain` of a variant: what replaces a rail or step."""

    path: Name
    chain: Chain


@dataclass(eq=False, slots=True)
class Without(Tree):
    """`without AuxLogits` of a variant: a head or an output that it leaves out."""

    name: Name


@dataclass(eq=False, slots=True)
class Variant(Tree):
    """`Base(args) with { … }`: the net that is varied, and what is different."""

    base: Name
    args: tuple[Arg | Error, ...]
    items: tuple[Override | Unit | Without | Input | Output | Expect | Error, ...]


@dataclass(eq=False, slots=True)
class Net(Documented):
    """`net Name(params) { … }`, or `net Name(params) = Base(args) with { … }`, which has no items of its own."""

    name: Name
    params: tuple[Param, ...]
    items: tuple[Input | Output | Aux | Expect | Let | Bind | Error, ...]
    variant: Variant | None = None

    @property
    def facts(self) -> Iterator[Expect]:
        """What it states of itself."""
        items = self.variant.items if self.variant else self.items
        return (item for item in items if isinstance(item, Expect))


Definition = Unit | Block | Net


@dataclass(eq=False, slots=True)
class Used(Tree):
    """`conv as plain` in an import: what the other file calls it, and what this one does."""

    name: Name
    own: Name


@dataclass(eq=False, slots=True)
class Import(Tree):
    """`from "modules.inc" use InceptionA, conv as plain`."""

    file: Text
    names: tuple[Used, ...]


@dataclass(eq=False, slots=True)
class Edition(Tree):
    """`inc 1`."""

    number: int


@dataclass(eq=False, slots=True)
class File(Tree):
    """A whole spec: its items in the order in which they were written."""

    edition: Edition | None
    items: tuple[Import | Definition | Error, ...]

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """All that it defines."""
        return tuple(item for item in self.items if isinstance(item, Unit | Block | Net))

    @property
    def imports(self) -> tuple[Import, ...]:
        """All that it imports."""
        return tuple(item for item in self.items if isinstance(item, Import))

    @property
    def nets(self) -> tuple[Net, ...]:
        """The nets that it defines."""
        return tuple(item for item in self.items if isinstance(item, Net))

    @property
    def header(self) -> tuple[str, ...]:
        """The comment lines before the first item that are not about this one, without `#`."""
        first = self.items[0] if self.items else None
        tokens = (self.edition.first_token if self.edition else None, first.first_token if first else self.last_token)
        lines = [text for token in tokens if token for _, text in own_lines(token)]
        own = len(first.lines_above) if isinstance(first, Documented) else 0
        return tuple(text for text in lines[: len(lines) - own] if not is_for_linter(text))
