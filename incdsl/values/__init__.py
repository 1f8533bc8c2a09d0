"""What flows along an edge, and the numbers it is made of."""

from incdsl.values.extent import Extent
from incdsl.values.num import Num, Pair, Real, SymbolPair, TooComplicated, expression
from incdsl.values.shape import Image, Shape, Vector

__all__ = ["Extent", "Image", "Num", "Pair", "Real", "Shape", "SymbolPair", "TooComplicated", "Vector", "expression"]
