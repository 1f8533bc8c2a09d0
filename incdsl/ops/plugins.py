"""Ops of other packages: those that an entry point of the group `incdsl.ops` names, as `acme.blur` in a spec."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from incdsl.ops.base import REGISTRY, Op

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "incdsl.ops"
_QUALIFIED = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_CALL = re.compile(r"F\.[a-z]\w*|nn\.[A-Z]\w*")


class Unfit(Exception):
    """What an entry point names is no ops, or they break a rule."""


def find(word: str) -> type[Op] | None:
    """The op that a word of a spec names: one of the language's, or with a dot one of another package.

    Nothing is imported but what an installed package registers under the name before the dot.
    """
    if "." not in word:
        return REGISTRY.get(word)
    if not _QUALIFIED.fullmatch(word):
        return None
    package, _, own = word.partition(".")
    return _registered(package)[0].get(own)


def why_unknown(word: str) -> str:
    """Why a word with a dot names no op; empty for other words."""
    if not _QUALIFIED.fullmatch(word):
        return ""
    package, _, own = word.partition(".")
    ops, reason = _registered(package)
    known = ", ".join(f"`{package}.{each}`" for each in sorted(ops)[:8])
    return reason or f"`{package}` has no op `{own}`; it has {known}"


def culprit(error: BaseException) -> str:
    """The package of whose ops an exception comes; empty if it comes of none."""
    homes = {op.__module__: package for package in _entries() for op in _registered(package)[0].values()}
    trace, found = error.__traceback__, ""
    while trace is not None:
        found = homes.get(trace.tb_frame.f_globals.get("__name__", ""), found)
        trace = trace.tb_next
    return found


def _registered(package: str) -> tuple[dict[str, type[Op]], str]:
    """The ops of a package by their own words; none, and why, if they cannot be used."""
    if package not in _entries():
        return {}, f"no installed package registers ops as `{package}`"
    return _loaded(package)


@cache
def _entries() -> dict[str, set[EntryPoint]]:
    """What is installed, looked up once: a spec may hold thousands of words with dots."""
    from importlib.metadata import entry_points

    found: dict[str, set[EntryPoint]] = {}
    for each in entry_points(group=GROUP):
        found.setdefault(each.name, set()).add(each)
    return found


@cache
def _loaded(package: str) -> tuple[dict[str, type[Op]], str]:
    entries = _entries()[package]
    if len({each.value for each in entries}) > 1:
        return {}, f"several packages register ops as `{package}`"
    try:
        return {op.word: op for op in _ops(next(iter(entries)).load(), package)}, ""
    except Exception as error:
        text = "".join(c if c.isprintable() else " " for c in str(error))[:200]
        return {}, f"the ops of `{package}` cannot be loaded: {type(error).__name__}: {text}"


def _ops(named: Any, package: str) -> list[type[Op]]:
    """The ops of a module, or of a list of classes, each of them held to the rules. Raises `Unfit`."""
    if isinstance(named, ModuleType):
        top = named.__name__.partition(".")[0]
        kinds = [v for v in vars(named).values() if isinstance(v, type) and issubclass(v, Op)]
        named = [op for op in kinds if op.word and op.public and op.__module__.partition(".")[0] == top]
    if not isinstance(named, Iterable):
        raise Unfit("the entry point names neither a module nor a list of op classes")
    ops = list(named)
    for op in ops:
        if not (isinstance(op, type) and issubclass(op, Op) and _WORD.fullmatch(op.word)):
            raise Unfit(f"{op!r} is not an op whose word is in lower case")
        if op.lower is Op.lower:
            raise Unfit(f"`{op.word}` has no `lower`, which says how PyTorch runs it")
        _check_texts(op, package)
    return ops


def _check_texts(op: type[Op], package: str) -> None:
    """Hold what an op brings into generated files to the rules."""
    stem = package.replace("_", "").lower()
    for name, text in op.helpers.items():
        body = ast.parse(text).body
        single = len(body) == 1 and isinstance(body[0], ast.ClassDef) and body[0].name == name
        if not single or "#" in text or not name.lower().startswith(stem) or not name[0].isupper():
            raise Unfit(
                f"the helper `{name}` of `{op.word}` must be one class, without comments, called `{stem.title()}…`"
            )
    if wrong := [name for name in op.calls if not _CALL.fullmatch(name)]:
        raise Unfit(f"`{op.word}` calls `{wrong[0]}`, which is no `F.function` and no `nn.Module`")
