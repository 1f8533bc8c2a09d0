"""`incdsl draw`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from incdsl.cli.options import fail, limit_option, root_option, set_option, show, spec_source, tell
from incdsl.diagnostics import CompileError
from incdsl.subject import Asked

if TYPE_CHECKING:
    from incdsl.drawing.drawing import Fit
    from incdsl.drawing.heat import Measure
    from incdsl.drawing.themes import Theme


@click.command("draw")
@click.argument("spec", metavar="SPEC[::NET|::BLOCK|::STEPS@[C, H, W]]")
@click.option(
    "-o", "--output", "target", required=True, metavar="FILE",
    help="Where the figure goes: .svg, .html, .png or .pdf, or `-` for SVG on standard output.",
)  # fmt: skip
@click.option("--depth", type=click.IntRange(0), default=0, show_default=True, help="Open so many levels of blocks.")
@click.option("--theme", type=click.Choice(["light", "dark", "auto"]), default="light", show_default=True)
@click.option("--fit", type=click.Choice(["a4", "slide"]), help="Take the size and proportions of a page.")
@click.option("--heat", type=click.Choice(["macs", "params", "activations", "time"]), help="Show a cost as colour.")
@click.option("--tuned", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A record with times.")
@click.option(
    "--scale", type=click.FloatRange(0.1, 10), default=2, show_default=True, help="Pixels of a PNG for each one."
)
@set_option
@limit_option
@root_option
def command(
    spec: str, target: str, depth: int, theme: Theme, fit: Fit | None, heat: Measure | None, tuned: Path | None,
    scale: float, settings: dict[str, Any], max_steps: int, root: Path | None,
) -> None:  # fmt: skip
    """Draw a net, a block as the paper draws it, or steps on an input.

    A net is drawn in columns, one for each bound value: 'specs/v3.inc'. A block is drawn as a net first uses it,
    'specs/v3.inc::InceptionA', or where it has these arguments, '::InceptionA(pool: 64)', or at a path of the net,
    '::Mixed_6b'. A broken spec is drawn as far as it makes sense, with its errors; the exit code is then 1.
    """
    from incdsl.drawing.drawing import Look, drawing
    from incdsl.drawing.output import CannotSave, form_of
    from incdsl.drawing.part import part_of
    from incdsl.writing import replace_bytes

    times = _times(tuned, heat)
    try:
        form = "svg" if target == "-" else form_of(Path(target))
        part = part_of(spec, Asked(settings, max_steps, root, source=spec_source), folds=heat is None)
        if heat in ("macs", "activations") and part.totals.macs is None:
            raise click.UsageError(f"{heat} depend on the size of the input, which is free: say one, SPEC@[C, H, W]")
        made = drawing(part, Look(depth, theme, heat, times, fit))
        data = made.encoded(form, scale)
    except CannotSave as error:
        raise click.UsageError(str(error)) from None
    except CompileError as error:
        fail(error)
    if target == "-":
        sys.stdout.buffer.write(data)
    else:
        try:
            replace_bytes(Path(target), data)
        except CompileError as error:
            fail(error)
    show(part.problems, "human", beside=True)
    count = len(part.problems)
    if count:
        tell(f"{part.title} does not compile: {count} error{'s' * (count > 1)}, marked in the figure", "json")
        sys.exit(1)


def _times(tuned: Path | None, heat: str | None) -> Mapping[str, float] | None:
    """Seconds by path, from a record."""
    if (heat == "time") != (tuned is not None):
        raise click.UsageError("--heat time shows the times of a record: give both, --heat time --tuned FILE")
    if tuned is None:
        return None
    try:
        record = json.loads(tuned.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        record = None
    layers = record.get("layers") if isinstance(record, dict) else None
    if isinstance(layers, dict) and layers and all(isinstance(each, int | float) for each in layers.values()):
        return {str(path): each / 1e3 for path, each in layers.items()}
    raise click.UsageError(
        f"{tuned} has no times of layers. `incdsl tune SPEC -o {tuned.name}` records them: milliseconds by path, "
        '`"layers": {"Mixed_5b.branch1x1": 0.041, …}`'
    )
