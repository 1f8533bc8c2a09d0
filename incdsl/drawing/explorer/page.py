"""The page: figures of every state, the spec, and what is known, in one file that asks nobody for anything."""

from __future__ import annotations

import json
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from incdsl.compiler import compilations
from incdsl.drawing import paint
from incdsl.drawing.explorer.facts import Facts
from incdsl.drawing.explorer.rewrites import rewrites, streams
from incdsl.drawing.explorer.sizes import ruler
from incdsl.drawing.explorer.text import listing
from incdsl.drawing.heat import Measure
from incdsl.drawing.part import net_part

if TYPE_CHECKING:
    from incdsl.drawing.drawing import Drawing

_HERE = Path(__file__).parent
_ROOM = 900_000
"""Characters of figures in one page; blocks that lie deeper are not opened in place then."""
_HEATS: tuple[Measure, ...] = ("macs", "params", "activations")


def page(figure: Drawing) -> str:
    """The page of a figure."""
    part = figure.part
    facts = Facts(part)
    states = _states(figure, facts)
    for svg in states.values():
        for name in part.found.placed:
            if f'data-node="{escape(name)}"' in svg:
                facts.node(name)
    data = {
        "title": part.title,
        "boxes": facts.boxes,
        "kernels": list(facts.kernels.items()),
        "nodes": facts.nodes,
        "states": states,
        "blocks": {path: f"open {path}" for path in facts.blocks if f"open {path}" in states},
        "opened": {"all": list(facts.blocks), **{f"open {path}": opened for path, opened in facts.blocks.items()}},
        "ruler": ruler(part.found),
        "macs": part.totals.macs,
        "params": part.totals.params,
        **_deployed(figure),
    }
    scope = paint.scope_of(figure.name)
    light = "\n".join([*paint.sizes(scope), *paint.colours(scope, "light", True)])
    dark = "\n".join(paint.colours(scope, "dark", True))
    return _filled(
        _read("explorer.html"),
        {
            "title": escape(part.title),
            "file": escape(part.analysis.spec.source.name),
            "style": f"{light}\n{_read('explorer.css')}",
            "dark": f"{dark}\n{_read('dark.css')}",
            "spec": listing(part.analysis.spec.source.text),
            "data": _script_safe(json.dumps(data, separators=(",", ":"), ensure_ascii=False)),
            "script": _read("explorer.js"),
        },
    )


def _states(figure: Drawing, facts: Facts) -> dict[str, str]:
    """The figure as it is, with each block opened, with all of them, and with each cost as heat."""
    look = replace(figure.look, heat=None, times=None, fit=None, theme="light")
    found = {"": replace(figure, look=look).hooked}
    if facts.blocks:
        found["all"] = replace(figure, look=replace(look, opened=frozenset(facts.blocks))).hooked
    if not figure.part.problems and figure.part.is_net:
        apart = net_part(figure.part.analysis, figure.part.found, folds=False)
        for measure in _HEATS if figure.part.totals.macs is not None else ("params",):
            found[f"heat {measure}"] = replace(figure, part=apart, look=replace(look, heat=measure)).hooked
    room = _ROOM - sum(map(len, found.values()))
    for path, opened in sorted(facts.blocks.items(), key=lambda each: len(each[1])):
        svg = replace(figure, look=replace(look, opened=frozenset(opened))).hooked
        if (room := room - len(svg)) < 0:
            break
        found[f"open {path}"] = svg
    return found


def _deployed(figure: Drawing) -> dict[str, Any]:
    """What the optimizer does to a whole net that compiles."""
    part = figure.part
    if part.problems or not part.is_net:
        return {"rewrites": None, "streams": []}
    done = next(each for each in compilations(part.analysis) if each.net.name == part.found.name)
    done = replace(done, net=part.found.net)
    return {"rewrites": rewrites(done), "streams": streams(done)}


def _script_safe(text: str) -> str:
    """JSON that ends no script element, whatever a spec says."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _filled(template: str, parts: dict[str, str]) -> str:
    """A template with its parts, each put in once; what a part says is not looked at."""
    first, *rest = template.split("{{")
    made = [first]
    for each in rest:
        name, _, after = each.partition("}}")
        made += [parts[name], after]
    return "".join(made)


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
