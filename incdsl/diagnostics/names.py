"""E2xx: names and settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic, example


@dataclass(frozen=True, kw_only=True)
class BadName(Diagnostic):
    """Names become attributes and arguments of generated code, so some cannot be used.

    These cannot: Python's keywords and builtins; names that the generated file needs (`torch`, `nn`, `F`, `self`);
    attributes of `nn.Module` (a label `train` would hide the method of that name); names that start with an underscore;
    names of more than 64 characters.
    """

    code: ClassVar[str] = "E207"
    title: ClassVar[str] = "the name cannot be used"
    wrong: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> train: conv2d 3x3 @4\n}\n"
    right: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv1: conv2d 3x3 @4\n}\n"

    name: str
    reason: str

    def message(self) -> str:
        return f"`{self.name}` cannot be used as a name"

    def label(self) -> str:
        return self.reason


@dataclass(frozen=True, kw_only=True)
class UnknownName(Diagnostic):
    """No value, unit, block, net or op has this name.

    Names are looked up in this order: bound values (as the first step of a chain), parameters that hold an op,
    units, blocks and nets of the file, ops.
    """

    code: ClassVar[str] = "E201"
    title: ClassVar[str] = "unknown name"
    wrong: ClassVar[str] = example("output y = x -> cnov2d 3x3 @4")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @4")

    name: str
    suggestion: str = ""
    hint: str = ""

    def message(self) -> str:
        return f"nothing is called `{self.name}`"

    def label(self) -> str:
        return f"did you mean `{self.suggestion}`?" if self.suggestion else ""

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class UnknownSetting(Diagnostic):
    """The op has no setting of this name. `incdsl explain OP` lists the settings of an op."""

    code: ClassVar[str] = "E202"
    title: ClassVar[str] = "unknown setting"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @4 (strde: 2)")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @4 (stride: 2, padding: valid)")

    owner: str
    setting: str
    settings: tuple[str, ...]
    suggestion: str = ""
    hint: str = ""

    def message(self) -> str:
        return f"`{self.owner}` has no setting `{self.setting}`"

    def label(self) -> str:
        return f"did you mean `{self.suggestion}`?" if self.suggestion else ""

    def help(self) -> str:
        if self.hint:
            return self.hint
        return f"its settings are {', '.join(self.settings)}" if self.settings else "it has no settings"


@dataclass(frozen=True, kw_only=True)
class UnusualSetting(Diagnostic):
    """The value is legal, but no published network has it. It may be a slip, or be meant the other way round."""

    code: ClassVar[str] = "W404"
    title: ClassVar[str] = "an unusual value for a setting"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @4 -> batchnorm (momentum: 0.9)")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @4 -> batchnorm (momentum: 0.1)")

    owner: str
    setting: str
    value: float
    least: float
    most: float
    advice: str = ""

    def message(self) -> str:
        usual = f"from {self.least:g} to {self.most:g}"
        return f"`{self.setting}` of `{self.owner}` is {self.value:g}; usual is {usual}"

    def help(self) -> str:
        rest = round(1 - self.value, 9)
        return self.advice.format(value=f"{self.value:g}", rest=f"{rest:g}") if 0 <= rest < self.value else ""


@dataclass(frozen=True, kw_only=True)
class BadSetting(Diagnostic):
    """The setting does not take this value."""

    code: ClassVar[str] = "E203"
    title: ClassVar[str] = "bad value for a setting"
    wrong: ClassVar[str] = example("output y = x -> dropout 1.5")
    right: ClassVar[str] = example("output y = x -> dropout 0.5")

    owner: str
    setting: str
    reason: str

    def message(self) -> str:
        return f"`{self.setting}` of `{self.owner}` {self.reason}"


@dataclass(frozen=True, kw_only=True)
class MissingSetting(Diagnostic):
    """Some settings have no default: the kernel and width of a convolution, the kernel of a pool, the probability of a
    dropout."""

    code: ClassVar[str] = "E204"
    title: ClassVar[str] = "a setting is missing"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @4")

    owner: str
    setting: str
    how: str

    def message(self) -> str:
        return f"`{self.owner}` needs its {self.setting}"

    def help(self) -> str:
        return f"write {self.how}"


@dataclass(frozen=True, kw_only=True)
class SigilNotTaken(Diagnostic):
    """Each op says which of `3x3`, `/2`, `@64`, `valid`, `ceil` and a bare number it takes.

    A bare number after a convolution is usually a width that lost its `@`.
    """

    code: ClassVar[str] = "E205"
    title: ClassVar[str] = "the op does not take this"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @4 64")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @64")

    owner: str
    sigil: str
    taken: tuple[str, ...]
    hint: str = ""

    def message(self) -> str:
        return f"`{self.owner}` takes no {self.sigil}"

    def help(self) -> str:
        if self.hint:
            return self.hint
        return f"it takes {', '.join(self.taken)}" if self.taken else "it takes none of `3x3 /2 @64 valid ceil 0.5`"


@dataclass(frozen=True, kw_only=True)
class NameTaken(Diagnostic):
    """A name has one meaning: no shadowing, no block named like an op, no two steps of a block with the same key."""

    code: ClassVar[str] = "E206"
    title: ClassVar[str] = "the name is taken"
    wrong: ClassVar[str] = example("output y = x -> a: conv2d 3x3 @4 -> a: conv2d 3x3 @4")
    right: ClassVar[str] = example("output y = x -> a: conv2d 3x3 @4 -> b: conv2d 3x3 @4")

    name: str
    taken_by: str
    hint: str = ""

    def message(self) -> str:
        return f"`{self.name}` is {self.taken_by}"

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class BadFlow(Diagnostic):
    """A chain starts with `in`, with bound values or with a merge of them; ops, units, blocks, nets and merges follow.

    A value is bound before it is used, and can only start a chain. `(a, b) -> Block` feeds several values to a block
    or net with as many inputs; `concat { | a | b }` merges them.
    """

    code: ClassVar[str] = "E209"
    title: ClassVar[str] = "nothing flows into the chain, or the wrong values"
    wrong: ClassVar[str] = example("a = x -> relu\n  output y = x -> conv2d 3x3 @8 -> a")
    right: ClassVar[str] = example("a = x -> relu\n  output y = a -> add { | identity | conv2d 3x3 @8 }")

    reason: str
    hint: str = ""

    def message(self) -> str:
        return self.reason

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class Recursion(Diagnostic):
    """No block or net may contain itself, directly or through others, and no net may be a variant of itself."""

    code: ClassVar[str] = "E210"
    title: ClassVar[str] = "the block contains itself"
    wrong: ClassVar[str] = example("output y = x -> B", "block B = conv2d 3x3 @8 -> B\n")
    right: ClassVar[str] = example("output y = x -> B times 3", "block B = conv2d 3x3 @8\n")

    chain: tuple[str, ...]
    variants: bool = False

    def message(self) -> str:
        verb = "varies" if self.variants else "contains"
        return f"`{self.chain[0]}` {verb} itself: {' > '.join(self.chain)}"

    def help(self) -> str:
        if self.variants:
            return "a variant starts from another net, in the end from one that is written out: `net A { … }`"
        return "to repeat it, say how often: `times 3`"


@dataclass(frozen=True, kw_only=True)
class WrongArguments(Diagnostic):
    """Arguments of blocks and nets are written by name. Every parameter without a default needs one."""

    code: ClassVar[str] = "E211"
    title: ClassVar[str] = "wrong arguments"
    wrong: ClassVar[str] = example("output y = x -> B", "block B(width) = conv2d 3x3 @width\n")
    right: ClassVar[str] = example("output y = x -> B(width: 4)", "block B(width) = conv2d 3x3 @width\n")

    reason: str
    hint: str = ""

    def message(self) -> str:
        return self.reason

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class BadExpression(Diagnostic):
    """An expression consists of numbers, parameters, `in`, values (which stand for their channels), `+ - * //` and
    parentheses."""

    code: ClassVar[str] = "E212"
    title: ClassVar[str] = "the expression has no value"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @(x // 0)")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @(x // 2)")

    reason: str
    suggestion: str = ""

    def message(self) -> str:
        return self.reason

    def label(self) -> str:
        return f"did you mean `{self.suggestion}`?" if self.suggestion else ""


@dataclass(frozen=True, kw_only=True)
class BadRepetition(Diagnostic):
    """`times` takes a positive integer and `for` a list. Steps and plain chains can repeat, merges cannot."""

    code: ClassVar[str] = "E213"
    title: ClassVar[str] = "this cannot be repeated"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @8 times 0")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @8 times 2")

    reason: str
    hint: str = ""

    def message(self) -> str:
        return self.reason

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class IncompleteNet(Diagnostic):
    """A net has at least one input and one output."""

    code: ClassVar[str] = "E214"
    title: ClassVar[str] = "the net is not complete"
    wrong: ClassVar[str] = "inc 1\nnet N {\n  input x [8, 16, 16]\n}\n"
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @4")

    reason: str
    hint: str = ""

    def message(self) -> str:
        return self.reason

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class LabelMismatch(Diagnostic):
    """A step has one label, or one label for each part that owns parameters: `conv1, bn1: conv 1x1 @64`."""

    code: ClassVar[str] = "E215"
    title: ClassVar[str] = "the labels do not fit the step"
    wrong: ClassVar[str] = example("output y = x -> a, b: conv2d 3x3 @4")
    right: ClassVar[str] = example("output y = x -> a: conv2d 3x3 @4")

    reason: str
    hint: str = ""

    def message(self) -> str:
        return self.reason

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class BadParameter(Diagnostic):
    """A parameter of a net needs a default or a value. `--set name=value` sets it."""

    code: ClassVar[str] = "E216"
    title: ClassVar[str] = "the parameter has no value"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @width", params="(width)")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @width", params="(width = 4)")

    reason: str
    hint: str = ""

    def message(self) -> str:
        return self.reason

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class UnknownFact(Diagnostic):
    """`expect` can state `params`, `deployed_params`, `macs`, `train_macs` and `keys`."""

    code: ClassVar[str] = "E217"
    title: ClassVar[str] = "unknown fact"
    wrong: ClassVar[str] = example("output y = x -> relu\n  expect flops = 3")
    right: ClassVar[str] = example("output y = x -> relu\n  expect macs = 0")

    name: str
    reason: str = ""

    def message(self) -> str:
        return self.reason or f"`expect` knows no fact `{self.name}`"

    def help(self) -> str:
        return "the facts are params, deployed_params, macs, train_macs and keys"


@dataclass(frozen=True, kw_only=True)
class ChooseNet(Diagnostic):
    """The file has several nets, or none. `SPEC::NET` chooses one."""

    code: ClassVar[str] = "E218"
    title: ClassVar[str] = "which net?"
    wrong: ClassVar[str] = "inc 1\nblock B = relu\n"
    right: ClassVar[str] = example("output y = x -> relu")

    name: str | None
    nets: tuple[str, ...]

    def message(self) -> str:
        if not self.nets:
            return "the file describes no net"
        return f"the file has no net `{self.name}`" if self.name else f"the file has {len(self.nets)} nets"

    def help(self) -> str:
        return f"choose one of {', '.join(self.nets)}: `SPEC::{self.nets[0]}`" if self.nets else ""


@dataclass(frozen=True, kw_only=True)
class NamesAlike(Diagnostic):
    """Two names in one class differ only in case, and are easily confused."""

    code: ClassVar[str] = "W401"
    title: ClassVar[str] = "names differ only in case"
    wrong: ClassVar[str] = example("output y = x -> Conv1: conv2d 3x3 @4 -> conv1: conv2d 3x3 @4")
    right: ClassVar[str] = example("output y = x -> conv1: conv2d 3x3 @4 -> conv2: conv2d 3x3 @4")

    name: str
    other: str

    def message(self) -> str:
        return f"`{self.name}` and `{self.other}` differ only in case"
