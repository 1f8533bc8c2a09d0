"""E3xx: shapes, windows, factorizations and facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic, Row, example


@dataclass(frozen=True, kw_only=True)
class RailsDisagree(Diagnostic):
    """All rails of a merge must end with the same height and width.

    The usual reasons are a lost `valid` beside a stride, and pools that round up (`ceil`) beside convolutions that
    round down.
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
    """The rails of `add` and `mul` must have the same number of channels; `concat` joins different ones."""

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
    """A window is larger than its padded input, so that nothing would come out."""

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
        return "the input must be larger here, the kernel smaller, or padded"


@dataclass(frozen=True, kw_only=True)
class AssertionFails(Diagnostic):
    """A shape after a step, `: [C, H, W]`, is checked; `_` stands for any extent."""

    code: ClassVar[str] = "E304"
    title: ClassVar[str] = "the shape is another one"
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
    """`expect` states a fact of the paper or the checkpoint; the compiler counts for itself."""

    code: ClassVar[str] = "E305"
    title: ClassVar[str] = "the fact is another one"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @4\n  expect params = 300")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @4\n  expect params = 292")

    fact: str
    stated: str
    actual: str

    def message(self) -> str:
        return f"{self.fact} = {self.actual}, not {self.stated}"

    def help(self) -> str:
        return "`incdsl summary` shows where it comes from"


@dataclass(frozen=True, kw_only=True)
class PaddingUnstated(Diagnostic):
    """With a stride of 2 or more the padding must be said: frameworks disagree on it, and every guess loses a pixel.

    `valid` is none, `half` is PyTorch's d(k−1)/2 on both sides, `pad N` and `pad HxW` are explicit.
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
    """`same` keeps height and width, so it needs stride 1 and, to be symmetric, an odd kernel.

    With a stride, TensorFlow's `same` pads more on the right where PyTorch's modules pad both sides alike: `half` is
    PyTorch's convention, `pad` says it in numbers. An even kernel would need one more row on one side.
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
    """PyTorch pads a pool by at most half its kernel (releases differ for dilated pools; the smaller bound holds)."""

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
    """Windows need an image [C, H, W]; `linear` needs a vector [C], and flattens [C, 1, 1] by itself."""

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
    """Groups and parts must divide the channels, and slices lie within them."""

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
    """Factors in sequence cover a kernel when Σ(k−1) + 1 is its size; in parallel, when their bounding box is it."""

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
    """In sequence the last factor has the convolution's width; parallel ones add up to it, or have none."""

    code: ClassVar[str] = "E312"
    title: ClassVar[str] = "the widths of the factors do not fit"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @8 as { | 1x3 @4 | 3x1 @3 }")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @8 as { | 1x3 @4 | 3x1 @4 }")

    reason: str

    def message(self) -> str:
        return self.reason


@dataclass(frozen=True, kw_only=True)
class CannotFactor(Diagnostic):
    """Plain convolutions can be factorized: no pools, no groups, no dilation, and with `same` only into odd kernels."""

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
    """`reduce` is a concat that makes the grid smaller: all its rails have the same total stride, at least 2."""

    code: ClassVar[str] = "E314"
    title: ClassVar[str] = "rails of `reduce` do not reduce alike"
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
        return "`concat` joins rails that keep the grid"


@dataclass(frozen=True, kw_only=True)
class NoLegalSize(Diagnostic):
    """No height, or no width, of the input makes all shapes fit."""

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
    """Multiply-accumulates, and the inputs of a `flatten`, depend on the size that `[3, H, W]` leaves open."""

    code: ClassVar[str] = "E316"
    title: ClassVar[str] = "the input has no nominal size"
    wrong: ClassVar[str] = example("output y = x -> flatten -> linear @4", shape="[8, H, W]")
    right: ClassVar[str] = example("output y = x -> gap -> linear @4", shape="[8, H, W]")

    reason: str

    def message(self) -> str:
        return self.reason

    def help(self) -> str:
        return "give the input numbers, such as [3, 224, 224]"
