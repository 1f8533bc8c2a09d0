"""Triton's interpreter, in which a kernel that leaves its tensors fails, and products of bfloat16 are right."""

import numpy as np
import torch
from triton.language import bfloat16, float32
from triton.runtime import interpreter


def guard_memory(monkeypatch) -> None:
    """Let a kernel read and write the cells of the tensors that it was given, and no others."""
    cells = np.empty(0, np.uint64)
    memory, enter = interpreter._interpreter, interpreter.GridExecutor._init_args_hst
    load, store = memory.load, memory.store

    def entered(self, args, kwargs):
        nonlocal cells
        hosts = enter(self, args, kwargs)
        cells = np.unique(np.concatenate([_addresses(each) for each in hosts[0] if isinstance(each, torch.Tensor)]))
        return hosts

    def loaded(pointers, mask, *rest):
        _inside(pointers[mask], cells, "read")
        return load(pointers, mask, *rest)

    def stored(pointers, values, mask):
        _inside(pointers[mask], cells, "written")
        return store(pointers, values, mask)

    monkeypatch.setattr(interpreter.GridExecutor, "_init_args_hst", entered)
    monkeypatch.setattr(memory, "load", loaded)
    monkeypatch.setattr(memory, "store", stored)


def multiply_bfloat16(monkeypatch) -> None:
    """Multiply matrices of bfloat16, which NumPy does not have: the interpreter multiplies their bits."""
    dot = interpreter.InterpreterBuilder.create_dot

    def create_dot(self, a, b, *rest):
        return dot(self, *(_widened(each) if each.dtype == bfloat16 else each for each in (a, b)), *rest)

    monkeypatch.setattr(interpreter.InterpreterBuilder, "create_dot", create_dot)


def _addresses(tensor: torch.Tensor) -> np.ndarray:
    """Where the cells of a tensor lie."""
    offsets = torch.zeros((), dtype=torch.int64)
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        offsets = offsets[..., None] + torch.arange(size) * stride
    return (tensor.data_ptr() + offsets.flatten().numpy() * tensor.element_size()).astype(np.uint64)


def _inside(pointers: np.ndarray, cells: np.ndarray, what: str) -> None:
    places = np.minimum(np.searchsorted(cells, pointers), len(cells) - 1)  # `cells` are sorted
    if not np.array_equal(cells[places], pointers):
        raise IndexError(f"{what} outside of all tensors")


def _widened(handle: interpreter.TensorHandle) -> interpreter.TensorHandle:
    bits = handle.data.view(np.uint16).astype(np.uint32) << 16
    return interpreter.TensorHandle(bits.view(np.float32), float32)
