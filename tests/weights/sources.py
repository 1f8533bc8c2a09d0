"""Networks as others write them: numbered in the order in which they are defined, which need not be that of the spec.

What feeds another is defined before it. Rails are defined in any order, the same one for rails of the same names; a
shortcut may be the first or the last. Convolutions and norms stand side by side, or all of one before all of the other.
"""

import random

from incdsl.weights.sides import net_side

STYLES = ("children", "neighbours", "letters", "lists", "counters", "flat")


def spec(seed):
    """A small net of blocks with rails of few shapes, so that much could be something else."""
    source = random.Random(seed)
    names = [["", ""], ["skip: ", "main: "], ["a: ", "b: "], ["left: ", ""]]
    blocks = [f"block B{i} = {_block(source, source.choice(names))}" for i in range(source.randrange(1, 3))]
    steps = [source.choice(["B0", f"B{len(blocks) - 1}", _step(source)]) for _ in range(source.randrange(1, 5))]
    labelled = [f"{source.choice(['', f's{i}: '])}{step}" for i, step in enumerate([*steps, "B0"])]
    unit = "conv: conv2d (bias: false) -> norm: batchnorm" + source.choice(["", " -> relu"])
    tail = source.choice(["", " -> gap -> fc: linear @4"])
    return (
        f"inc 1\nunit u = {unit}\n" + "\n".join(blocks)
        + f"\nnet N {{\n  input x [4, 8, 8]\n  output y = x -> stem: u 3x3 @4 -> {' -> '.join(labelled)}{tail}\n}}\n"
    )  # fmt: skip


def _step(source, width=4):
    kernel = source.choice(["1x1", "3x3", "3x3", "5x5"])
    return source.choice([f"u {kernel} @{width}"] * 4 + [f"conv2d {kernel} @{width} (bias: false) -> relu"])


def _block(source, names):
    rails = [_rail(source, source.choice([1, 1, 2, 3]), 2) for _ in range(source.choice([2, 2, 3]))]
    if source.random() < 0.4:
        return f"concat {{ {_listed(rails, names)} }} -> u 1x1 @4"
    return f"{source.choice(['add', 'add', 'mul'])} {{ {_listed(rails, names)} }} -> relu"


def _listed(rails, names):
    return " ".join(f"| {name}{rail}" for name, rail in zip([*names, "c: "], rails, strict=False))


def _rail(source, count, depth):
    steps = [_step(source, source.choice([4, 4, 8])) for _ in range(count - 1)] + [_step(source)]
    if depth and source.random() < 0.15:
        steps.append(f"add {{ | {_rail(source, 1, 0)} | {_rail(source, 2, 0)} }}")
    return " -> ".join(steps)


def renamed(net, seed, style):
    """Foreign name by own name."""
    side = net_side(net)
    source = random.Random(f"{seed} {style}")
    order = {path: _defined(side, children, seed) for path, children in side.below.items()}
    first, stride, stem = source.randrange(2), source.choice([1, 1, 1, 2]), source.choice(["", "layer", "Branch_"])
    words = dict(zip(("convolution", "norm"), source.sample(["conv", "bn", "x", "norm"], 2), strict=True))
    position = {
        (*path, name): i * stride + first for path, names in order.items() for i, name in enumerate(names)
    }  # fmt: skip
    units = [path[:-1] if path[-1] in ("conv", "norm") else path for path in side.paths]
    kinds = [words.get(layer.signature.kind, "other") for layer in side.layers]
    counts = _counts(units, kinds, position)
    found = {}
    for i, (path, unit, kind) in enumerate(zip(side.paths, units, kinds, strict=True)):
        numbers = [position[path[: depth + 1]] for depth in range(len(path))]
        outer, mine = [f"{stem}{n}" for n in numbers[: len(unit) - 1]], numbers[len(unit) - 1]
        new = {
            "children": [f"{stem}{n}" for n in numbers],
            "neighbours": [*outer, f"{kind}{mine}"],
            "letters": [*outer, f"{kind}_{mine // 2}{'ab'[mine % 2]}"],
            "lists": [*outer, f"{kind}s", str(mine)],
            "counters": [*outer, f"{kind}{counts[i][0] + first}"],
            "flat": [*outer, str(counts[i][1] + first)],
        }[style]
        for entry in side.layers[i].tensors.values():
            found[entry.key] = ".".join([*new, entry.key.rpartition(".")[2]])
    assert len(set(found.values())) == len(found)
    return found


def _counts(units, kinds, position):
    """How many of its kind stand before each layer in its container; and how many of all, one kind after another."""
    found = []
    for unit, kind in zip(units, kinds, strict=True):
        beside = [(k, position[u]) for u, k in zip(units, kinds, strict=True) if u[:-1] == unit[:-1]]
        mine = kind, position[unit]
        found.append(
            (sum(other[0] == kind and other < mine for other in beside), sum(other < mine for other in beside))
        )
    return found


def _defined(side, children, seed):
    """Names in an order in which they could be defined: one that feeds another comes before it."""
    rank = {name: random.Random(f"{seed} {name}").random() for name in children}
    left, order = dict(children), []
    while left:
        free = [n for n, m in left.items() if not any(_feeds(side, o, m) for k, o in left.items() if k != n)]
        chosen = min(free or left, key=lambda n: rank[n])
        order.append(chosen)
        del left[chosen]
    return order


def _feeds(side, first, second):
    some = sum(1 << i for i in first)
    return any(side.upstream[i] & some for i in second)
