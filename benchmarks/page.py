"""The page of measurements: each benchmark writes a part of its own."""

from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
_TITLE = "# Benchmarks\n\nEach part is written by its script, from one run on one machine.\n"


def put(part: str) -> None:
    """Put a part there, which starts with its `## ` heading, in place of the part of that name."""
    present = PAGE.read_text(encoding="utf-8") if PAGE.exists() else _TITLE
    title, *parts = ("\n" + present.rstrip()).split("\n## ")
    found = {each.partition("\n")[0]: each.rstrip() for each in [*parts, part.removeprefix("## ")]}
    PAGE.write_text("\n\n## ".join([title.strip(), *found.values()]) + "\n", encoding="utf-8")
