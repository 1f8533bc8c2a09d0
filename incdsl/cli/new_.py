"""`incdsl new`."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from incdsl.cli.options import fail, tell
from incdsl.compiler import compile_net
from incdsl.diagnostics import CompileError
from incdsl.diagnostics.output import CannotWrite
from incdsl.ir.graph import class_name
from incdsl.source import Source
from incdsl.writing import replace_text

_SPEC = """inc 1
# {net}: what the net is for, and which paper it follows.

unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu

net {net}(classes = 10) {{
  input image [3, 32, 32]

  grid32 = image -> stem: conv 3x3 @32   : [32, 32, 32]
  grid16 = grid32
    -> down1: Reduction(width: 32)       : [64, 16, 16]
    -> mixed1: Mixed(width: 24)          : [96, 16, 16]
  grid8 = grid16
    -> down2: Reduction(width: 48)       : [144, 8, 8]
    -> mixed2: Mixed(width: 48)          : [192, 8, 8]
  output logits = grid8 -> gap -> dropout 0.2 -> fc: linear @classes
}}

# Four views of the same grid, side by side
block Mixed(width) = concat {{
  | branch1x1: conv 1x1 @width
  | branch3x3: conv 1x1 @width -> conv 3x3 @width
  | branch5x5: conv 1x1 @width -> conv 5x5 @width as 3x3, 3x3
  | branch_pool: avgpool 3x3 -> conv 1x1 @width
}}

# Half the grid: a strided convolution beside a pool
block Reduction(width) = reduce {{
  | branch3x3: conv 3x3/2 @width half
  | maxpool 3x3/2 half
}}
"""


@click.command("new")
@click.argument("name")
def command(name: str) -> None:
    """Write a small spec to NAME.inc, with a net to change into one's own."""
    path = Path(name.removesuffix(".inc") + ".inc")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", path.stem):
        raise click.BadParameter("write letters, digits, `_` and `-`, a letter first", param_hint="NAME")
    text = _SPEC.format(net=class_name(path.stem.replace("-", "_")))
    if path.exists() or path.is_symlink():
        fail(CompileError((CannotWrite(span=None, file=str(path), reason="it is there already"),)))
    try:
        compile_net(Source(str(path), text))
        replace_text(path, text)
    except CompileError as error:
        fail(error)
    shown = shlex.quote(str(path))
    for line in (
        f"{path}: a net to begin with",
        *(f"  incdsl {word} {shown}" for word in ("check", "summary", "compile")),
    ):
        tell(line)
