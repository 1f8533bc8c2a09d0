"""How layers run on the GPU that they were measured on, as words: `plain`, `fused`, `product`, `kernel 64 64 …`."""

from __future__ import annotations

import re

KERNEL = "kernel"
_WAY = re.compile(r"plain|fused|product|kernel(?P<config>(?: [1-9][0-9]{0,3})*)")
_STAGES = 4
"""The number of a configuration that may be any; the others are sizes, and powers of two."""


def kernel_way(config: tuple[int, ...]) -> str:
    """A kernel that cuts up its work like this; nothing is its own choice."""
    return " ".join([KERNEL, *map(str, config)])


def is_kernel(way: str) -> bool:
    """Whether it is a kernel of ours."""
    return way.split(" ")[0] == KERNEL


def is_way(text: object) -> bool:
    """Whether there is such a way; a pool has three numbers, and a convolution six."""
    found = _WAY.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return False
    config = config_of(found[0])
    sizes = (*config[:_STAGES], *config[_STAGES + 1 :])
    return len(config) in (0, 3, 6) and all(size & (size - 1) == 0 for size in sizes)


def config_of(way: str) -> tuple[int, ...]:
    """How the kernel cuts up its work; nothing if that is its own choice, or if it is no kernel."""
    return tuple(map(int, way.split(" ")[1:])) if is_kernel(way) else ()
