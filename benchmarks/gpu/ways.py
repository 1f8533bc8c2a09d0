"""How each layer of a net is fastest on the device at hand, and the module of these ways.

It needs incdsl and its specs, as nothing else here does.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.gpu.case import TYPES, Case
from benchmarks.gpu.device import Call
from benchmarks.gpu.results import Row

if TYPE_CHECKING:
    from incdsl.compiler import Compilation
    from incdsl.runtime.ways import Measured

HERE = Path(__file__)
SPECS = HERE.parents[2] / "specs"
ROUNDS = 7
NEEDS = ("lark", "pydantic", "rich", "networkx")


def no_incdsl(case: Case) -> str:
    """What incdsl needs and is not here."""
    missing = [name for name in NEEDS if not _is_here(name)]
    return f"needs {', '.join(missing)}" if missing else ""


def _is_here(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def tuned(case: Case, dtype: str) -> Call:
    """The form for a GPU, each layer in its fastest way."""
    from incdsl.codegen.gpu import Gpu
    from incdsl.compiler import for_inference
    from incdsl.runtime.load import load_net
    from incdsl.runtime.ways import fastest

    done, form, found = measured_ways(case.net.name, dtype, case.batch, case.device.name)
    chosen = Gpu(dtype, kernels=True, ways=tuple(fastest(list(found), form).items()))
    module: Any = load_net(for_inference(done, form=chosen)).from_training(case.net.state)
    return module.eval().to(case.device.name, TYPES[dtype])  # type: ignore[no-any-return]


def way_rows(case: Case) -> list[Row]:
    """A row for each layer: the seconds of each of its ways."""
    *_, found = measured_ways(case.net.name, case.dtype, case.batch, case.device.name)
    return [{"name": each.path, "seconds": dict(each.seconds)} for each in found]


@cache
def measured_ways(
    net: str, dtype: str, batch: int, device: str
) -> tuple[Compilation, Compilation, tuple[Measured, ...]]:
    """A net, its form with kernels, and how long each layer takes in each of its ways."""
    from incdsl.codegen.gpu import Gpu
    from incdsl.compiler import compile_net, for_inference, read
    from incdsl.runtime.ways import measured

    path = SPECS / f"{net}.inc"
    done = compile_net(read(str(path if path.exists() else HERE.with_name(f"{net}.inc"))))
    form = for_inference(done, form=Gpu(dtype, kernels=True))
    sizes = {axis: size for axis, size in done.net.conditions.nominal.items() if size is not None}
    return done, form, tuple(measured(form, sizes, batch, TYPES[dtype], device, ROUNDS))
