"""Runs generated modules on small inputs: what PyTorch says of a size, and what it counts."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from incdsl.compiler import Compilation
from incdsl.runtime.harness import randomized, run_heads
from incdsl.runtime.load import load_text
from incdsl.values import Image


class Refused(Exception):
    """PyTorch would run it, but not as the language means it: a sum broadcasts, or a window has no cell."""


class Macs(TorchDispatchMode):
    """Counts operations, two for each multiply-accumulate, by PyTorch's own formulas."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=result)
        return result


class Strict(TorchFunctionMode):
    """Refuses what the language means otherwise, and PyTorch runs: a run at a legal size tells what is meant.

    Sums and products broadcast where they did there only, `flatten` takes images of the size that it had there, no
    largest value is one of nothing, and no image is cropped to nothing.
    """

    def __init__(self, known: list[object] | None = None) -> None:
        super().__init__()
        self.seen: list[object] = []
        self._known = known

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.dim() == 4 and 0 in result.shape:
            raise Refused("an image without a cell")
        name = getattr(func, "__name__", "")
        if name in _JOINS and len(args) == 2 and all(isinstance(a, Tensor) and a.dim() == 4 for a in args):
            broadcasts = args[0].shape != args[1].shape
            self._note(broadcasts, meant=lambda known: known or not broadcasts)
        elif name == "flatten" and args[0].dim() == 4:
            size = args[0].shape[1:]
            self._note(size, meant=lambda known: known == size)
        elif name == "max_pool2d" and bool(result.isneginf().any()):
            raise Refused("a window of padding alone")
        return result

    def _note(self, fact: object, meant: Callable[[Any], bool]) -> None:
        """What is so at this place of the run, if it may be."""
        if self._known is not None and not meant(self._known[len(self.seen)]):
            raise Refused("a sum or product broadcasts, or an image of another size is flattened")
        self.seen.append(fact)


_JOINS = {"add", "mul", "__add__", "__mul__", "__radd__", "__rmul__"}


class Subject:
    """A compiled net and an instance of its generated class in float64, random numbers inside, for evaluation.

    Auxiliary heads run, but nothing else behaves as in training.
    """

    def __init__(self, done: Compilation, seed: int = 0) -> None:
        self.done = done
        self.graph = done.net.graph
        self.shapes = self.graph.shapes()
        self._loaded = load_text(done.text, done.net.name)
        self.make = getattr(self._loaded, done.net.name)
        self.module: nn.Module = randomized(self.make().double().eval(), seed)
        run_heads(self.module, self.graph)
        self._source = torch.Generator().manual_seed(seed)

    def close(self) -> None:
        """Forget the generated module: thousands of them are made."""
        sys.modules.pop(self._loaded.__name__, None)
        linecache.cache.pop(str(self._loaded.__file__), None)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The nominal size, or legal ones that are not small."""
        nominal = self.done.net.conditions.nominal
        return {a: n or largest(self.done.sizes.training[a], 24) for a, n in nominal.items()}

    def inputs(self, sizes: Mapping[str, int]) -> list[Tensor]:
        """An input for each of the net's, two of a batch."""
        shapes = [self.shapes[node] for node in self.graph.inputs.values()]
        numbers = [shape.at(sizes) if isinstance(shape, Image) else (int(shape.channels),) for shape in shapes]
        return [torch.randn(2, *size, generator=self._source, dtype=torch.float64) for size in numbers]

    def ends(self, heads: bool = True) -> dict[str, str]:
        """Nodes of outputs and heads, by name."""
        more = {head.name: head.node for head in self.graph.heads} if heads else {}
        return {**self.graph.outputs, **more}

    def run(self, inputs: list[Tensor]) -> list[Tensor]:
        """The outputs and heads."""
        with torch.no_grad():
            found = self.module(*[x.clone() for x in inputs])
        return [found] if isinstance(found, Tensor) else [value for value in found if value is not None]

    @cached_property
    def _meant(self) -> list[object]:
        """What broadcasts, and what is flattened, at a size that leaves more than one cell wherever it can."""
        images = [shape for shape in self.shapes.values() if isinstance(shape, Image)]
        strides = [1 / e.slope for shape in images for e in (shape.height, shape.width) if e.slope]
        more = min(256, int(2 * max(strides, default=1)))
        legal = self.done.sizes.training
        sizes = {axis: largest(each, next(iter(each)) + more) for axis, each in legal.items()}
        with Strict() as strict:
            self.run(self.inputs(sizes))
        seen: list[object] = strict.seen
        return seen

    def answer(self, sizes: Mapping[str, int]) -> list[tuple[int, ...]] | None:
        """The shapes that come out of an input of these sizes, if PyTorch runs it and something comes out."""
        known = self._meant
        try:
            with Strict(known):
                shapes = [tuple(value.shape[1:]) for value in self.run(self.inputs(sizes))]
                return None if any(0 in shape for shape in shapes) else shapes
        except (RuntimeError, ValueError, Refused):
            return None


def largest(legal: Any, wanted: int) -> int:
    """A legal size of about what is wanted: the first that is not smaller, or the last."""
    last = 0
    for size in legal:
        last = size
        if size >= wanted:
            break
    return last
