"""The pipeline, top to bottom: text, surface tree, graph, facts, Python text."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from incdsl.analysis.cost import Cost, cost
from incdsl.analysis.facts import check_facts
from incdsl.analysis.sizes import Sizes, legal_sizes
from incdsl.codegen.module import Banner, digest, module
from incdsl.diagnostics import CompileError, Diagnostic, Sink
from incdsl.diagnostics.limits import FileTooLarge
from incdsl.diagnostics.syntax import Unreadable
from incdsl.elaborate.net import MAX_STEPS, Net, choose, elaborate
from incdsl.resources import shipped_spec
from incdsl.source import Source
from incdsl.syntax import tree
from incdsl.syntax.parser import parse
from incdsl.syntax.scan import MAX_BYTES
from incdsl.types import Image, Shape, expression


@dataclass(frozen=True, eq=False)
class Compilation:
    """One net of a spec, checked; `text` is the generated module."""

    source: Source
    file: tree.File
    net: Net
    sizes: Sizes
    cost: Cost
    settings: Mapping[str, Any]
    chosen: str | None
    warnings: tuple[Diagnostic, ...]

    @cached_property
    def text(self) -> str:
        """The generated module."""
        with _without_gc():
            return module(self.net, self._banner())

    @property
    def command(self) -> str:
        """The command that writes the module again."""
        spec = _safe_name(self.source.name)
        words = ["incdsl compile", f"{spec}::{self.chosen}" if self.chosen else spec]
        words += [f"--set {name}={literal(value)}" for name, value in self.settings.items()]
        return " ".join(words)

    def _banner(self) -> Banner:
        return Banner(
            spec=_safe_name(self.source.name),
            spec_hash=digest(self.source.text),
            command=self.command,
            facts=tuple(_facts(self)),
            remarks=self.file.header,
        )


def compile_net(
    source: Source, name: str | None = None, settings: Mapping[str, Any] | None = None, max_steps: int = MAX_STEPS
) -> Compilation:
    """Check one net of a spec and prepare its module.

    Raises:
        CompileError: with all that is wrong with the spec.
    """
    sink = Sink()
    settings = dict(settings or {})
    with _without_gc():
        file = parse(source, sink)
        chosen = choose(file, name, sink)
        return _compiled(source, file, chosen, settings, name, sink, max_steps)


def check_file(
    source: Source, settings: Mapping[str, Any] | None = None, max_steps: int = MAX_STEPS
) -> list[Compilation]:
    """Check every net of a spec.

    Raises:
        CompileError: with all that is wrong with the spec.
    """
    sink = Sink()
    with _without_gc():
        file = parse(source, sink)
        several = len(file.nets) > 1
        done, problems = [], list[Diagnostic]()
        for net in file.nets:
            name = net.name.text if several else None
            mine = {k: v for k, v in (settings or {}).items() if not several or k in {p.name for p in net.params}}
            try:
                done.append(_compiled(source, file, net, mine, name, Sink(), max_steps))
            except CompileError as error:
                problems.extend(error.diagnostics)
        if problems:
            for problem in problems:
                sink.add(problem)
            raise CompileError(tuple(sink))
    return done


def _compiled(
    source: Source, file: tree.File, chosen: tree.Net, settings: Mapping[str, Any], name: str | None, sink: Sink,
    max_steps: int,
) -> Compilation:  # fmt: skip
    net = elaborate(file, chosen, settings, sink, max_steps)
    sizes = legal_sizes(net, sink)
    costs = cost(net)
    if not settings:  # facts are those of the parameters that the spec gives
        check_facts(net, costs, sink)
    sink.stop_on_errors()
    return Compilation(source, file, net, sizes, costs, settings, name, tuple(sink))


def read(path: str | os.PathLike[str]) -> Source:
    """The spec at a path, or the shipped one that the path names.

    Raises:
        CompileError: if it is no readable UTF-8 text.
    """
    given = Path(path)
    name = given.as_posix()
    try:
        found = given if given.exists() else shipped_spec(os.fspath(path)) or given
        if found.exists() and not found.is_file():
            raise CompileError((Unreadable(span=None, name=name, reason="it is no regular file"),))
        with found.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise CompileError((Unreadable(span=None, name=name, reason=reason),)) from None
    return from_bytes(data, name)


def from_bytes(data: bytes, name: str) -> Source:
    """A spec from the bytes of a file or of standard input.

    Raises:
        CompileError: if they are no UTF-8 text, or too many.
    """
    if len(data) > MAX_BYTES:
        raise CompileError((FileTooLarge(span=None, size=len(data), limit=MAX_BYTES),))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CompileError((Unreadable(span=None, name=name, reason="it is not UTF-8 text"),)) from None
    if "\0" in text:
        raise CompileError((Unreadable(span=None, name=name, reason="it is a binary file"),))
    return Source(name, text)


@contextmanager
def _without_gc() -> Iterator[None]:
    """Trees and graphs hold no garbage worth looking for; the collector would only walk them, again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _facts(done: Compilation) -> Iterator[str]:
    """What the banner tells: inputs with their legal sizes, outputs, cost."""
    net, costs = done.net, done.cost
    names = [*net.graph.inputs, *net.graph.outputs]
    width = max(map(len, names))
    shapes = net.graph.shapes()
    for name, node in net.graph.inputs.items():
        shape = shapes[node]
        yield f"  {name.ljust(width)}   {_batched(shape)}{_sizes(done, shape)}".rstrip()
    for name, node in net.graph.outputs.items():
        yield f"  {name.ljust(width)}   {_batched(shapes[node], done)}"
    heads = net.graph.heads
    without = f" ({costs.deployed_params:,} without the aux head{'s' * (len(heads) > 1)})" if heads else ""
    compute = ""
    if costs.macs is not None:
        compute = f", {in_giga(costs.macs)} GMACs ({in_giga(2 * costs.macs)} GFLOPs)"
        nominal = " x ".join(str(n) for n in net.conditions.nominal.values())
        compute += f" at {nominal}" if nominal else ""
    yield f"  {costs.params:,} parameters{without}{compute}"
    fixed = [f"{name} = {literal(net.params[name])}" for name in net.params if name in net.fixed]
    if fixed:
        yield f"  decided at compile time: {', '.join(fixed)}"


def _batched(shape: Shape, done: Compilation | None = None) -> str:
    channels = expression(shape.channels)
    text = str(int(shape.channels))
    if isinstance(shape, Image):
        return f"[N, {text}, {shape.height}, {shape.width}]"
    return f"[N, {channels if done is None else text}]"


def _sizes(done: Compilation, shape: Shape) -> str:
    if not isinstance(shape, Image):
        return ""
    nominal = done.net.conditions.nominal
    axes = [e.axis for e in (shape.height, shape.width)]
    return "     " + describe_sizes(done, [axis for axis in axes if axis in nominal])


def describe_sizes(done: Compilation, axes: list[Any]) -> str:
    """Legal sizes in words: `H, W >= 75 (>= 299 while training, for the aux head); 299 x 299 nominal`."""
    nominal = done.net.conditions.nominal

    def told(sets: Mapping[str, Any]) -> str:
        texts = [str(sets[axis]) for axis in axes]
        if len(set(texts)) == 1:
            joined = ", ".join(axes)
            return f"{joined} {texts[0]}"
        return ", ".join(f"{axis} {text}" for axis, text in zip(axes, texts, strict=True))

    text = told(done.sizes.evaluation)
    training = told(done.sizes.training)
    if training != text:
        common = training.removeprefix(f"{', '.join(axes)} ")
        heads = "heads" if len(done.net.graph.heads) > 1 else "head"
        text += f" ({common} while training, for the aux {heads})"
    sizes = [nominal[axis] for axis in axes]
    if None not in sizes:
        text += f"; {' x '.join(map(str, sizes))} nominal"
    return text


def in_giga(number: int) -> str:
    """In 10⁹, to two places or three significant digits: `5.71`, `0.0123`."""
    value = number / 1e9
    return f"{value:.2f}" if value >= 1 else f"{value:.3g}"


def literal(value: Any) -> str:
    """A parameter's value as `--set` takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, tuple):
        return f"[{','.join(map(literal, value))}]"
    return str(int(value)) if isinstance(value, int) else re.sub(r"[^A-Za-z0-9_.-]", "_", str(value))


def _safe_name(name: str) -> str:
    """A file's name without its folder, in characters that no comment and no shell minds."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", Path(name).name) or "spec"
