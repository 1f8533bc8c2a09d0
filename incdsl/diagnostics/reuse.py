"""Problems of imports and variants."""

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
    """An import gives the path of another spec, relative to the file that imports it.

    It must be a regular file whose name ends in `.inc`, inside the import root: the folder of the compiled spec, unless
    `--root DIR` names another. Links out of the root are not followed. If there is no such file, `specs/v3.inc` is the
    spec of that name that ships with incdsl.
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
    """Files cannot import each other, directly or through others. Move what both need into a third file."""

    code: ClassVar[str] = "E107"
    title: ClassVar[str] = "the imports go in a circle"

    chain: tuple[str, ...]

    def message(self) -> str:
        return f"{self.chain[0]} imports itself: {' > '.join(self.chain)}"

    def help(self) -> str:
        return "move what both need into a third file"


@dataclass(frozen=True, kw_only=True)
class NothingToImport(Diagnostic):
    """`from "FILE" use NAME` imports a unit, block or net that is defined in FILE itself, not one that FILE imports."""

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
    """A variant can change the rails, steps, units and auxiliary heads of the net that it varies.

    A rail or step is named by its path, `Mixed_7c.branch_pool`, as `incdsl summary --by layer` prints it. A part of a
    step, such as one factor of a kernel or the norm of a unit, cannot be replaced alone, and neither can one of several
    steps that share a name: replace the step or rail around it.
    """

    code: ClassVar[str] = "E220"
    title: ClassVar[str] = "the variant changes something that does not exist"
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
    """A variant cannot replace a block or rail and also change something inside it. Write one chain that says both.

    A variant of the variant may change what is inside the replacement.
    """

    code: ClassVar[str] = "E222"
    title: ClassVar[str] = "a change lies inside another change"
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
        return "write both changes as one chain" if self.verb == "replaces" else "the head is left out as a whole"


@dataclass(frozen=True, kw_only=True)
class NotANet(Diagnostic):
    """A variant starts from a net: `net Small = Base(classes: 10) with { … }`."""

    code: ClassVar[str] = "E221"
    title: ClassVar[str] = "not a net"
    wrong: ClassVar[str] = f"inc 1\n{_NET}block B = relu\nnet N = B\n"
    right: ClassVar[str] = f"inc 1\n{_NET}net N = Base\n"

    name: str
    suggestion: str = ""

    def message(self) -> str:
        return f"no net is called `{self.name}`"

    def label(self) -> str:
        return f"did you mean `{self.suggestion}`?" if self.suggestion else ""
