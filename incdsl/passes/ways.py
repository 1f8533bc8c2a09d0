"""How layers run on the device that they were measured on, as words.

On a GPU these are `plain`, `fused`, `product` and `kernel 64 64 …`, on a CPU `direct` and `F(4x4,3x3) 14 6 0`: the
numbers say how a kernel cuts up its work, and without them that is its own choice.
"""

from __future__ import annotations

import re

from incdsl.winograd import schemes

KERNEL = "kernel"
DIRECT = "direct"
"""A layer that is fastest as the convolution that it is, and not by a scheme of Winograd's."""
_ON_GPU = re.compile(rf"plain|fused|product|{KERNEL}(?: [1-9][0-9]{{0,3}})*")
_SCHEMES = "|".join(re.escape(scheme.name) for scheme in schemes(higher_order=True))
_ON_CPU = re.compile(rf"{DIRECT}|(?:{_SCHEMES})(?: [1-9][0-9]{{0,3}} [1-9][0-9]{{0,3}} [01])?")
_STAGES = 4
"""The number of a configuration that may be any; the others are sizes, and powers of two."""


def way(head: str, config: tuple[int, ...] = ()) -> str:
    """A kernel, or a scheme, that cuts up its work like this."""
    return " ".join([head, *map(str, config)])


def head_of(way: str) -> str:
    """What it is, without the numbers."""
    return way.partition(" ")[0]


def config_of(way: str) -> tuple[int, ...]:
    """How it cuts up its work; nothing if that is its own choice."""
    return tuple(map(int, way.split(" ")[1:]))


def is_gpu_way(text: object) -> bool:
    """Whether there is such a way on a GPU; a kernel for a pool has three numbers, and one for a convolution six."""
    if not isinstance(text, str) or _ON_GPU.fullmatch(text) is None:
        return False
    config = config_of(text)
    sizes = (*config[:_STAGES], *config[_STAGES + 1 :])
    return len(config) in (0, 3, 6) and all(size & (size - 1) == 0 for size in sizes)


def is_cpu_way(text: object) -> bool:
    """Whether there is such a way on a CPU: a scheme with its tiles, its panels, and whether filters are shared."""
    return isinstance(text, str) and _ON_CPU.fullmatch(text) is not None
