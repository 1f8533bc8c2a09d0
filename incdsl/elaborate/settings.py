"""From the sigils and settings of a step to an op: what is missing, unknown or of the wrong kind is told here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from incdsl.diagnostics.names import BadSetting, MissingSetting, SigilNotTaken, UnknownSetting, UnusualSetting
from incdsl.diagnostics.shapes import NoSamePadding, PaddingUnstated, PoolPadding
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.scope import UNKNOWN, One, Poisoned, Problem, Scope
from incdsl.ops import Op, PaddingError
from incdsl.ops.frame import Pad
from incdsl.ops.padding import Sides
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.values import Pair

_SIGIL_TEXT = {
    "kernel": "kernel (`3x3`)", "stride": "stride (`/2`)", "width": "width (`@64`)",
    "padding": "padding (`valid`)", "ceil": "`ceil`", "number": "bare number",
}  # fmt: skip
_HOW = {"kernel": "a kernel, `{word} 3x3`", "width": "a width, `@64`", "number": "a number, `{example}`"}
_DIALECT = {
    "kernel_size": "the kernel is written `3x3`, or `kernel: [3, 3]`",
    "out_channels": "the width is written `@64`, or `width: 64`",
    "filters": "the width is written `@64`, or `width: 64`",
    "out_features": "the width is written `@10`, or `width: 10`",
    "in_channels": "what flows in is known; nothing needs to be written",
    "in_features": "what flows in is known; nothing needs to be written",
    "strides": "the stride is written `/2`, or `stride: 2`",
    "ceil_mode": "write `ceil`",
    "pad": "write `pad 1` before the settings, or `padding: 1`",
    "use_bias": "the setting is `bias`",
    "epsilon": "the setting is `eps`",
}


@dataclass(eq=False)
class Settings:
    """Field values of an op, with where each was written; padding may still be a word."""

    values: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    sizes: dict[str, One] = field(default_factory=dict)
    """The values that settings name, for ops that take the size of another value."""

    def put(self, name: str, value: Any, span: Span) -> None:
        """Set a field."""
        self.values[name] = value
        self.spans[name] = span

    def under(self, others: Settings) -> Settings:
        """These settings, and others that have the last word."""
        return Settings(self.values | others.values, self.spans | others.spans, self.sizes | others.sizes)


def gather(call: tree.Call, op: type[Op], scope: Scope, evaluate: Expressions) -> Settings:
    """The fields that a step sets by its sigils and settings, evaluated in a scope."""
    settings = Settings()
    owner = call.name.text
    _sigils(call, op, scope, evaluate, settings)
    for arg in call.args:
        if isinstance(arg, tree.Error) or (arg.name and not arg.name.text):
            raise Poisoned
        if arg.name is None or arg.name.text not in (*op.settings, *op.sized_by):
            raise _unknown(call, arg, op)
        if arg.name.text in settings.values or arg.name.text in settings.sizes:
            raise _bad(owner, arg.name.text, "is given twice", arg.span)
        if arg.name.text in op.sized_by:
            settings.sizes[arg.name.text] = _size_of(owner, arg, scope, evaluate)
            settings.spans[arg.name.text] = arg.span
            continue
        settings.put(arg.name.text, setting(arg, op, scope, evaluate), arg.value.span)
    return settings


def _size_of(owner: str, arg: tree.Arg, scope: Scope, evaluate: Expressions) -> One:
    """The value whose size an op takes."""
    assert arg.name is not None
    match arg.value:
        case tree.InChannels():
            evaluate.number(arg.value, scope)  # whether there is such a value
            return scope.input or UNKNOWN
        case tree.Variable(name=name) if name not in scope.params:
            evaluate.number(arg.value, scope)  # the same, and that it is read
            return scope.values[name]
    reason = f"names the value whose size it takes, as `{arg.name.text}: {next(iter(scope.values), 'in')}`"
    raise _bad(owner, arg.name.text, reason, arg.span)


def hold_no_size(settings: Settings, owner: str) -> None:
    """Refuse the size of another value where a step belongs to a class that does not have that value."""
    for name in settings.sizes:
        reason = "names a value, which only a step of the same class can read: write the op itself as a step"
        raise _bad(owner, name, reason, settings.spans[name])


def is_constant(call: tree.Call) -> bool:
    """Whether what a step says of its settings is numbers and words alone."""
    plain = (tree.Number, tree.Boolean, tree.Word, tree.List, tree.Kernel, tree.Arg, tree.Name)
    return all(isinstance(node, plain) for node in tree.nodes((call.args, call.width, call.stride)))


def build(op: type[Op], settings: Settings, owner: str, span: Span) -> Op:
    """The op, or the problem of its first bad setting."""
    values = settings.values
    for name in (*op.sized_by, *op.settings):
        needed = name not in settings.sizes if name in op.sized_by else op.model_fields[name].is_required()
        if name not in values and needed:
            sigil = next((s for s, f in op.sigils.items() if f == name), None)
            bare = re.match(r"\S+ [0-9.e-]+", op.example)
            shown = bare[0].replace(op.word, owner, 1) if bare else ""
            how = _HOW.get(sigil or "", f"`({name}: …)`").format(word=owner, example=shown)
            raise Problem(MissingSetting(span=span, owner=owner, setting=name, how=how))
    try:
        return op(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        reason = str(first.get("ctx", {}).get("error", "")) or _literal(op, name)
        raise _bad(owner, name, reason, settings.spans.get(name, span)) from None


def unusual(op: Op, settings: Settings, owner: str, span: Span) -> Iterator[UnusualSetting]:
    """The settings of an op that are far from what published networks have."""
    for name, usual in op.usual.items():
        if name in settings.values:
            value = float(getattr(op, name))
            if not usual.least <= value <= usual.most:
                where = settings.spans.get(name, span)
                yield UnusualSetting(span=where, owner=owner, setting=name, value=value, **usual._asdict())


_PADDINGS = {"unstated": PaddingUnstated, "same": NoSamePadding, "above half": PoolPadding}


def resolve_padding(op: type[Op], settings: Settings, owner: str, span: Span) -> None:
    """Turn a padding word, or its absence, into numbers, as the op has it."""
    name = op.sigils.get("padding", "")
    try:
        padding = op.resolve_padding(settings.values, owner)
    except PaddingError as error:
        where = settings.spans.get(name, span)
        raise Problem(_PADDINGS[error.kind](span=where, **error.facts)) from None
    if padding is not None:
        settings.values[name] = padding


def _sigils(call: tree.Call, op: type[Op], scope: Scope, evaluate: Expressions, settings: Settings) -> None:
    written: dict[str, tuple[Any, Span]] = {}
    if isinstance(call.kernel, tree.Error):
        raise Poisoned
    if call.kernel:
        written["kernel"] = (Pair(call.kernel.height, call.kernel.width), call.kernel.span)
    if isinstance(call.stride, tree.Kernel):
        written["stride"] = (Pair(call.stride.height, call.stride.width), call.stride.span)
    elif call.stride:
        written["stride"] = (evaluate.number(call.stride, scope), call.stride.span)
    if call.width is not None:
        written["width"] = (evaluate.number(call.width, scope), call.width.span)
    if call.padding:
        written["padding"] = (_padding(call.padding, scope, evaluate), call.padding.span)
    if call.ceil:
        written["ceil"] = (True, call.ceil.span)
    if call.number:
        written["number"] = (call.number.value, call.number.span)
    for sigil, (value, span) in written.items():
        name = op.sigils.get(sigil)  # type: ignore[call-overload]
        if name is None:
            taken = tuple(_SIGIL_TEXT[s] for s in op.sigils)
            hint = f"the width is written `@{span.text}`" if sigil == "number" and "width" in op.sigils else ""
            raise Problem(
                SigilNotTaken(span=span, owner=call.name.text, sigil=_SIGIL_TEXT[sigil], taken=taken, hint=hint)
            )
        settings.put(name, value, span)


def _padding(padding: tree.Padding, scope: Scope, evaluate: Expressions) -> Any:
    """A word, numbers for both axes, or for the four sides, which are decided at compile time."""
    if padding.word != "pad":
        return padding.word
    if padding.amount:
        return Pair(*padding.amount)
    sides: dict[str, int] = {}
    for arg in padding.sides:
        if isinstance(arg, tree.Error) or (arg.name and not arg.name.text):
            raise Poisoned
        if arg.name is None or arg.name.text not in Sides._fields:
            raise _unknown(tree.Call(tree.Name("pad")), arg, Pad)
        value = evaluate.number(arg.value, scope)
        if arg.name.text in sides:
            raise _bad("pad", arg.name.text, "is given twice", arg.span)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise _bad("pad", arg.name.text, "is a number of cells, 0 or more", arg.value.span)
        evaluate.pin(scope, value)
        sides[arg.name.text] = int(value)
    if not sides:
        reason = "says nothing: write how much each side gets, as `pad (bottom: 1, right: 1)`"
        raise _bad("pad", "padding", reason, padding.span)
    return Sides(**sides)


def setting(arg: tree.Arg, op: type[Op] | None, scope: Scope, evaluate: Expressions) -> Any:
    """The value of a setting; a word that the op knows is that word, whatever else is called so."""
    field = op.model_fields.get(arg.name.text) if op and arg.name else None
    words = get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()
    if isinstance(arg.value, tree.Variable) and arg.value.name in words:
        return arg.value.name
    return evaluate.value(arg.value, scope)


def _unknown(call: tree.Call, arg: tree.Arg, op: type[Op]) -> Problem:
    owner, example = call.name.text, f"settings have names, as in `{op.example}`"
    name = arg.name.text if arg.name else arg.value.span.text
    settings = (*op.sized_by, *op.settings)
    close = get_close_matches(name, settings, 1)
    hint = _DIALECT.get(name, "") if arg.name else example
    if not arg.name and len(call.args) == 1 and isinstance(arg.value, tree.Number):
        hint = _without_name(owner, arg.value, op) or example
    return Problem(
        UnknownSetting(
            span=arg.span, owner=owner, setting=name, settings=settings, suggestion=close[0] if close else "",
            hint=hint,
        )
    )  # fmt: skip


def _without_name(owner: str, value: tree.Number, op: type[Op]) -> str:
    """How to write the one number that stands in parentheses without a name."""
    number, whole = value.span.text, isinstance(value.value, int)
    if "number" in op.sigils:
        return f"write `{owner} {number}`"
    if "width" in op.sigils:
        return f"write `{owner}{' 3x3' if 'kernel' in op.sigils else ''} @{number}`" if whole else ""
    if "kernel" in op.sigils:
        return f"write `{owner} {number}x{number}`" if whole else ""
    return f"write `{owner} ({op.settings[0]}: {number})`" if op.settings else ""


def _bad(owner: str, name: str, reason: str, span: Span) -> Problem:
    return Problem(BadSetting(span=span, owner=owner, setting=name, reason=reason))


def _literal(op: type[Op], name: str) -> str:
    words = get_args(op.model_fields[name].annotation)
    return f"is one of {', '.join(f'`{w}`' for w in words)}"
