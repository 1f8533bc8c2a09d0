"""What a class of the generated file is made of, before it is text: blocks, units and nets alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, Union

from incdsl.codegen.layout import Doc


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of a constructor or of `forward`, with Python source for its type and its default."""

    name: str
    type: str
    default: str = ""
    keyword_only: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.type}{f' = {self.default}' if self.default else ''}"


@dataclass(frozen=True, slots=True)
class Attribute:
    """`self.name = value`, with a remark for the reader behind it."""

    name: str
    value: Doc
    note: str = ""


@dataclass(frozen=True, slots=True)
class Size:
    """A shape: channels, and height and width of an image."""

    channels: str
    grid: tuple[str, str] | None = None


Shown: TypeAlias = tuple[Size, ...]
"""The shapes in the column behind a line of code, of one value or several."""


@dataclass(frozen=True, slots=True)
class Assign:
    """`target = value`."""

    target: str
    value: Doc
    shown: Shown = ()


@dataclass(frozen=True, slots=True)
class Return:
    """`return value`."""

    value: Doc
    shown: Shown = ()


@dataclass(frozen=True, slots=True)
class ReturnIf:
    """`if test: return value`."""

    test: Doc
    value: str


@dataclass(frozen=True, slots=True)
class Do:
    """A call whose value is not wanted."""

    call: Doc


@dataclass(frozen=True, slots=True)
class With:
    """`with context:` and the lines under it."""

    context: Doc
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """A comment above a section; what flows into the first one stands behind it, by its name."""

    text: str
    label: str = ""
    shown: Shown = ()


@dataclass(frozen=True, slots=True)
class Blank:
    """An empty line between paragraphs."""


Line: TypeAlias = Union[Assign, Return, ReturnIf, Do, "With", Header, Blank]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the tuple that a net returns, with its shape."""

    name: str
    type: str
    remark: str


@dataclass(frozen=True, slots=True)
class OutputsModel:
    """The `NamedTuple` that a net with several outputs returns."""

    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class ClassModel:
    """A class: the arguments of its constructor, its attributes, and `forward` from input ports to output ports."""

    name: str
    docstring: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    stored: tuple[Attribute, ...]
    """Arguments that `forward` needs."""
    members: tuple[Attribute, ...]
    inputs: tuple[Parameter, ...]
    returns: str
    """The type of what `forward` returns."""
    body: tuple[Line, ...]
    comments: tuple[str, ...] = ()
    constants: tuple[Attribute, ...] = ()
    """Attributes of the class itself."""
    methods: tuple[str, ...] = ()
    """Lines of further methods."""
    chained: tuple[Doc, ...] = ()
    """Of an `nn.Sequential`, its modules; it has no `forward` and no members of its own."""
    base: str = "nn.Module"
    lets: tuple[Attribute, ...] = ()
    """Variables of the constructor."""
