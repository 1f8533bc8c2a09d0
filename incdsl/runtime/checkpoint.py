"""Checkpoints as tensors: read without running anything that they hold, rearranged, written."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from incdsl.diagnostics import CompileError
from incdsl.ops.base import Sizes
from incdsl.weights.checkpoint import Checkpoint, checkpoint, first_line, unreadable
from incdsl.weights.match import Origin
from incdsl.writing import replace

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
_DEPTH = 3


def pytorch_header(path: Path) -> Checkpoint:
    """Names and shapes of a file that PyTorch saved."""
    return _checkpoint(path, *_state(path))


def _checkpoint(path: Path, state: Mapping[Any, Any], notes: tuple[str, ...]) -> Checkpoint:
    strange = [str(key)[:80] for key, value in state.items() if not isinstance(value, Tensor)]
    if strange:
        unreadable(path.name, f"its entry `{strange[0]}` is no tensor")
    return checkpoint(path.name, ((key, value.shape) for key, value in state.items()), notes)


def _state(path: Path) -> tuple[Mapping[Any, Any], tuple[str, ...]]:
    """The state_dict of a file, taken out of what it is wrapped in."""
    loaded = _load(path)
    notes: tuple[str, ...] = ()
    for _ in range(_DEPTH):
        if not isinstance(loaded, dict):
            unreadable(path.name, f"it holds no state_dict but {type(loaded).__name__}")
        if any(isinstance(value, Tensor) for value in loaded.values()):
            break
        inside = [name for name in _WRAPPERS if isinstance(loaded.get(name), dict)]
        if not inside:
            break
        if len(inside) > 1:
            unreadable(path.name, f"it holds several state_dicts: {', '.join(inside)}")
        aside = ", ".join(sorted(str(key)[:40] for key in loaded if key != inside[0])[:10])
        notes = (*notes, f"the state_dict is below `{inside[0]}`{f'; left aside: {aside}' if aside else ''}")
        loaded = loaded[inside[0]]
    return loaded, notes


def _load(path: Path) -> Any:
    try:
        if not path.is_file():
            unreadable(path.name, "there is no such file")
        return torch.load(path, weights_only=True, map_location="cpu", mmap=zipfile.is_zipfile(path))
    except CompileError:
        raise
    except Exception as error:  # a hostile file can make PyTorch raise anything
        if type(error).__name__ == "UnpicklingError":
            unreadable(path.name, "it is no state_dict of tensors, and nothing else in a pickle is loaded")
        unreadable(path.name, first_line(error))


def tensors(path: Path, known: Checkpoint) -> dict[str, Tensor]:
    """All tensors of a checkpoint by the names that `known` gives them."""
    try:
        if path.suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(path, "pt") as file:
                return {key: file.get_tensor(known.prefix + key) for key in known.shapes}
        if path.suffix == ".npz":
            return _numpy(path, known)
    except CompileError:
        raise
    except Exception as error:  # the libraries have exceptions of their own beside those of the file system
        unreadable(path.name, first_line(error))
    state, _ = _state(path)
    return {key: state[known.prefix + key].detach() for key in known.shapes}


def _numpy(path: Path, known: Checkpoint) -> dict[str, Tensor]:
    import numpy

    with numpy.load(path, allow_pickle=False) as archive:
        arrays = {key: archive[known.prefix + key] for key in known.shapes}
    return {key: torch.from_numpy(array.astype(array.dtype.newbyteorder("="))) for key, array in arrays.items()}


def rearranged(
    found: Mapping[str, Tensor], origins: Mapping[str, Origin], wanted: Mapping[str, Sizes], name: str
) -> dict[str, Tensor]:
    """The net's tensors; numbers keep the precision of the checkpoint."""
    result: dict[str, Tensor] = {}
    precision = _precision(found[origin.source] for origin in origins.values() if origin.fill is None)
    for key, shape in wanted.items():
        origin, counts = origins[key], key.endswith("num_batches_tracked")
        if origin.fill is not None:
            result[key] = torch.full(shape, origin.fill, dtype=torch.int64 if counts else precision)
            continue
        value = found[origin.source]
        if value.layout is not torch.strided or value.is_floating_point() == counts or value.is_complex():
            unreadable(name, f"`{origin.source}` holds {str(value.dtype).removeprefix('torch.')} numbers")
        if origin.view:
            value = value.reshape(origin.view)
        if origin.permute:
            value = value.permute(origin.permute)
        result[key] = value.reshape(shape).clone(memory_format=torch.contiguous_format)
    return result


def _precision(values: Iterable[Tensor]) -> torch.dtype:
    kinds = {value.dtype for value in values if value.is_floating_point()}
    return max(kinds, key=lambda kind: kind.itemsize, default=torch.float32)


def write(target: Path, state: Mapping[str, Tensor]) -> None:
    """Put a state_dict on disk, in the format of the target's suffix.

    Raises:
        CompileError: if the file system refuses.
    """

    def fill(path: Path) -> None:
        if target.suffix == ".safetensors":
            from safetensors.torch import save_file

            save_file(dict(state), path, metadata={"format": "pt"})
        else:
            torch.save(dict(state), path)

    replace(target, fill)
