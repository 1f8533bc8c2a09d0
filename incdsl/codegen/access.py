"""How `forward` reaches the members of containers: never through one index behind another."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from incdsl.codegen.bodies import Item
from incdsl.codegen.runs import Run, Tree, tree


@dataclass(frozen=True, slots=True)
class Unpacked:
    """`name = source`: a container inside a container as a local variable."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Access:
    """The text by which each label is reached, and what is unpacked for it first."""

    of: Mapping[str, str]
    unpacked: tuple[Unpacked, ...]


def access(items: Sequence[Item], found: Mapping[str, Run], taken: Collection[str]) -> Access:
    """How the labels of a body are reached; `found` are the runs, `taken` names of other variables."""
    return _Reaching(tree(items), found, taken).access()


class _Reaching:
    def __init__(self, members: Tree, found: Mapping[str, Run], taken: Collection[str]) -> None:
        self._members = members
        self._found = found
        self._taken = set(taken)
        self._of: dict[str, str] = {}
        self._unpacked: list[Unpacked] = []

    def access(self) -> Access:
        for name, member in self._members.items():
            self._reach(name, f'getattr(self, "{name}")' if name.isdigit() else f"self.{name}", member)
        return Access(self._of, tuple(self._unpacked))

    def _reach(self, path: str, text: str, member: Tree | Item) -> None:
        if isinstance(member, Item) or path in self._found:
            self._of[path] = text
            return
        listed = list(member) == [str(i) for i in range(len(member))]
        for name, part in member.items():
            inner, entry = f"{path}.{name}", f"{text}[{name}]" if listed else f'{text}["{name}"]'
            if not isinstance(part, Item) and inner not in self._found:
                self._unpacked.append(Unpacked(self._local(inner), entry))
                entry = self._unpacked[-1].name
            self._reach(inner, entry, part)

    def _local(self, path: str) -> str:
        name = path.replace(".", "_")
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name
