"""`from_training` of a deployed module: how each of its tensors is computed from the training module's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from incdsl.codegen.forms import Form
from incdsl.codegen.gpu import DTYPES, Gpu
from incdsl.codegen.layout import INDENT, Bracketed, Doc, lines
from incdsl.ir.net import Net
from incdsl.ir.weight_expr import Kept, WeightExpr

HELPER = "TrainingWeights"


def from_training(
    net: Net, weight_exprs: Mapping[str, WeightExpr], ignored: Iterable[str], form: Form | None = None
) -> list[str]:
    """The lines of the method; `ignored` are paths of the training module that the deployed one leaves out."""
    entries: list[Doc] = []
    bare = tuple([f'"{node.path}"' for node in net.graph if node.op.is_parameter])
    for node in net.graph:
        if node.label and node.op.owns_parameters() and not node.op.is_parameter:
            doc = _doc(weight_exprs.get(node.name, Kept(node.path)))
            entries.append(Bracketed(f'"{node.path}": {doc.head}', doc.items, doc.brackets, doc.tail))
    dtype = ["*", f"dtype: torch.dtype = {DTYPES[form.dtype]}"] if isinstance(form, Gpu) else []
    arguments = ("cls", "state_dict: dict[str, Tensor]", "/", *dtype, "**arguments: float")
    how = [*(["dtype=dtype"] if dtype else []), *(["memory_format=torch.channels_last"] if form else [])]
    ready = f"module.eval().to({', '.join(how)})" if how else "module.eval()"
    left_out = tuple(f'"{path}."' for path in ignored)
    unused: Doc = f"({left_out[0]},)" if len(left_out) == 1 else Bracketed("", left_out, "()")
    return [
        f"{INDENT}@classmethod",
        *lines("def ", Bracketed("from_training", arguments), f' -> "{net.name}":', 1),
        f'{INDENT * 2}"""The deployed module with the weights of a training checkpoint, computed in float64."""',
        f"{INDENT * 2}given = {HELPER}(state_dict)",
        *lines("layers = ", Bracketed("", tuple(entries), "{}"), "", 2),
        *(lines("parameters = given.parameters", Bracketed("", bare), "", 2) if bare else ()),
        *lines("given.complain_about_unused", Bracketed("", (unused,) if left_out else (), "()"), "", 2),
        f"{INDENT * 2}module = cls(**arguments)",
        f"{INDENT * 2}module.load_state_dict(given.state(layers){' | parameters' if bare else ''})",
        f"{INDENT * 2}return {ready}",
        "",
    ]


def _doc(expr: WeightExpr) -> Bracketed:
    """A call of the method that is called as the expression is: `given.folded("conv", "bn", 1e-05)`."""
    name = "layer" if isinstance(expr, Kept) else _CAPITAL.sub("_", type(expr).__name__).lower()
    pairs = ((field, getattr(expr, field.name)) for field in fields(expr))
    values = (value for field, value in pairs if value != field.default)
    return Bracketed(f"given.{name}", tuple(argument for value in values for argument in _arguments(value)))


_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def _arguments(value: Any) -> Iterator[Doc]:
    """What a field of an expression is in the call; a layer of the training module goes by its path."""
    if isinstance(value, Kept):
        yield from _arguments(value.prefix)
    elif isinstance(value, WeightExpr):
        yield _doc(value)
    elif isinstance(value, str):
        yield f'"{value}"'
    elif isinstance(value, tuple) and isinstance(value[0], WeightExpr):
        for part in value:
            yield from _arguments(part)
    else:
        yield repr(value)


def helper(written: Iterable[str]) -> str:
    """The class that computes tensors, with the methods that these lines of code call, and those that they call."""
    code = "\n".join(written)
    called = {name: text for name, text in _METHODS.items() if f"given.{name}(" in code}
    inside = "\n".join(called.values())
    methods = [text for name, text in _METHODS.items() if name in called or f"self.{name}(" in inside]
    return "\n\n".join([_BEGINNING, *methods, _END])


_BEGINNING = '''class TrainingWeights:
    """Layers of a training checkpoint in float64, each a dictionary of its tensors; a layer may go by its path."""

    def __init__(self, state_dict: dict[str, Tensor]) -> None:
        others = [name for name, tensor in state_dict.items() if not isinstance(tensor, Tensor)]
        if others:
            raise ValueError("wanted is the training module's state_dict, given a dictionary of " + ", ".join(others))

        self.tensors = {name: tensor.double() for name, tensor in state_dict.items()}
        self.unused = {name for name in state_dict if not name.endswith("num_batches_tracked")}

    def layer(self, path: str) -> dict[str, Tensor]:
        found = {name: tensor for name, tensor in self.tensors.items() if name.rpartition(".")[0] == path}
        if not found:
            raise KeyError("the checkpoint has no layer " + path + "; it has " + ", ".join(sorted(self.tensors)[:3]))
        self.unused -= found.keys()
        return {name.rpartition(".")[2]: tensor for name, tensor in found.items()}

    def given(self, layer: str | dict[str, Tensor]) -> dict[str, Tensor]:
        return self.layer(layer) if isinstance(layer, str) else layer'''

_METHODS = {
    "folded": """\
    def folded(self, layer: str | dict[str, Tensor], norm: str | dict[str, Tensor], eps: float) -> dict[str, Tensor]:
        path = norm if isinstance(norm, str) else "behind a layer"
        layer, norm = self.given(layer), self.given(norm)
        parts = ("weight", "bias", "running_mean", "running_var")
        if [norm[name].shape for name in parts if name in norm] != [layer["weight"].shape[:1]] * len(parts):
            raise ValueError("the batch norm " + path + " lacks a tensor, or has other channels than its layer")
        scale = norm["weight"] / torch.sqrt(norm["running_var"] + eps)
        bias = layer.get("bias", torch.zeros_like(scale))
        weight = layer["weight"] * scale.view(-1, *[1] * (layer["weight"].dim() - 1))
        return {"weight": weight, "bias": (bias - norm["running_mean"]) * scale + norm["bias"]}""",
    "channels": """\
    def channels(self, norm: str | dict[str, Tensor], start: int, stop: int | None) -> dict[str, Tensor]:
        return {name: tensor[start:stop] for name, tensor in self.given(norm).items() if tensor.dim()}""",
    "unscaled": """\
    def unscaled(self, norm: str | dict[str, Tensor]) -> dict[str, Tensor]:
        norm = self.given(norm)
        if "weight" in norm:
            raise ValueError("a batch norm of the checkpoint has a scale, which the net does not learn")
        return {**norm, "weight": torch.zeros_like(norm["running_var"]) + 1}""",
    "unshifted": """\
    def unshifted(self, norm: str | dict[str, Tensor]) -> dict[str, Tensor]:
        norm = self.given(norm)
        if "bias" in norm:
            raise ValueError("a batch norm of the checkpoint has a shift, which the net does not learn")
        return {**norm, "bias": torch.zeros_like(norm["running_var"])}""",
    "merged": """    def merged(self, *layers: str | dict[str, Tensor]) -> dict[str, Tensor]:
        layers = [self.given(layer) for layer in layers]
        merged = {"weight": torch.cat([layer["weight"] for layer in layers])}
        if any("bias" in layer for layer in layers):
            zeros = [torch.zeros_like(layer["weight"][:, 0, 0, 0]) for layer in layers]
            merged["bias"] = torch.cat([layer.get("bias", zero) for layer, zero in zip(layers, zeros, strict=True)])
        return merged""",
    "scaled": """    def scaled(self, layer: str | dict[str, Tensor], factor: float) -> dict[str, Tensor]:
        return {name: tensor * factor for name, tensor in self.given(layer).items()}""",
    "normalized": """    def normalized(
        self, layer: str | dict[str, Tensor], scale: Tensor | tuple[float, ...], shift: Tensor | tuple[float, ...]
    ) -> dict[str, Tensor]:
        layer = self.given(layer)
        weight = layer["weight"]
        groups = [torch.as_tensor(v, dtype=torch.float64).view(-1, weight.shape[1], 1, 1) for v in (scale, shift)]
        scale, shift = (group.repeat_interleave(len(weight) // len(group), 0) for group in groups)
        return {"weight": weight * scale, "bias": layer.get("bias", 0.0) + (weight * shift).sum((1, 2, 3))}""",
    "prenormed": """    def prenormed(
        self, layer: str | dict[str, Tensor], norm: str | dict[str, Tensor], eps: float, groups: int = 1
    ) -> dict[str, Tensor]:
        path = norm if isinstance(norm, str) else "in front of a layer"
        layer, norm = self.given(layer), self.given(norm)
        channels = (groups * layer["weight"].shape[1],)
        parts = ("weight", "bias", "running_mean", "running_var")
        if [norm[name].shape for name in parts if name in norm] != [channels] * len(parts):
            raise ValueError("the batch norm " + path + " lacks a tensor, or has other channels than its layer")
        scale = norm["weight"] / torch.sqrt(norm["running_var"] + eps)
        return self.normalized(layer, scale, norm["bias"] - norm["running_mean"] * scale)""",
    "enlarged": """    def enlarged(self, layer: str | dict[str, Tensor], kernel: tuple[int, int]) -> dict[str, Tensor]:
        layer = self.given(layer)
        weight = layer["weight"]
        height, width = ((large - small) // 2 for large, small in zip(kernel, weight.shape[2:], strict=True))
        return {**layer, "weight": F.pad(weight, (width, width, height, height))}""",
    "summed": """    def summed(self, *layers: str | dict[str, Tensor]) -> dict[str, Tensor]:
        layers = [self.given(layer) for layer in layers]
        summed = {"weight": torch.stack([layer["weight"] for layer in layers]).sum(0)}
        if any("bias" in layer for layer in layers):
            summed["bias"] = torch.stack([layer["bias"] for layer in layers if "bias" in layer]).sum(0)
        return summed""",
    "identity_of": """    def identity_of(self, layer: str | dict[str, Tensor]) -> dict[str, Tensor]:
        filters, inputs = self.given(layer)["weight"].shape[:2]
        square = torch.eye(inputs, dtype=torch.float64).repeat(filters // inputs, 1)
        return {"weight": square.view(filters, inputs, 1, 1)}""",
    "composed": """\
    def composed(self, inner: str | dict[str, Tensor], outer: str | dict[str, Tensor]) -> dict[str, Tensor]:
        inner, outer = self.given(inner), self.given(outer)
        weight, rim = outer["weight"], [size - 1 for size in outer["weight"].shape[2:]]
        composed = {"weight": F.conv2d(inner["weight"].transpose(0, 1), weight.flip(2, 3), padding=rim).transpose(0, 1)}
        if any("bias" in layer for layer in (inner, outer)):
            passed = inner.get("bias", torch.zeros_like(weight[0, :, 0, 0])).view(-1, 1, 1)
            composed["bias"] = outer.get("bias", 0.0) + (weight * passed).sum((1, 2, 3))
        return composed""",
    "transposed": """    def transposed(self, layer: str | dict[str, Tensor], groups: int) -> dict[str, Tensor]:
        layer = self.given(layer)
        weight = layer["weight"]
        return {**layer, "weight": weight.view(groups, -1, *weight.shape[1:]).transpose(1, 2).flatten(0, 1)}""",
    "parameters": """    def parameters(self, *keys: str) -> dict[str, Tensor]:
        self.unused -= {*keys}
        return {key: self.tensors[key] for key in keys}""",
    "weight_of": """    def weight_of(self, layer: str | dict[str, Tensor]) -> dict[str, Tensor]:
        return {"weight": self.given(layer)["weight"]}""",
    "bias_of": """    def bias_of(self, layer: str | dict[str, Tensor]) -> dict[str, Tensor]:
        return {"bias": self.given(layer)["bias"]}""",
}

_END = """    def state(self, layers: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
        return {path + "." + name: tensor for path, layer in layers.items() for name, tensor in layer.items()}

    def complain_about_unused(self, left_out: tuple[str, ...] = ()) -> None:
        unused = sorted(name for name in self.unused if not name.startswith(left_out))
        if unused:
            raise KeyError("the deployed module has no place for " + ", ".join(unused))"""
