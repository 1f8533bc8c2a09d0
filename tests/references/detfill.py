"""The fill "detfill v1": numbers for a network's state_dict and input that are the same on every platform.

`u(i, n)[k] = fmix32((k + i · 0x9E3779B1) mod 2³²) / 2³¹ − 1`, where fmix32 is the finaliser of MurmurHash3.
"""

import math

import torch

GOLDEN = 0x9E3779B1
WORD = 0xFFFFFFFF
INPUT = 1 << 20
"""The index of the input; entries of a state_dict come before."""


def uniform(index, count):
    """`count` numbers in [-1, 1), the stream of an index."""
    # Products wrap around at 2⁶⁴, which leaves their lower 32 bits right.
    h = (torch.arange(count, dtype=torch.int64) + index * GOLDEN) & WORD
    h ^= h >> 16
    h = h * 0x85EBCA6B & WORD
    h ^= h >> 13
    h = h * 0xC2B2AE35 & WORD
    h ^= h >> 16
    return h.double() / 2**31 - 1


def values(index, name, shape):
    """The entry of a state_dict with this index in the reference's order."""
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    u = uniform(index, math.prod(shape)).reshape(shape)
    if name.endswith("running_var"):
        return 1 + 0.5 * u
    if name.endswith("running_mean"):
        return 0.1 * u
    if len(shape) >= 2:
        return u * math.sqrt(6 / (math.prod(shape) // shape[0]))
    return 0.1 * u if name.endswith("bias") else 1 + 0.2 * u


def state(entries):
    """A state_dict from a reference's `[[name, shape], …]`."""
    return {name: values(index, name, shape) for index, (name, shape) in enumerate(entries)}


def image(shape):
    """The input."""
    return uniform(INPUT, math.prod(shape)).reshape(shape)
