"""`incdsl tune`."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import click

from incdsl.cli.options import checked, limit_option, root_option, set_option, tell
from incdsl.compiler import Compilation


@click.command("tune")
@click.argument("spec")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), help="Record the measurements in a file.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, …")
@click.option("--batch", type=click.IntRange(1, 4096), default=1, show_default=True)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    default="float32",
    show_default=True,
)
@click.option("--size", metavar="HxW", help="Height and width, if not the nominal ones.")
@click.option("--rounds", type=click.IntRange(3, 1000), default=15, show_default=True)
@click.option("--compile", "compiled", is_flag=True, help="Measure torch.compile with freezing as well.")
@set_option
@limit_option
@root_option
def command(
    spec: str, target: Path | None, device: str, batch: int, dtype: str, size: str | None, rounds: int, compiled: bool,
    settings: dict[str, Any], max_steps: int, root: Path | None,
) -> None:  # fmt: skip
    """Measure which rewrites, layout and execution are fastest for SPEC on a device.

    `incdsl deploy SPEC --tuned FILE` writes the module of the fastest choice of a record.
    """
    if importlib.util.find_spec("torch") is None:
        raise click.UsageError("tune runs the module and needs PyTorch: pip install 'incdsl[torch]'")
    done = checked(spec, settings, max_steps, root)
    from incdsl.runtime.tune import Setting, missing, record, times_of, told, tune, ways_of
    from incdsl.writing import replace_text

    if reason := missing(device):
        raise click.UsageError(f"PyTorch has no device {device!r} here: {reason}")
    setting = Setting(device, batch, dtype, _sizes(done, size))
    ways = ways_of(done, setting, rounds)
    found = tune(done, setting, compiled, rounds, ways)
    best = found[0].milliseconds
    for each in found:
        click.echo(f"{each.milliseconds:9.2f} ms  {each.milliseconds / best:5.2f}  {each.choice.name}")
    if ways and device == "cpu":
        for line in told(done, setting, ways):
            click.echo(line)
    if target:
        layers = times_of(done, setting, rounds)
        replace_text(target, json.dumps(record(done, setting, found, ways, layers), indent=2) + "\n")
        tell(f"{spec} -> {target}")


def _sizes(done: Compilation, size: str | None) -> tuple[int, ...]:
    nominal = done.net.conditions.nominal
    if size is None:
        known = tuple(n for n in nominal.values() if n is not None)
        if len(known) < len(nominal):
            raise click.UsageError("the spec leaves the size free: say --size HxW")
        return known
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", size)
    if not match or len(nominal) != 2:
        raise click.UsageError("write --size 224x224")
    given = tuple(map(int, match.groups()))
    if any(n not in legal for n, legal in zip(given, done.sizes.evaluation.values(), strict=True)):
        raise click.UsageError(f"{size} is not legal for {done.net.name}")
    return given
