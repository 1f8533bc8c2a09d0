"""What flows along an edge, and the numbers it is made of."""

from incdsl.types.extent import Extent
from incdsl.types.num import Num, Pair, Real, SymbolPair, TooComplicated, expression
from incdsl.types.shape import Image, Shape, Vector

__all__ = ["Extent", "Image", "Num", "Pair", "Real", "Shape", "SymbolPair", "TooComplicated", "Vector", "expression"]
