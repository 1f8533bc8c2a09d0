"""The Python interface. Importing it is cheap: the compiler is loaded at the first call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from torch import nn

    from incdsl.diagnostics import Diagnostic
    from incdsl.frontend import Analysis
    from incdsl.source import Source
    from incdsl.syntax.parser import Parsed

Spec = str | os.PathLike[str]
"""A path, or the text of a spec (a string of more than one line)."""

Folder = str | os.PathLike[str]


def parse(text: str) -> Parsed:
    """The surface tree of a text. It never raises, however broken the text is.

    `file` is the tree. `str(file)` gives the text back, byte for byte; parts that make no sense are `Error` nodes.
    `tokens` are all tokens, each with the blanks and comments before it, and `problems` are the diagnostics.
    """
    from incdsl.syntax import parser

    return parser.parse(text)


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
    """All errors and warnings of a spec, in the order of the text."""
    from incdsl.compiler import check_file
    from incdsl.diagnostics import CompileError

    try:
        done = check_file(_source(spec), settings, root=_folder(root))
    except CompileError as error:
        return list(error.diagnostics)
    return [warning for each in done for warning in each.warnings]


def load(spec: Spec, net: str | None = None, *, root: Folder | None = None, **settings: Any) -> ModuleType:
    """The generated module, imported: `load("specs/v3.inc").InceptionV3()`. It needs torch.

    Raises:
        incdsl.CompileError: if the spec is wrong.
    """
    from incdsl.compiler import compile_net
    from incdsl.runtime.load import load_text

    done = compile_net(_source(spec), net, settings, root=_folder(root))
    return load_text(done.text, done.net.name)


def deploy(
    spec: Spec,
    checkpoint: str | os.PathLike[str],
    net: str | None = None,
    *,
    root: Folder | None = None,
    packed: bool = False,
    **settings: Any,
) -> nn.Module:
    """The module to deploy, with the weights of a training checkpoint: rewritten, certified, ready to run.

    The checkpoint is a `.pt` or `.pth` file (read with `weights_only`), a `.safetensors` or an `.npz` file. Its names
    are those of the net, or others from which it is certain which weights are which. `packed` makes a convolution and
    its ReLU one call of oneDNN with packed weights, for x86 CPUs without torch.compile. It needs torch, and safetensors
    for files of that format.

    Raises:
        incdsl.CompileError: if the spec or the checkpoint is wrong.
        incdsl.runtime.deploy.NotCertified: if a rewrite changed the function of the net.
    """
    from incdsl.compiler import compile_net
    from incdsl.runtime.deploy import deployed

    also = frozenset({"PackConvs"} if packed else ())
    return deployed(compile_net(_source(spec), net, settings, root=_folder(root)), Path(checkpoint), also)


def _folder(root: Folder | None) -> Path | None:
    return None if root is None else Path(root)


def _source(spec: Spec) -> Source:
    from incdsl.compiler import read
    from incdsl.source import Source

    if isinstance(spec, str) and "\n" in spec:
        return Source("<spec>", spec)
    return read(Path(spec))
