"""Layers of either side: tensors that belong together, with shapes in PyTorch's layout and a signature to compare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

from incdsl.ops.base import Sizes

Role = Literal["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
Layout = Literal["torch", "tensorflow", "depthwise"]
Part = Literal["", "depthwise", "norm", "unknown"]
"""Which of the layers that share a path: a convolution beside its norm, a depthwise one beside its pointwise one."""
Path: TypeAlias = tuple[str, ...]
Word: TypeAlias = tuple[Role, Layout, Part]
"""What the last word of a name says."""

_WORDS: dict[str, Word] = {
    "weight": ("weight", "torch", ""),
    "bias": ("bias", "torch", ""),
    "running_mean": ("running_mean", "torch", "norm"),
    "running_var": ("running_var", "torch", "norm"),
    "num_batches_tracked": ("num_batches_tracked", "torch", "norm"),
    "weights": ("weight", "tensorflow", ""),
    "kernel": ("weight", "tensorflow", ""),
    "pointwise_weights": ("weight", "tensorflow", ""),
    "pointwise_kernel": ("weight", "tensorflow", ""),
    "depthwise_weights": ("weight", "depthwise", "depthwise"),
    "depthwise_kernel": ("weight", "depthwise", "depthwise"),
    "biases": ("bias", "tensorflow", ""),
    "gamma": ("weight", "tensorflow", "norm"),
    "beta": ("bias", "tensorflow", "norm"),
    "moving_mean": ("running_mean", "tensorflow", "norm"),
    "moving_variance": ("running_var", "tensorflow", "norm"),
}
"""Last words of names: whose tensor it is, and in which layout a weight is stored."""
SEPARATORS = re.compile(r"([./]|-(?=[0-9]+[./]))")
"""What stands between the parts of a name; torchvision's RegNets number blocks with a dash: `block1-0`."""
_UNKNOWN: Word = ("weight", "torch", "unknown")


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor in the file: its name, its shape there, and how that is to be read."""

    key: str
    shape: Sizes
    layout: Layout = "torch"

    @property
    def canonical(self) -> Sizes:
        """The shape in PyTorch's layout, a linear layer as a 1x1 convolution."""
        shape = self.shape
        if self.layout == "tensorflow" and len(shape) >= 2:
            shape = (*shape[:-3:-1], *shape[:-2])
        elif self.layout == "depthwise" and len(shape) == 4:
            shape = (shape[2] * shape[3], 1, *shape[:2])
        return (*shape, 1, 1) if len(shape) == 2 else shape


@dataclass(frozen=True, slots=True)
class Signature:
    """What corresponding layers have in common: what they are, and the shapes of what they hold."""

    kind: str
    shape: Sizes
    bias: bool = False

    @property
    def without_width(self) -> Signature:
        """The same for any number of outputs."""
        return Signature(self.kind, (0, *self.shape[1:]), self.bias)

    def __str__(self) -> str:
        if self.kind == "norm":
            return f"a norm over {prod(self.shape)} channels"
        shape = list(self.shape)
        if self.kind != "convolution":
            return f"a tensor {shape}"
        what = f"a linear layer {shape[:2]}" if shape[2:] == [1, 1] and self.bias else f"a convolution {shape}"
        return f"{what}{' with bias' if self.bias else ''}"


@dataclass(frozen=True, eq=False, slots=True)
class Layer:
    """Tensors by their role, and where they stand in the hierarchy of names."""

    path: Path
    tensors: Mapping[Role, Entry]
    part: Part = ""

    @property
    def key(self) -> str:
        """The name of its first tensor."""
        return next(iter(self.tensors.values())).key

    @property
    def name(self) -> str:
        """The path as it is written, without the last word."""
        cut = max(self.key.rfind("."), self.key.rfind("/"))
        return self.key[:cut] if cut > 0 else self.key

    @property
    def signature(self) -> Signature:
        """Its shapes; whether a norm has a `weight` is left open, for some frameworks leave out a factor of 1."""
        weight, bias = self.tensors.get("weight"), "bias" in self.tensors
        if self.part == "unknown":
            weight = None
        if "running_mean" in self.tensors:
            return Signature("norm", self.tensors["running_mean"].canonical, bias)
        if weight is not None:
            kind = "convolution" if len(weight.shape) >= 2 else "vector"
            return Signature(kind, weight.canonical, bias)
        shapes = "".join(f" {role} {list(entry.shape)}" for role, entry in sorted(self.tensors.items()))
        only = next(iter(self.tensors.values()))
        return Signature(f"other{shapes}", only.shape)


def is_tensorflow(key: str) -> bool:
    """Whether the last word of a name says that a weight is stored as TensorFlow stores it."""
    return _word(SEPARATORS.split(key)[-1])[1] != "torch"


def layers(shapes: Mapping[str, Sizes]) -> list[Layer]:
    """The layers of a checkpoint, in the order of its entries; an unknown entry is a layer by itself."""
    groups: dict[tuple[Path, Part, str], dict[Role, Entry]] = {}
    paths = {key: tuple(part for part in SEPARATORS.split(key)[::2] if part) for key in shapes}
    words = {key: _word(path[-1]) if path else _UNKNOWN for key, path in paths.items()}
    words |= _pairs(shapes, paths, words)
    normed = {paths[key][:-1] for key, word in words.items() if word[2] == "norm"}
    convolved = {path[:-1] for key, path in paths.items() if path and len(shapes[key]) >= 2}
    for key, shape in shapes.items():
        path = paths[key]
        role, layout, part = words[key]
        if part == "" and path[:-1] in normed and path[:-1] not in convolved:
            part = "norm"  # PyTorch calls the factor and the offset of a norm `weight` and `bias`
        entry = Entry(key, shape, layout)
        group = groups.setdefault((path[:-1], part, ""), {})
        if part == "unknown" or role in group:
            groups[path, "unknown", key] = {role: entry}
        else:
            group[role] = entry
    return [Layer(path, tensors, part) for (path, part, _), tensors in groups.items() if tensors]


def says_nothing(last: str) -> bool:
    """Whether the last word of a name does not say what its tensor is."""
    return _word(last) is _UNKNOWN


def _word(last: str) -> Word:
    return _WORDS.get(last.removesuffix(":0"), _UNKNOWN)


def _pairs(shapes: Mapping[str, Sizes], paths: Mapping[str, Path], words: Mapping[str, Word]) -> dict[str, Word]:
    """What two tensors are that make a layer, a weight and a bias, where their last words do not say it for certain.

    The bias has as many numbers as the layer has outputs, which the weight lists first or last. Where it lists as many
    inputs, its layout is that of the others, if these have one.
    """
    below: dict[Path, list[str]] = {}
    for key, path in paths.items():
        below.setdefault(path[:-1], []).append(key)
    found: dict[str, tuple[str, Layout | None]] = {}
    for path, keys in below.items():
        bias, weight = min(keys, key=lambda key: len(shapes[key])), max(keys, key=lambda key: len(shapes[key]))
        if path and len(keys) == 2 and _open(words[weight], words[bias]) and _fit(shapes[weight], shapes[bias]):
            first, last = (shapes[weight][end] == shapes[bias][0] for end in (0, -1))
            found[weight] = bias, None if first and last else "torch" if first else "tensorflow"
    known = {layout for _, layout in found.values() if layout}
    common = known.pop() if len(known) == 1 else None
    told: dict[str, Word] = {}
    for weight, (bias, decided) in found.items():
        layout = decided or common or (words[weight][1] if words[weight] != _UNKNOWN else None)
        if layout:
            told |= {weight: ("weight", layout, ""), bias: ("bias", layout, "")}
    return told


def _open(*words: Word) -> bool:
    """Whether words leave open what the tensors of a layer are: PyTorch's own do not, nor those of norms."""
    return not any(part in ("norm", "depthwise") for _, _, part in words) and words[0] != _WORDS["weight"]


def _fit(weight: Sizes, bias: Sizes) -> bool:
    return len(weight) in (2, 4) and len(bias) == 1 and bias[0] in (weight[0], weight[-1])
