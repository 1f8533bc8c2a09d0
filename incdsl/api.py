"""The Python interface. Importing it is cheap: the compiler is loaded at the first call."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from types import ModuleType

    from torch import nn

    from incdsl.analysis.table import By
    from incdsl.codegen.cpu import Cpu
    from incdsl.codegen.forms import Form
    from incdsl.codegen.gpu import Gpu
    from incdsl.diagnostics import Diagnostic
    from incdsl.drawing.drawing import Drawing, Fit
    from incdsl.drawing.heat import Measure
    from incdsl.drawing.themes import Theme
    from incdsl.frontend import Analysis
    from incdsl.source import Source
    from incdsl.subject import Subject
    from incdsl.syntax.parser import Parsed
    from incdsl.tables.diff import Diff
    from incdsl.tables.report import Report
    from incdsl.tables.summary import Summary
    from incdsl.weights.decisions import Decisions, Heads

Spec = str | os.PathLike[str]
"""A path, or the text of a spec (a string of more than one line)."""

Device = Literal["cpu", "cuda"]
Folder = str | os.PathLike[str]
Patterns = str | Iterable[str]
"""One pattern or several: `"fc"`, `["fc", "AuxLogits.*"]`."""


def parse(text: str) -> Parsed:
    """The surface tree of a text. It never raises, however broken the text is.

    `file` is the tree. `str(file)` gives the text back, byte for byte; parts that make no sense are `Error` nodes.
    `tokens` are all tokens, each with the blanks and comments before it, and `problems` are the diagnostics.
    """
    from incdsl.syntax import parser

    return parser.parse(text)


def format(text: str) -> str:
    """The text of a spec in the one layout that the language has, as `incdsl fmt` writes it.

    The tokens and the comments stay as they are, each behind the one before; blanks and line breaks are chosen anew.
    What makes no sense stays as it was written, and so does what `# fmt: off` or `# fmt: skip` is about.

    Raises:
        incdsl.formatter.laws.LawBroken: if the result would not be the same spec, which is a bug in incdsl.
    """
    from incdsl.formatter.fmt import formatted

    return formatted(text)


def analyze(spec: Spec, *, root: Folder | None = None, **settings: Any) -> Analysis:
    """Everything that is known of a spec, however broken it is: its tree, its nets as far as they go, all problems.

    `steps` maps each written step to its instances and their shapes, `references` each use of a name to its definition.
    Imports stay inside `root`, as in `compile`.

    Raises:
        incdsl.CompileError: if the file cannot be read.
    """
    from incdsl.frontend import Options, analyze_source

    return analyze_source(_source(spec), Options(settings, root=_folder(root)))


def compile(
    spec: Spec, net: str | None = None, *, root: Folder | None = None, inference: bool = False, **settings: Any
) -> str:
    """The text of the PyTorch module for one net of a spec; with `inference`, of the module to deploy (needs torch).

    `net` chooses a net if the spec has several, and `settings` are values for its parameters. Imports stay inside
    `root`, by default the folder of the spec. A spec given as a text has no folder: without `root` it can only import
    the specs that ship with incdsl.

    Raises:
        incdsl.CompileError: if the spec is wrong; its `diagnostics` say where and why.
        incdsl.runtime.deploy.NotCertified: if a rewrite changed the function of the net.
    """
    from incdsl.compiler import compile_net

    done = compile_net(_source(spec), net, settings, root=_folder(root))
    if inference:
        from incdsl.runtime.deploy import certified

        done = certified(done)
    return done.text


def check(spec: Spec, *, root: Folder | None = None, **settings: Any) -> list[Diagnostic]:
    """All errors and warnings of a spec, in the order of the text; it may name a net or steps, as for `load`."""
    from incdsl.compiler import check_file
    from incdsl.diagnostics import CompileError

    try:
        if _names_a_part(spec):
            return list(_subject(spec, None, root, settings).done.warnings)
        done = check_file(_source(spec), settings, root=_folder(root))
    except CompileError as error:
        return list(error.diagnostics)
    return [warning for each in done for warning in each.warnings]


def lint(
    spec: Spec, *, select: Patterns = (), ignore: Patterns = (), device: Device | None = None,
    root: Folder | None = None, **settings: Any,
) -> list[Diagnostic]:  # fmt: skip
    """What `incdsl lint` says of a spec: errors, the warnings of `check`, what papers advise, mistakes that compile.

    Each has a `code`, a `span`, a `message()`, `why()` and perhaps a `fix`: edits of the text, and whether they are
    safe. `select` and `ignore` are codes or their beginnings, `"W41"`. Comments `# lint: ignore W412 reason` count, and
    a `pyproject.toml` does not. What is known of a broken spec is linted, too. For an `Analysis` that is there already,
    there is `incdsl.linter.lint.lint`.

    Raises:
        ValueError: if there is no such code, or no such device.
    """
    from incdsl.diagnostics import CompileError
    from incdsl.frontend import Options, analyze_source
    from incdsl.linter.config import BadConfiguration, checked
    from incdsl.linter.lint import Selection, lint

    try:
        selection = checked(Selection(_several(select), _several(ignore), device or ""))
    except BadConfiguration as bad:
        raise ValueError(str(bad)) from None
    try:
        return list(lint(analyze_source(_source(spec), Options(settings, root=_folder(root))), selection))
    except CompileError as error:
        return list(error.diagnostics)


def summary(
    spec: Spec, net: str | None = None, *, by: By = "block", root: Folder | None = None, **settings: Any
) -> Summary:  # fmt: skip
    """What each part of a net costs, at its nominal size and for one image: shapes, parameters, multiply-accumulates.

    A row is a `"block"`, a `"layer"` or an `"op"`. Printed, and in a notebook, it is a table, which rich draws as wide
    as the terminal. `rows`, `document()`, `csv()`, `markdown()` and `latex()` give it to programs, pages and papers. A
    spec may be written as for `load`.

    Raises:
        incdsl.CompileError: if the spec is wrong.
    """
    from incdsl.tables.summary import Summary

    return Summary(_subject(spec, net, root, settings), by)


def draw(
    spec: Spec, *, depth: int = 0, theme: Theme = "light", heat: Measure | None = None,
    times: Mapping[str, float] | None = None, fit: Fit | None = None, root: Folder | None = None, **settings: Any,
) -> Drawing:  # fmt: skip
    """A figure of a net, of a block as the paper draws it, or of steps on an input.

    Notebooks show it; `svg` is its text, `save("v3.svg")` writes it, as .html, .png or .pdf as well. The spec may name
    a net or a block, `"specs/v3.inc::InceptionA"`, a path of a net, `"specs/v3.inc::Mixed_6b"`, or steps on an input,
    as for `load`. `depth` is how many levels of blocks are opened. `theme` is `"light"`, `"dark"`, or `"auto"` for what
    the reader prefers. `heat` shows a cost as colour: `"macs"`, `"params"`, `"activations"`, or `"time"` with `times`,
    seconds by path. `fit` is a page, `"a4"` or `"slide"`. Of a broken spec is drawn what makes sense.

    Raises:
        incdsl.CompileError: if the spec cannot be read, or has no such part.
    """
    from incdsl.drawing.drawing import Look, drawing
    from incdsl.drawing.part import chosen, part_of
    from incdsl.subject import Asked

    look, asked = Look(depth, theme, heat, times, fit), Asked(settings, root=_folder(root))
    if isinstance(spec, str) and "\n" not in spec and not Path(spec).exists():
        return drawing(part_of(spec, asked, folds=look.folds), look)
    return drawing(chosen(_source(spec), asked=asked, folds=look.folds), look)


def diff(before: Spec, after: Spec, *, root: Folder | None = None) -> Diff:
    """What changed from one net to another: parts, shapes, costs, and whether a checkpoint of the first still loads.

    Each is a spec with one net, or names a net or steps as for `load`. Printed, and in a notebook, it is what
    `incdsl diff` says. `changes` has every part of both nets, `survival` the keys; `document()`, `csv()`, `markdown()`,
    `latex()` and `github()` are its other forms, and `draw()` is a figure of both nets.

    Raises:
        incdsl.CompileError: if a spec is wrong.
    """
    from incdsl.tables.diff import Diff

    return Diff(_subject(before, None, root, {}), _subject(after, None, root, {}))


def report(
    spec: Spec, net: str | None = None, *, against: Spec | None = None, licence: str = "", root: Folder | None = None,
    **settings: Any,
) -> Report:  # fmt: skip
    """The model card of a net: what the spec says of itself, facts, legal sizes, input, structure, weights.

    `markdown()` and `html()` write it. With `against` it tells the differences from another net; `licence` is what its
    author says of the weights. A spec may be written as for `load`.

    Raises:
        incdsl.CompileError: if a spec is wrong.
    """
    from incdsl.tables.report import Report

    other = None if against is None else _subject(against, None, root, {})
    return Report(_subject(spec, net, root, settings), other, licence)


def load(spec: Spec, net: str | None = None, *, root: Folder | None = None, **settings: Any) -> ModuleType:
    """The generated module, imported: `load("specs/v3.inc").InceptionV3()`. It needs torch.

    The spec may name one of its nets, with values and another size, `"specs/v3.inc::InceptionV3(classes: 10)"`, or
    steps on an input, `"specs/v3.inc::InceptionA(pool: 32)@[192, 35, 35]"`, which become the net `Steps`. Instances of
    its classes can be copied and pickled; a process that unpickles them needs incdsl. A notebook shows a net as the
    table of `summary`.

    Raises:
        incdsl.CompileError: if the spec is wrong.
    """
    from incdsl.runtime.load import load_subject

    return load_subject(_subject(spec, net, root, settings))


def pretrained(
    spec: Spec, checkpoint: Folder, net: str | None = None, *, root: Folder | None = None, without_aux: bool = False,
    entry: str = "", ignore: Patterns = (), fresh: Patterns = (), same: Mapping[str, str] | None = None,
    rails_in_order: bool = False, against: nn.Module | None = None, **settings: Any,
) -> nn.Module:  # fmt: skip
    """The training module with the weights of a checkpoint, in training mode; to fine-tune, or to go on training.

    The checkpoint is a safetensors file, an archive of numpy arrays, or a file of PyTorch's (read with `weights_only`),
    whatever its suffix. Its names are those of the net, or others from which it is certain which weights are which.

    - `entry` chooses one of several state_dicts: `entry="state_dict_ema"`.
    - `fresh` names layers or blocks that stay as they are initialized, and need nothing from the checkpoint: `"fc"`
      for other classes. `ignore` has patterns of entries that are left out.
    - `same` says what something in the checkpoint is in the net, `{entry: layer}`; `rails_in_order` says that numbers
      of rails are in the spec's order. `without_aux` leaves out the auxiliary heads.
    - `against` is the model that the checkpoint is of: outputs are compared, and must agree to 1e-10.

    What was unwrapped or left aside is told by warnings. It needs torch, and safetensors for files of that format.

    Raises:
        incdsl.CompileError: if the spec or the checkpoint is wrong, or several readings are possible.
    """
    from incdsl.compiler import compile_net
    from incdsl.diagnostics.weights import spoken_to_python
    from incdsl.runtime.pretrained import Given, pretrained

    decisions = _decisions(ignore, fresh, same, rails_in_order, "none" if without_aux else "all")
    with spoken_to_python():
        done = compile_net(_source(spec), net, settings, root=_folder(root))
        return pretrained(done, Given(Path(checkpoint), entry, decisions, against))


def deploy(
    spec: Spec, checkpoint: Folder, net: str | None = None, *, root: Folder | None = None, packed: bool = False,
    device: Device | None = None, higher_order: bool = False, batch: int = 1, dtype: str = "bf16", streams: int = 4,
    graphs: bool = True, kernels: bool = False,
    entry: str = "", ignore: Patterns = (), fresh: Patterns = (), same: Mapping[str, str] | None = None,
    rails_in_order: bool = False, against: nn.Module | None = None, **settings: Any,
) -> nn.Module:  # fmt: skip
    """The module to deploy, with the weights of a training checkpoint: rewritten, certified, ready to run.

    The checkpoint and what may be said about it are those of `pretrained`. It may have weights for auxiliary heads or
    not, for they are not deployed. `packed` makes a convolution and its ReLU one call of oneDNN with packed weights,
    for x86 CPUs without torch.compile.

    With `device="cpu"` it is the form for CPUs, in float32: convolutions that multiply less, by a kernel that is
    compiled where the module is made, and oneDNN for the others. `higher_order` allows schemes that lose more digits,
    and `batch` is how many images at a time they are chosen for.

    With `device="cuda"` it is the form for GPUs, in `dtype` (`"bf16"`, `"fp16"` or `"fp32"`), which runs at full speed
    after `.to("cuda")`: convolutions fused for cuDNN, rails on up to `streams` streams, calls as CUDA graphs unless
    `graphs` is false, and some steps as kernels of Triton's with `kernels`.

    Raises:
        incdsl.CompileError: if the spec or the checkpoint is wrong, or several readings are possible.
        incdsl.runtime.deploy.NotCertified: if a rewrite changed the function of the net.
    """
    from incdsl.codegen.cpu import Cpu
    from incdsl.codegen.gpu import Gpu
    from incdsl.compiler import compile_net
    from incdsl.diagnostics.weights import spoken_to_python
    from incdsl.runtime.deploy import deployed
    from incdsl.runtime.pretrained import Given

    decisions = _decisions(ignore, fresh, same, rails_in_order, "unneeded")
    also = frozenset({"PackConvs"} if packed else ())
    form = _form(device, Cpu(higher_order, batch), Gpu(dtype, streams, graphs, kernels))
    with spoken_to_python():
        done = compile_net(_source(spec), net, settings, root=_folder(root))
        return deployed(done, Given(Path(checkpoint), entry, decisions, against), also, form)


def _form(device: str | None, cpu: Cpu, gpu: Gpu) -> Form | None:
    from incdsl.codegen.gpu import DTYPES

    if device not in (None, "cpu", "cuda"):
        raise ValueError(f"the device is 'cpu' or 'cuda', not {device!r}")
    if gpu.dtype not in DTYPES:
        raise ValueError(f"the dtype is one of {', '.join(DTYPES)}, not {gpu.dtype!r}")
    if device == "cpu":
        return cpu
    return gpu if device == "cuda" else None


def _decisions(
    ignore: Patterns, fresh: Patterns, same: Mapping[str, str] | None, rails_in_order: bool, heads: Heads
) -> Decisions:
    from incdsl.weights.decisions import Decisions

    return Decisions(_several(ignore), _several(fresh), tuple((same or {}).items()), rails_in_order, heads)


def _several(patterns: Patterns) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)


def _names_a_part(spec: Spec) -> bool:
    """Whether a string names a net of a spec, or steps, and not a whole spec."""
    from incdsl.subject import is_whole

    return isinstance(spec, str) and "\n" not in spec and not is_whole(spec) and not Path(spec).exists()


def _subject(spec: Spec, net: str | None, root: Folder | None, settings: dict[str, Any]) -> Subject:
    """The net that a call is about."""
    from incdsl.compiler import compile_net
    from incdsl.subject import Asked, Subject, subject

    if net is None and _names_a_part(spec):
        return subject(str(spec), Asked(settings, root=_folder(root)))
    done = compile_net(_source(spec), net, settings, root=_folder(root))
    return Subject(done.net.name, done)


def _folder(root: Folder | None) -> Path | None:
    return None if root is None else Path(root)


def _source(spec: Spec) -> Source:
    from incdsl.compiler import read
    from incdsl.source import Source

    if isinstance(spec, str) and "\n" in spec:
        return Source("<spec>", spec)
    return read(Path(spec))
