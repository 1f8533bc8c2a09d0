"""E7xx: why a checkpoint could not be mapped or converted."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

from incdsl.diagnostics.base import CompileError, Diagnostic

_SHOWN = 6
"""How many names of a list are shown."""


def listed(names: Sequence[str]) -> str:
    """Names for a sentence: the first few, and how many more there are."""
    shown = [f"`{name if len(name) <= 120 else name[:119] + '…'}`" for name in names[:_SHOWN]]
    rest = len(names) - _SHOWN
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


@dataclass(frozen=True, kw_only=True)
class CheckpointProblem(Diagnostic):
    """A problem with a checkpoint; its advice names options as the caller writes them."""

    python: bool = False
    """Whether the caller writes Python: keywords and not flags."""

    def option(self, name: str, *values: str) -> str:
        """An option as it is typed: `--without-aux`, `--ignore 'fc.*'`, or `without_aux=True`, `ignore="fc.*"`."""
        if self.python and name == "same":
            return f"`same={json.dumps(dict([values[0].rsplit('=', 1)]), ensure_ascii=False)}`"
        if not self.python:
            return f"`{' '.join(f'--{name} {shlex.quote(value)}' for value in values) or f'--{name}'}`"
        written = [json.dumps(value, ensure_ascii=False) for value in values]
        value = f"[{', '.join(written)}]" if len(written) > 1 else next(iter(written), "True")
        return f"`{name.replace('-', '_')}={value}`"


@contextmanager
def spoken_to_python() -> Iterator[None]:
    """What is wrong with a checkpoint is told to a caller who writes Python."""
    try:
        yield
    except CompileError as error:
        told = (replace(d, python=True) if isinstance(d, CheckpointProblem) else d for d in error.diagnostics)
        raise CompileError(tuple(told)) from None


@dataclass(frozen=True, kw_only=True)
class UnreadableCheckpoint(CheckpointProblem):
    """The file is not a checkpoint that can be read safely.

    A checkpoint is a safetensors file, an archive of numpy arrays without objects, or a file that PyTorch reads with
    `weights_only`: a state_dict of tensors, alone or under one of the usual names, or where `--entry` says that it is.
    Which of these it is, its content says, whatever its suffix. Nothing else in a pickle is ever loaded.
    """

    code: ClassVar[str] = "E701"
    title: ClassVar[str] = "the checkpoint cannot be read"

    file: str
    reason: str
    entries: tuple[str, ...] = ()
    """Where in the file state_dicts are."""

    def message(self) -> str:
        return f"cannot read {self.file}: {self.reason}"

    def help(self) -> str:
        if not self.entries:
            return ""
        first, *others = self.entries
        return f"{self.option('entry', first)} takes that one{f'; others are {listed(others)}' if others else ''}"


@dataclass(frozen=True, kw_only=True)
class SeveralStateDicts(CheckpointProblem):
    """The file holds several state_dicts of the same shapes, and any of them could be meant.

    Training often keeps two: the weights themselves, and their moving average, by which a run is judged and which is
    shipped. They give different outputs, so neither is taken without being named.
    """

    code: ClassVar[str] = "E711"
    title: ClassVar[str] = "the checkpoint holds several state_dicts that fit"

    file: str
    entries: tuple[str, ...]

    def message(self) -> str:
        return f"{self.file} holds {len(self.entries)} state_dicts of the same shapes: {listed(self.entries)}"

    def help(self) -> str:
        return " or ".join(self.option("entry", name) for name in self.entries[:2]) + " takes one of them"


@dataclass(frozen=True, kw_only=True)
class Unprovided(CheckpointProblem):
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
    fresh: tuple[str, ...] = ()
    """What of it the net can begin anew: last layers."""

    def message(self) -> str:
        few = f"; it has only {self.found} of these shapes" if self.found else ""
        return f"the checkpoint has nothing for {listed(self.layers)}, {self.shapes}{few}"

    def help(self) -> str:
        ways = [f"nearest: {', '.join(self.nearest)}"] if self.nearest else []
        if self.fresh:
            them = "them" if len(self.fresh) > 1 else "it"
            ways.append(f"{self.option('fresh', *self.fresh[:_SHOWN])} leaves {them} as initialized")
        return "; ".join(ways)


@dataclass(frozen=True, kw_only=True)
class Unplaced(CheckpointProblem):
    """Some entries of the checkpoint have no layer in the net, or there are more of them than layers of these shapes.

    Nothing is left out silently. `--ignore PATTERN` leaves entries out, and the map lists them.
    """

    code: ClassVar[str] = "E703"
    title: ClassVar[str] = "entries of the checkpoint have no place in the net"

    entries: tuple[str, ...]
    shapes: str
    wanted: int
    nearest: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ("PATTERN",)
    """What leaves these entries out."""

    def message(self) -> str:
        few = f"; it has only {self.wanted} of these shapes" if self.wanted else ""
        return f"the net has no place for {listed(self.entries)}, {self.shapes}{few}"

    def help(self) -> str:
        ways = [f"nearest: {', '.join(self.nearest)}"] if self.nearest else []
        return "; ".join([*ways, f"{self.option('ignore', *self.patterns)} leaves entries out"])


@dataclass(frozen=True, kw_only=True)
class HeadsAbsent(CheckpointProblem):
    """The checkpoint fits the net, except that it has no weights for some auxiliary heads.

    `--without-aux` leaves all heads out; the weights then fit the module built with `aux=False`. `--fresh HEAD` keeps a
    head, as the module initializes it.
    """

    code: ClassVar[str] = "E704"
    title: ClassVar[str] = "the checkpoint has no weights for the auxiliary heads"

    heads: tuple[str, ...]
    paths: tuple[str, ...] = ()
    """Of these heads."""
    patterns: tuple[str, ...] = ()
    """What leaves the heads out that the checkpoint has."""

    def message(self) -> str:
        heads = "heads" if len(self.heads) > 1 else "head"
        return f"the checkpoint has no weights for the auxiliary {heads} {listed(self.heads)}"

    def help(self) -> str:
        out = [self.option("without-aux"), *([self.option("ignore", *self.patterns)] if self.patterns else [])]
        kept = f"{self.option('fresh', *self.paths)} keeps {'them' if len(self.heads) > 1 else 'it'} as initialized"
        return f"{' with '.join(out)} leaves {'all' if self.patterns else 'the'} heads out; {kept}"


@dataclass(frozen=True, kw_only=True)
class OtherWidth(CheckpointProblem):
    """The checkpoint fits the net, except that the last layers have another number of outputs, such as classes.

    `--fresh LAYER` leaves these layers as the module initializes them, and leaves out what the checkpoint has in their
    place. That is how a pretrained net is trained further on other classes. With `--set`, the net has as many outputs
    as the checkpoint.
    """

    code: ClassVar[str] = "E712"
    title: ClassVar[str] = "the last layers have another width"

    layers: tuple[str, ...]
    width: int
    found: int
    setting: str = ""
    """The parameter of the net that is this width."""

    def message(self) -> str:
        plural = len(self.layers) > 1
        return (
            f"{listed(self.layers)} {'have' if plural else 'has'} {self.width:,} outputs{' each' if plural else ''}, "
            f"and the checkpoint {self.found:,}"
        )

    def help(self) -> str:
        them = "them" if len(self.layers) > 1 else "it"
        ways = [f"{self.option('fresh', *self.layers)} leaves {them} as initialized, for other classes"]
        if self.setting:
            same = f"{self.setting}={self.found}"
            ways.append(f"`{same if self.python else f'--set {same}'}` gives the net as many outputs")
        return "; ".join(ways)


@dataclass(frozen=True, kw_only=True)
class Ambiguous(CheckpointProblem):
    """Several correspondences are possible, and no certain evidence decides between them.

    A layer is matched when only one candidate is left. Evidence is: shapes; containers that can only be each other;
    names that are equal or consistently renamed; numbers that follow the order of the steps. Similar names are not
    evidence, and neither are habits of naming that shapes contradict somewhere. Numbers do not tell parallel rails
    apart, unless `--rails-in-order` says that they do. `--same ENTRY=LAYER` says of one entry what it is.
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
            order = self.option("rails-in-order")
            return f"{order} assumes that numbers follow the order of rails in the spec; nothing proves it"
        example = self.option("same", f"{self.candidates[0]}={self.places[0]}")
        return f"neither shapes nor names nor numbers nor order tells them apart; you can, by such as {example}"


@dataclass(frozen=True, kw_only=True)
class BadMap(CheckpointProblem):
    """The map is not TOML, is incomplete, or asks for something impossible, such as a permutation to another shape."""

    code: ClassVar[str] = "E706"
    title: ClassVar[str] = "the map cannot be used"

    file: str
    reason: str

    def message(self) -> str:
        return f"cannot use the map {self.file}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class ForeignMap(CheckpointProblem):
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
class OutputsDiffer(CheckpointProblem):
    """With the converted weights the net computes something else than the source model, so nothing was written.

    Names and shapes fit, but the outputs differ. Tensors may be swapped in the checkpoint, or the spec may describe
    another network: an eps, a padding, the order of rails, a change of the images before the first layer
    (torchvision's `transform_input`).
    """

    code: ClassVar[str] = "E708"
    title: ClassVar[str] = "the converted net gives other outputs"

    against: str
    reason: str
    transforms: bool = False
    """Whether the source model says that it transforms its input."""

    def message(self) -> str:
        return f"the net does not agree with {self.against}: {self.reason}"

    def help(self) -> str:
        if not self.transforms:
            return ""
        return "its transform_input is on: specs/v3_torchvision.inc and specs/googlenet_torchvision.inc do the same"


@dataclass(frozen=True, kw_only=True)
class Crossing(CheckpointProblem):
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
class IdlePattern(CheckpointProblem):
    """A pattern of `--ignore` matches no entry of the checkpoint, or one of `--fresh` no layer of the net.

    It may be misspelt, and then what it should leave out would be used. `*` stands for any characters, including dots
    and slashes. For `--fresh`, the name of a block means all layers in it.
    """

    code: ClassVar[str] = "E710"
    title: ClassVar[str] = "a pattern matches nothing"

    name: str
    """Of the option."""
    pattern: str
    nearest: tuple[str, ...] = ()

    def message(self) -> str:
        what = "layer of the net" if self.name == "fresh" else "entry of the checkpoint"
        return f"{self.option(self.name, self.pattern[:120])} matches no {what}"

    def help(self) -> str:
        return f"nearest: {listed(self.nearest)}" if self.nearest else ""


@dataclass(frozen=True, kw_only=True)
class NotTheSame(CheckpointProblem):
    """`--same ENTRY=LAYER` says of something in the checkpoint what it is in the net, and it cannot be that.

    Both are names of layers, or of what holds layers: blocks, units and rails of the net, parts of names of the
    checkpoint. They must hold the same shapes. What is ignored or fresh cannot be the same as anything.
    """

    code: ClassVar[str] = "E713"
    title: ClassVar[str] = "what is said to be the same is not"

    entry: str
    layer: str
    reason: str
    nearest: tuple[str, ...] = ()

    def message(self) -> str:
        return f"{self.option('same', f'{self.entry[:120]}={self.layer[:120]}')}: {self.reason}"

    def help(self) -> str:
        return f"nearest: {listed(self.nearest)}" if self.nearest else ""


@dataclass(frozen=True, kw_only=True)
class OtherShape(CheckpointProblem):
    """A layer has the same name on both sides, and other shapes.

    `--fresh LAYER` leaves it as the module initializes it, and leaves out what the checkpoint has in its place. That is
    how a net that was changed, for other inputs or widths, takes over all the rest.
    """

    code: ClassVar[str] = "E714"
    title: ClassVar[str] = "a layer has other shapes in the checkpoint"

    layer: str
    wanted: str
    found: str

    def message(self) -> str:
        return f"`{self.layer}` is {self.wanted}, and in the checkpoint {self.found}"

    def help(self) -> str:
        return f"{self.option('fresh', self.layer)} leaves it as initialized"
