"""What a module for a GPU carries along, and how its file says so."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from incdsl.resources import carried

DTYPES = {"bf16": "torch.bfloat16", "fp16": "torch.float16", "fp32": "torch.float32"}
"""Types of the weights, by what the command line calls them."""
BASE = "GraphedModule"
KERNELS = "incdsl_kernels"
"""The module of Triton kernels that a file may import."""
_FILES = {"Fork": "fork", BASE: "graphed"}
_DEFINED = {"Fork": ("Fork",), BASE: (BASE, "Graph", "LOCK")}
_FOR_KERNELS = ("UseKernels", "UseProducts", "SplitStores", "WriteRanges")
_STANDARD = {
    "threading": "import threading",
    "warnings": "import warnings",
    "nullcontext": "from contextlib import AbstractContextManager, nullcontext",
}
"""Imports from the standard library, by a name that needs them."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """The form of a module for a GPU.

    It has the type of the weights, on how many streams rails run at most, whether its calls are CUDA graphs, and
    whether it uses Triton kernels, which stand in a file of their own beside it.
    """

    dtype: str = "bf16"
    streams: int = 4
    graphs: bool = True
    kernels: bool = False
    ways: tuple[tuple[str, str], ...] = ()
    """How layers were measured to be fastest, by their paths."""

    @property
    def rules(self) -> frozenset[str]:
        """Rules that run for it, though they do not by default."""
        return frozenset({"FuseConvs", *(_FOR_KERNELS if self.kernels else ())})

    @property
    def base(self) -> str:
        """The class that the net's is derived from."""
        return BASE if self.graphs else "nn.Module"


def reserved() -> frozenset[str]:
    """Names that such a file defines besides its classes."""
    return frozenset(name for names in _DEFINED.values() for name in names)


def helpers(code: str) -> list[str]:
    """The texts of what some code needs, each as lines of a file without its imports."""
    return [_body(file) for name, file in _FILES.items() if f"{name}(" in code or f"({name})" in code]


def imports(code: str) -> Iterable[str]:
    """Imports from the standard library that some code needs."""
    return [line for name, line in _STANDARD.items() if f"{name}" in code]


def kernels() -> str:
    """The file of the kernels, to be written beside a module that imports it."""
    return carried("kernels")


@cache
def _body(file: str) -> str:
    """A carried file from behind its last import."""
    text = carried(file)
    last = max(node.end_lineno or 0 for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom))
    return "\n".join(text.split("\n")[last:]).strip("\n")
