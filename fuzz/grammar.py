"""Sentences of the language's own grammar, derived at random from its rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from lark import Lark

from incdsl.ops import REGISTRY
from incdsl.resources import grammar_text

Rules = Mapping[str, Sequence[Sequence[tuple[str, bool]]]]
"""For each symbol its expansions; a part is a symbol and whether it is a terminal."""

NAMES = [*REGISTRY, *REGISTRY, "u", "B", "C", "D", "N", "V", "w", "x", "y", "q", "a", "b", "in", "H", "W", "train"]
TEXTS: dict[str, Sequence[str]] = {
    "NAME": [*NAMES, "bias", "kernel", "width", "stride", "padding", "eps", "p", "size", "split", "sizes", "params"],
    "INT": ["0", "1", "2", "3", "4", "8", "16", "64", "1_000", "2147483648", "999999999999999999", "00"],
    "REAL": ["0.5", "1e-3", "1.0", "1e999", "0.0", "1e308"],
    "KERNEL": ["3x3", "1x1", "1x7", "7x1", "5x5", "2x2", "0x0", "9999x9999", "1x2"],
    "STRING": ['"lib.inc"', '"specs/v3.inc"', '"fuzz.inc"', '"../lib.inc"', '"none.inc"', '"abc"'],
    "PATH": ["a.b", "f.0", "f.0..", "a.0.b", "y.0", "0..", "a.train"],
    "MERGE": ["concat", "add", "mul", "reduce"],
    "VALID": ["valid"], "SAME": ["same"], "HALF": ["half"], "PAD": ["pad"], "CEIL": ["ceil"], "ASCRIBE": [":"],
    "CMP": ["<", "<=", "==", "!=", ">", ">="], "PLUS": ["+"], "MINUS": ["-"], "STAR": ["*"], "FLOOR": ["//"],
}  # fmt: skip
_FAR = 99


class Grammar:
    """Derives texts top down; beyond a depth it takes the shortest way to the end."""

    def __init__(self) -> None:
        self._rules: dict[str, list[list[tuple[str, bool]]]] = {}
        parser = Lark(grammar_text(), parser="lalr", lexer="basic", maybe_placeholders=False)
        for rule in parser.rules:
            parts = [(str(part.name), part.is_term) for part in rule.expansion]
            if {"error", "ERROR"} & {name for name, _ in parts}:
                continue
            self._rules.setdefault(str(rule.origin.name), []).append(parts)
        self._spelling = {terminal.name: terminal.pattern.value for terminal in parser.terminals}
        height = self._heights()
        self._shortest = {
            name: min(expansions, key=lambda parts: self._tallest(parts, height))
            for name, expansions in self._rules.items()
        }

    def _heights(self) -> dict[str, int]:
        """How many expansions each symbol needs at least, one inside another."""
        heights = dict.fromkeys(self._rules, _FAR)
        for _ in self._rules:
            for name, expansions in self._rules.items():
                heights[name] = min(heights[name], *(1 + self._tallest(parts, heights) for parts in expansions))
        return heights

    @staticmethod
    def _tallest(parts: Sequence[tuple[str, bool]], heights: Mapping[str, int]) -> int:
        return max((0 if terminal else heights[name] for name, terminal in parts), default=0)

    def derive(self, symbol: str, random: Random, depth: int) -> list[str]:
        """The words of one sentence."""
        words: list[str] = []
        waiting = [(symbol, False, 0)]
        while waiting:
            name, terminal, level = waiting.pop()
            if terminal:
                words.append(self._word(name, random))
                continue
            ending = level > depth or len(words) > 20 * depth
            chosen = self._shortest[name] if ending else random.choice(self._rules[name])
            waiting.extend((part, is_terminal, level + 1) for part, is_terminal in reversed(chosen))
        return words

    def _word(self, terminal: str, random: Random) -> str:
        return random.choice(TEXTS[terminal]) if terminal in TEXTS else self._spelling[terminal]
