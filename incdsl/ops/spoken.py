"""Ops as a spec would write them: `conv2d 3x3/2 @64 half (bias: false)`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from incdsl.ops.base import Op
from incdsl.ops.padding import Sides
from incdsl.values import Pair


def spoken(op: Op) -> str:
    """An op with the settings that are not its defaults, in numbers; those with a sigil come first.

    Symbols are what they stand for here. A padding is `half` or `valid` where it is what that word means.
    """
    words, named = [op.display_name], []
    size = _size(op)
    words += [size] if size else []
    for sigil, field in op.sigils.items():
        if sigil == "width":
            words.append(f"@{shown(getattr(op, field))}")
        elif sigil == "number" and not _is_default(op, field):
            words.append(shown(getattr(op, field)))
        elif sigil == "padding":
            word = _padding(op, field)
            words += [] if word == "half" and not _is_strided(op) else [word]
        elif sigil == "ceil" and getattr(op, field):
            words.append("ceil")
    for field in type(op).model_fields:
        if field not in op.sigils.values() and not _is_default(op, field):
            named.append(f"{field}: {shown(getattr(op, field))}")
    return " ".join(words) + (f" ({', '.join(named)})" if named else "")


def settings(before: Op, after: Op) -> Iterator[tuple[str, str, str]]:
    """Of two ops of one class, the settings that differ, and what each was and is; `half` is one padding."""
    for field in type(before).model_fields:
        was, now = (_setting(op, field) for op in (before, after))
        if was != now and getattr(before, field) != getattr(after, field):
            yield field, was, now


def _setting(op: Op, field: str) -> str:
    value = getattr(op, field)
    if field == op.sigils.get("padding"):
        return _padding(op, field).removeprefix("pad ")
    return value.text if isinstance(value, Pair) and field == op.sigils.get("kernel") else shown(value)


def shown(value: Any) -> str:
    """A setting in numbers, as a spec writes it."""
    if isinstance(value, Pair):
        return value.text if value[0] != value[1] else str(int(value[0]))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Sides):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, tuple):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, int):
        return str(int(value))
    return repr(float(value)).replace("e-0", "e-") if isinstance(value, float) else str(value)


def _size(op: Op) -> str:
    """`3x3/2`."""
    kernel = getattr(op, op.sigils["kernel"]) if "kernel" in op.sigils else None
    stride = getattr(op, op.sigils["stride"]) if "stride" in op.sigils else None
    text = kernel.text if isinstance(kernel, Pair) else ""
    return f"{text}/{shown(stride)}" if isinstance(stride, Pair) and stride != (1, 1) else text


def _padding(op: Op, field: str) -> str:
    """The word of a padding that has one; `half` also is what steps without a stride have by default."""
    padding, windows = getattr(op, field), op.windows()
    if isinstance(padding, str):
        return padding
    spans = tuple(getattr(window, "span", 1) for window in windows or ())
    half = tuple((span - 1) // 2 for span in spans)
    if tuple(padding) == (0, 0) and (half != (0, 0) or (_is_strided(op) and spans != (1, 1))):
        return "valid"
    return "half" if tuple(padding) == half else f"pad {shown(padding)}"


def _is_strided(op: Op) -> bool:
    return tuple(getattr(op, "stride", (1, 1))) != (1, 1) and getattr(op, "kernel", None) != (1, 1)


def _is_default(op: Op, field: str) -> bool:
    info = type(op).model_fields[field]
    return not info.is_required() and getattr(op, field) == info.default
