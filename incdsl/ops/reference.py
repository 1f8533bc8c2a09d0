"""The reference page of an op, from its class."""

from __future__ import annotations

import inspect
from typing import Any, Literal, get_args, get_origin

from incdsl.ops.base import Op
from incdsl.values import Pair

_SIGILS = {
    "kernel": "`3x3`", "stride": "`/2`", "width": "`@64`", "ceil": "`ceil`", "number": "a bare number",
}  # fmt: skip


def op_reference(op: type[Op]) -> str:
    """What the op does, its settings, its example, in Markdown."""
    lines = [f"## {op.word}", inspect.cleandoc(op.__doc__ or "")]
    rows = ["| setting | written | default |", "| --- | --- | --- |"]
    by_field = {field: sigil for sigil, field in op.sigils.items()}
    for name, field in op.model_fields.items():
        sigil = by_field.get(name, "")
        written = op.paddings if sigil == "padding" else _SIGILS.get(sigil, "")
        choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        words = ", ".join(f"`{c}`" for c in choices)
        default = "required" if field.is_required() else f"`{_plain(field.default)}`"
        if name == "padding" and field.default == Pair(0, 0):
            default = "`same` at stride 1, otherwise it must be written"
        if name == op.nominal_size:
            default = "the size that flows in"
        rows.append(f"| `{name}` | {written or words or f'`({name}: …)`'} | {default} |")
    if len(rows) > 2:
        lines.append("\n".join(rows))
    lines.append(f"```\nx -> {op.example}\n```")
    if op.torch:
        lines.append(f"PyTorch: `{op.torch}`.")
    return "\n\n".join(lines)


def _plain(value: Any) -> str:
    if isinstance(value, Pair):
        return str(int(value[0])) if value[0] == value[1] else value.text
    return str(value).lower() if isinstance(value, bool) else str(value)
