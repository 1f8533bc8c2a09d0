"""What can be wrong with imports and with nets that are made of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic

_NET_OF_BLOCK = (
    "net Base {\n  input x [8, 16, 16]\n  output y = x -> a: B\n}\n"
    "block B = concat { | conv2d 1x1 @4 | deep: conv2d 3x3 @4 }\n"
)
_NET = "net Base {\n  input x [8, 16, 16]\n  output y = x -> a: conv2d 3x3 @4\n}\n"


@dataclass(frozen=True, kw_only=True)
class BadImport(Diagnostic):
    """An import names another spec by its path, relative to the file that imports it.

    The file is a regular one whose name ends in `.inc`, and lies inside the import root: the folder of the spec that is
    compiled, unless `--root DIR` names another. Links that lead out of the root are not followed. A path such as
    `specs/v3.inc` that does not exist there is the spec of this name that incdsl brings along.
    """

    code: ClassVar[str] = "E106"
    title: ClassVar[str] = "the import cannot be read"

    file: str
    reason: str
    hint: str = ""

    def message(self) -> str:
        return f'cannot import "{self.file}": {self.reason}'

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class ImportCycle(Diagnostic):
    """Files that import each other would have no first one: move what both need into a third."""

    code: ClassVar[str] = "E107"
    title: ClassVar[str] = "the imports go in a circle"

    chain: tuple[str, ...]

    def message(self) -> str:
        return f"{self.chain[0]} imports itself: {' > '.join(self.chain)}"

    def help(self) -> str:
        return "move what both need into a file of its own"


@dataclass(frozen=True, kw_only=True)
class NothingToImport(Diagnostic):
    """`from "file" use Name` takes a unit, a block or a net that the file itself defines."""

    code: ClassVar[str] = "E219"
    title: ClassVar[str] = "the file defines no such name"
    wrong: ClassVar[str] = (
        'inc 1\nfrom "specs/v3.inc" use InceptionD\n'
        "net N {\n  input x [192, 35, 35]\n  output y = x -> a: InceptionD(pool: 32)\n}\n"
    )
    right: ClassVar[str] = (
        'inc 1\nfrom "specs/v3.inc" use InceptionA\n'
        "net N {\n  input x [192, 35, 35]\n  output y = x -> a: InceptionA(pool: 32)\n}\n"
    )

    name: str
    file: str
    suggestion: str = ""

    def message(self) -> str:
        return f"{self.file} defines no unit, block or net `{self.name}`"

    def label(self) -> str:
        return f"did you mean `{self.suggestion}`?" if self.suggestion else ""


@dataclass(frozen=True, kw_only=True)
class UnknownPath(Diagnostic):
    """A change of a variant names a rail, a step, a unit or an aux head of the net that it varies.

    Rails and steps go by their paths, as `incdsl summary --by layer` prints them: `Mixed_7c.branch_pool`. A rail goes
    by its label. What is only a part of a written step, such as one factor of a kernel or the norm of a unit, and a
    name that several steps share, cannot be replaced alone: replace what is around it.
    """

    code: ClassVar[str] = "E220"
    title: ClassVar[str] = "the variant changes what is not there"
    wrong: ClassVar[str] = f"inc 1\n{_NET}net N = Base with {{\n  b: conv2d 5x5 @4\n}}\n"
    right: ClassVar[str] = f"inc 1\n{_NET}net N = Base with {{\n  a: conv2d 5x5 @4\n}}\n"

    what: str
    name: str
    base: str
    suggestion: str = ""
    reason: str = ""
    hint: str = ""

    def message(self) -> str:
        return self.reason or f"`{self.base}` has no {self.what} `{self.name}`"

    def label(self) -> str:
        return f"did you mean `{self.suggestion}`?" if self.suggestion else ""

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class ChangedInside(Diagnostic):
    """A variant says once what stands in a place: it cannot replace a block or a rail and something inside of it.

    A variant of the variant may change what a replacement holds.
    """

    code: ClassVar[str] = "E222"
    title: ClassVar[str] = "a change lies inside another one"
    wrong: ClassVar[str] = (
        f"inc 1\n{_NET_OF_BLOCK}net N = Base with {{\n  a: conv2d 1x1 @4\n  a.deep: conv2d 5x5 @4\n}}\n"
    )
    right: ClassVar[str] = f"inc 1\n{_NET_OF_BLOCK}net N = Base with {{\n  a.deep: conv2d 5x5 @4\n}}\n"

    name: str
    outer: str
    line: int
    verb: str

    def message(self) -> str:
        return f"`{self.name}` lies inside `{self.outer}`, which line {self.line} {self.verb}"

    def help(self) -> str:
        return "say all of it in one chain" if self.verb == "replaces" else "without the head nothing is left to change"


@dataclass(frozen=True, kw_only=True)
class NotANet(Diagnostic):
    """A net is made of another net: `net Small = Base(classes: 10) with { … }`."""

    code: ClassVar[str] = "E221"
    title: ClassVar[str] = "this is no net"
    wrong: ClassVar[str] = f"inc 1\n{_NET}block B = relu\nnet N = B\n"
    right: ClassVar[str] = f"inc 1\n{_NET}net N = Base\n"

    name: str
    suggestion: str = ""

    def message(self) -> str:
        return f"no net is called `{self.name}`"

    def label(self) -> str:
        return f"did you mean `{self.suggestion}`?" if self.suggestion else ""
