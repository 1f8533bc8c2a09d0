"""Checkpoints as tensors: read without running anything that they hold, rearranged, written."""

from __future__ import annotations

import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from incdsl.diagnostics import CompileError
from incdsl.diagnostics.weights import SeveralStateDicts
from incdsl.ops.base import Sizes
from incdsl.weights.checkpoint import HEADERS, Checkpoint, check_file, checkpoint, first_line, format_of, unreadable
from incdsl.weights.match import Origin
from incdsl.writing import replace

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
_DEPTH = 3
_DEPLOYED = "incdsl deploy"
_SHOWN = 10
_LONGEST = 80
"""Letters of the name of a state_dict."""
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""What a file begins with that PyTorch saved before 1.6: a magic number, pickled."""


def header(path: Path, entry: str = "") -> Checkpoint:
    """Names and shapes of a checkpoint of any format; `entry` as in `pytorch_header`.

    Raises:
        CompileError: if it cannot be read.
    """
    kind = format_of(path)
    if kind == "pytorch":
        return pytorch_header(path, entry)
    if entry:
        unreadable(path.name, f"it is no training checkpoint and holds no `{entry[:80]}`")
    return HEADERS[kind](path)


def pytorch_header(path: Path, entry: str = "") -> Checkpoint:
    """Names and shapes of a file that PyTorch saved; `entry` says which state_dict in it, as names with dots."""
    state, notes, taken = _state(path, entry)
    for key, value in state.items():
        if reason := _strange(value):
            unreadable(path.name, f"its entry `{str(key)[:80]}` {reason}", _state_dicts(state))
    return checkpoint(path.name, ((key, value.shape) for key, value in state.items()), notes, taken)


def _strange(value: Any) -> str:
    """Why a value holds no numbers in rows and columns; empty if it does."""
    if not isinstance(value, Tensor):
        return "is not a tensor"
    if value.layout is not torch.strided:
        return f"is a {str(value.layout).removeprefix('torch.')} tensor, and only dense ones are read"
    if value.is_quantized:
        return "is a quantized tensor, whose numbers are rounded"
    return "has a shape but no numbers: it was saved from the meta device" if value.is_meta else ""


def _state(path: Path, entry: str) -> tuple[Mapping[Any, Any], tuple[str, ...], str]:
    """The state_dict of a file, taken out of what it is wrapped in, and where it was."""
    whole = _load(path)
    if entry:
        asked = _below(whole, entry)
        if not isinstance(asked, dict):
            unreadable(path.name, f"it holds no state_dict below `{entry[:80]}`", _state_dicts(whole))
        return asked, (f"the state_dict is below `{entry}`, as asked for",), entry
    found, notes, taken = _unwrapped(path, whole)
    others = [name for name in _state_dicts(whole) if name != taken] if taken else []
    fitting = [name for name in others if _alike(found, _below(whole, name))]
    if fitting:
        raise CompileError((SeveralStateDicts(span=None, file=path.name, entries=(taken, *fitting)),))
    if others:
        notes = (*notes, f"it holds other state_dicts: {', '.join(others)}")
    return found, notes, taken


def _unwrapped(path: Path, whole: Any) -> tuple[Mapping[Any, Any], tuple[str, ...], str]:
    """What is in the usual wrappers, what that was, and where."""
    loaded, notes, taken = whole, tuple[str, ...](), list[str]()
    for _ in range(_DEPTH):
        if not isinstance(loaded, dict):
            unreadable(path.name, f"it holds no state_dict but {type(loaded).__name__}")
        inside = [name for name in _WRAPPERS if isinstance(loaded.get(name), dict)]
        if not inside or any(isinstance(value, Tensor) for value in loaded.values()):
            break
        if len(inside) > 1:
            unreadable(path.name, "it holds several state_dicts", [".".join((*taken, name)) for name in inside])
        taken += inside
        aside = ", ".join(sorted(str(key)[:40] for key in loaded if key != inside[0])[:_SHOWN])
        notes = (*notes, f"the state_dict is below `{inside[0]}`{f'; left aside: {aside}' if aside else ''}")
        loaded = loaded[inside[0]]
    return loaded, notes, ".".join(taken)


def _alike(*state_dicts: Any) -> bool:
    """Whether state_dicts hold tensors of the same shapes, counters aside, so that each could be meant."""
    shapes = [
        Counter(tuple(value.shape) for value in state.values() if isinstance(value, Tensor) and value.dim())
        for state in state_dicts
        if isinstance(state, dict)
    ]
    return shapes == [shapes[0]] * len(state_dicts)


def _below(value: Any, entry: str) -> Any:
    """What stands there; the last name may have dots of its own."""
    while isinstance(value, dict) and entry not in value and "." in entry:
        name, _, entry = entry.partition(".")
        value = value.get(name)
    return value.get(entry) if isinstance(value, dict) else None


def _state_dicts(value: Any, depth: int = _DEPTH) -> list[str]:
    """Where tensors with names stand, below names."""
    found: list[str] = []
    for name, inner in value.items() if isinstance(value, dict) else ():
        if isinstance(name, str) and len(name) <= _LONGEST and isinstance(inner, dict) and inner:
            if all(isinstance(key, str) and isinstance(tensor, Tensor) for key, tensor in inner.items()):
                found.append(name)
            elif depth > 1:
                found += [f"{name}.{below}" for below in _state_dicts(inner, depth - 1)]
    return found[:_SHOWN]


def _load(path: Path) -> Any:
    try:
        check_file(path)
        archive = _format(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if path.suffix == ".safetensors":  # by which PyTorch would go, not by the content
                with path.open("rb") as stream:
                    return torch.load(stream, weights_only=True, map_location="cpu")
            return torch.load(path, weights_only=True, map_location="cpu", mmap=archive)
    except CompileError:
        raise
    except Exception as error:  # a hostile file can make PyTorch raise anything
        if type(error).__name__ == "UnpicklingError":
            unreadable(path.name, "it is not a state_dict of tensors, and nothing else in a pickle is loaded")
        unreadable(path.name, f"the file is cut off or damaged ({first_line(error)})")


def _format(path: Path) -> bool:
    """Whether a file is an archive, as PyTorch's are; refused if it is nothing that PyTorch saves."""
    with path.open("rb") as stream:
        start = stream.read(len(_LEGACY))
    if start == _LEGACY:
        return False
    if not start.startswith(b"PK\x03\x04"):
        pickled = start[:1] == b"\x80"
        what = "a pickle that PyTorch did not save" if pickled else "not a PyTorch checkpoint"
        unreadable(path.name, f"it is {what}")
    if not zipfile.is_zipfile(path):
        unreadable(path.name, "the file is cut off: its end is missing")
    with zipfile.ZipFile(path) as archive:
        names = {name.rpartition("/")[2] for name in archive.namelist()}
    if "data.pkl" not in names or "constants.pkl" in names:
        what = "a TorchScript program" if "constants.pkl" in names else "an archive of something else"
        unreadable(path.name, f"it is not a PyTorch checkpoint but {what}")
    return True


def tensors(path: Path, known: Checkpoint) -> dict[str, Tensor]:
    """All tensors of a checkpoint by the names that `known` gives them."""
    try:
        kind = format_of(path)
        if kind == "safetensors":
            from safetensors import safe_open

            with safe_open(path, "pt") as file:
                return {key: file.get_tensor(known.prefix + key) for key in known.shapes}
        if kind == "numpy":
            return _numpy(path, known)
    except CompileError:
        raise
    except Exception as error:  # the libraries have exceptions of their own beside those of the file system
        unreadable(path.name, first_line(error))
    state, *_ = _state(path, known.entry)
    return {key: state[known.prefix + key].detach() for key in known.shapes}


def _numpy(path: Path, known: Checkpoint) -> dict[str, Tensor]:
    import numpy

    with numpy.load(path, allow_pickle=False) as archive:
        arrays = {key: archive[known.prefix + key] for key in known.shapes}
    return {key: torch.from_numpy(array.astype(array.dtype.newbyteorder("="))) for key, array in arrays.items()}


def rearranged(
    found: Mapping[str, Tensor], origins: Mapping[str, Origin], wanted: Mapping[str, Sizes],
    initial: Mapping[str, Tensor], name: str,
) -> dict[str, Tensor]:  # fmt: skip
    """The net's tensors, fresh ones as they are in `initial`; numbers keep the precision of the checkpoint."""
    result: dict[str, Tensor] = {}
    precision = _precision(found[origin.source] for origin in origins.values() if origin.source)
    for key, shape in wanted.items():
        origin, counts = origins[key], key.endswith("num_batches_tracked")
        if origin.fresh:
            result[key] = initial[key].to(torch.int64 if counts else precision)
            continue
        if origin.fill is not None:
            result[key] = torch.full(shape, origin.fill, dtype=torch.int64 if counts else precision)
            continue
        value = found[origin.source]
        if value.is_floating_point() == counts or value.is_complex():
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


def is_deployed(path: Path) -> bool:
    """Whether a file holds weights that `deploy` wrote, so that it may write them again."""
    from safetensors import safe_open

    try:
        with safe_open(path, "pt") as file:
            return bool((file.metadata() or {}).get("written_by") == _DEPLOYED)
    except Exception:  # the library has exceptions of its own beside those of the file system
        return False


def holds(path: Path, state: Mapping[str, Tensor]) -> bool:
    """Whether a file of deployed weights holds these tensors, bit by bit."""
    from safetensors.torch import load_file

    if not is_deployed(path):
        return False
    found = load_file(path)
    return list(found) == sorted(state) and all(_same_bits(found[key], state[key]) for key in state)


def _same_bits(a: Tensor, b: Tensor) -> bool:
    raw = (tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (a, b))
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(*raw)


def write(target: Path, state: Mapping[str, Tensor], *, deployed: bool = False) -> None:
    """Put a state_dict on disk, in the format of the target's suffix; a file of `deployed` weights says so.

    Raises:
        CompileError: if the file system refuses.
    """

    def fill(path: Path) -> None:
        if target.suffix == ".safetensors":
            from safetensors.torch import save_file

            plain = {key: tensor.contiguous() for key, tensor in state.items()}  # whatever the layout in memory
            save_file(plain, path, metadata={"format": "pt", **({"written_by": _DEPLOYED} if deployed else {})})
        else:
            torch.save(dict(state), path)

    replace(target, fill)
