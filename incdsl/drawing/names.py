"""How several names are said as one: `Mixed_6c, 6d`, `layer1.0–5`."""

from __future__ import annotations

import os.path
import re

_AT_ENDS = re.compile(r"[._]")


def together(names: list[str]) -> str:
    """Names of neighbours as one; what they begin with in common is said once."""
    if len(names) == 1:
        return names[0]
    common = os.path.commonprefix(names)
    cut = max((found.end() for found in _AT_ENDS.finditer(common)), default=0)
    if not cut:
        letters = re.match(r"[A-Za-z]*", common)
        cut = letters.end() if letters and all(name[letters.end() :][:1].isdigit() for name in names) else 0
    rest = [name[cut:] for name in names[1:]]
    if len(names) == 2:
        return f"{names[0]}, {rest[0]}"
    return f"{names[0]}–{rest[-1]}"
