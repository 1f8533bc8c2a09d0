"""What the values of a rail are called: after its label, its attributes, or what the merge does with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from incdsl.codegen.bodies import Item
from incdsl.codegen.flow import Flow
from incdsl.ir.graph import Chain
from incdsl.ops import Op
from incdsl.ops.merge import Add, Joining, Mul

_MERGED = {"add": "total", "mul": "product", "concat": "joined"}
"""What a merge gives that is all of a rail."""
_ROLES: dict[type[Op], str] = {Add: "residual", Mul: "gate"}
"""What a rail is that is added to its own input, or multiplied with it."""


def chain_names(flow: Flow) -> dict[Chain, str]:
    """A name for the values of each rail of a body."""
    return _Names(flow).names


class _Names:
    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._items: dict[Chain, list[Item]] = {}
        for item in flow.items:
            self._items.setdefault(item.chain, []).append(item)
        rails = [chain for chain in self._items if chain.rail]
        roles = dict(self._roles())
        words = Counter((chain.parent, _word(self._items[chain])) for chain in rails)
        found = {chain: self._name(chain, roles.get(chain, ""), words) for chain in rails}
        count = Counter((chain.parent, name) for chain, name in found.items())
        self.names = {
            chain: name
            if count[chain.parent, name] == 1 and all(found.get(above) != name for above in chain.lineage[:-1])
            else _own(chain)
            for chain, name in found.items()
        }

    def _name(self, chain: Chain, role: str, words: Mapping[tuple[Chain | None, str], int]) -> str:
        items = self._items[chain]
        labels = [item.label for item in items if item.label]
        if labels and not _is_lettered(chain) and all(_belongs(label, chain.name) for label in labels):
            return chain.name if len(items) == 1 else re.sub(r"_\d+$", "", chain.name)
        if role:
            return role
        if len(items) == 1:
            return self._of_one(chain, items, words)
        if len(labels) == 1 and not _belongs(labels[0], chain.name):
            return _plain(labels[0])
        stems = {re.sub(r"[_.]?\d*[a-z]?$", "", label) or label for label in labels}
        if len(stems) == 1 and not _is_lettered(chain):
            return _plain(stems.pop())
        return _own(chain)

    def _of_one(self, chain: Chain, items: list[Item], words: Mapping[tuple[Chain | None, str], int]) -> str:
        """The name of what one call gives: its attribute's, unless that says less than the word of what it calls."""
        (item,), word = items, _word(items)
        alone = words[chain.parent, word] == 1
        says_little = _is_lettered(chain, item.label) and chain.parent and (chain.parent.name or chain.parent.rail)
        if item.label and not (says_little and alone):
            return _plain(item.label)
        if item.node and item.node.op.kind == "view" and not _is_lettered(chain):
            return chain.name  # what is left of a rail whose layer became a part of another
        if alone:
            return word
        letter = re.search(r"([a-z]+)$", chain.name) if _is_lettered(chain) else None
        return f"{word}_{letter.group(1)}" if letter else word

    def _roles(self) -> Iterator[tuple[Chain, str]]:
        """The only rail of a merge that computes more than once, if the others are, or come of, what flows into it."""
        for item in self._flow.items:
            role = _ROLES.get(type(item.node.op)) if item.node else None
            if role is None:
                continue
            rails = [self._rail(value, item) for value in self._flow.inputs[item]]
            long = [chain for chain in rails if chain and self._is_long(chain)]
            sources = {
                self._source(chain) if chain else value
                for chain, value in zip(rails, self._flow.inputs[item], strict=True)
            }
            if len(long) == 1 and len(sources) == 1:
                yield long[0], role

    def _is_long(self, chain: Chain) -> bool:
        """Whether a rail computes more than one thing."""
        first, *others = self._items[chain]
        return bool(others) or (first.node is not None and isinstance(first.node.op, Joining))

    def _rail(self, value: str, merge: Item) -> Chain | None:
        """The rail that ends in an operand of a merge; None for a value from elsewhere."""
        made = self._flow.makes.get(value)
        return made.chain if made and made.chain.rail and made.chain.parent is merge.chain else None

    def _source(self, chain: Chain) -> str:
        """What flows into a rail."""
        first = self._items[chain][0]
        inside = {name for item in self._items[chain] for name in item.outputs}
        value = self._flow.inputs[first][0]
        made = self._flow.makes.get(value)
        while made and value not in inside and made.chain.parent is chain:  # the rails of a merge inside it
            value = self._flow.inputs[self._items[made.chain][0]][0]
            made = self._flow.makes.get(value)
        return value


def _is_lettered(chain: Chain, name: str = "") -> bool:
    """Whether a name was made of that of the chain around a rail, and a letter."""
    above = chain.parent.name if chain.parent else ""
    return re.fullmatch(rf"{re.escape(above or 'branch')}(_\d+)?_?[a-z]", name or chain.name) is not None


def _belongs(label: str, name: str) -> bool:
    return label == name or re.fullmatch(rf"{re.escape(name)}[_.][\d.]+[a-z]?", label) is not None


def _own(chain: Chain) -> str:
    """The name of the chain itself, or its letter where that would only tell in what it stands."""
    letter = re.search(r"([a-z])$", chain.name) if _is_lettered(chain) else None
    return f"branch_{letter.group(1)}" if letter else chain.name


def _word(items: list[Item]) -> str:
    """The word of what a rail of one call calls."""
    if len(items) != 1:
        return ""
    (item,) = items
    word = item.node.op.word if item.node else item.instance.word if item.instance else ""
    return _MERGED.get(word) or word.rpartition(".")[2].lower()


def _plain(label: str) -> str:
    return re.sub(r"(\.\d+)+$", "", label).replace(".", "_")
