"""Whether a checkpoint of one net is one of another: the keys of both, and their shapes."""

from __future__ import annotations

from dataclasses import dataclass

from incdsl.analysis.cost import state_dict
from incdsl.ir.net import Net

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Survival:
    """What `load_state_dict` of the second net says to a checkpoint of the first."""

    fitting: tuple[str, ...]
    missing: tuple[str, ...]
    """Keys that only the second net has."""
    unexpected: tuple[str, ...]
    """Keys that only the first net has."""
    reshaped: tuple[tuple[str, Shape, Shape], ...]
    """Keys of both whose tensors have another shape: what it was, and what it is."""

    @property
    def survives(self) -> bool:
        """Whether the checkpoint loads as it is."""
        return not (self.missing or self.unexpected or self.reshaped)

    def __str__(self) -> str:
        count = len(self.fitting)
        if self.survives:
            return f"a checkpoint of A loads into B: every key fits, {count} in all"
        other = [(self.missing, "missing"), (self.unexpected, "unexpected"), (self.reshaped, "of another shape")]
        said = ", ".join(f"{len(keys)} {what}" for keys, what in other if keys)
        return f"a checkpoint of A does not load into B: {count} keys fit, {said}"


def survival(before: Net, after: Net) -> Survival:
    """Compare the keys of two nets, in the order of their state_dicts."""
    old, new = _keys(before), _keys(after)
    both = [key for key in new if key in old]
    return Survival(
        fitting=tuple(key for key in both if old[key] == new[key]),
        missing=tuple(key for key in new if key not in old),
        unexpected=tuple(key for key in old if key not in new),
        reshaped=tuple((key, old[key], new[key]) for key in both if old[key] != new[key]),
    )


def _keys(net: Net) -> dict[str, Shape]:
    return {key: tuple(tensor.shape) for key, tensor in state_dict(net.graph, net.graph.shapes())}
