"""Pages of measurements: each benchmark writes a part of its own."""

from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
_TITLE = "# Benchmarks\n\nEach part is written by its script, on one machine.\n"


def put(part: str, page: Path | None = None) -> None:
    """Put a part on the page of measurements, or on another; it starts with its `## ` heading.

    Tables of the part before that it lacks stay.
    """
    page = page or PAGE
    title, parts = _sections(page.read_text(encoding="utf-8") if page.exists() else _TITLE, "## ")
    name, _, body = part.removeprefix("## ").partition("\n")
    head, tables = _sections(body, "### ")
    _, before = _sections(parts.get(name, ""), "### ")
    parts[name] = _joined(head, {**before, **tables}, "### ")
    page.write_text(_joined(title, parts, "## "), encoding="utf-8")


def _sections(text: str, mark: str) -> tuple[str, dict[str, str]]:
    """What stands before the first heading, and what stands below each."""
    head, *sections = f"\n{text}".split(f"\n{mark}")
    return head, {name: body for name, _, body in (each.partition("\n") for each in sections)}


def _joined(head: str, sections: dict[str, str], mark: str) -> str:
    return "\n\n".join([head.strip(), *(f"{mark}{name}\n\n{body.strip()}" for name, body in sections.items())]) + "\n"
