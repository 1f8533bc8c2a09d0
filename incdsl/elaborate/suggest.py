"""What a name that is nothing was probably meant to be: a near one, or the word of another framework."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import chain, islice
from typing import NoReturn

from incdsl.diagnostics.names import BadFlow, UnknownName
from incdsl.elaborate.scope import Poisoned, Problem, Scope
from incdsl.ops import REGISTRY, find
from incdsl.ops.merge import Joining
from incdsl.ops.plugins import why_unknown
from incdsl.source import Span
from incdsl.syntax import tree

MAX_SUGGESTIONS = 300
"""Names of the spec among which the one that was meant is sought."""
_DIALECT = {
    "conv": "conv2d", "Conv2d": "conv2d", "Conv2D": "conv2d", "nn.Conv2d": "conv2d",
    "nn.BatchNorm2d": "batchnorm", "nn.ReLU": "relu", "nn.MaxPool2d": "maxpool", "nn.AvgPool2d": "avgpool",
    "nn.Linear": "linear", "nn.Dropout": "dropout", "nn.Flatten": "flatten", "nn.Identity": "identity",
    "nn.AdaptiveAvgPool2d": "adaptiveavgpool", "nn.ConvTranspose2d": "convtranspose2d", "none": "identity",
    "None": "identity", "Identity": "identity", "pass": "identity",
    "BatchNorm2d": "batchnorm", "bn": "batchnorm", "batch_norm": "batchnorm",
    "BatchNormalization": "batchnorm", "ReLU": "relu", "MaxPool2d": "maxpool", "max_pool2d": "maxpool",
    "max_pool": "maxpool", "AvgPool2d": "avgpool", "avg_pool2d": "avgpool",
    "AdaptiveAvgPool2d": "adaptiveavgpool", "GlobalAveragePooling2D": "gap", "globalavgpool": "gap",
    "global_avg_pool": "gap", "fc": "linear", "Linear": "linear", "Dense": "linear", "dense": "linear",
    "Dropout": "dropout", "Flatten": "flatten", "swish": "silu", "leaky_relu": "leakyrelu",
    "channel_shuffle": "channelshuffle", "group_norm": "groupnorm", "layer_norm": "layernorm",
    "interpolate": "upsample", "skip": "identity", "nn.GELU": "gelu", "GELU": "gelu", "nn.SiLU": "silu", "SiLU": "silu",
    "nn.Sigmoid": "sigmoid", "nn.Tanh": "tanh", "nn.LeakyReLU": "leakyrelu", "nn.PReLU": "prelu", "drop": "dropout",
    "nn.ReLU6": "relu6", "nn.Hardswish": "hardswish", "nn.LayerNorm": "layernorm", "nn.GroupNorm": "groupnorm",
    "nn.Softmax": "softmax", "nn.PixelShuffle": "pixelshuffle", "nn.Upsample": "upsample", "view": "flatten",
    "reshape": "flatten", "chunk": "split", "LayerNorm": "layernorm", "GroupNorm": "groupnorm", "F.relu": "relu",
}  # fmt: skip
_LITERALS = {"True": "true", "False": "false"}
_MERGES = {"cat": "concat", "concatenate": "concat", "Concat": "concat", "sum": "add", "Add": "add", "multiply": "mul"}


def unknown_name(name: tree.Name, scope: Scope, remark: str = "") -> UnknownName:
    """The problem about a name that is no value, unit, block or op; `remark` is the help where nothing is better."""
    text = name.text
    operators = {n for n, op in REGISTRY.items() if not issubclass(op, Joining)}
    named = iter(scope.names)
    known = [*operators, "split", *islice(chain(named, scope.values, scope.params), MAX_SUGGESTIONS)]
    known = [each for each in known if each != text]
    suggestion, hint = "", remark
    if base := _beside(text, scope):
        hint = f"`{text}` is defined beside `{base}`; import it as well: `use {base}, {text}`"
    elif text in _LITERALS:
        suggestion = _LITERALS[text]
    elif _DIALECT.get(text) in known:
        suggestion = _DIALECT[text]
    elif "." in text:
        hint = why_unknown(text) or remark
    elif text in _MERGES:
        hint = f"rails are joined by `{_MERGES[text]} {{ | … | … }}`"
    elif text == "split":
        hint = "`split` binds several names: `a, b = x -> split 2`"
    else:
        close = get_close_matches(text, known, 1) or get_close_matches(text.lower(), known, 1)
        suggestion = close[0] if close else ""
    return UnknownName(span=name.span, name=text, suggestion=suggestion, hint=hint)


def _beside(name: str, scope: Scope) -> str:
    """A net that is varied here, in whose file a name means something that the variant's file does not know."""
    for overrides in scope.overrides:
        for definition in overrides.line:
            if name in definition.names and definition.names is not scope.names:
                return definition.name
    return ""


def knows(name: str, scope: Scope) -> bool:
    """Whether a name is an op, a unit, a block or a net, or a parameter that may hold one."""
    return find(name) is not None or name in scope.names or name in scope.params


def refuse_name(name: tree.Name, scope: Scope, remark: str = "") -> NoReturn:
    """Report a name that means nothing, unless it is known why."""
    if not name.text or name.text in scope.names.missing:
        raise Poisoned
    raise Problem(unknown_name(name, scope, remark))


def refuse_head(name: str, span: Span) -> NoReturn:
    """Report that something reads what an auxiliary head gives."""
    reason = f"`{name}` is an auxiliary head, and only training runs it"
    raise Problem(BadFlow(span=span, reason=reason, hint="name what both need: `shared = …` before the head"))
