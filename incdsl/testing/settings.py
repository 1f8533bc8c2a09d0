"""Settings of an op, drawn from its fields for what flows in, and how a step writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import PlainValidator
from pydantic.fields import FieldInfo

from incdsl.elaborate.scope import UNKNOWN, Problem
from incdsl.elaborate.settings import Settings, build, resolve_padding
from incdsl.ops import Op, ShapeError, fields
from incdsl.ops.padding import TF_SAME, Sides
from incdsl.syntax import tree
from incdsl.syntax.node import NOWHERE
from incdsl.testing import spelling
from incdsl.testing.choices import Choices
from incdsl.values import Image, Pair, Shape

_PADDINGS = ("valid", "half", "same", "tfsame")
_NUMBERS = (1.0, 0.5, 2.0, 0.1, 1e-3, -0.5)


class Illegal(Exception):
    """A setting or a shape that the compiler refuses."""


# Drawing


def draw_settings(choices: Choices, op: type[Op], inputs: Sequence[Shape], near: bool = False) -> dict[str, Any]:
    """Values for the fields of an op: legal ones mostly, or with `near` also what only just is not.

    An op decides itself where it has a class method `draw(choices, *inputs)`. Fields with a default are often left out.
    """
    own = getattr(op, "draw", None)
    if own is not None:
        return dict(own(choices, *inputs))
    drawn: dict[str, Any] = {}
    for name, field in op.model_fields.items():
        if field.is_required() or choices.chance(40):
            drawn[name] = _drawn(choices, op, name, field, inputs[0], near)
    if not near and drawn.get("groups", 1) > 1 and "width" in drawn:
        drawn["width"] = drawn["groups"] * choices.number(1, 2)
    if not near and "output_padding" in drawn:
        numbers = drawn["output_padding"], drawn.get("stride", (1, 1)), drawn.get("dilation", (1, 1))
        drawn["output_padding"] = Pair(*(min(p, max(s, d) - 1) for p, s, d in zip(*numbers, strict=True)))
    return drawn


def kind_of(field: FieldInfo) -> str:
    """Which of the types of settings a field has; empty for a type of its own."""
    optional = (part for part in get_args(field.annotation) if part is not NoneType)
    for mark in (*field.metadata, *(mark for part in optional for mark in getattr(part, "__metadata__", ()))):
        if isinstance(mark, PlainValidator) and mark.func in _KINDS:
            return _KINDS[mark.func]
    return {int: "Positive", float: "Number", bool: "Flag"}.get(field.annotation, "")  # type: ignore[arg-type]


def _drawn(choices: Choices, op: type[Op], name: str, field: FieldInfo, shape: Shape, near: bool) -> Any:
    if get_origin(field.annotation) is Literal:
        return choices.pick(get_args(field.annotation))
    channels = int(shape.channels)
    match kind_of(field):
        case "Positive":
            return _positive(choices, name, channels, near)
        case "NonNegative":
            return choices.number(0, channels if near else max(0, channels // 2))
        case "Sizes":
            return _pair(choices, 1, {"kernel": 4, "size": 4}.get(name, 2))
        case "Amounts" | "Paddings":
            return (
                _padding(choices, op, near) if op.sigils.get("padding") == name else _pair(choices, 0, 3 if near else 1)
            )
        case "Number":
            return choices.pick(_NUMBERS[:-1] if op.word == "lrn" else _NUMBERS)  # a negative base has no power
        case "PositiveNumber":
            return choices.pick(_NUMBERS[:-1])
        case "Fraction":
            return choices.pick((0.5, 0.1, 0.0, 1.0))
        case "Flag":
            return choices.chance(50)
        case "Numbers":
            count = channels + (choices.number(-1, 1) if near else 0)
            return tuple(choices.pick(_NUMBERS) for _ in range(max(1, count)))
    raise TypeError(f"no way to draw `{name}` of `{op.word}`: give the op a class method `draw(choices, *inputs)`")


def _positive(choices: Choices, name: str, channels: int, near: bool) -> int:
    if near and choices.chance(30):
        return choices.number(1, channels + 1)
    if name == "stop":
        return choices.number(1, channels)
    if name == "slopes":
        return choices.pick((1, channels))
    if name in ("groups", "across"):
        return choices.pick([n for n in range(1, channels + 1) if channels % n == 0])
    if name == "width":
        return channels if choices.chance(35) else choices.number(1, 8)
    return choices.number(1, 3)


def _pair(choices: Choices, least: int, most: int) -> Pair:
    first = choices.number(least, most)
    return Pair(first, choices.number(least, most) if choices.chance(25) else first)


def _padding(choices: Choices, op: type[Op], near: bool) -> Any:
    if not near and choices.chance(70):
        return choices.pick(_PADDINGS)
    if choices.chance(25):
        return Sides(*(choices.number(0, 1 if op.kind == "pool" else 2) for _ in Sides._fields)).alike()
    return _pair(choices, 0, 1 if op.kind == "pool" and not near else 3)


_KINDS: dict[Callable[..., Any], str] = {
    get_args(getattr(fields, name))[1].func: name
    for name in (
        "Positive", "NonNegative", "Sizes", "Amounts", "Paddings",
        "Number", "PositiveNumber", "Fraction", "Flag", "Numbers",
    )
}  # fmt: skip


# What the compiler says of them


def built(op: type[Op], settings: dict[str, Any]) -> Op:
    """The op that a step with these settings becomes. Raises `Illegal`."""
    written = Settings(values=dict(settings), sizes=dict.fromkeys(op.sized_by, UNKNOWN))
    try:
        resolve_padding(op, written, op.word, NOWHERE)
        return build(op, written, op.word, NOWHERE)
    except Problem as problem:
        raise Illegal(problem.diagnostic.message()) from None


def result(op: Op, inputs: Sequence[Shape], sizes: dict[str, int]) -> Shape:
    """What comes out for these sizes of the input's axes. Raises `Illegal`."""
    *before, op = op.placed()
    for each in before:
        inputs = [result(each, inputs, sizes)]
    try:
        shape = op.infer(*inputs)
        demands = list(op.demands(*inputs))
    except ShapeError as error:
        raise Illegal(error.reason) from None
    if not all(demand.holds(demand.extent.within(sizes)) for demand in demands):
        raise Illegal("the size does not meet a demand")
    if isinstance(shape, Image) and min(shape.at(sizes)[1:]) < 1:
        raise Illegal("the input is too small")
    return shape


def is_uneven(settings: dict[str, Any]) -> bool:
    """Whether what pads a window is a step of its own."""
    return isinstance(settings.get("padding"), Sides) or settings.get("padding") == TF_SAME


# Writing


def written(choices: Choices, op: type[Op], word: str, settings: dict[str, Any]) -> tree.Call:
    """The step: settings as sigils where it has them, mostly, or in parentheses."""
    sigils: dict[str, Any] = {}
    rest = dict(settings)
    for sigil, field in op.sigils.items():
        if field in rest and (isinstance(rest[field], Sides) or choices.chance(85)):
            sign = _SIGNS[sigil](rest[field])
            if sign is not None:
                sigils[sigil] = sign
                del rest[field]
    return spelling.call(word, {name: _word(value) for name, value in rest.items()}, **sigils)


def _word(value: Any) -> Any:
    return tree.Word(value) if value in _PADDINGS else value


def _stride(value: Any) -> Any:
    if isinstance(value, Pair):
        return spelling.expression(value[0]) if value[0] == value[1] else spelling.kernel(value)
    return value if isinstance(value, tree.Tree) else spelling.expression(value)


def _amount(value: Any) -> Any:
    if isinstance(value, str):
        return tree.Padding(value)
    if isinstance(value, Sides):
        return tree.Padding("pad", sides=tuple(spelling.arg(k, n) for k, n in value._asdict().items() if n))
    return tree.Padding("pad", tuple(value)) if isinstance(value, tuple) else None


def _bare(value: Any) -> Any:
    return tree.Number(value) if isinstance(value, int | float) else None


_SIGNS: dict[str, Callable[[Any], Any]] = {
    "kernel": lambda value: spelling.kernel(value) if isinstance(value, tuple) else None,
    "stride": _stride,
    "width": lambda value: value if isinstance(value, tree.Tree) else spelling.expression(value),
    "padding": _amount,
    "ceil": lambda value: tree.Word("ceil") if value is True else None,
    "number": _bare,
}
