"""Rails of a block on streams of their own."""

from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar

import torch
from torch import Tensor


class Fork:
    """Streams for the rails of a block: they begin where it is made, and end where it joins them.

    Streams fork while a CUDA graph is captured; otherwise the rails run in order. What the rails read is kept until
    they are joined, since memory goes back to the stream that it came from, which may be far ahead of theirs.
    """

    streams: ClassVar[dict[torch.device, list["torch.cuda.Stream"]]] = {}

    def __init__(self, *read: Tensor) -> None:
        self.read = read
        self.used: dict[int, torch.cuda.Stream] = {}
        on_gpu = not torch.compiler.is_compiling() and isinstance(read[0], Tensor) and read[0].is_cuda
        self.forks = on_gpu and torch.cuda.is_current_stream_capturing()
        if self.forks:
            self.main = torch.cuda.current_stream()
            self.start = self.main.record_event()

    def rail(self, number: int) -> AbstractContextManager[object]:
        """The stream of some rails; those of number 0 stay on the stream of the block."""
        if not self.forks or number == 0:
            return nullcontext()
        streams = self.streams.setdefault(self.main.device, [])
        while len(streams) < number:
            streams.append(torch.cuda.Stream())
        stream = streams[number - 1]
        if number not in self.used:
            stream.wait_event(self.start)
            self.used[number] = stream
        return torch.cuda.stream(stream)

    def join(self) -> None:
        """Let the stream of the block wait for all rails."""
        for stream in self.used.values():
            self.main.wait_stream(stream)
        self.read = ()
