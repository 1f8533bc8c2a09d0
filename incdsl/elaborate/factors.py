"""Factorization: a large kernel as smaller ones, in sequence or in parallel, checked to cover the same window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from incdsl.diagnostics.shapes import CannotFactor, FactorsDoNotCover, FactorWidths
from incdsl.elaborate.calls import Calls, Use
from incdsl.elaborate.naming import Named, lettered
from incdsl.elaborate.scope import Problem, Scope
from incdsl.elaborate.settings import gather
from incdsl.elaborate.units import main_of
from incdsl.ops import find
from incdsl.ops.window import Conv2d
from incdsl.syntax import tree


@dataclass(frozen=True, slots=True)
class Factored:
    """The uses that stand for a factorized convolution."""

    uses: tuple[Use, ...]


def factored(use: Use, factors: tree.Factors, calls: Calls) -> Factored:
    """One use for each factor, with its kernel, width, padding and, for the last or all, the stride."""
    call, scope = use.call, use.scope
    settings = _convolution(use, calls)
    if call.kernel is None:
        raise _cannot(factors, scope, "a factorized convolution states its kernel")
    _covers(call.kernel, factors, scope)
    word = _padding(use, factors, settings)
    widths = _widths(use, factors, settings, calls)
    names = _names(use, factors)
    count = len(factors.items)
    kernels = [f"{f.kernel.height}x{f.kernel.width}" for f in factors.items]
    joined = " beside ".join(kernels) if factors.parallel else ", ".join(kernels)
    note = f"{call.kernel.height}x{call.kernel.width} as {joined}"
    uses = []
    for i, factor in enumerate(factors.items):
        last = factors.parallel or i == count - 1
        part = replace(
            call,
            span=factor.span,
            kernel=factor.kernel,
            stride=call.stride if last else None,
            width=None,
            padding=_word_for(word, call, last),
            factors=None,
        )
        named = Named(replace(use.named.step, atom=part), names[i], use.named.labelled)
        fixed = use.fixed if widths[i] is None else (*use.fixed, ("width", widths[i]))
        uses.append(replace(use, named=named, call=part, note=note if i == 0 else "", fixed=fixed))
    return Factored(tuple(uses))


def _convolution(use: Use, calls: Calls) -> dict[str, Any]:
    """The settings of the convolution that is factorized; complains about anything else."""
    call, scope = use.call, use.scope
    settings: dict[str, Any] = {}
    if unit := calls.unit(call.name, scope.names):
        _, first, op = main_of(unit, scope)
        if op is Conv2d:
            unit_frame = Scope(scope.instance, scope.title, unit.names, input=use.value)
            settings.update(gather(first, op, unit_frame, calls.evaluate, call.name).values)
    else:
        op = find(call.name) or type(None)  # type: ignore[assignment]
    if op is not Conv2d:
        raise _cannot(use.call, scope, f"`{call.name}` is no convolution")
    settings.update(gather(replace(call, factors=None), Conv2d, scope, calls.evaluate, call.name).values)
    for name in ("groups", "dilation"):
        if settings.get(name, 1) not in (1, (1, 1)):
            raise _cannot(use.call, scope, f"a convolution with {name} cannot be factorized")
    return settings


def _covers(kernel: tree.Kernel, factors: tree.Factors, scope: Scope) -> None:
    kernels = [f.kernel for f in factors.items]
    if factors.parallel:
        height, width = max(k.height for k in kernels), max(k.width for k in kernels)
    else:
        height, width = 1 + sum(k.height - 1 for k in kernels), 1 + sum(k.width - 1 for k in kernels)
    if (height, width) != (kernel.height, kernel.width):
        texts = f"{kernel.height}x{kernel.width}", f"{height}x{width}"
        raise Problem(FactorsDoNotCover(span=factors.span, path=scope.title, kernel=texts[0], covered=texts[1]))


def _padding(use: Use, factors: tree.Factors, settings: dict[str, Any]) -> str | None:
    """The padding word that carries over: `same` (or nothing said), `valid` or `half`."""
    word = settings.get("padding")
    if word is not None and word not in ("same", "valid", "half"):
        raise _cannot(
            factors, use.scope, "explicit padding does not carry over to the factors", "say `same` or `valid`"
        )
    if word == "valid":
        if factors.parallel and len({(f.kernel.height, f.kernel.width) for f in factors.items}) > 1:
            raise _cannot(factors, use.scope, "parallel factors of different shape need `same` padding")
    elif any(f.kernel.height % 2 == 0 or f.kernel.width % 2 == 0 for f in factors.items):
        reason = "an even factor cannot keep the size of its input"
        raise _cannot(factors, use.scope, reason, "two 2x2 stand for a 3x3 that is `valid`")
    return word


def _word_for(word: str | None, call: tree.Call, last: bool) -> tree.Padding | None:
    if call.padding is None or word is None:
        return call.padding
    if word == "half" and not last:
        return tree.Padding(call.padding.span, "same")
    return tree.Padding(call.padding.span, word)


def _widths(use: Use, factors: tree.Factors, settings: dict[str, Any], calls: Calls) -> list[Any]:
    scope = use.scope
    whole = settings.get("width")
    if whole is None or isinstance(whole, bool) or not isinstance(whole, int):
        raise Problem(FactorWidths(span=use.call.span, path=scope.title, reason="the convolution has no width"))
    own = [None if f.width is None else calls.evaluate.number(f.width, scope) for f in factors.items]
    count = len(own)
    reason = ""
    if factors.parallel:
        written = [w for w in own if w is not None]
        if not written and whole % count == 0:
            return [whole // count] * count
        if not written:
            reason = f"{int(whole)} filters do not split into {count} equal parts"
        elif len(written) < count:
            reason = "either all parallel factors have a width or none has"
        elif sum(map(int, written)) != whole:
            reason = f"{' + '.join(str(int(w)) for w in written)} = {sum(map(int, written))}, not {int(whole)}"
    elif own[-1] is not None and own[-1] != whole:
        reason = f"the last factor has the convolution's width {int(whole)}, not {int(own[-1])}"
    if reason:
        raise Problem(FactorWidths(span=factors.span, path=scope.title, reason=reason))
    if factors.parallel:
        return own
    widths: list[Any] = []
    flowing: Any = use.value.shape.channels
    for i, width in enumerate(own):
        flowing = whole if i == count - 1 else (flowing if width is None else width)
        widths.append(flowing)
    return widths


def _names(use: Use, factors: tree.Factors) -> list[tuple[str, ...]]:
    names, count = use.named.names, len(factors.items)
    if factors.parallel:
        return [(lettered(names[0], i),) for i in range(count)] if len(names) == 1 else [(n,) for n in names]
    return [(name,) for name in names]


def _cannot(where: tree.Tree, scope: Scope, reason: str, hint: str = "") -> Problem:
    return Problem(CannotFactor(span=where.span, path=scope.title, reason=reason, hint=hint))
