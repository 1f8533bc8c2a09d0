"""A last look at generated text before it leaves: only what the emitter may write, and only the comments it wrote."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from incdsl.diagnostics import CompilerBug
from incdsl.ops import REGISTRY, Op

_NODES = frozenset({
    ast.Module, ast.Expr, ast.Constant, ast.Import, ast.ImportFrom, ast.alias, ast.ClassDef, ast.FunctionDef,
    ast.arguments, ast.arg, ast.Assign, ast.AnnAssign, ast.Return, ast.Call, ast.keyword, ast.Attribute,
    ast.Name, ast.Tuple, ast.List, ast.Dict, ast.Subscript, ast.Slice, ast.BinOp,
    ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.UnaryOp, ast.USub, ast.IfExp, ast.Compare, ast.Is,
    ast.IsNot, ast.If, ast.BoolOp, ast.And, ast.Or, ast.BitOr, ast.Starred, ast.GeneratorExp, ast.ListComp,
    ast.comprehension,
})  # fmt: skip
_IMPORTS = {
    "torch": {"Tensor", "nn"},
    "torch.nn": {"functional as F"},
    "typing": {"Any", "ClassVar", "NamedTuple"},
    "contextlib": {"AbstractContextManager", "nullcontext"},
}
_CALLABLES = frozenset({"abs", "float", "super", "range", "zip", "enumerate"})
_METHODS = frozenset({"chunk", "flatten", "mean", "permute", "split", "unflatten", "view", "__init__"})


_MODULES = frozenset({"nn.Module", "nn.ModuleDict", "nn.ModuleList", "nn.Sequential"})
"""What classes are made of, whatever ops stand in them."""
_PACKAGES = frozenset({"torch", "nn", "F"})


@dataclass(frozen=True)
class Allowed:
    """What a generated file may hold: node types, names of PyTorch, functions, methods, objects with methods."""

    nodes: frozenset[type[ast.AST]] = _NODES
    names: frozenset[str] = _MODULES
    """Such as `nn.Module`; those of the ops come besides."""
    callables: frozenset[str] = _CALLABLES
    methods: frozenset[str] = _METHODS
    objects: frozenset[str] = _PACKAGES | {"self"}
    decorators: frozenset[str] = frozenset()
    bases: frozenset[str] = frozenset({"nn.Module", "nn.Sequential", "NamedTuple"})
    private: frozenset[str] = frozenset()
    """Members with a leading `_`."""
    any_test: bool = False
    """Whether `if` does more than return where heads have not run."""

    def for_ops(self, ops: Iterable[type[Op]]) -> Allowed:
        """What a file with these ops may hold: the names that the language's ops use, and those that these use."""
        given = tuple(ops)
        allowed = replace(self, names=self.names.union(_language(), *(op.calls for op in given)))
        return (
            allowed
            if all(op.is_own() for op in given)
            else replace(allowed, nodes=allowed.nodes | {ast.Div}, names=allowed.names | _CONSTANTS)
        )


@cache
def _language() -> frozenset[str]:
    """All names that the ops of the language use."""
    return frozenset[str]().union(*(op.calls for op in REGISTRY.values()))


_CONSTANTS = frozenset({"torch.sqrt", "torch.tensor", "torch.zeros_like"})
"""Helpers of other packages make constants."""
_ONEDNN = frozenset({"_convolution_pointwise", "_is_mkldnn_bf16_supported", "_reorder_convolution_weight"})

TRAINING = Allowed()
DEPLOYED = Allowed(
    _NODES
    | {
        ast.DictComp,
        ast.SetComp,
        ast.Set,
        ast.Raise,
        ast.AugAssign,
        ast.Div,
        ast.Not,
        ast.Eq,
        ast.NotEq,
        ast.In,
    },
    _MODULES
    | {"F.conv2d", "F.pad", "torch.as_tensor", "torch.cat", "torch.eye", "torch.float64", "torch.sqrt", "torch.stack"}
    | {"torch.channels_last", "torch.tensor", "torch.zeros", "torch.zeros_like"},
    _CALLABLES | {"WinogradConv2d"} | {"any", "cls", "isinstance", "len", "sorted", "vars", "KeyError", "ValueError"},
    _METHODS
    | {"double", "endswith", "items", "rpartition", "keys", "get", "dim", "sum", "startswith", "join"}
    | {"transpose", "flip", "repeat", "repeat_interleave", "data_ptr", "eval", "forward"}
    | {"is_available", "is_compiling", "is_inference", "is_tracing", "copy_", "reshape", "to"}
    | _ONEDNN,
    TRAINING.objects | {"given", "kernels", "module"},
    frozenset({"classmethod"}),
    TRAINING.bases | {"nn.Conv2d"},
    private=_ONEDNN | {"_addmm_activation", "_version"},
    any_test=True,
)
"""A module for inference computes its weights from a checkpoint, in a method of its own; kernels are imported."""
GPU = replace(
    DEPLOYED,
    nodes=DEPLOYED.nodes | {ast.With, ast.withitem},
    names=DEPLOYED.names | {"torch.dtype", "torch.bfloat16", "torch.float16", "torch.float32"},
    callables=DEPLOYED.callables | {"Fork"},
    objects=DEPLOYED.objects | {"fork"},
    bases=DEPLOYED.bases | {"GraphedModule"},
)
"""A module for a GPU forks streams, and is what runs CUDA graphs; these classes are carried along as they are."""
_TYPES = frozenset({"Tensor", "bool", "dict", "float", "int", "list", "object", "str", "tuple", "ClassVar"})
_TORCH_TYPES = frozenset({"nn.Module", "torch.dtype"})
_ANNOTATED: dict[type[ast.AST], str] = {
    ast.arg: "annotation",
    ast.AnnAssign: "annotation",
    ast.FunctionDef: "returns",
}
"""Nodes that may have a type, and in which field."""
_TYPE_FIELDS = frozenset(_ANNOTATED.values())

_NAMES = frozenset({"arg", "asname", "attr", "ctx", "id", "kind", "level", "module", "name", "type_comment"})
"""Fields that never hold a node that matters: names, and the contexts of names."""
_LEAVES = frozenset({str, int, float, bool, type(None), ast.Load, ast.Store, ast.Del})
"""What nodes hold besides nodes."""


def check(text: str, comments: Iterable[str], allowed: Allowed) -> None:
    """Hold the text to the allow-list.

    Raises:
        CompilerBug: if it holds a construct, a name, a call or a comment that the emitter did not write.
    """
    module = ast.parse(text)
    classes = {node.name for node in module.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    types = _TYPES | classes
    for node in _walked(module):
        kind = type(node)
        if kind in _ANNOTATED and not _is_type(getattr(node, _ANNOTATED[kind]), types):
            raise CompilerBug(f"generated code holds the type {ast.unparse(getattr(node, _ANNOTATED[kind]))}")
        if kind not in allowed.nodes:
            raise CompilerBug(f"generated code holds a {kind.__name__}")
        if kind in _CHECKS:
            _CHECKS[kind](node, allowed, classes)
    # No string holds a `#`, so every `#` starts a comment.
    found = Counter(line[line.index("#") :] for line in text.split("\n") if "#" in line)
    if found != Counter(comments):
        raise CompilerBug("generated code holds a comment that was not written as one")


@cache
def _holders(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields of a node that hold others, types aside."""
    return tuple([name for name in kind._fields if name not in _TYPE_FIELDS and name not in _NAMES])


def _walked(module: ast.Module) -> Iterator[Any]:
    """All nodes but types and the contexts of names, and what is neither; `ast.walk` takes three times as long."""
    waiting: list[Any] = [module]
    while waiting:
        node: Any = waiting.pop()
        yield node
        for name in _holders(type(node)):  # type: ignore[arg-type]
            value = getattr(node, name)
            kind = type(value)
            if kind is list:
                waiting += [each for each in value if each is not None]
            elif kind not in _LEAVES:
                waiting.append(value)


def _is_type(node: ast.expr | None, types: frozenset[str]) -> bool:
    """Whether an annotation is one that the emitter writes: `Tensor | None`, `tuple[Tensor, Tensor]`, `"Net"`."""
    match node:
        case None | ast.Constant(value=None):
            return True
        case ast.Name(id=name):
            return name in types
        case ast.Constant(value=str(name)):
            return _is_type(ast.parse(name, mode="eval").body, types)
        case ast.Attribute():
            return ast.unparse(node) in _TORCH_TYPES
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_type(left, types) and _is_type(right, types)
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[each, ast.Constant(value=value)])):
            return value is ... and _is_type(each, types)
        case ast.Subscript(value=ast.Name(id="tuple" | "dict" | "list"), slice=ast.Tuple(elts=parts)):
            return all(_is_type(part, types) for part in parts)
        case ast.Subscript(value=ast.Name(id="tuple" | "list" | "ClassVar"), slice=part):
            return _is_type(part, types)
    return False


def _check_import(node: ast.Import | ast.ImportFrom, allowed: Allowed, classes: set[str]) -> None:
    names = {f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module == "incdsl_winograd":
        known = names <= allowed.callables
    elif names == {"incdsl_kernels as kernels"}:
        known = "kernels" in allowed.objects
    elif isinstance(node, ast.Import):
        known = names <= {"torch", "threading", "warnings"} and len(names) == 1
    else:
        known = not node.level and names <= _IMPORTS.get(str(node.module), set())
    if not known:
        raise CompilerBug(f"generated code imports {ast.unparse(node)}")


def _check_attribute(node: ast.Attribute, allowed: Allowed, classes: set[str]) -> None:
    root = node.value.id if isinstance(node.value, ast.Name) else ""
    private = node.attr.startswith("_") and node.attr != "__init__" and node.attr not in allowed.private
    if private or (root in _PACKAGES and f"{root}.{node.attr}" not in allowed.names):
        raise CompilerBug(f"generated code names {ast.unparse(node)}")


def _check_definition(node: ast.ClassDef | ast.FunctionDef, allowed: Allowed, classes: set[str]) -> None:
    plain = {ast.unparse(each) for each in node.decorator_list} <= allowed.decorators
    if isinstance(node, ast.ClassDef):
        bases = {ast.unparse(base) for base in node.bases}
        plain = not node.decorator_list and not node.keywords and bases <= allowed.bases
    if not plain:
        raise CompilerBug(f"generated code defines {node.name} in a way that the emitter does not")


def _check_if(node: ast.If, allowed: Allowed, classes: set[str]) -> None:
    tests = node.test.values if isinstance(node.test, ast.BoolOp) else [node.test]
    plain = all(isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) for test in tests)
    if not allowed.any_test and not (plain and not node.orelse and isinstance(node.body[0], ast.Return)):
        raise CompilerBug(f"generated code decides {ast.unparse(node.test)}")


def _check_constant(node: ast.Constant, allowed: Allowed, classes: set[str]) -> None:
    value = node.value
    if not isinstance(value, bool | int | float | str | None) or (isinstance(value, str) and "#" in value):
        raise CompilerBug(f"generated code holds the constant {value!r}")


def _check_call(node: ast.Call, allowed: Allowed, classes: set[str]) -> None:
    function = node.func
    if _is_numbered_child(node) or _is_numbered_child(function):
        return
    if isinstance(function, ast.Name):
        known = function.id in classes or function.id in allowed.callables
    elif isinstance(function, ast.Attribute):
        root = function.value
        known = function.attr in allowed.methods or (isinstance(root, ast.Name) and root.id in allowed.objects)
    else:
        known = isinstance(function, ast.Subscript)
    if not known:
        raise CompilerBug(f"generated code calls {ast.unparse(function)}")


def _is_numbered_child(node: ast.expr) -> bool:
    """Whether this is `getattr(self, "0")`: a child of a module that has a number for its name."""
    match node:
        case ast.Call(ast.Name("getattr"), [ast.Name("self"), ast.Constant(str(name))], []):
            return name.isdigit()
    return False


_CHECKS: dict[type[ast.AST], Callable[[Any, Allowed, set[str]], None]] = {
    ast.Import: _check_import,
    ast.ImportFrom: _check_import,
    ast.Attribute: _check_attribute,
    ast.Call: _check_call,
    ast.Constant: _check_constant,
    ast.If: _check_if,
    ast.ClassDef: _check_definition,
    ast.FunctionDef: _check_definition,
}
