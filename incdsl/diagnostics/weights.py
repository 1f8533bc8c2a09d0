"""E7xx: what keeps the weights of a checkpoint from becoming those of a net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic

_SHOWN = 6
"""Names of a list that are told."""


def listed(names: Sequence[str]) -> str:
    """Names for a sentence; of many the first, and how many more there are."""
    told = [f"`{name if len(name) <= 120 else name[:119] + '…'}`" for name in names[:_SHOWN]]
    rest = len(names) - _SHOWN
    return ", ".join(told) + (f" and {rest:,} more" if rest > 0 else "")


@dataclass(frozen=True, kw_only=True)
class UnreadableCheckpoint(Diagnostic):
    """The file is no checkpoint that can be read safely.

    Checkpoints are `.safetensors`, `.npz` without objects, and `.pt` or `.pth` as PyTorch's `weights_only` reads them:
    a state_dict of tensors, by itself or below one of the usual names. Nothing else inside a pickle is ever loaded.
    """

    code: ClassVar[str] = "E701"
    title: ClassVar[str] = "the checkpoint cannot be read"

    file: str
    reason: str

    def message(self) -> str:
        return f"cannot read {self.file}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Unprovided(Diagnostic):
    """Layers of the net for which the checkpoint has no layer of these shapes, or too few.

    Shapes are compared in PyTorch's layout: TensorFlow's HWIO is permuted first, and a linear layer is a 1x1
    convolution. The usual reasons are another number of classes (`--set classes=1001`) and another width.
    """

    code: ClassVar[str] = "E702"
    title: ClassVar[str] = "layers of the net have no counterpart"

    layers: tuple[str, ...]
    shapes: str
    found: int
    nearest: tuple[str, ...] = ()

    def message(self) -> str:
        few = f"; of these shapes it has only {self.found}" if self.found else ""
        return f"the checkpoint has nothing for {listed(self.layers)}, {self.shapes}{few}"

    def help(self) -> str:
        return f"nearest: {', '.join(self.nearest)}" if self.nearest else ""


@dataclass(frozen=True, kw_only=True)
class Unplaced(Diagnostic):
    """Entries of the checkpoint that the net has no use for, or more of them than layers of these shapes.

    Nothing is left out silently: `--ignore PATTERN` says which entries are not wanted, and the map lists them.
    """

    code: ClassVar[str] = "E703"
    title: ClassVar[str] = "entries of the checkpoint have no place in the net"

    entries: tuple[str, ...]
    shapes: str
    wanted: int
    nearest: tuple[str, ...] = ()

    def message(self) -> str:
        few = f"; of these shapes it has only {self.wanted}" if self.wanted else ""
        return f"the net has no place for {listed(self.entries)}, {self.shapes}{few}"

    def help(self) -> str:
        ways = [f"nearest: {', '.join(self.nearest)}"] if self.nearest else []
        return "; ".join([*ways, "`--ignore PATTERN` leaves entries out"])


@dataclass(frozen=True, kw_only=True)
class HeadsAbsent(Diagnostic):
    """The checkpoint fits the net without its auxiliary heads.

    Leaving the heads out is a decision: `--without-aux` makes it, and the weights then fit the module built with
    `aux=False`.
    """

    code: ClassVar[str] = "E704"
    title: ClassVar[str] = "the checkpoint has no weights for the auxiliary heads"

    heads: tuple[str, ...]

    def message(self) -> str:
        heads = "heads" if len(self.heads) > 1 else "head"
        return f"the checkpoint has no weights for the auxiliary {heads} {listed(self.heads)}"

    def help(self) -> str:
        return "`--without-aux` leaves the heads out"


@dataclass(frozen=True, kw_only=True)
class Ambiguous(Diagnostic):
    """Several correspondences are possible, and nothing that is sure decides between them.

    A layer is matched when it is the only candidate left by shapes, by containers that can only be each other, by equal
    or consistently renamed names, and by numbers that follow the order of the steps. Likeness of names is no evidence,
    nor are names or numbers that shapes contradict, there or elsewhere. Rails run beside each other, so that numbers do
    not tell them apart; `--rails-in-order` says that they do. Or rename the entries.
    """

    code: ClassVar[str] = "E705"
    title: ClassVar[str] = "the checkpoint can be read in several ways"

    places: tuple[str, ...]
    candidates: tuple[str, ...]
    rails: bool = False

    def message(self) -> str:
        count = len(self.places)
        return f"{listed(self.places)} could each be any of the {count} {listed(self.candidates)}"

    def help(self) -> str:
        if self.rails:
            return (
                "`--rails-in-order` takes their numbers for the order in which the spec lists rails; nothing proves it"
            )
        return "they have the same shapes, and neither names nor numbers nor order tell them apart"


@dataclass(frozen=True, kw_only=True)
class BadMap(Diagnostic):
    """The map is no TOML, lacks something, or says what cannot be done: a permutation that gives another shape."""

    code: ClassVar[str] = "E706"
    title: ClassVar[str] = "the map cannot be used"

    file: str
    reason: str

    def message(self) -> str:
        return f"cannot use the map {self.file}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class ForeignMap(Diagnostic):
    """The map was made for another net or another checkpoint: its hash of all names and shapes is a different one."""

    code: ClassVar[str] = "E707"
    title: ClassVar[str] = "the map was made for something else"

    file: str
    what: str
    said: str
    seen: str

    def message(self) -> str:
        return f"{self.file} was made for another {self.what}: it says {self.said}, but here is {self.seen}"

    def help(self) -> str:
        return "`incdsl weights map` makes a map for this one"


@dataclass(frozen=True, kw_only=True)
class OutputsDiffer(Diagnostic):
    """With the converted weights the net does not compute what the source model does, so nothing is written.

    Names and shapes fit, but numbers do not: tensors may be exchanged in the checkpoint, or the spec may describe
    another network (an eps, a padding, the order of rails).
    """

    code: ClassVar[str] = "E708"
    title: ClassVar[str] = "the converted net gives other outputs"

    against: str
    reason: str

    def message(self) -> str:
        return f"the net does not agree with {self.against}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Crossing(Diagnostic):
    """A container of the checkpoint would hold a part of a block or rail of the net, and something else besides.

    Containers are evidence because they are blocks, rails, units, or parts of them, or groups of these. Where they are
    something else, such as all norms of a network apart from its convolutions, only equal names count.
    """

    code: ClassVar[str] = "E709"
    title: ClassVar[str] = "the checkpoint is not built as the net is"

    container: str
    place: str

    def message(self) -> str:
        return f"`{self.container}` would hold a part of `{self.place}`, and something else besides"

    def help(self) -> str:
        return "containers of the checkpoint that cut across those of the net are no evidence; rename the entries"


@dataclass(frozen=True, kw_only=True)
class IdlePattern(Diagnostic):
    """A pattern of `--ignore` fits no entry of the checkpoint.

    It may be misspelt, so that what it should leave out would be used. `*` stands for any letters, dots and slashes
    too.
    """

    code: ClassVar[str] = "E710"
    title: ClassVar[str] = "`--ignore` leaves nothing out"

    pattern: str
    nearest: tuple[str, ...] = ()

    def message(self) -> str:
        return f"`--ignore {self.pattern[:120]}` fits no entry of the checkpoint"

    def help(self) -> str:
        return f"nearest: {listed(self.nearest)}" if self.nearest else ""
