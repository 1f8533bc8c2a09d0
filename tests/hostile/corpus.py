"""The committed hostile specs: `corpus/expected.tsv` says what comes of each, `corpus/imports` has a folder for each.

Texts of more than 20 kB, and sweeps over characters and names, are made in `texts` and `names`.
"""

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
OK = "ok"
_NET = re.compile(rb"^net ([A-Za-z0-9_]+)", re.MULTILINE)


def expected() -> dict[str, str]:
    """For the path of each spec the code that must be among its diagnostics, or `ok`."""
    lines = (FOLDER / "expected.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def last_net(path: Path) -> str:
    """The argument that names the last net of a spec; the spec alone if it has not several."""
    nets = _NET.findall(path.read_bytes())
    return f"{path}::{nets[-1].decode()}" if len(nets) > 1 else str(path)
