"""A last look at generated text before it leaves: only what the emitter may write, and only the comments it wrote."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from incdsl.diagnostics import CompilerBug

_NODES = frozenset({
    ast.Module, ast.Expr, ast.Constant, ast.Import, ast.ImportFrom, ast.alias, ast.ClassDef, ast.FunctionDef,
    ast.arguments, ast.arg, ast.Assign, ast.AnnAssign, ast.Return, ast.Call, ast.keyword, ast.Attribute,
    ast.Name, ast.Load, ast.Store, ast.Tuple, ast.List, ast.Dict, ast.Subscript, ast.Slice, ast.BinOp,
    ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.UnaryOp, ast.USub, ast.IfExp, ast.Compare, ast.Is,
    ast.IsNot, ast.BoolOp, ast.And, ast.BitOr, ast.Starred, ast.GeneratorExp, ast.ListComp, ast.comprehension,
    ast.DictComp, ast.SetComp, ast.Set, ast.If, ast.Raise, ast.AugAssign, ast.Div, ast.Not, ast.Eq, ast.In,
})  # fmt: skip
_IMPORTS = {
    "torch": {"Tensor", "nn"},
    "torch.nn": {"functional as F"},
    "typing": {"ClassVar", "NamedTuple"},
}
_NAMES = {
    "torch": {
        "cat", "float64", "full", "inf", "maximum", "sigmoid", "softmax", "sqrt", "tanh", "tensor", "zeros",
        "zeros_like",
    },
    "nn": {
        "AdaptiveAvgPool2d", "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "ChannelShuffle", "Conv2d", "Dropout",
        "Flatten", "GELU", "GroupNorm", "Hardsigmoid", "Hardswish", "Identity", "LayerNorm", "LeakyReLU", "Linear",
        "LocalResponseNorm", "MaxPool2d", "Module", "ModuleDict", "ModuleList", "PReLU", "Parameter", "ReLU", "ReLU6",
        "Sequential", "SiLU", "Sigmoid", "Softmax", "Tanh", "Upsample",
    },
    "F": {
        "adaptive_avg_pool2d", "avg_pool2d", "channel_shuffle", "conv2d", "gelu", "hardsigmoid", "hardswish",
        "interpolate", "leaky_relu", "local_response_norm", "max_pool2d", "pad", "relu", "relu6", "silu",
    },
}  # fmt: skip
_CALLABLE_NAMES = {"super", "range", "zip", "enumerate", "any", "cls", "isinstance", "sorted", "KeyError"}
_METHODS = {
    "flatten", "mean", "permute", "view", "__init__", "double", "endswith", "items", "rpartition", "keys", "get", "dim",
    "sum", "startswith", "join", "transpose", "flip",
}  # fmt: skip
_OBJECTS = {"self", "given", "module"}
"""Names of objects of the file's own classes."""


def check(text: str, comments: Iterable[str], calls: frozenset[str] = frozenset()) -> None:
    """Hold the text to the allow-list; `calls` are names of `nn` and `F` that ops of other packages use.

    Raises:
        CompilerBug: if it holds a construct, a name, a call or a comment that the emitter did not write.
    """
    module = ast.parse(text)
    classes = {node.name for node in module.body if isinstance(node, ast.ClassDef)}
    for node in ast.walk(module):
        kind = type(node)
        if kind not in _NODES:
            raise CompilerBug(f"generated code holds a {kind.__name__}")
        if isinstance(node, ast.Call):
            _check_call(node.func, classes)
        elif kind in _CHECKS and not (kind is ast.Attribute and ast.unparse(node) in calls):
            _CHECKS[kind](node)
    # No string holds a `#`, so every `#` starts a comment.
    found = Counter(line[line.index("#") :] for line in text.split("\n") if "#" in line)
    if found != Counter(comments):
        raise CompilerBug("generated code holds a comment that was not written as one")


def _check_import(node: ast.Import | ast.ImportFrom) -> None:
    names = {f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in node.names}
    if isinstance(node, ast.Import):
        known = names == {"torch"}
    else:
        known = not node.level and names <= _IMPORTS.get(str(node.module), set())
    if not known:
        raise CompilerBug(f"generated code imports {ast.unparse(node)}")


def _check_attribute(node: ast.Attribute) -> None:
    root = node.value.id if isinstance(node.value, ast.Name) else ""
    private = node.attr.startswith("_") and node.attr != "__init__"
    if private or (root in _NAMES and node.attr not in _NAMES[root]):
        raise CompilerBug(f"generated code names {ast.unparse(node)}")


def _check_definition(node: ast.ClassDef | ast.FunctionDef) -> None:
    plain = all(ast.unparse(each) == "classmethod" for each in node.decorator_list)
    if isinstance(node, ast.ClassDef):
        plain = (
            plain and not node.keywords and {ast.unparse(base) for base in node.bases} <= {"nn.Module", "NamedTuple"}
        )
    if not plain:
        raise CompilerBug(f"generated code defines {node.name} in a way that the emitter does not")


def _check_constant(value: object) -> None:
    if not isinstance(value, bool | int | float | str | None) or (isinstance(value, str) and "#" in value):
        raise CompilerBug(f"generated code holds the constant {value!r}")


def _check_call(function: ast.expr, classes: set[str]) -> None:
    if isinstance(function, ast.Name):
        known = function.id in classes or function.id in _CALLABLE_NAMES
    elif isinstance(function, ast.Attribute):
        root = function.value
        known = function.attr in _METHODS or (isinstance(root, ast.Name) and root.id in (*_NAMES, *_OBJECTS))
    else:
        known = isinstance(function, ast.Subscript)
    if not known:
        raise CompilerBug(f"generated code calls {ast.unparse(function)}")


_CHECKS: dict[type[ast.AST], Callable[[Any], None]] = {
    ast.Import: _check_import,
    ast.ImportFrom: _check_import,
    ast.Attribute: _check_attribute,
    ast.Constant: lambda node: _check_constant(node.value),
    ast.ClassDef: _check_definition,
    ast.FunctionDef: _check_definition,
}
