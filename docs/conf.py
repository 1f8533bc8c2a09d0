"""The documentation as a site: `python -m sphinx -W docs build/site`, with `pip install -e '.[docs]'`.

Links to files outside of `docs/`, which GitHub follows, become links into the source tree where INCDSL_SOURCE gives its
address; without one they are plain text.
"""

from __future__ import annotations

import os
import re
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "incdsl"
version = release = version_of("incdsl")
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["decisions/README.md"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
highlight_language = "none"
suppress_warnings = ["misc.highlighting_failure"]  # what a page shows as wrong
html_theme = "furo"
html_title = "incdsl"
html_show_sourcelink = False
html_show_copyright = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"

_SPEC = re.compile(r"(?m)^```$(?=\ninc 1$)")
_PICTURE = re.compile(r'<picture><source [^>]*srcset="([^"]*)"><img alt="([^"]*)" src="([^"]*)"></picture>')
_OUTSIDE = re.compile(r"(!?)\[([^\]]*)\]\((\.\./[^)]*)\)")
_SOURCE = os.environ.get("INCDSL_SOURCE", "").rstrip("/")
"""The address of the source tree, such as that of a branch at a forge."""


def _prepared(app: Sphinx, name: str, text: list[str]) -> None:
    """Links out of `docs/` as links into the source tree, or as the words alone; specs in
    colour, images that follow the theme."""
    folder = (Path(app.srcdir) / name).parent

    def link(match: re.Match[str]) -> str:
        target = (folder / match[3].partition("#")[0]).resolve()
        if target.is_relative_to(app.srcdir):
            return match[0]
        path = target.relative_to(Path(app.srcdir).parent).as_posix()
        return f"[{match[2]}]({_SOURCE}/{path})" if _SOURCE else match[2]

    text[0] = _PICTURE.sub(_themed, _SPEC.sub("```inc", _OUTSIDE.sub(link, text[0])))


def _themed(match: re.Match[str]) -> str:
    """An image for light pages and one for dark ones, as the theme writes them."""
    dark, alt, light = match.groups()
    return "\n\n".join(
        f"```{{image}} {path}\n:alt: {alt}\n:class: only-{name}\n```"
        for path, name in ((light, "light"), (dark, "dark"))
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx asks an extension for."""
    app.connect("source-read", _prepared)
    return {"parallel_read_safe": True}
