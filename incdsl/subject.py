"""What a command or a call is about: a net of a spec, or steps of a spec on an input."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from incdsl.analysis.cost import cost
from incdsl.analysis.sizes import Sizes
from incdsl.compiler import MAX_PARAMS, Compilation, compile_net, describe_sizes, read
from incdsl.diagnostics import CompileError, Diagnostic, Sink
from incdsl.diagnostics.output import NoSubject
from incdsl.elaborate.budget import MAX_STEPS
from incdsl.ops import find
from incdsl.source import Source, Span
from incdsl.syntax import tree
from incdsl.syntax.parser import parse_source
from incdsl.values import Image

_FORM = re.compile(r"(?P<spec>.*?)(?:::(?P<what>.*?))?(?:@\s*\[(?P<dims>[^\[\]]*)\])?\s*", re.DOTALL)
_USE = re.compile(r"\s*([A-Za-z]\w*)\s*(?:\((.*)\))?\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a subject besides its text: values of parameters, limits, and how its file is read."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    max_steps: int = MAX_STEPS
    root: Path | None = None
    max_params: int = MAX_PARAMS
    source: Callable[[str], Source] = read

    def compiled(self, source: Source, net: str | None, settings: Mapping[str, Any]) -> Compilation:
        """A net of a spec under these limits."""
        return compile_net(source, net, settings, self.max_steps, self.root, self.max_params)


@dataclass(frozen=True, eq=False)
class Subject:
    """What it is called, and the net."""

    title: str
    done: Compilation
    prefix: str = ""
    """What paths of the net start with that nobody wrote."""

    def name(self, path: str) -> str:
        """A path without what nobody wrote; empty if that is all of it."""
        if self.prefix and path == self.prefix:
            return ""
        return path.removeprefix(f"{self.prefix}.") if self.prefix else path


def is_whole(text: str) -> bool:
    """Whether a text names a whole spec, and neither a net of it nor steps."""
    return "::" not in text and "@" not in text


def subject(text: str, asked: Asked) -> Subject:
    """The subject that `SPEC[::NET]` or `SPEC::STEPS@[C, H, W]` names.

    NET may give parameters values, `InceptionV3(classes: 10)`, and another size, `@[3, 151, 151]`. STEPS is a chain of
    steps as a net of the spec would write them, after an input of the given shape.

    Raises:
        CompileError: if the spec, or the steps, are wrong, or the text is of no such form.
    """
    spec, what, dims = parts(text)
    source = asked.source(spec) if spec else Source("<steps>", "inc 1\n")
    file = _parsed(source)
    use = _USE.fullmatch(what)
    if not what or (use and use[1] in {net.name.text for net in file.nets}):
        settings = {**(settings_of(source, use[2]) if use and use[2] else {}), **asked.settings}
        done = _resized(asked.compiled(source, use[1] if use else None, settings), dims, text)
        shape = f"@[{', '.join(map(str, dims))}]" if dims else ""
        return Subject(f"{spec}::{what or done.net.name}{shape}", done)
    names = {each.own.text for item in file.imports for each in item.names}
    names |= {each.name.text for each in file.definitions}
    if dims is None:
        raise no_subject(f"{text!r}: {_without_dims(use[1] if use else '', names, file)}")
    if asked.settings:
        raise no_subject(f"{text!r}: steps have no parameters but those that they are given")
    return Subject(text, *_steps(source, file, what, dims, asked))


def parts(text: str) -> tuple[str, str, tuple[int, ...] | None]:
    """The spec, what of it, and the shape of an input that a text names; empty, or None, where it names none.

    Raises:
        CompileError: if the text is of no such form.
    """
    form = _FORM.fullmatch(text)
    assert form is not None
    spec, what, dims = form["spec"], (form["what"] or "").strip(), _dims(form["dims"], text)
    if not (spec or what) or ("@" in spec and not Path(spec).exists()):
        raise no_subject(f"{text!r}: write SPEC, SPEC::NET, SPEC::STEPS@[C, H, W] or ::STEPS@[C, H, W]")
    return spec, what, dims


def use_of(what: str) -> tuple[str, str | None]:
    """The name that a use of a net or block begins with, and its arguments as they are written; an empty name if it is
    no use of one."""
    use = _USE.fullmatch(what)
    return (use[1], use[2]) if use else ("", None)


def net_of_steps(source: Source, file: tree.File, steps: str, dims: tuple[int, ...]) -> tuple[Source, str, str, str]:
    """The spec with a net that runs these steps on an input, its name, its output, and what was added."""
    names = {each.own.text for item in file.imports for each in item.names}
    names |= {each.name.text for each in file.definitions}
    net, output, written = _net_around(steps, dims, names)
    return replace(source, text=source.text + written), net, output, written


def no_subject(reason: str) -> CompileError:
    """What is wrong with a text that should name a subject."""
    return CompileError((NoSubject(span=None, reason=reason),))


def _without_dims(name: str, names: set[str], file: tree.File) -> str:
    """What is wrong with steps on no input: they may have been meant as a net."""
    nets = [net.name.text for net in file.nets]
    close = get_close_matches(name, nets, 1) if name not in names else []
    if close:
        return f"there is no net `{name}`, did you mean `{close[0]}`?"
    if name.isidentifier() and name not in names and find(name) is None:
        return f"there is no net, block or unit `{name}`; the spec's nets are: {', '.join(nets) or 'none'}"
    return f"say what flows into steps, `@[C, H, W]`; the spec's nets are: {', '.join(nets) or 'none'}"


def _steps(source: Source, file: tree.File, steps: str, dims: tuple[int, ...], asked: Asked) -> tuple[Compilation, str]:
    """A net of these steps behind what the spec says, and the name of its output."""
    whole, net, output, written = net_of_steps(source, file, steps, dims)
    start = len(source.text) + written.index(steps)
    try:
        last = _parsed(whole).nets[-1]
        if len(last.items) != 2 or len(_parsed(whole).definitions) != len(file.definitions) + 1:
            raise no_subject(f"{steps!r} is no chain of steps")
        return asked.compiled(whole, net, {}), output
    except CompileError as error:
        raise CompileError(tuple(_moved(each, Source("<steps>", steps), start) for each in error.diagnostics)) from None


def _moved(diagnostic: Diagnostic, steps: Source, start: int) -> Diagnostic:
    """A diagnostic about steps, with its place in the steps."""
    span = diagnostic.span
    if span is None or span.start < start or span.end > start + len(steps.text):
        return diagnostic
    return replace(diagnostic, span=Span(steps, span.start - start, span.end - start))


def _parsed(source: Source) -> tree.File:
    sink = Sink()
    file = parse_source(source, sink).file
    sink.stop_on_errors()
    return file


def _dims(text: str | None, whole: str) -> tuple[int, ...] | None:
    if text is None:
        return None
    dims = re.split(r"\s*,\s*", text.strip())
    if len(dims) not in (1, 3) or not all(re.fullmatch(r"[0-9]{1,18}", dim) for dim in dims):
        raise no_subject(f"{whole!r}: an input is written `@[C, H, W]` or `@[C]`")
    return tuple(int(dim) for dim in dims)


def _net_around(steps: str, dims: tuple[int, ...], taken: set[str]) -> tuple[str, str, str]:
    """A net that runs steps on an input: its name, that of its output, after which parts are called, and its text."""
    net, image, output = (_free(name, taken) for name in ("Steps", "x", "step"))
    shape = ", ".join(map(str, dims))
    return net, output, f"\nnet {net} {{\n  input {image} [{shape}]\n  output {output} = {image} -> {steps}\n}}\n"


def _free(name: str, taken: set[str]) -> str:
    return name if name not in taken else _free(f"{name}_", taken)


def settings_of(source: Source, arguments: str) -> Mapping[str, Any]:
    """The values of a net's parameters, written as a block's would be."""
    *_, text = _net_around(f"Net({arguments})", (1, 1, 1), set())
    output = _parsed(Source(source.name, f"inc 1{text}")).nets[0].items[-1]
    assert isinstance(output, tree.Output)
    call = output.chain.steps[-1].atom
    if (
        len(output.chain.steps) != 2
        or not isinstance(call, tree.Call)
        or not all(isinstance(arg, tree.Arg) and arg.name for arg in call.args)
    ):
        raise no_subject(f"write `NET(name: value, …)`, not {arguments!r}")
    given = [arg for arg in call.args if isinstance(arg, tree.Arg)]
    return {arg.name.text: _constant(arg.value, arguments) for arg in given if arg.name}


def _constant(value: tree.Expr, arguments: str) -> Any:
    if isinstance(value, tree.Number | tree.Boolean):
        return value.value
    if isinstance(value, tree.Negative) and isinstance(value.operand, tree.Number):
        return -value.operand.value
    if isinstance(value, tree.List):
        return tuple(_constant(item, arguments) for item in value.items)
    if isinstance(value, tree.Variable) and value.name:
        return value.name
    raise no_subject(f"a net's parameters are words, numbers, `true`, `false` and lists of these, not {arguments!r}")


def _resized(done: Compilation, dims: tuple[int, ...] | None, text: str) -> Compilation:
    """The same net with another nominal size, which must be legal for it."""
    if dims is None:
        return done
    net = done.net
    inputs = [net.graph.shapes()[name] for name in net.graph.inputs.values()]
    axes = list(net.conditions.nominal)
    images = [shape for shape in inputs if isinstance(shape, Image)]
    if len(dims) != 1 + len(axes) or dims[0] not in {int(shape.channels) for shape in images or inputs}:
        given = ", ".join(net.conditions.show(shape) for shape in inputs)
        raise no_subject(f"{text!r}: the net reads {given}")
    sizes = dict(zip(axes, dims[1:], strict=True))
    if not _legal(done.sizes, sizes):
        raise no_subject(f"{text!r}: the size is not legal, {describe_sizes(done, axes)}")
    resized = replace(net, conditions=replace(net.conditions, nominal=dict(sizes)))
    return replace(done, net=resized, cost=cost(resized))


def _legal(legal: Sizes, sizes: Mapping[str, int]) -> bool:
    return all(size in legal.evaluation[axis] for axis, size in sizes.items() if axis in legal.evaluation)


def setting(text: str) -> tuple[str, Any]:
    """A parameter of a net and its value, of `NAME=VALUE`.

    Raises:
        ValueError: if it is of another form, or no value that a parameter can have.
    """
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(f"write NAME=VALUE, not {text!r}")
    return name, _value(value)


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?[0-9]+(_[0-9]+)*", text) and len(text.strip("-").replace("_", "")) <= 18:
        return int(text)
    if re.fullmatch(r"-?[0-9]+\.[0-9]+(e-?[0-9]{1,3})?|-?[0-9]+e-?[0-9]{1,3}", text):
        return float(text)
    if text.startswith("[") and len(text) <= 1000 and text.count("[") <= 100:
        try:
            return _tuples(json.loads(text))
        except ValueError:
            pass
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.]{0,63}", text):
        return text  # one of the words of a parameter, or an op
    raise ValueError(f"{text!r} is no word, number, `true`, `false` or list of these")


def _tuples(value: Any) -> Any:
    """Lists as tuples; anything that a parameter cannot be is refused."""
    if isinstance(value, list) and value:
        return tuple(map(_tuples, value))
    if isinstance(value, bool | int | float) and abs(value) < 10**18:
        return value
    raise ValueError(value)
