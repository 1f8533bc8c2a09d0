"""The inputs of a fuzzing run: each is made from a seed and an index alone, so that it can be made again."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

from fuzz.grammar import TEXTS, Grammar
from fuzz.trees import Planted, changed, parsed, planted
from incdsl.diagnostics.catalogue import all_codes
from incdsl.diagnostics.limits import TooMuchWork
from incdsl.ops import REGISTRY
from incdsl.resources import shipped_specs
from tests.fuzz.chains import CALLS, GUARDS, KEEPING, LABELS, NET, REPEATS, SHAPES

CORPUS = Path(__file__).parent / "corpus"
TOKEN = re.compile(rb"[A-Za-z0-9_.]+|->|//|\s+|#[^\n]*|.", re.DOTALL)
WORDS = [word.encode() for words in TEXTS.values() for word in words] + [
    b"inc 1", b"unit", b"block", b"net", b"input", b"output", b"aux", b"expect", b"in", b"as", b"for", b"if", b"times",
    b"from", b"use", b"with", b"without", b"->", b"..", b"{", b"}", b"(", b")", b"[", b"]", b":", b",", b"=", b"@",
    b"/", b'"', b"|", b"\n", b"\r", b"#", b"$", b"\x00", b"\xff", b"\xe2\x80\xae", b"\xc3\xa9", b"\xe2\x86\x92",
    b"\x1b[2J",
]  # fmt: skip
SMALL = 2_000
_SORTS = {"KERNEL": rb"[0-9]+x[0-9]+", "INT": rb"[0-9_]+", "REAL": rb"[0-9][0-9.e-]+", "PATH": rb"\w+\.[\w.]+",
          "MERGE": rb"concat|add|mul|reduce", "NAME": rb"[A-Za-z_]\w*"}  # fmt: skip


@cache
def seeds() -> tuple[bytes, ...]:
    """Small specs: the corpus, the examples of the diagnostics, a net for every op."""
    corpus = [path.read_bytes() for path in sorted(CORPUS.glob("*.inc"))]
    known = [d for d in all_codes().values() if d is not TooMuchWork]  # which takes as long as anything can
    told = [text.encode() for d in known for text in (d.wrong, d.right) if text and len(text) < SMALL]
    ops = [b"inc 1\nnet N {\n  input x [8, 16, 16]\n  output y = x -> %s\n}\n" % w.encode() for w in sorted(REGISTRY)]
    return (*corpus, *told, *ops)


@cache
def trees() -> tuple[Planted, ...]:
    """The trees of all seeds that have one."""
    found = [parsed(seed.decode()) for seed in seeds()]
    return tuple(planted(each) for each in found if each and each.definitions)


@cache
def shipped() -> tuple[bytes, ...]:
    """The specs of published networks."""
    return tuple(path.read_bytes() for path in sorted(shipped_specs().glob("*.inc")))


@cache
def grammar() -> Grammar:
    """The grammar, with its rules prepared."""
    return Grammar()


def make(seed: str, index: int) -> bytes:
    """One input of a run."""
    random = Random(f"{seed}:{index}")
    kinds, weights = zip(*MIX.items(), strict=True)
    return random.choices(kinds, weights)[0](random)


# Kinds of input


def derived(random: Random) -> bytes:
    """A sentence of the grammar, whole or inside a net that makes sense."""
    if random.random() < 0.3:
        return ("inc 1 " + " ".join(grammar().derive("net", random, random.randint(4, 14)))).encode()
    words = " ".join(grammar().derive("chain", random, random.randint(3, 12)))
    return NET.format("relu", "relu", words, shape=random.choice(SHAPES), tail="").encode()


def put_together(random: Random) -> bytes:
    """A net of steps that mostly fit."""
    calls = KEEPING if random.random() < 0.7 else CALLS
    chains = [_chain(random, calls, 3) for _ in range(3)]
    tail = random.choice(["", "", f"aux h = q -> {_chain(random, calls, 2)}", "expect params = w"])
    return NET.format(*chains, shape=random.choice(SHAPES), tail=tail).encode()


def _chain(random: Random, calls: list[str], depth: int) -> str:
    steps = []
    for _ in range(random.randint(1, 3)):
        label = random.choice(LABELS) if random.random() < 0.3 else ""
        repeat = random.choice(REPEATS) if random.random() < 0.4 else ""
        how = random.random() if depth else 0.0
        if how < 0.7:
            steps.append(f"{label}{random.choice(calls)}{repeat}")
        elif how < 0.85:
            steps.append(f"{label}({_chain(random, calls, depth - 1)}){repeat}")
        else:
            rails = (
                f"| {random.choice(GUARDS)}{_chain(random, calls, depth - 1)}" for _ in range(random.randint(1, 3))
            )
            steps.append(f"{label}{random.choice(TEXTS['MERGE'])} {{ {' '.join(rails)} }}{repeat}")
    return " -> ".join(steps)


def cut_and_joined(random: Random) -> bytes:
    """A small spec with tokens left out, doubled, exchanged, put in."""
    return mutated(random.choice(seeds()), random)


def published(random: Random) -> bytes:
    """A published network with such changes."""
    return mutated(random.choice(shipped()), random)


def mutated(text: bytes, random: Random) -> bytes:
    """A text with some tokens left out, doubled, exchanged for others of their sort or of any, or put in."""
    tokens = TOKEN.findall(text)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        i = random.randrange(len(tokens) + 1)
        how = random.random()
        if how < 0.25:
            del tokens[i : i + random.choice((1, 1, 2, 10))]
        elif how < 0.45:
            tokens[i:i] = tokens[i : i + random.choice((1, 2, 10))] * random.choice((1, 2, 20))
        elif how < 0.65:
            tokens[i : i + 1] = _like(tokens[i : i + 1], random)
        elif how < 0.8:
            tokens[i : i + 1] = [b" ", random.choice(WORDS), b" "]
        else:
            other = TOKEN.findall(random.choice(seeds()))
            j = random.randrange(len(other))
            tokens[i : i + random.randint(0, 5)] = other[j : j + random.randint(1, 12)]
        tokens = tokens or [b" "]
    return b"".join(tokens)


def _like(token: list[bytes], random: Random) -> list[bytes]:
    """Another token of the same sort, so that the text stays a sentence."""
    for sort, pattern in _SORTS.items():
        if token and re.fullmatch(pattern, token[0]):
            return [random.choice(TEXTS[sort]).encode()]
    return token


def replanted(random: Random) -> bytes:
    """A spec with parts of another in its tree."""
    return changed(random.choice(trees()), random.choice(trees()), random).encode()


def flipped(random: Random) -> bytes:
    """A small spec with bytes changed, or bytes alone."""
    if random.random() < 0.2:
        return random.randbytes(random.randint(0, 64))
    text = bytearray(random.choice(seeds()))
    for _ in range(random.randint(1, 4)):
        text[random.randrange(len(text))] = (
            random.randrange(32, 127) if random.random() < 0.8 else random.randrange(256)
        )
    return bytes(text)


def large(random: Random) -> bytes:
    """A piece many times over, up to a mebibyte and a little more."""
    pieces = [
        *WORDS,
        b"(",
        b"[",
        b"{",
        b"| relu ",
        b"-> relu ",
        b"a: conv2d 3x3 @4 -> ",
        b"block B = relu\n",
        b"+ w ",
        b"# c\n",
    ]
    piece = random.choice(pieces) + random.choice((b"", b" ", b"\n"))
    count = min(int(10 ** random.uniform(2, 5.5)), (1 << 20) // len(piece) + 1)
    before, after = random.choice(((b"inc 1\n", b""), (NET.partition("{2}")[0].encode(), b"\n}\n"), (b"", b"")))
    return before + piece * count + after


MIX: dict[Callable[[Random], bytes], float] = {
    cut_and_joined: 44, derived: 10, put_together: 5, replanted: 10, flipped: 30.87, published: 0.1, large: 0.03,
}  # fmt: skip
"""How many of a hundred inputs are of each kind."""
