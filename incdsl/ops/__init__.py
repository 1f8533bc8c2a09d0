"""The ops of edition 1, by the word that a spec uses."""

from incdsl.ops import activation, dense, merge, norm, window
from incdsl.ops.base import REGISTRY, Demand, Op, ShapeError, Sigil, Sizes, Tensor, Window
from incdsl.ops.plugins import find

__all__ = [
    "REGISTRY",
    "Demand",
    "Op",
    "ShapeError",
    "Sigil",
    "Sizes",
    "Tensor",
    "Window",
    "activation",
    "dense",
    "find",
    "merge",
    "norm",
    "window",
]
