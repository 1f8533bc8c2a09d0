"""Writes the modules to measure and what each of their layers costs, for a machine without incdsl."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from incdsl.analysis.kernels import launches
from incdsl.codegen.gpu import KERNELS as KERNELS_FILE, Gpu, kernels as kernels_text
from incdsl.compiler import Compilation, compile_net, for_inference, read
from incdsl.ops.gpu import FusedConv2d
from incdsl.passes.ways import KERNEL


def _on_gpu(
    without: tuple[str, ...] = (), streams: int = 4, *, graphs: bool = True, kernels: bool = False
) -> Callable[[Compilation], Compilation]:
    """The form for a GPU without some of its features; the type of its weights is chosen where it runs."""
    return lambda done: for_inference(done, frozenset(without), form=Gpu("fp32", streams, graphs, kernels))


def _kernels_alone(done: Compilation) -> Compilation:
    """Every convolution with its ReLU as a kernel of Triton's, too."""
    fused = for_inference(done, form=Gpu("fp32")).net.graph
    ways = tuple((node.path, KERNEL) for node in fused if isinstance(node.op, FusedConv2d))
    return for_inference(done, form=Gpu("fp32", kernels=True, ways=ways))


FORMS: dict[str, Callable[[Compilation], Compilation]] = {
    "training": lambda done: done,
    "deployed": for_inference,
    "gpu": _on_gpu(),
    "gpu_2_streams": _on_gpu(streams=2),
    "gpu_1_stream": _on_gpu(streams=1),
    "gpu_not_fused": _on_gpu(("FuseConvs",)),
    "gpu_not_commuted": _on_gpu(("CommuteAvgPool",)),
    "gpu_not_merged": _on_gpu(("CommuteAvgPool", "MergeSiblingConvs")),
    "gpu_kernels": _on_gpu(kernels=True),
    "gpu_kernels_alone": _kernels_alone,
    "gpu_no_graphs": _on_gpu(graphs=False),
}
"""The modules of a net, by name. All but `training` take their weights from its state_dict."""


def prepare(folder: Path, specs: Iterable[Path]) -> None:
    """Write `NET_FORM.py` and `NET_FORM.json` (the layers) for each net and form, the kernels, and `manifest.json`.

    Raises:
        CompileError: if a spec is wrong.
        ValueError: if a net has other inputs than one image of a nominal size.
    """
    folder.mkdir(parents=True, exist_ok=True)
    nets = {}
    for spec in specs:
        done = compile_net(read(str(spec)))
        nets[spec.stem] = {"class": done.net.name, "image": _image(done), "forms": list(FORMS)}
        for form, made in FORMS.items():
            module = made(done)
            (folder / f"{spec.stem}_{form}.py").write_text(module.text, encoding="utf-8")
            (folder / f"{spec.stem}_{form}.json").write_text(json.dumps(_layers(module), indent=1), encoding="utf-8")
    (folder / f"{KERNELS_FILE}.py").write_text(kernels_text(), encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps(nets, indent=1), encoding="utf-8")


def _image(done: Compilation) -> list[int]:
    """Channels, height and width of the input."""
    graph, nominal = done.net.graph, done.net.conditions.nominal
    sizes = {axis: size for axis, size in nominal.items() if size is not None}
    if len(graph.inputs) != 1 or len(nominal) != 2 or len(sizes) != 2:
        raise ValueError(f"{done.net.name} does not have one image of a nominal size as its input")
    return list(graph.shapes()[next(iter(graph.inputs.values()))].at(sizes))


def _layers(done: Compilation) -> list[dict[str, Any]]:
    """Each kernel: the module it runs in, and its cost for one image. `weights` are read whatever the batch."""
    return [
        {
            "name": each.node.name.partition("#")[0],
            "module": each.node.path or each.node.instance.path,
            "kind": each.node.op.kind,
            "numbers": each.numbers,
            "weights": each.weights,
            "macs": each.macs,
        }
        for each in launches(done.net)
    ]
