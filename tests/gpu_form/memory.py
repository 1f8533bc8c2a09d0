"""A model of streams and of the memory behind them, which watches a module run on the CPU.

An op runs on the stream that is current. A block of memory goes back to the stream that it was taken from when the last
reference to it dies, and the next op on that stream may be given it. It is a race if an op reads what another stream
wrote without waiting for it, or if memory may be given away while another stream still uses it.
"""

from collections import defaultdict
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Clock = dict
"""How far each stream had come when something happened."""


class Use(NamedTuple):
    """An op that reads or writes a block, and when."""

    stream: int
    time: int
    op: str
    writes: bool


class Memory(TorchDispatchMode):
    """Watches ops; `races` says what is wrong."""

    def __init__(self):
        super().__init__()
        self.stream = 0
        self.clocks = defaultdict(Clock)
        self.uses = {}  # of each block: its stream, a weak reference, and its uses
        self.free = defaultdict(list)  # by stream: uses of blocks that it may give away
        self.races = []
        self.crossings = 0

    # Streams

    def wait(self, stream, clock):
        """Let a stream wait until others have come so far."""
        own = self.clocks[stream]
        for other, time in clock.items():
            own[other] = max(own.get(other, 0), time)

    def now(self, stream):
        return dict(self.clocks[stream])

    # Ops

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self._collect()
        read = {self._key(x): x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)}
        result = func(*args, **(kwargs or {}))
        made = {self._key(x): x for x in tree_leaves(result) if isinstance(x, torch.Tensor)}
        clock = self.clocks[self.stream]
        changed = {key for key in made if key in read and func._schema.is_mutable}
        for key in read:
            if key in self.uses:
                uses = [use for use in self.uses[key][2] if use.writes or key in changed]
                self._hold(uses, f"{func} reads before it is written")
                self.crossings += self.uses[key][0] != self.stream
        fresh = [key for key in made if key not in read and key not in self.uses]
        if fresh:
            for uses in self.free[self.stream]:
                self._hold(uses, f"{func} is given memory that is still in use")
            self.free[self.stream].clear()  # what follows on this stream comes after it
        clock[self.stream] = clock.get(self.stream, 0) + 1
        for key in fresh:
            block = StorageWeakRef(made[key].untyped_storage())
            self.uses[key] = (self.stream, block, [Use(self.stream, clock[self.stream], str(func), True)])
        for key in read:
            if key in self.uses:
                self.uses[key][2].append(Use(self.stream, clock[self.stream], str(func), key in changed))
        return result

    def _key(self, tensor):
        return tensor.untyped_storage()._cdata

    def _hold(self, uses, what):
        """Note a race unless the current stream has waited for all of these uses that others made."""
        clock = self.clocks[self.stream]
        for stream, time, op, _ in uses:
            if stream != self.stream and clock.get(stream, 0) < time:
                self.races.append(f"on stream {self.stream}, {what}: {op} on stream {stream}")

    def _collect(self):
        """Give back the blocks to which no reference is left."""
        for key in [key for key, (_, block, _) in self.uses.items() if block.expired()]:
            stream, _, uses = self.uses.pop(key)
            self.free[stream].append(uses)


def watched(memory, fork):
    """A class that forks streams as this carried one does while a graph is captured, told to a model of memory."""

    class Watched(fork):
        def __init__(self, *read):
            super().__init__(*read)
            self.start = memory.now(0)
            self.seen = set()
            assert memory.stream == 0, "forks do not nest"

        @contextmanager
        def rail(self, number):
            if number and number not in self.seen:
                memory.wait(number, self.start)
                self.seen.add(number)
            memory.stream = number
            yield
            memory.stream = 0

        def join(self):
            for number in self.seen:
                memory.wait(0, memory.now(number))
            super().join()

    return Watched
