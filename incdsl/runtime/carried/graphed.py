"""A module whose calls on a GPU are replayed."""

import threading
import warnings
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

LOCK = threading.RLock()


class GraphedModule(nn.Module):
    """On a GPU, the calls of this module are CUDA graphs: captured once for each shape of its inputs, then replayed.

    The first call of a shape runs four times, so that cuDNN has tried its kernels before the capture; where
    `torch.backends.cudnn.deterministic` is set it tries none. A replay copies the inputs, in whatever type and layout,
    launches everything at once, and gives outputs that are the caller's own.
    Up to `max_graphs` shapes are kept; their graphs share one piece of memory, so calls wait for each other, also on
    other threads and streams. Weights may change in place; `to` and `load_state_dict` drop the graphs.

    With gradients, in training, under autocast or torch.compile, inside another capture, with hooks, for more shapes,
    and on other devices, it is an ordinary module: `forward` runs.
    """

    max_graphs = 8

    def __init__(self) -> None:
        super().__init__()
        self.graphs: dict[Any, Any] = {}

    def __call__(self, *inputs: Tensor) -> Any:
        """The outputs, by a replay where that does what `forward` does."""
        if not torch.compiler.is_compiling() and self.may_replay(inputs):
            key = tuple([(x.shape, x.device) for x in inputs])
            with LOCK, torch.inference_mode(False), torch.no_grad():
                if key not in self.graphs and len(self.graphs) < self.max_graphs:
                    self.graphs[key] = self.captured(inputs)
                if self.graphs.get(key) is not None:
                    return self.graphs[key].replay(inputs)
        return super().__call__(*[self.like_weights(x) for x in inputs])

    def like_weights(self, x: Tensor) -> Tensor:
        """An input in the type of the weights, images with their channels last."""
        weight = next(self.parameters(), x)
        if x.dim() == 4:
            return x.to(dtype=weight.dtype, memory_format=torch.channels_last)
        return x.to(dtype=weight.dtype)

    def may_replay(self, inputs: tuple[Tensor, ...]) -> bool:
        """Whether a replay does what the call would do."""
        if self.training or torch.is_grad_enabled() or torch.jit.is_tracing():
            return False
        if any(torch.is_autocast_enabled(x.device.type) for x in inputs):
            return False
        return not self._forward_hooks and not self._forward_pre_hooks and self.on_gpu(inputs)

    def on_gpu(self, inputs: tuple[Tensor, ...]) -> bool:
        """Whether the inputs are on a GPU, and nobody else is capturing what happens to them."""
        return all(x.is_cuda for x in inputs) and not torch.cuda.is_current_stream_capturing()

    def captured(self, inputs: tuple[Tensor, ...]) -> "Graph | None":
        """The call as a graph; none, with a warning, if something in it cannot be captured."""
        cudnn = torch.backends.cudnn
        before, cudnn.benchmark = cudnn.benchmark, not cudnn.deterministic
        try:
            return Graph(self.forward, [self.like_weights(x).clone() for x in inputs])
        except RuntimeError as error:
            warnings.warn("not captured as a CUDA graph: " + str(error), stacklevel=3)
            return None
        finally:
            cudnn.benchmark = before

    def _apply(self, *arguments: Any, **settings: Any) -> "GraphedModule":
        self.graphs.clear()
        return super()._apply(*arguments, **settings)

    def load_state_dict(self, *arguments: Any, **settings: Any) -> Any:
        """Load weights; with `assign=True` they are other tensors, which no graph reads."""
        self.graphs.clear()
        return super().load_state_dict(*arguments, **settings)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "graphs": {}}


class Graph:
    """One captured call: what it reads, what it makes, and how it is run again."""

    pools: ClassVar[dict[Any, Any]] = {}
    last: ClassVar[dict[Any, Any]] = {}

    def __init__(self, forward: Any, given: list[Tensor]) -> None:
        self.given, device = given, given[0].device
        with torch.cuda.device(device):
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    forward(*given)
            torch.cuda.current_stream().wait_stream(side)
            torch.cuda.synchronize()
            pool = self.pools.setdefault(device, torch.cuda.graph_pool_handle())
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph, pool=pool, capture_error_mode="thread_local"):
                self.made = forward(*given)

    def replay(self, inputs: tuple[Tensor, ...]) -> Any:
        """The outputs for these inputs, as tensors of their own."""
        device = inputs[0].device
        with torch.cuda.device(device):
            stream = torch.cuda.current_stream()
            if device in self.last:
                stream.wait_event(self.last[device])
            for own, x in zip(self.given, inputs, strict=True):
                own.copy_(x)
            self.graph.replay()
            kind = type(self.made)
            one = isinstance(self.made, Tensor)
            made = self.made.clone() if one else kind(*[y.clone() for y in self.made])
            self.last[device] = stream.record_event()
            return made
