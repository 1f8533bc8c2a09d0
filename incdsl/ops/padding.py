"""What padding words mean: alike on both sides, a number for each side, or TensorFlow's SAME."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from incdsl.values import Pair

TF_SAME = "tfsame"
"""TensorFlow's SAME, where it depends on the size that flows in."""


class Sides(NamedTuple):
    """How many cells are added on each side."""

    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0

    def as_torch(self) -> tuple[int, int, int, int]:
        """In the order of `F.pad`: the width first."""
        return self.left, self.right, self.top, self.bottom

    def alike(self) -> Pair | Sides:
        """One number for each axis, where both sides have the same."""
        return Pair(self.top, self.left) if self[:2] == self[2:] else self


class PaddingError(Exception):
    """A padding that an op cannot have, told without knowing where: the elaborator adds the place.

    `facts` are those of the diagnostic: `owner` and `choices` if it is not stated, `reason` and `hint` if it cannot be
    `same`, `owner`, `padding` and `kernel` if it is above half of the kernel.
    """

    def __init__(self, kind: Literal["unstated", "same", "above half"], **facts: str) -> None:
        super().__init__(kind, facts)
        self.kind = kind
        self.facts = facts


def both_sides(padding: Any, spans: Pair, stride: Pair, name: str) -> Any:
    """The padding in numbers: `valid` is none, `half` is (span − 1) // 2, `same` is that where it keeps the size.

    `tfsame` is a number for each side where there is no stride, and stays a word where there is one.
    What is no word is given back; None is `same` where there is no stride. Raises `PaddingError`; `name` is what the
    step calls the op.
    """
    strided = any(s > 1 for s in stride) and spans != (1, 1)
    if padding is None and strided:
        choices = f"`valid`, `half` (here pad {shown(half(spans))}) or `pad N`"
        raise PaddingError("unstated", owner=name, choices=choices)
    if padding in (None, "same"):
        _demand_same(spans, strided, name)
    if padding == "valid":
        return Pair(0, 0)
    if padding == TF_SAME:
        return _as_tensorflow(spans, stride)
    if isinstance(padding, Sides):
        return padding.alike()
    return half(spans) if padding in (None, "same", "half") else padding


def _as_tensorflow(spans: Pair, stride: Pair) -> Pair | Sides | str:
    """The smaller half before the image; with a stride it depends on the image how much that is."""
    if any(s > 1 and k > 1 for s, k in zip(stride, spans, strict=True)):
        return TF_SAME
    height, width = (k - 1 for k in spans)
    return Sides(height // 2, width // 2, height - height // 2, width - width // 2).alike()


def _demand_same(spans: Pair, strided: bool, name: str) -> None:
    if strided:
        raise PaddingError(
            "same",
            reason=f"`same` means stride 1, but `{name}` has a stride",
            hint=f"`half` (here pad {shown(half(spans))}) is the usual padding in PyTorch, `tfsame` is TensorFlow's",
        )
    if any(k % 2 == 0 for k in spans):
        raise PaddingError(
            "same",
            reason=f"an even kernel ({shown(spans)}) cannot keep the size with the same padding on both sides",
            hint="write `valid`, `pad N`, or `tfsame`, which adds more below and on the right; or take an odd kernel",
        )


def half(spans: Pair) -> Pair:
    """As much as keeps the size of the input at stride 1, if the spans are odd."""
    return Pair(*((k - 1) // 2 for k in spans))


def as_pair(value: Any) -> Pair | None:
    """A setting for both axes, where it is fit to be one; the op itself complains of others."""
    if isinstance(value, Pair):
        return value
    if isinstance(value, Sides):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Pair(value, value)
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, int) and v >= 0 for v in value):
        return Pair(*value)
    return None


def shown(pair: Pair) -> str:
    """`2`, or `2x3` where the axes differ."""
    return str(int(pair[0])) if pair[0] == pair[1] else pair.text
