"""Checkpoints of our nets under other names: consistent renamings, containers around containers, shuffled entries."""

import random
import re

from incdsl.weights.sides import net_side

STYLES = ("words", "stems", "positions")


def renamed(net, seed, style, *, groups=True):
    """Foreign name by own name, for all tensors of a net.

    A word stands for the same other word everywhere: the whole of a name, or its stem, numbers kept; or siblings are
    called by their position.
    """
    source = random.Random(seed)
    side = net_side(net)
    paths = [layer.path for layer in side.layers]
    names = {"words": _words, "stems": _stems, "positions": _positions}[style](paths, source)
    new = [names(path) for path in paths]
    if groups:
        new = _grouped(new, [c.members for c in side.containers], source)
    separator = source.choice("./")
    found = {}
    for layer, path in zip(side.layers, new, strict=True):
        for entry in layer.tensors.values():
            found[entry.key] = separator.join([*path, entry.key.rpartition(".")[2]])
    return found


def _word(source):
    return "".join(source.choice("bcdfghjklmnpqrstvz") + source.choice("aeiou") for _ in range(3))


def _exchange(parts, source):
    """A word of its own for each part."""
    words = set()
    while len(words) < len(parts):
        words.add(_word(source))
    return dict(zip(sorted(parts), source.sample(sorted(words), len(words)), strict=True))


def _words(paths, source):
    exchange = _exchange({part for path in paths for part in path}, source)
    return lambda path: tuple(exchange[part] for part in path)


def _stems(paths, source):
    cut = {part: re.fullmatch(r"(.*?)(\d*[ab]?|\d+[a-z])", part).groups() for path in paths for part in path}
    exchange = _exchange({stem for stem, _ in cut.values()}, source)
    return lambda path: tuple(exchange[cut[part][0]] + cut[part][1] for part in path)


def _positions(paths, source):
    """Children of each container by their order, as `words_0`, or with letters, `words_0a`, or alone."""
    order = {}
    for path in paths:
        for depth, part in enumerate(path):
            order.setdefault(path[:depth], {}).setdefault(part, len(order.get(path[:depth], {})))
    stem, first = source.choice(["", _word(source), _word(source) + "_"]), source.randrange(3)

    def names(path):
        return tuple(f"{stem}{order[path[:depth]][part] + first}" for depth, part in enumerate(path))

    return names


def _grouped(paths, containers, source):
    """A container more around neighbours on the top level, where it does not cut across rails; or around everything."""
    tops = list(dict.fromkeys(path[0] for path in paths)) or [""]
    start = source.randrange(len(tops))
    group = set(tops[start : start + source.randrange(1, 4)])
    members = {i for i, path in enumerate(paths) if path[0] in group}
    if all(container <= members or members <= container or not members & container for container in containers):
        outer = _word(source)
        paths = [(outer, *path) if i in members else path for i, path in enumerate(paths)]
    return [("backbone", *path) for path in paths] if source.random() < 0.3 else paths


def shuffled(shapes, seed):
    """The same entries in another order."""
    return random.Random(seed).sample(sorted(shapes.items()), len(shapes))
