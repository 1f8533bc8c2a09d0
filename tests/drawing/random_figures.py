"""Figures of random nets, opened or not, of their blocks, with errors or without."""

import random

import incdsl
from incdsl.drawing.drawing import Look, drawing
from incdsl.drawing.part import Part, blocks, net_part
from incdsl.testing import random_nets
from incdsl.testing.choices import Seeded
from tests.drawing.laws import check

LOOKS = (Look(), Look(depth=1), Look(depth=9), Look(heat="params"), Look(fit="slide"))


def hold(seed):
    """Draw the net of a seed, and hold the figure to all laws; every fourth text is spoilt."""
    choices = random.Random(seed)
    text = random_nets.make(Seeded(seed), steps=choices.choice((4, 8, 16, 30))).text
    if choices.random() < 0.25:
        text = spoilt(text, choices)
    look = choices.choice(LOOKS)
    analysis = incdsl.analyze(text)
    for net in analysis.nets:
        part = net_part(analysis, net, folds=look.folds)
        check(drawing(part, look))
        inside = [block for block in blocks(part.body) if block.inside]
        for block in choices.sample(inside, min(2, len(inside))):
            alone = Part(block.kind or block.name, "random", block.inside, False, block.cost, analysis, net)
            check(drawing(alone, Look(depth=choices.choice((0, 0, 1, 9)))))


def spoilt(text, choices):
    """The text with a slip in it."""
    at = choices.randrange(len(text) // 3, len(text))
    return choices.choice((text[:at] + text[at + 1 :], text[:at] + "7" + text[at:], text.replace("3x3", "3x9", 1)))
