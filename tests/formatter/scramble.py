"""Specs in random layouts, with random comments between their tokens, and broken ones."""

from random import Random

from fuzz.grammar import Grammar
from incdsl.syntax.parser import parse
from incdsl.testing.choices import Seeded
from incdsl.testing.random_nets import make
from tests.process import ROOT

FOLDERS = ("specs", "examples", "tests/passes", "fuzz/corpus")
SIGNS = frozenset("()[]{},@|=")
BEFORE = ["", " ", "\n", "\n\n  "]
BEHIND = ["\n", "\n ", "\r\n", "\n\n\n"]
COMMENTS = ["#", "# c", "# c  ", "#: [1, 2]", "# a # b", "# width → 64 µm", "#}", "# |", '# "', "#\t-> x"]
DIRECTIVES = ["# fmt: off", "# fmt: on", "# fmt: skip", "# fmt: skip, a table"]
SLIPS = ["->", "}", "{", "(", "x", "é", "'a'", "$", "net"]
BLANKS = [" ", " ", "  ", "\t", "\n", "\n  ", "\n\n", " \n \n\n ", "\r\n"]


class Layouts:
    """Texts that follow from a seed; `comments` is how many of a hundred gaps have one."""

    def __init__(self):
        self._grammar = Grammar()
        paths = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.inc"))
        texts = [path.read_text(encoding="utf-8") for path in paths]
        self._specs = [text for text in texts if not parse(text).problems]

    def text(self, seed):
        """A text that parses: a random net, a sentence of the grammar, or a spec of ours."""
        random = Random(seed)
        kind = random.random()
        while True:
            if kind < 0.4:
                return make(Seeded(random.randrange(10**9))).text
            if kind < 0.6:
                return random.choice(self._specs)
            words = self._grammar.derive("start", random, random.choice([8, 16, 30]))
            text = " ".join(["inc", "1", *words[2 * (words[:1] == ["inc"]) :]])
            if not parse(text).problems:
                return text

    def scrambled(self, seed):
        """Such a text, with other blanks and comments; some have none, some have them everywhere."""
        random = Random(f"layout {seed}")
        return scrambled(self.text(seed), random, random.choice([0, 2, 10, 40]), random.choice([0, 0, 0, 1, 5]))

    def broken(self, seed):
        """Such a text with some tokens deleted, doubled, swapped or replaced; it may still parse."""
        random = Random(f"broken {seed}")
        text = self.scrambled(seed) if random.random() < 0.7 else self.text(seed)
        for _ in range(random.choice([1, 1, 1, 2, 4])):
            text = spoiled(text, random)
        return text


def scrambled(text, random, comments, directives):
    """The tokens of a text with other blanks and comments between them; both numbers are of a hundred."""
    parts, last = [], ""
    for token in parse(text).tokens:
        gap = gap_between(last, token.text, random)
        for _ in range(3):
            if random.random() * 100 < comments:
                comment = random.choice(DIRECTIVES if random.random() * 100 < directives else COMMENTS)
                gap += random.choice(BEFORE) + comment + random.choice(BEHIND)
        parts += gap, token.text
        last = token.text
    return "".join(parts)


def gap_between(last, text, random):
    """Blanks that keep two tokens apart."""
    if not last or not text or last in SIGNS or text in SIGNS:
        return random.choice(["", "", *BLANKS])
    return random.choice(BLANKS)


def spoiled(text, random):
    """A text with something wrong."""
    tokens = parse(text).tokens
    token, other = random.choice(tokens), random.choice(tokens)
    new = random.choice(["", "", f"{token.text} {token.text}", other.text, *SLIPS])
    return text[: token.start] + new + text[token.end :]
