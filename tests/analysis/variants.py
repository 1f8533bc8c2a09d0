"""Random specs with near relatives: one thing or several changed, taken out, put in or moved; both still compile."""

from dataclasses import replace

from incdsl.compiler import compile_net
from incdsl.diagnostics import CompileError
from incdsl.source import Source
from incdsl.subject import Subject
from incdsl.syntax import tree
from incdsl.syntax.printer import show
from incdsl.testing.choices import Seeded
from incdsl.testing.mutate import nearly, with_changed
from incdsl.testing.random_nets import make


def subject(file, net):
    """A made spec as what is compared; nothing if it does not compile."""
    try:
        return Subject(net, compile_net(Source("made.inc", show(file)), net))
    except CompileError:
        return None


def pair(seed):
    """A random net, and a relative or a stranger; nothing where one of them does not compile."""
    choices = Seeded(seed)
    spec = make(choices)
    before = subject(spec.file, spec.net)
    if before is None:
        return None
    if choices.chance(10):
        other = make(choices)
        after = subject(other.file, other.net)
        return after and (before, after)
    file = spec.file
    for _ in range(choices.number(1, 4)):
        changed = choices.pick((nearly, _without_a_step, _twice, _swapped, _renamed))(choices, file)
        file = changed if subject(changed, spec.net) else file
    after = subject(file, spec.net)
    return after and (before, after)


def _chains(file, least):
    return [node for node in tree.nodes(file) if isinstance(node, tree.Chain) and len(node.steps) >= least]


def _without_a_step(choices, file):
    chains = _chains(file, 3)
    if not chains:
        return file
    chain = choices.pick(chains)
    at = choices.number(1, len(chain.steps) - 1)
    return with_changed(file, chain, replace(chain, steps=chain.steps[:at] + chain.steps[at + 1 :], parts=()))


def _twice(choices, file):
    """A step, without its labels, once more."""
    chains = _chains(file, 2)
    if not chains:
        return file
    chain = choices.pick(chains)
    at = choices.number(1, len(chain.steps) - 1)
    steps = (*chain.steps[: at + 1], replace(chain.steps[at], labels=(), parts=()), *chain.steps[at + 1 :])
    return with_changed(file, chain, replace(chain, steps=steps, parts=()))


def _swapped(choices, file):
    """The first two rails of a merge in another order."""
    merges = [node for node in tree.nodes(file) if isinstance(node, tree.Merge) and len(node.rails) > 1]
    if not merges:
        return file
    merge = choices.pick(merges)
    first, second, *others = merge.rails
    return with_changed(file, merge, replace(merge, rails=(second, first, *others), parts=()))


def _renamed(choices, file):
    """A label with another name."""
    labels = [label for node in tree.nodes(file) if isinstance(node, tree.Step) for label in node.labels]
    if not labels:
        return file
    label = choices.pick(labels)
    return with_changed(file, label, replace(label, text=f"{label.text}_new"))
