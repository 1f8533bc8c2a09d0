"""The reference page of an op, from its class."""

from __future__ import annotations

import inspect
from typing import Any, Literal, get_args, get_origin

from incdsl.ops.base import Op
from incdsl.values import Pair

_SIGILS = {
    "kernel": "`3x3`", "stride": "`/2`", "width": "`@64`", "ceil": "`ceil`", "number": "a bare number",
}  # fmt: skip

_HEAD = ("| setting | written | default |", "| --- | --- | --- |")


def op_reference(op: type[Op]) -> str:
    """What the op does, its settings, its example, in Markdown."""
    lines = [f"## {op.word}", inspect.cleandoc(op.__doc__ or "")]
    rows = [*_HEAD, *(setting_row(op, name) for name in op.settings)]
    if len(rows) > 2:
        lines.append("\n".join(rows))
    lines.append(f"```\nx -> {op.example}\n```")
    if op.torch:
        lines.append(f"PyTorch: `{op.torch}`.")
    return "\n\n".join(lines)


def setting_reference(op: type[Op], name: str) -> str:
    """A setting of an op: how it is written, what it is by default, where published networks have it, in Markdown."""
    lines = [f"`{name}` of `{op.word}`", "\n".join([*_HEAD, setting_row(op, name)])]
    if name in op.usual:
        lines.append(f"Usual is from {op.usual[name].least:g} to {op.usual[name].most:g}.")
    if op.torch:
        lines.append(f"PyTorch: `{op.keyword(name)}` of `{op.torch}`.")
    return "\n\n".join(lines)


def setting_row(op: type[Op], name: str) -> str:
    """The row of a setting in the table of an op."""
    written, default = how_written(op, name), default_of(op, name)
    return f"| `{name}` | {written or f'`({name}: …)`'} | {default} |"


def how_written(op: type[Op], name: str) -> str:
    """The sigil of a setting, or the words that it takes; empty if it only stands in parentheses."""
    sigil = {field: sigil for sigil, field in op.sigils.items()}.get(name, "")
    written = op.paddings if sigil == "padding" else _SIGILS.get(sigil, "")
    return written or ", ".join(f"`{word}`" for word in choices(op, name))


def choices(op: type[Op], name: str) -> tuple[str, ...]:
    """The words that a setting takes, if it is one of a few."""
    annotation = op.model_fields[name].annotation
    return tuple(map(str, get_args(annotation))) if get_origin(annotation) is Literal else ()


def default_of(op: type[Op], name: str) -> str:
    """What a setting is where a step does not say it."""
    field = op.model_fields[name]
    if name == "padding" and field.default == Pair(0, 0):
        return "`same` at stride 1, otherwise it must be written"
    if name == op.nominal_size:
        return "the size that flows in"
    return "required" if field.is_required() else f"`{_plain(field.default)}`"


def _plain(value: Any) -> str:
    if isinstance(value, Pair):
        return str(int(value[0])) if value[0] == value[1] else value.text
    return str(value).lower() if isinstance(value, bool) else str(value)
