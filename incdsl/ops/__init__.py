"""The ops of edition 1, by the word that a spec uses."""

from incdsl.ops import activation, dense, frame, gain, merge, norm, resize, shuffle, transposed, window
from incdsl.ops.base import REGISTRY, Demand, Kind, Op, ShapeError, Sigil, Sizes, Tensor
from incdsl.ops.padding import PaddingError
from incdsl.ops.plugins import find
from incdsl.ops.sweep import EVERYTHING, Reach, Sweep, Window

__all__ = [
    "EVERYTHING",
    "REGISTRY",
    "Demand",
    "Kind",
    "Op",
    "PaddingError",
    "Reach",
    "ShapeError",
    "Sigil",
    "Sizes",
    "Sweep",
    "Tensor",
    "Window",
    "activation",
    "dense",
    "find",
    "frame",
    "gain",
    "merge",
    "norm",
    "resize",
    "shuffle",
    "transposed",
    "window",
]
