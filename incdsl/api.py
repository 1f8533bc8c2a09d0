"""The Python interface; importing it is cheap, the compiler is loaded at the first call."""

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
    """The surface tree of a text, whatever the text is; it never raises.

    `file` is the tree, and `str(file)` the text again, byte for byte; parts that make no sense are `Error` nodes.
    `tokens` are all tokens with the trivia in front of them, and `problems` says what is wrong.
    """
    from incdsl.syntax import parser

    return parser.parse(text)


def analyze(spec: Spec, *, root: Folder | None = None, **settings: Any) -> Analysis:
    """All that is known of a spec, however broken it is: the tree, the nets as far as they come, all problems.

    `steps` gives for every written step each instance of it with its shape, `references` for every use of a name its
    definition. Imports stay inside `root`, as in `compile`.

    Raises:
        incdsl.CompileError: if there is no text to analyze, because the path cannot be read.
    """
    from incdsl.frontend import Options, analyze_source

    return analyze_source(_source(spec), Options(settings, root=_folder(root)))


def compile(
    spec: Spec, net: str | None = None, *, root: Folder | None = None, inference: bool = False, **settings: Any
) -> str:
    """The text of the PyTorch module for one net of a spec; with `inference` of the module to deploy (needs torch).

    `net` is needed where the spec has several; `settings` give the net's parameters values. Imports stay inside `root`,
    by default the folder of the spec; the text of a spec has none, and imports nothing unless `root` is given.

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
    """All that is wrong with a spec, warnings included; empty if nothing is."""
    from incdsl.compiler import check_file
    from incdsl.diagnostics import CompileError

    try:
        done = check_file(_source(spec), settings, root=_folder(root))
    except CompileError as error:
        return list(error.diagnostics)
    return [warning for each in done for warning in each.warnings]


def load(spec: Spec, net: str | None = None, *, root: Folder | None = None, **settings: Any) -> ModuleType:
    """The generated module itself: `load("specs/v3.inc").InceptionV3()`. Needs torch.

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
    """The deployed module of a net with the weights of a training checkpoint: rewritten, certified, ready to run.

    The checkpoint is a `.pt` or `.pth` file (read with `weights_only`), a `.safetensors` or an `.npz` file, under the
    net's names or under others that say for certain whose weights are whose. `packed` makes a convolution and its ReLU
    one call of oneDNN with packed weights, for x86 CPUs without torch.compile. Needs torch; safetensors for its files.

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
