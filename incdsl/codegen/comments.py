"""Comments of the generated file: all go through one place, which keeps a list for the guard."""

from __future__ import annotations


class Comments:
    """Writes comments and remembers them."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def __call__(self, text: str) -> str:
        """The text as a comment, free of anything that could end it or reorder it on a screen."""
        clean = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
        clean = clean.rstrip()
        comment = f"# {clean}" if clean else "#"
        self.written.append(comment)
        return comment
