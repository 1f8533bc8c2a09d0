"""E3xx: shapes, windows, factorizations and facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic, Row, example


@dataclass(frozen=True, kw_only=True)
class RailsDisagree(Diagnostic):
    """All rails of a merge must end with the same height and width.

    The usual reasons are a missing `valid` after a stride, and a pool that rounds up (`ceil`) beside a convolution that
    rounds down.
    """

    code: ClassVar[str] = "E301"
    title: ClassVar[str] = "rails disagree on height and width"
    wrong: ClassVar[str] = example(
        "output y = x -> reduce {\n    | conv2d 3x3/2 @4 valid\n    | conv2d 3x3 @4 -> conv2d 3x3/2 @4 pad 1\n"
        "    | maxpool 3x3/2 valid\n  }"
    )
    right: ClassVar[str] = example(
        "output y = x -> reduce {\n    | conv2d 3x3/2 @4 valid\n    | conv2d 3x3 @4 -> conv2d 3x3/2 @4 valid\n"
        "    | maxpool 3x3/2 valid\n  }"
    )

    word: str
    rails: tuple[Row, ...]
    advice: str = ""

    def message(self) -> str:
        return f"rails of `{self.word}` disagree on height and width"

    def rows(self) -> tuple[Row, ...]:
        return self.rails

    def help(self) -> str:
        return self.advice


@dataclass(frozen=True, kw_only=True)
class ChannelsDisagree(Diagnostic):
    """The rails of `add` and `mul` must have the same number of channels. Those of `concat` may differ."""

    code: ClassVar[str] = "E302"
    title: ClassVar[str] = "rails disagree on channels"
    wrong: ClassVar[str] = example("output y = x -> add {\n    | identity\n    | conv2d 3x3 @4\n  }")
    right: ClassVar[str] = example("output y = x -> add {\n    | identity\n    | conv2d 3x3 @8\n  }")

    word: str
    rails: tuple[Row, ...]
    advice: str = ""

    def message(self) -> str:
        return f"rails of `{self.word}` disagree on channels"

    def rows(self) -> tuple[Row, ...]:
        return self.rails

    def help(self) -> str:
        return self.advice


@dataclass(frozen=True, kw_only=True)
class DoesNotFit(Diagnostic):
    """The window is larger than its padded input, so the output would be empty."""

    code: ClassVar[str] = "E303"
    title: ClassVar[str] = "the window does not fit"
    wrong: ClassVar[str] = example("output y = x -> conv2d 5x5 @4 valid", shape="[8, 4, 4]")
    right: ClassVar[str] = example("output y = x -> conv2d 5x5 @4", shape="[8, 4, 4]")

    owner: str
    shape: str
    arithmetic: str
    reason: str = ""

    def message(self) -> str:
        return f"`{self.owner}` does not fit its input {self.shape}"

    def label(self) -> str:
        return self.reason or self.arithmetic

    def help(self) -> str:
        return "" if self.reason else "use a larger input, a smaller kernel or more padding"


@dataclass(frozen=True, kw_only=True)
class AssertionFails(Diagnostic):
    """The shape stated after a step, `: [C, H, W]`, is not the one that it has. `_` stands for any extent."""

    code: ClassVar[str] = "E304"
    title: ClassVar[str] = "the stated shape does not hold"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @4 valid : [4, 16, 16]")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @4 valid : [4, 14, 14]")

    stated: str
    actual: str
    remark: str = ""

    def message(self) -> str:
        return f"the shape is {self.actual}, not {self.stated}"

    def label(self) -> str:
        return self.remark


@dataclass(frozen=True, kw_only=True)
class ExpectationFails(Diagnostic):
    """`expect` states a fact, from a paper or a checkpoint, and the compiler gets another value."""

    code: ClassVar[str] = "E305"
    title: ClassVar[str] = "the stated fact does not hold"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @4\n  expect params = 300")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @4\n  expect params = 292")

    fact: str
    stated: str
    actual: str

    def message(self) -> str:
        return f"{self.fact} = {self.actual}, not {self.stated}"

    def help(self) -> str:
        return "`incdsl summary` shows where the number comes from"


@dataclass(frozen=True, kw_only=True)
class PaddingUnstated(Diagnostic):
    """With a stride of 2 or more the padding must be written, because frameworks disagree about the default.

    `valid` means none, `half` means d(k−1)/2 on both sides as is usual in PyTorch, `pad N` and `pad HxW` are explicit.
    """

    code: ClassVar[str] = "E306"
    title: ClassVar[str] = "the padding is not stated"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3/2 @4")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3/2 @4 half")

    owner: str
    choices: str

    def message(self) -> str:
        return f"`{self.owner}` has a stride and must state its padding"

    def help(self) -> str:
        return self.choices


@dataclass(frozen=True, kw_only=True)
class NoSamePadding(Diagnostic):
    """`same` keeps height and width with equal padding on both sides, so it needs stride 1 and an odd kernel.

    With a stride, `half` is the usual padding in PyTorch; TensorFlow's SAME pads more below and on the right, which is
    another function, `tfsame`. An even kernel needs one row more on one side: `tfsame`, or `pad` with its sides.
    """

    code: ClassVar[str] = "E307"
    title: ClassVar[str] = "`same` padding is not possible here"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3/2 @4 same")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3/2 @4 half")

    reason: str
    hint: str

    def message(self) -> str:
        return self.reason

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class PoolPadding(Diagnostic):
    """A pool is padded by at most half its kernel, the stricter rule where PyTorch releases differ on dilated pools."""

    code: ClassVar[str] = "E308"
    title: ClassVar[str] = "the pool is padded too much"
    wrong: ClassVar[str] = example("output y = x -> maxpool 3x3/2 pad 2")
    right: ClassVar[str] = example("output y = x -> maxpool 3x3/2 pad 1")

    owner: str
    padding: str
    kernel: str

    def message(self) -> str:
        return f"padding {self.padding} is more than half the kernel {self.kernel} of `{self.owner}`"


@dataclass(frozen=True, kw_only=True)
class RankMismatch(Diagnostic):
    """Windows need an image [C, H, W]. `linear` needs a vector [C], and flattens [C, 1, 1] by itself."""

    code: ClassVar[str] = "E309"
    title: ClassVar[str] = "image or vector?"
    wrong: ClassVar[str] = example("output y = x -> linear @4")
    right: ClassVar[str] = example("output y = x -> gap -> linear @4")

    reason: str
    hint: str = ""

    def message(self) -> str:
        return self.reason

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class ChannelsDoNotFit(Diagnostic):
    """Groups and parts must divide the channels, slices must lie within them, and inputs must have those stated."""

    code: ClassVar[str] = "E310"
    title: ClassVar[str] = "the channels do not fit"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @9 (groups: 3)")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @8 (groups: 4)")

    reason: str
    hint: str = ""

    def message(self) -> str:
        return self.reason

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class FactorsDoNotCover(Diagnostic):
    """The factors must cover the kernel: in sequence Σ(k−1) + 1 is its size, in parallel their bounding box is."""

    code: ClassVar[str] = "E311"
    title: ClassVar[str] = "the factors do not cover the kernel"
    wrong: ClassVar[str] = example("output y = x -> conv2d 7x7 @8 as 1x7, 5x1")
    right: ClassVar[str] = example("output y = x -> conv2d 7x7 @8 as 1x7, 7x1")

    kernel: str
    covered: str

    def message(self) -> str:
        return f"the factors cover {self.covered}, not {self.kernel}"


@dataclass(frozen=True, kw_only=True)
class FactorWidths(Diagnostic):
    """In sequence the last factor has the convolution's width; in parallel widths add up to it, or none is written."""

    code: ClassVar[str] = "E312"
    title: ClassVar[str] = "the widths of the factors do not fit"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @8 as { | 1x3 @4 | 3x1 @3 }")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @8 as { | 1x3 @4 | 3x1 @4 }")

    reason: str

    def message(self) -> str:
        return self.reason


@dataclass(frozen=True, kw_only=True)
class CannotFactor(Diagnostic):
    """Only plain convolutions can be factorized, without groups or dilation; with `same`, only into odd kernels."""

    code: ClassVar[str] = "E313"
    title: ClassVar[str] = "this cannot be factorized"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @8 as 2x2, 2x2")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @8 valid as 2x2, 2x2")

    reason: str
    hint: str = ""

    def message(self) -> str:
        return self.reason

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class StridesDisagree(Diagnostic):
    """`reduce` is a concat that makes the grid smaller. All its rails must have the same total stride, at least 2."""

    code: ClassVar[str] = "E314"
    title: ClassVar[str] = "rails of `reduce` have different strides"
    wrong: ClassVar[str] = example("output y = x -> reduce {\n    | conv2d 3x3 @4\n    | maxpool 3x3\n  }")
    right: ClassVar[str] = example(
        "output y = x -> reduce {\n    | conv2d 3x3/2 @4 half\n    | maxpool 3x3/2 half\n  }"
    )

    rails: tuple[Row, ...]

    def message(self) -> str:
        return "rails of `reduce` must have the same total stride, at least 2"

    def rows(self) -> tuple[Row, ...]:
        return self.rails

    def help(self) -> str:
        return "`concat` joins rails without a stride"


@dataclass(frozen=True, kw_only=True)
class NoLegalSize(Diagnostic):
    """There is no height, or no width, of the input for which all shapes fit."""

    code: ClassVar[str] = "E315"
    title: ClassVar[str] = "no input size is legal"
    wrong: ClassVar[str] = example(
        "output y = x -> concat {\n    | identity\n    | conv2d 3x3 @4 valid\n  }", shape="[8, H, W]"
    )
    right: ClassVar[str] = example(
        "output y = x -> concat {\n    | identity\n    | conv2d 3x3 @4\n  }", shape="[8, H, W]"
    )

    axis: str
    of: str = "the input"
    reason: str = ""

    def message(self) -> str:
        return f"no {self.axis} of {self.of} is legal"

    def label(self) -> str:
        return self.reason


@dataclass(frozen=True, kw_only=True)
class NoNominalSize(Diagnostic):
    """Multiply-accumulates, and the input of a `flatten`, depend on the size, which `[3, H, W]` leaves free."""

    code: ClassVar[str] = "E316"
    title: ClassVar[str] = "the input has no nominal size"
    wrong: ClassVar[str] = example("output y = x -> flatten -> linear @4", shape="[8, H, W]")
    right: ClassVar[str] = example("output y = x -> gap -> linear @4", shape="[8, H, W]")

    reason: str

    def message(self) -> str:
        return self.reason

    def help(self) -> str:
        return "give the input numbers, such as [3, 224, 224]"
