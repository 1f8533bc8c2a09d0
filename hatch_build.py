"""The README and the links of a package: relative links become absolute ones where the source tree has an address.

`INCDSL_SOURCE=https://forge/owner/incdsl/blob/v0.1.0 python -m build` gives it, for a package index shows the README
far from its files. Without it, links stay as they are.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(\]\()(?![a-z]+:|#)([^)]+\))")
_IMAGE = re.compile(r'((?:src|srcset)=")(?![a-z]+:)([^"]+")')


class CustomMetadataHook(MetadataHookInterface):
    """Fills in `readme` and `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Read the README, and give its links the address if there is one."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        source = os.environ.get("INCDSL_SOURCE", "").rstrip("/")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(text, source) if source else text}
        metadata["urls"] = urls(source) if source else {}


def absolute(text: str, source: str) -> str:
    """A text in Markdown whose links and images lead into a source tree; images are asked for as they are."""
    raw = source.replace("/blob/", "/raw/")
    return _IMAGE.sub(rf"\g<1>{raw}/\g<2>", _LINK.sub(rf"\g<1>{source}/\g<2>", text))


def urls(source: str) -> dict[str, str]:
    """What a package index shows beside the package."""
    home = source.partition("/blob/")[0]
    return {"Source": home, "Documentation": f"{source}/docs/index.md", "Changelog": f"{source}/CHANGELOG.md"}
