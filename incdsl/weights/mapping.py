"""The map: a TOML file that says for each tensor of the net where it comes from, and why; written, read and checked."""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NoReturn

from incdsl.analysis.cost import Cost
from incdsl.diagnostics import CompileError
from incdsl.diagnostics.render import printable
from incdsl.diagnostics.weights import BadMap, ForeignMap
from incdsl.ir.net import Net
from incdsl.ops.base import Sizes
from incdsl.weights.checkpoint import Checkpoint, first_line
from incdsl.weights.decisions import Decisions
from incdsl.weights.match import Correspondence, Origin
from incdsl.weights.sides import net_side, paths_of_heads

FORMAT = 1
MAX_BYTES = 1 << 24


@dataclass(frozen=True)
class Map:
    """What a map file says."""

    name: str
    keys: str
    fingerprint: str
    entry: str
    aux: bool
    unused: tuple[str, ...]
    origins: Mapping[str, Origin]


def as_toml(found: Correspondence, spec: str, net: Net, cost: Cost, checkpoint: Checkpoint) -> str:
    """The text of a map file."""
    lines = [
        f"# The weights of {net.name} from {printable(checkpoint.name)}; written by `incdsl weights map` for review.",
        "# Each tensor of the net has its entry of the checkpoint, how that is rearranged, and why it is this one.",
        f"format = {FORMAT}",
        "",
        "[spec]",
        f"name = {_text(spec)}",
        f"net = {_text(net.name)}",
        f"keys = {_text(cost.keys)}",
        f"aux = {str(bool(net.graph.heads) and not found.absent).lower()}",
        "",
        "[checkpoint]",
        f"name = {_text(checkpoint.name)}",
        f"fingerprint = {_text(checkpoint.fingerprint)}",
        *([f"entry = {_text(checkpoint.entry)}"] if checkpoint.entry else []),
        *_list("unused", found.unused),
        "",
        *_decisions(found.decisions),
        "[tensors]",
        *(f"{_text(p.key)} = {_origin(p.origin)}  # {printable(p.reason)}" for p in found.pairs),
    ]
    return "\n".join(lines) + "\n"


def _decisions(decisions: Decisions) -> Iterator[str]:
    """What the user said; that `--without-aux` was said, `aux` tells."""
    if decisions.ignore or decisions.fresh or decisions.same or decisions.rails_in_order:
        yield "[decisions]"
        yield from _list("ignore", decisions.ignore)
        yield from _list("fresh", decisions.fresh)
        same = (f"{_text(entry)} = {_text(layer)}" for entry, layer in decisions.same)
        yield f"same = {{ {', '.join(same)} }}" if decisions.same else "same = {}"
        yield f"rails_in_order = {str(decisions.rails_in_order).lower()}"
        yield ""


def _list(name: str, values: tuple[str, ...]) -> Iterator[str]:
    if not values:
        yield f"{name} = []"
        return
    yield f"{name} = ["
    yield from (f"  {_text(value)}," for value in values)
    yield "]"


def _text(value: str) -> str:
    """A TOML string; everything that is not printable is escaped."""
    escaped = "".join(
        f"\\{c}" if c in '"\\' else c if c.isprintable() else f"\\U{ord(c):08x}" for c in value
    )  # fmt: skip
    return f'"{escaped}"'


def _origin(origin: Origin) -> str:
    if origin.fresh:
        return "{ fresh = true }"
    if origin.fill is not None:
        return f"{{ fill = {origin.fill!r} }}"
    words = [f"from = {_text(origin.source)}"]
    if origin.view:
        words.append(f"view = {list(origin.view)}")
    if origin.permute:
        words.append(f"permute = {list(origin.permute)}")
    return f"{{ {', '.join(words)} }}"


def read(path: Path) -> Map:
    """The map of a file.

    Raises:
        CompileError: if it is none.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            _bad(path.name, f"it is larger than {MAX_BYTES >> 20} MiB")
        document = tomllib.loads(data.decode())
    except (OSError, ValueError, RecursionError) as error:
        _bad(path.name, first_line(error))
    reader = _Reader(path.name)
    if document.get("format") != FORMAT:
        _bad(path.name, f"its format is {document.get('format')!r}, not {FORMAT}")
    spec, checkpoint = reader.get(document, "spec", dict), reader.get(document, "checkpoint", dict)
    unused = reader.get(checkpoint, "unused", list)
    if not all(isinstance(key, str) for key in unused):
        _bad(path.name, "`unused` is a list of names")
    tensors = reader.get(document, "tensors", dict)
    return Map(
        path.name,
        reader.get(spec, "keys", str),
        reader.get(checkpoint, "fingerprint", str),
        reader.get({"entry": "", **checkpoint}, "entry", str),
        reader.get(spec, "aux", bool),
        tuple(unused),
        {key: reader.origin(key, value) for key, value in tensors.items()},
    )


def _bad(name: str, reason: str) -> NoReturn:
    raise CompileError((BadMap(span=None, file=name, reason=reason),)) from None


@dataclass(frozen=True)
class _Reader:
    file: str

    def get(self, table: Mapping[str, Any], key: str, kind: type[Any]) -> Any:
        value = table.get(key)
        if type(value) is not kind:
            _bad(self.file, f"`{key}` is missing" if value is None else f"`{key}` is no {kind.__name__}")
        return value

    def origin(self, key: str, value: Any) -> Origin:
        if not isinstance(value, dict) or not value or value.keys() - {"from", "view", "permute", "fill", "fresh"}:
            _bad(self.file, f"`{key}` has `from`, `view` and `permute`, or `fill`, or `fresh`")
        if "fresh" in value:
            if value != {"fresh": True}:
                _bad(self.file, f"`{key}`: `fresh` is true and stands alone")
            return Origin(fresh=True)
        if "fill" in value:
            fill = value["fill"]
            if len(value) > 1 or type(fill) not in (int, float) or not math.isfinite(fill):
                _bad(self.file, f"`{key}`: `fill` is a number and stands alone")
            return Origin(fill=float(fill))
        source = self.get(value, "from", str)
        if not source:
            _bad(self.file, f"`{key}`: `from` is empty")
        return Origin(source, self._sizes(value.get("view", [])), self._sizes(value.get("permute", [])))

    def _sizes(self, value: Any) -> Sizes:
        if not isinstance(value, list) or not all(type(size) is int and size >= 0 for size in value):
            _bad(self.file, f"{value!r} is not a list of sizes")
        return tuple(value)


def check(found: Map, net: Net, cost: Cost, checkpoint: Checkpoint) -> dict[str, Sizes]:
    """The tensors that the map must give, each of which it can.

    Raises:
        CompileError: if the map is for another net or checkpoint, or does not fit them.
    """
    if found.keys != cost.keys:
        raise CompileError((ForeignMap(span=None, file=found.name, what="net", said=found.keys, seen=cost.keys),))
    if found.fingerprint != checkpoint.fingerprint:
        said, seen = found.fingerprint, checkpoint.fingerprint
        raise CompileError((ForeignMap(span=None, file=found.name, what="checkpoint", said=said, seen=seen),))
    left_out = frozenset[str]() if found.aux else frozenset[str]().union(*paths_of_heads(net).values())
    wanted = {entry.key: entry.shape for layer in net_side(net, left_out).layers for entry in layer.tensors.values()}
    sources = Counter(origin.source for origin in found.origins.values() if origin.source)
    sources.update(found.unused)
    for keys, what in (
        (wanted.keys() - found.origins.keys(), "it lacks `{}`"),
        (found.origins.keys() - wanted.keys(), "the net has no `{}`"),
        (sources.keys() - checkpoint.shapes.keys(), "the checkpoint has no `{}`"),
        (checkpoint.shapes.keys() - sources.keys(), "it neither uses `{}` nor lists it as `unused`"),
        ({key for key, count in sources.items() if count > 1}, "it uses `{}` more than once"),
    ):
        if keys:
            _bad(found.name, what.format(min(keys)))
    for key, origin in found.origins.items():
        reason = _misfit(origin, checkpoint.shapes.get(origin.source, ()), wanted[key])
        if reason:
            _bad(found.name, f"`{key}`: {reason}")
    return wanted


def _misfit(origin: Origin, shape: Sizes, wanted: Sizes) -> str:
    """Why an entry cannot become a tensor of this shape; empty if it can."""
    if not origin.source:
        return ""
    viewed = origin.view or shape
    if prod(viewed) != prod(shape):
        return f"{list(shape)} cannot be viewed as {list(viewed)}"
    if origin.permute and sorted(origin.permute) != list(range(len(viewed))):
        return f"{list(origin.permute)} is not a permutation of {len(viewed)} axes"
    permuted = [viewed[axis] for axis in origin.permute] if origin.permute else list(viewed)
    return "" if _merges(permuted, wanted) else f"{list(shape)} becomes {permuted}, not {list(wanted)}"


def _merges(sizes: list[int], wanted: Sizes) -> bool:
    """Whether a shape gives another by joining neighbouring axes and by axes of 1."""
    left = [size for size in sizes if size != 1]
    for size in wanted:
        product = 1
        while product < size and left:
            product *= left.pop(0)
        if product != size:
            return False
    return not left
