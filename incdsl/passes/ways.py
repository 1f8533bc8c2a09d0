"""How layers run on the device that they were measured on, as words: `plain`, `fused`, `product`, `kernel 64 64 …`."""

from __future__ import annotations

import re

KERNEL = "kernel"
_WAY = re.compile(r"plain|fused|product|kernel( [1-9][0-9]{0,3}){0,6}")


def kernel_way(config: tuple[int, ...]) -> str:
    """A kernel that cuts up its work like this; nothing is its own choice."""
    return " ".join([KERNEL, *map(str, config)])


def is_kernel(way: str) -> bool:
    """Whether it is a kernel of ours."""
    return way.split(" ")[0] == KERNEL


def is_way(text: object) -> bool:
    """Whether there is such a way on a GPU."""
    return isinstance(text, str) and _WAY.fullmatch(text) is not None


def config_of(way: str) -> tuple[int, ...]:
    """How the kernel cuts up its work; nothing if that is its own choice, or if it is no kernel."""
    return tuple(map(int, way.split(" ")[1:])) if is_kernel(way) else ()
