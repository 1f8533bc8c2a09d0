"""What a formatted text must have in common with the text that it was made from, said anew, from the texts alone."""

import re

from incdsl.formatter.fmt import formatted
from incdsl.syntax.node import content
from incdsl.syntax.parser import parse

COMMENT = re.compile(r"#[^\n]*")


def inked(text):
    """A text without what nobody sees."""
    return re.sub(r"[ \t\r\n]+", "", text)


def comments(text):
    """Its comments, each with what is in front of it."""
    return [(inked(text[: match.start()]), match.group().rstrip()) for match in COMMENT.finditer(text)]


def differences(text):
    """What is wrong with the layout of a text."""
    laid = formatted(text)
    found = []
    if inked(laid) != inked(text):
        found.append("other characters")
    if comments(laid) != comments(text):
        found.append("other comments")
    once, again = parse(text), parse(laid)
    if not once.problems and content(again.file) != content(once.file):
        found.append("another tree")
    if len(again.problems) != len(once.problems):
        found.append("other problems")
    if formatted(laid) != laid:
        found.append("no fixed point")
    return found
