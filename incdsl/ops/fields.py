"""Types of settings. They keep symbolic numbers symbolic, which pydantic's own integers would not."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any

from pydantic import PlainValidator

from incdsl.ops.padding import TF_SAME, Sides
from incdsl.values import Pair, Real

LARGEST = 1 << 31
"""PyTorch keeps sizes of windows in 32-bit integers (pytorch `aten/src/ATen/native/Pool.h`)."""


def _integer(value: Any, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"needs a whole number, not {_show(value)}")  # noqa: TRY004 - pydantic reports ValueError
    if value < least:
        raise ValueError(f"must be at least {least}, not {int(value)}")
    if value >= LARGEST:
        raise ValueError(f"must be below {LARGEST:,}")
    return value


def _pair(value: Any, least: int) -> Pair:
    if isinstance(value, Pair):
        for part in value:
            _integer(part, least)
        return value
    if isinstance(value, tuple):
        if len(value) != 2:
            raise ValueError(f"needs one number, or two for height and width, not {len(value)}")
        return Pair(_integer(value[0], least), _integer(value[1], least))
    number = _integer(value, least)
    return Pair(number, number)


def _padding(value: Any) -> Pair | Sides | str:
    if isinstance(value, Sides) or value == TF_SAME:
        return value  # type: ignore[no-any-return]
    return _pair(value, 0)


def _real(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"needs a number, not {_show(value)}")  # noqa: TRY004
    if not isfinite(value):
        raise ValueError("needs a finite number")
    return value if isinstance(value, Real) else float(value)


def _positive_real(value: Any) -> float:
    number = _real(value)
    if number <= 0:
        raise ValueError(f"must be above 0, not {number!r}")
    return number


def _fraction(value: Any) -> float:
    number = _real(value)
    if not 0 <= number <= 1:
        raise ValueError(f"must be between 0 and 1, not {number!r}")
    return number


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"needs `true` or `false`, not {_show(value)}")  # noqa: TRY004
    return value


def _reals(value: Any) -> tuple[float, ...]:
    if not isinstance(value, tuple) or not value:
        raise ValueError(f"needs a list of numbers, not {_show(value)}")
    return tuple(_real(v) for v in value)


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "a list" if isinstance(value, tuple) else f"`{value}`"


Positive = Annotated[int, PlainValidator(lambda v: _integer(v, 1))]
NonNegative = Annotated[int, PlainValidator(lambda v: _integer(v, 0))]
Sizes = Annotated[Pair, PlainValidator(lambda v: _pair(v, 1))]
Amounts = Annotated[Pair, PlainValidator(lambda v: _pair(v, 0))]
Paddings = Annotated[Pair, PlainValidator(_padding)]
"""A number for each axis; while a step is elaborated also four sides, or TensorFlow's SAME, which ops apart add."""
Number = Annotated[float, PlainValidator(_real)]
PositiveNumber = Annotated[float, PlainValidator(_positive_real)]
Fraction = Annotated[float, PlainValidator(_fraction)]
Flag = Annotated[bool, PlainValidator(_flag)]
Numbers = Annotated[tuple[float, ...], PlainValidator(_reals)]
