"""What a module for a CPU has beside it: the kernel that its convolutions call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from incdsl.ir.net import Net
from incdsl.ops.cpu import WinogradConv2d
from incdsl.resources import package_texts

KERNEL = "incdsl_winograd"
"""The package that a file imports its convolutions from."""
LAYER = WinogradConv2d.__name__
_CARRIED = {
    "winograd": ("axis", "scheme"),
    "runtime/kernels": ("blocking", "build", "convolve", "layer", "library", "matrices", "weights", "winograd.cpp"),
}
"""Modules of this package that make up that one."""
_NAMES = re.compile(r"\bincdsl\.(?:winograd|runtime\.kernels)\b")
_INIT = f'''"""Convolutions with fewer multiplications, which a module made by `incdsl deploy --device cpu` calls."""

from {KERNEL}.layer import {LAYER}

__all__ = ["{LAYER}"]
'''


@dataclass(frozen=True, slots=True)
class Cpu:
    """The form of a module for a CPU: Winograd convolutions where they promise to be faster, oneDNN for the others.

    `higher_order` allows schemes that lose more digits; `batch` is how many images at a time schemes are chosen for.
    """

    higher_order: bool = False
    batch: int = 1
    ways: tuple[tuple[str, str], ...] = ()
    """By what scheme layers were measured to be fastest, or that none is, by their paths."""

    @property
    def rules(self) -> frozenset[str]:
        """Rules that run for it, though they do not by default."""
        return frozenset({"UseWinograd", "PackConvs"})

    @property
    def base(self) -> str:
        """The class that the net's is derived from."""
        return "nn.Module"


def facts(net: Net, params: int) -> Iterator[str]:
    """What the head of a file says: which convolutions, what becomes of the weights, how far roundings go."""
    graph, shapes = net.graph, net.graph.shapes()
    more, bounds = 0, []
    for node in graph:
        if isinstance(node.op, WinogradConv2d):
            shape = shapes[graph.operands(node.name)[0]]
            more += node.op.constants(shape)
            bounds.append(node.op.bound(shape))
    before, now = (f"{numbers * 4 / 1e6:.1f} MB" for numbers in (params, params + more))
    count = f"{len(bounds)} convolutions by Winograd's schemes"
    yield f"for a CPU: {count}, in float32; weights of {before} are read as {now}"
    if bounds:
        theirs, plain = (max(each) for each in zip(*bounds, strict=True))
        yield f"a layer rounds by at most {theirs:.0e} of the sum of its absolute products, {plain:.0e} without schemes"


def kernel() -> dict[str, str]:
    """The files of the kernel, by their paths beside the module: those that run here, under another name."""
    files = {name: text for folder, names in _CARRIED.items() for name, text in package_texts(folder, names).items()}
    return {f"{KERNEL}/__init__.py": _INIT} | {
        f"{KERNEL}/{name}": _NAMES.sub(KERNEL, text) for name, text in files.items()
    }
