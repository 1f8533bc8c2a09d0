"""Where the weights of a rewritten net come from: expressions over the tensors of the training module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kept:
    """The tensors of a module as they are; `prefix` is its path in the training module."""

    prefix: str


@dataclass(frozen=True, slots=True)
class Folded:
    """A convolution or linear layer times the affine map of the batch norm behind it.

    W' = W·γ/√(σ² + ε) for each output channel, b' = (b − μ)·γ/√(σ² + ε) + β.
    """

    layer: WeightExpr
    norm: WeightExpr
    eps: float


@dataclass(frozen=True, slots=True)
class Channels:
    """Some channels of a batch norm: from `start` up to `stop`, or to its end."""

    norm: WeightExpr
    start: int
    stop: int | None


@dataclass(frozen=True, slots=True)
class Unscaled:
    """A batch norm that learns no scale, with one of 1."""

    norm: WeightExpr


@dataclass(frozen=True, slots=True)
class Unshifted:
    """A batch norm that learns no shift, with one of 0."""

    norm: WeightExpr


@dataclass(frozen=True, slots=True)
class Merged:
    """The output channels of several layers, one after the other; a missing bias counts as zeros."""

    parts: tuple[WeightExpr, ...]


@dataclass(frozen=True, slots=True)
class Scaled:
    """W' = f·W, b' = f·b."""

    layer: WeightExpr
    factor: float


@dataclass(frozen=True, slots=True)
class Normalized:
    """A layer that reads its input unnormalized: W'[o, c] = W[o, c]·scale[c], b' = b + Σ W[o, c, i, j]·shift[c].

    The filters of each group have the channels of their group.
    """

    layer: WeightExpr
    scale: tuple[float, ...]
    shift: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Prenormed:
    """A convolution that reads its input without the batch norm in front of it, which is an affine map of channels.

    It is Normalized with γ/√(σ² + ε) for the scale and β − μ·γ/√(σ² + ε) for the shift.
    """

    layer: WeightExpr
    norm: WeightExpr
    eps: float
    groups: int = 1


@dataclass(frozen=True, slots=True)
class Enlarged:
    """A kernel in the middle of a larger one of zeros."""

    layer: WeightExpr
    kernel: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Summed:
    """The sum of convolutions of one kernel: W' = Σ W, b' = Σ b; a missing bias counts as zeros."""

    parts: tuple[WeightExpr, ...]


@dataclass(frozen=True, slots=True)
class IdentityOf:
    """The identity as a 1x1 convolution with as many filters, and inputs of each filter, as a layer."""

    layer: WeightExpr


@dataclass(frozen=True, slots=True)
class Composed:
    """A convolution of a convolution, of stride 1: W'[o, c] = Σ_m outer[o, m] ∗ inner[m, c], the full convolution."""

    inner: WeightExpr
    outer: WeightExpr


@dataclass(frozen=True, slots=True)
class Transposed:
    """W'[g, o, i] = W[g, i, o]: what each of `groups` groups has for inputs becomes outputs, and back again.

    A transposed convolution lists its inputs first, where all other filters list their outputs.
    """

    layer: WeightExpr
    groups: int


@dataclass(frozen=True, slots=True)
class WeightOf:
    """A layer without its bias, which something later adds."""

    layer: WeightExpr


@dataclass(frozen=True, slots=True)
class BiasOf:
    """The bias of a layer, for something later to add."""

    layer: WeightExpr


WeightExpr = (
    Kept
    | Folded
    | Channels
    | Unscaled
    | Unshifted
    | Merged
    | Scaled
    | Normalized
    | Prenormed
    | Enlarged
    | Summed
    | IdentityOf
    | Composed
    | Transposed
    | WeightOf
    | BiasOf
)


def parts(expr: WeightExpr) -> tuple[WeightExpr, ...]:
    """The expressions that an expression is made of."""
    match expr:
        case Kept():
            return ()
        case Folded(layer=layer, norm=norm) | Prenormed(layer=layer, norm=norm):
            return layer, norm
        case Channels(norm=norm) | Unscaled(norm=norm) | Unshifted(norm=norm):
            return (norm,)
        case Merged(parts=inner) | Summed(parts=inner):
            return inner
        case Composed(inner=first, outer=second):
            return first, second
    return (expr.layer,)


def prefixes(expr: WeightExpr) -> Iterator[str]:
    """Paths of all modules of the training net that an expression reads."""
    if isinstance(expr, Kept):
        yield expr.prefix
    for part in parts(expr):
        yield from prefixes(part)


def as_wide(expr: WeightExpr) -> WeightExpr:
    """A simpler expression with as many filters, and inputs of each filter: what is only calculated is left out."""
    while isinstance(expr, Folded | Scaled | Normalized | Prenormed | Enlarged | Summed | IdentityOf | WeightOf):
        expr = parts(expr)[0]
    return expr
