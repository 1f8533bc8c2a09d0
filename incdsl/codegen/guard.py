"""A last look at generated text before it leaves: only what the emitter may write, and only the comments it wrote."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable

from incdsl.diagnostics import CompilerBug

_NODES = (
    ast.Module, ast.Expr, ast.Constant, ast.Import, ast.ImportFrom, ast.alias, ast.ClassDef, ast.FunctionDef,
    ast.arguments, ast.arg, ast.Assign, ast.AnnAssign, ast.Return, ast.Call, ast.keyword, ast.Attribute,
    ast.Name, ast.Load, ast.Store, ast.Tuple, ast.List, ast.Dict, ast.Subscript, ast.Slice, ast.BinOp,
    ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.UnaryOp, ast.USub, ast.IfExp, ast.Compare, ast.Is,
    ast.IsNot, ast.BoolOp, ast.And, ast.BitOr, ast.Starred, ast.GeneratorExp, ast.ListComp, ast.comprehension,
)  # fmt: skip
_IMPORTS = {"torch", "torch.nn", "typing"}
_CALLABLE_NAMES = {"super", "range", "zip", "enumerate"}
_METHODS = {"flatten", "mean", "permute", "view", "__init__"}


def check(text: str, comments: Iterable[str]) -> None:
    """Hold the text to the allow-list.

    Raises:
        CompilerBug: if it holds a construct, a call or a comment that the emitter did not write.
    """
    module = ast.parse(text)
    classes = {node.name for node in module.body if isinstance(node, ast.ClassDef)}
    for node in ast.walk(module):
        if not isinstance(node, _NODES):
            raise CompilerBug(f"generated code holds a {type(node).__name__}")
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            if not _IMPORTS.issuperset(str(name) for name in names):
                raise CompilerBug(f"generated code imports {names}")
        elif isinstance(node, ast.Call):
            _check_call(node.func, classes)
        elif isinstance(node, ast.Constant):
            _check_constant(node.value)
    # No string holds a `#`, so every `#` starts a comment.
    found = Counter(line[line.index("#") :] for line in text.split("\n") if "#" in line)
    if found != Counter(comments):
        raise CompilerBug("generated code holds a comment that was not written as one")


def _check_constant(value: object) -> None:
    if not isinstance(value, bool | int | float | str | None) or (isinstance(value, str) and "#" in value):
        raise CompilerBug(f"generated code holds the constant {value!r}")


def _check_call(function: ast.expr, classes: set[str]) -> None:
    if isinstance(function, ast.Name):
        known = function.id in classes or function.id in _CALLABLE_NAMES
    elif isinstance(function, ast.Attribute):
        root = function.value
        known = function.attr in _METHODS or (isinstance(root, ast.Name) and root.id in ("nn", "F", "torch", "self"))
    else:
        known = isinstance(function, ast.Subscript)
    if not known:
        raise CompilerBug(f"generated code calls {ast.unparse(function)}")
