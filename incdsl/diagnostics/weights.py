"""E7xx: why a checkpoint could not be mapped or converted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic

_SHOWN = 6
"""How many names of a list are shown."""


def listed(names: Sequence[str]) -> str:
    """Names for a sentence: the first few, and how many more there are."""
    shown = [f"`{name if len(name) <= 120 else name[:119] + '…'}`" for name in names[:_SHOWN]]
    rest = len(names) - _SHOWN
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


@dataclass(frozen=True, kw_only=True)
class UnreadableCheckpoint(Diagnostic):
    """The file is not a checkpoint that can be read safely.

    A checkpoint is a `.safetensors` file, an `.npz` file without objects, or a `.pt` or `.pth` file that PyTorch reads
    with `weights_only`: a state_dict of tensors, alone or under one of the usual names. Nothing else in a pickle is
    ever loaded.
    """

    code: ClassVar[str] = "E701"
    title: ClassVar[str] = "the checkpoint cannot be read"

    file: str
    reason: str

    def message(self) -> str:
        return f"cannot read {self.file}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Unprovided(Diagnostic):
    """For some layers of the net the checkpoint has no layer of the same shapes, or too few.

    Shapes are compared in PyTorch's layout: TensorFlow's HWIO is permuted first, and a linear layer counts as a 1x1
    convolution. Usually the number of classes (`--set classes=1001`) or a width differs.
    """

    code: ClassVar[str] = "E702"
    title: ClassVar[str] = "layers of the net have no counterpart"

    layers: tuple[str, ...]
    shapes: str
    found: int
    nearest: tuple[str, ...] = ()

    def message(self) -> str:
        few = f"; it has only {self.found} of these shapes" if self.found else ""
        return f"the checkpoint has nothing for {listed(self.layers)}, {self.shapes}{few}"

    def help(self) -> str:
        return f"nearest: {', '.join(self.nearest)}" if self.nearest else ""


@dataclass(frozen=True, kw_only=True)
class Unplaced(Diagnostic):
    """Some entries of the checkpoint have no layer in the net, or there are more of them than layers of these shapes.

    Nothing is left out silently. `--ignore PATTERN` leaves entries out, and the map lists them.
    """

    code: ClassVar[str] = "E703"
    title: ClassVar[str] = "entries of the checkpoint have no place in the net"

    entries: tuple[str, ...]
    shapes: str
    wanted: int
    nearest: tuple[str, ...] = ()

    def message(self) -> str:
        few = f"; it has only {self.wanted} of these shapes" if self.wanted else ""
        return f"the net has no place for {listed(self.entries)}, {self.shapes}{few}"

    def help(self) -> str:
        ways = [f"nearest: {', '.join(self.nearest)}"] if self.nearest else []
        return "; ".join([*ways, "`--ignore PATTERN` leaves entries out"])


@dataclass(frozen=True, kw_only=True)
class HeadsAbsent(Diagnostic):
    """The checkpoint fits the net, except that it has no weights for the auxiliary heads.

    `--without-aux` leaves the heads out; the weights then fit the module built with `aux=False`.
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
    """Several correspondences are possible, and no certain evidence decides between them.

    A layer is matched when only one candidate is left. Evidence is: shapes; containers that can only be each other;
    names that are equal or consistently renamed; numbers that follow the order of the steps. Similar names are not
    evidence, and neither are habits of naming that shapes contradict somewhere. Numbers do not tell parallel rails
    apart, unless `--rails-in-order` says that they do. Renaming the entries helps, too.
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
            return "`--rails-in-order` assumes that numbers follow the order of rails in the spec; nothing proves it"
        return "they have the same shapes, and neither names nor numbers nor order tells them apart"


@dataclass(frozen=True, kw_only=True)
class BadMap(Diagnostic):
    """The map is not TOML, is incomplete, or asks for something impossible, such as a permutation to another shape."""

    code: ClassVar[str] = "E706"
    title: ClassVar[str] = "the map cannot be used"

    file: str
    reason: str

    def message(self) -> str:
        return f"cannot use the map {self.file}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class ForeignMap(Diagnostic):
    """The map was made for another net or another checkpoint: its hash of all names and shapes differs."""

    code: ClassVar[str] = "E707"
    title: ClassVar[str] = "the map was made for something else"

    file: str
    what: str
    said: str
    seen: str

    def message(self) -> str:
        return f"{self.file} was made for another {self.what}: it says {self.said}, but this one is {self.seen}"

    def help(self) -> str:
        return "`incdsl weights map` makes a map for this one"


@dataclass(frozen=True, kw_only=True)
class OutputsDiffer(Diagnostic):
    """With the converted weights the net computes something else than the source model, so nothing was written.

    Names and shapes fit, but the outputs differ. Tensors may be swapped in the checkpoint, or the spec may describe
    another network: an eps, a padding, the order of rails.
    """

    code: ClassVar[str] = "E708"
    title: ClassVar[str] = "the converted net gives other outputs"

    against: str
    reason: str

    def message(self) -> str:
        return f"the net does not agree with {self.against}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Crossing(Diagnostic):
    """A container of the checkpoint would hold one part of a block or rail of the net, and something from outside it.

    Containers are evidence as long as they correspond to blocks, rails, units, their parts, or groups of these. If they
    are something else, such as one container for all norms of a network, only equal names count.
    """

    code: ClassVar[str] = "E709"
    title: ClassVar[str] = "the checkpoint is not built as the net is"

    container: str
    place: str

    def message(self) -> str:
        return f"`{self.container}` would hold one part of `{self.place}`, and something from outside it"

    def help(self) -> str:
        return "containers that cut across those of the net are not evidence; rename the entries"


@dataclass(frozen=True, kw_only=True)
class IdlePattern(Diagnostic):
    """A pattern of `--ignore` matches no entry of the checkpoint.

    It may be misspelt, and then what it should leave out would be used. `*` stands for any characters, including dots
    and slashes.
    """

    code: ClassVar[str] = "E710"
    title: ClassVar[str] = "`--ignore` leaves nothing out"

    pattern: str
    nearest: tuple[str, ...] = ()

    def message(self) -> str:
        return f"`--ignore {self.pattern[:120]}` matches no entry of the checkpoint"

    def help(self) -> str:
        return f"nearest: {listed(self.nearest)}" if self.nearest else ""
