"""`incdsl passes`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from incdsl.analysis.kernels import Kernels, kernels
from incdsl.cli.options import checked, limit_option, root_option, set_option
from incdsl.codegen.cpu import Cpu, facts
from incdsl.codegen.forms import Form
from incdsl.codegen.gpu import Gpu
from incdsl.compiler import Compilation, for_inference
from incdsl.ir.net import Event


@click.command("passes")
@click.argument("spec")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="For the form for CPUs, or for GPUs.")
@set_option
@limit_option
@root_option
def command(
    spec: str, form: str, device: str | None, settings: dict[str, Any], max_steps: int, root: Path | None
) -> None:
    """Show what the optimizer does to SPEC for inference: where each rule fired, and where it declined and why."""
    done = checked(spec, settings, max_steps, root)
    forms: dict[str | None, Form] = {"cpu": Cpu(), "cuda": Gpu()}
    deployed = for_inference(done, form=forms.get(device))
    trace = deployed.net.trace
    if form == "json":
        click.echo(json.dumps(_document(done, deployed, trace), indent=2))
    else:
        _print(done, deployed, trace)


def _document(before: Compilation, after: Compilation, trace: Sequence[Event]) -> dict[str, Any]:
    return {
        "version": 1,
        "net": before.net.name,
        "kernels": {"before": asdict(kernels(before.net)), "after": asdict(kernels(after.net))},
        "events": [
            {"rule": each.rule, "path": each.path, "applied": each.applied, "text": each.text} for each in trace
        ],
    }


def _print(before: Compilation, after: Compilation, trace: Sequence[Event]) -> None:
    for rule in dict.fromkeys(each.rule for each in trace):
        mine = [each for each in trace if each.rule == rule]
        applied = [each for each in mine if each.applied]
        click.echo(click.style(rule, bold=True) + f"  {len(applied)} applied" + _declined_count(mine))
        for mark, some in (("  ", applied), ("- ", [each for each in mine if not each.applied])):
            for text, paths in _grouped(some).items():
                click.echo(f"  {mark}{_few(paths)}{f': {text}' if text else ''}")
    old, new = kernels(before.net), kernels(after.net)
    if isinstance(after.form, Cpu):
        for line in facts(after.net, after.cost.params):
            click.echo(line)
    click.echo(f"{before.net.name}: {old.launches} kernels, now {new.launches}" + _moved(old, new))
    kinds = ("convolution", "linear", "pool", "norm", "pointwise", "copy")
    click.echo("  " + ", ".join(f"{kind} {getattr(old, kind)} -> {getattr(new, kind)}" for kind in kinds))


def _moved(old: Kernels, new: Kernels) -> str:
    """Megabytes that are read and written in float32, one image."""
    if old.numbers is None or new.numbers is None:
        return ""
    return f"; {old.numbers * 4 / 1e6:,.1f} MB read and written in float32, now {new.numbers * 4 / 1e6:,.1f}"


def _declined_count(events: Sequence[Event]) -> str:
    declined = sum(not each.applied for each in events)
    return f", {declined} declined" if declined else ""


def _grouped(events: Sequence[Event]) -> dict[str, list[str]]:
    """Paths by what was told of them, each once: for a fold each text is its own, so the text goes."""
    groups: dict[str, dict[str, None]] = {}
    several = len({each.text for each in events}) == len(events) > 8
    for each in events:
        groups.setdefault("" if several else each.text, {})[each.path] = None
    return {text: list(paths) for text, paths in groups.items()}


def _few(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:6])
    return f"{shown}, … ({len(paths)} in all)" if len(paths) > 6 else shown
