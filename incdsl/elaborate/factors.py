"""Factorization: a large kernel as smaller ones, in sequence or in parallel, held to covering the same window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from incdsl.diagnostics.shapes import CannotFactor, FactorsDoNotCover, FactorWidths
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.names import lettered
from incdsl.elaborate.scope import Problem, Value
from incdsl.elaborate.use import Use, bad_label
from incdsl.ops.padding import TF_SAME
from incdsl.syntax import tree


class Factors:
    """Splits uses of convolutions."""

    def __init__(self, evaluate: Expressions) -> None:
        self._evaluate = evaluate
        self._calls: dict[tuple[tree.Call, str | None], tuple[tree.Call, ...]] = {}
        """What stands for a call whose factors have this padding word."""

    def split(self, use: Use, factors: tree.Factors, settings: dict[str, Any]) -> list[Use]:
        """One use for each factor, with its kernel, width, padding and, for the last or all, the stride.

        `settings` are those of the whole convolution, the unit's included.
        """
        call = use.call
        if not isinstance(call.kernel, tree.Kernel):
            raise _cannot(factors, "a factorized convolution states its kernel")
        for name in ("groups", "dilation"):
            if settings.get(name, 1) not in (1, (1, 1)):
                raise _cannot(call, f"a convolution with {name} cannot be factorized")
        _check_cover(call.kernel, factors)
        word = _padding(factors, settings)
        widths = _widths(use, factors, settings, self._evaluate)
        names = _names(use, factors)
        if (call, word) not in self._calls:
            self._calls[call, word] = _calls(call, factors, word)
        kernels = [factor.kernel.shown for factor in factors.items]
        note = f"{call.kernel.shown} as {(' beside ' if factors.parallel else ', ').join(kernels)}"
        uses = []
        for part, own, width in zip(self._calls[call, word], names, widths, strict=True):
            fixed = use.fixed if width is None else (*use.fixed, ("width", width))
            uses.append(use._replace(named=use.named.over(part, own), call=part, note=note, fixed=fixed))
            note = ""
        return uses


def no_convolution(use: Use) -> Problem:
    """What is no convolution has no factors."""
    return _cannot(use.call, f"`{use.word}` is not a convolution")


def _calls(call: tree.Call, factors: tree.Factors, word: str | None) -> tuple[tree.Call, ...]:
    """What could have been written for each factor."""
    lasts = [factors.parallel or factor is factors.items[-1] for factor in factors.items]
    return tuple([
        replace(
            call, kernel=factor.kernel, stride=call.stride if last else None, width=None,
            padding=_word_for(word, call, last), factors=None, parts=factor.parts or call.parts,
        )
        for factor, last in zip(factors.items, lasts, strict=True)
    ])  # fmt: skip


def _check_cover(kernel: tree.Kernel, factors: tree.Factors) -> None:
    kernels = [factor.kernel for factor in factors.items]
    if factors.parallel:
        height, width = max(k.height for k in kernels), max(k.width for k in kernels)
    else:
        height, width = 1 + sum(k.height - 1 for k in kernels), 1 + sum(k.width - 1 for k in kernels)
    if (height, width) != (kernel.height, kernel.width):
        raise Problem(FactorsDoNotCover(span=factors.span, kernel=kernel.shown, covered=f"{height}x{width}"))


def _padding(factors: tree.Factors, settings: dict[str, Any]) -> str | None:
    """The padding word that carries over: `same` (or nothing said), `valid` or `half`."""
    word = settings.get("padding")
    if word is not None and word not in ("same", "valid", "half", TF_SAME):
        raise _cannot(factors, "explicit padding does not carry over to the factors", "say `same` or `valid`")
    if word == "valid":
        if factors.parallel and len({(f.kernel.height, f.kernel.width) for f in factors.items}) > 1:
            raise _cannot(factors, "parallel factors of different shape need `same` padding")
    elif any(f.kernel.height % 2 == 0 or f.kernel.width % 2 == 0 for f in factors.items):
        reason = "an even factor cannot keep the size of its input"
        raise _cannot(factors, reason, "two 2x2 stand for a 3x3 that is `valid`")
    return word


def _word_for(word: str | None, call: tree.Call, last: bool) -> tree.Padding | None:
    if call.padding is None or word is None:
        return call.padding
    return replace(call.padding, word="same" if word in ("half", TF_SAME) and not last else word, amount=None)


def _widths(use: Use, factors: tree.Factors, settings: dict[str, Any], evaluate: Expressions) -> list[Any]:
    whole = settings.get("width")
    if whole is None or isinstance(whole, bool) or not isinstance(whole, int):
        raise Problem(FactorWidths(span=use.call.span, reason="the convolution has no width"))
    own = [None if f.width is None else evaluate.number(f.width, use.scope) for f in factors.items]
    count = len(own)
    reason = ""
    if not all(width is None or (isinstance(width, int) and not isinstance(width, bool)) for width in own):
        reason = "the width of a factor is a whole number"
    elif factors.parallel:
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
        raise Problem(FactorWidths(span=factors.span, reason=reason))
    if factors.parallel:
        return own
    widths: list[Any] = []
    flowing: Any = use.value.shape.channels if isinstance(use.value, Value) else 1
    for i, width in enumerate(own):
        flowing = whole if i == count - 1 else (flowing if width is None else width)
        widths.append(flowing)
    return widths


def _names(use: Use, factors: tree.Factors) -> list[tuple[str, ...]]:
    names, count = use.named.names, len(factors.items)
    if factors.parallel and len(names) == 1:
        return [(lettered(names[0], i),) for i in range(count)]
    if len(names) != count:
        few = "one label" if len(names) == 1 else f"{len(names)} labels"
        raise bad_label(use.named, f"{few} for {count} factors")
    return [(name,) for name in names]


def _cannot(where: tree.Tree, reason: str, hint: str = "") -> Problem:
    return Problem(CannotFactor(span=where.span, reason=reason, hint=hint))
