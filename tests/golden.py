"""Golden files: compared, or with INCDSL_UPDATE_GOLDEN=1 written anew."""

import os
from pathlib import Path


def matches(path: Path, text: str) -> None:
    """Hold a text to the golden file."""
    if os.environ.get("INCDSL_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path.name} is missing; INCDSL_UPDATE_GOLDEN=1 writes it"
    assert text == path.read_text(encoding="utf-8")
