"""Makes chains of steps, and rails inside one another that end alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from incdsl.ops import ShapeError
from incdsl.ops.merge import Add, Concat, Mul, is_scale
from incdsl.ops.window import Conv2d
from incdsl.syntax import tree
from incdsl.testing import spelling
from incdsl.testing.places import After, Block, Env, Link, Piece, Place
from incdsl.testing.settings import Illegal
from incdsl.testing.steps import (
    MAX_CHANNELS,
    block_piece,
    dressed,
    each,
    factored_piece,
    flow,
    net_piece,
    op_piece,
    parameter_piece,
    plain,
    unit_piece,
)
from incdsl.values import Extent, Image, Pair, Shape

MAX_DEPTH = 3
TRIES = 6


def chain(place: Place, shape: Shape, most: int) -> tuple[list[Link], Shape]:
    """Steps, at least one, and what comes out of them."""
    links: list[Link] = []
    for _ in range(place.choices.number(1, most)):
        link, shape = step(place, shape)
        links.append(link)
    return links, shape


def step(place: Place, shape: Shape) -> tuple[Link, Shape]:
    """A step that is legal here: after some that are not, `relu`."""
    place.world.steps -= 1
    for _ in range(TRIES):
        params, labels = dict(place.env.params), place.labels[0]
        try:
            link = each(place, shape) if place.choices.chance(3) else dressed(place, piece(place, shape), shape)
            return link, link.after(shape, place.env)
        except Illegal:
            if not place.loops:
                place.env.params.clear()
                place.env.params.update(params)
            place.labels[0] = labels
    link = plain(Piece(spelling.call("relu"), lambda x, _: x, True, True))
    return link, shape


def piece(place: Place, shape: Shape) -> Piece:
    """Something that may stand here."""
    choices, world = place.choices, place.world
    image = isinstance(shape, Image)
    rich = place.depth < MAX_DEPTH and world.steps > 0
    kind = choices.number(0, 99)
    if kind < 18 and rich and isinstance(shape, Image):
        return merged(place, shape)
    if kind < 30 and world.units and image:
        return unit_piece(place, shape)
    if kind < 42 and world.blocks and image:
        return block_piece(place, shape, choices.pick(world.blocks))
    if kind < 48 and image:
        return factored_piece(place, shape)
    if kind < 52 and place.block:
        return parameter_piece(place, shape)
    if kind < 55 and rich:
        return group(place, shape)
    if kind < 58 and world.ported and image:
        return net_piece(place, shape)
    return op_piece(place, shape, choices.pick(world.words))


def group(place: Place, shape: Shape) -> Piece:
    """A chain in parentheses."""
    links, _ = chain(replace(place, depth=place.depth + 1), shape, 2)
    bare = all(not link.step.labels and not isinstance(link.step.atom, tree.Merge) for link in links)
    return Piece(
        tree.Group(chain_of(links)),
        along(links),
        module=bare and all(link.module for link in links),
    )


def chain_of(links: Sequence[Link], start: str = "") -> tree.Chain:
    """The chain of some steps."""
    first = [spelling.step(spelling.call(start))] if start else []
    return spelling.chain([*first, *(link.step for link in links)])


def along(links: Sequence[Link]) -> After:
    """One step after the other."""

    def after(x: Shape, env: Env) -> Shape:
        for link in links:
            x = link.after(x, env)
        return x

    return after


# Rails


def merged(place: Place, shape: Image) -> Piece:
    """Parallel branches that end alike."""
    word = place.choices.pick(("concat", "concat", "add", "mul", "reduce", "split"))
    inner = replace(place, depth=place.depth + 1)
    if word == "split":
        return _split(inner, shape)
    if word == "mul" and place.choices.chance(60):
        return _excited(inner, shape)
    if word == "concat" and place.choices.chance(25) and not place.loops:
        return _looped(inner, shape)
    if word == "reduce":
        return _reduced(inner, shape)
    links, target = chain(inner, shape, 2)
    if not isinstance(target, Image):
        raise Illegal("rails of vectors are made elsewhere")
    rails = [_rail(inner, links)]
    for _ in range(place.choices.number(1, 2)):
        rails.append(_other(inner, shape, target, word))
    if place.choices.chance(30):
        rails.reverse()
    return _merge(place, word, _with_others(place, rails))


def _with_others(place: Place, rails: list[Rail]) -> list[Rail]:
    """The rails; one behind another that has a test sometimes stands in its place where the test does not hold."""
    done = list(rails)
    for i, (first, second) in enumerate(pairwise(rails)):
        guard = first.node.guard
        if isinstance(guard, tree.When) and second.node.guard is None and place.choices.chance(50):
            done[i + 1] = _instead(guard.test, second)
    return done


def _instead(test: tree.Expr, rail: Rail) -> Rail:
    """A rail with `else` behind one with this test."""
    node = replace(rail.node, guard=tree.Else(None))
    return Rail(node, lambda x, env: None if env.holds(test) else rail.after(x, env))


class Rail:
    """A made rail: what is written, and what it makes of what flows in; nothing where its choice leaves it out."""

    def __init__(self, node: tree.Rail, after: Callable[[Shape, Env], Shape | None]) -> None:
        self.node = node
        self.after = after


def _rail(place: Place, links: Sequence[Link], start: str = "") -> Rail:
    """A rail, sometimes with its name or under a condition that holds here."""
    run = along(links)
    flowing: Callable[[Shape, Env], Shape] = (lambda x, env: run(env.values[start], env)) if start else run
    steps = list(chain_of(links, start).steps)
    if _only_choices(steps):
        steps.insert(0, spelling.step(spelling.call("identity")))
    if steps[0].labels and steps[0].labels[0].names[-1].isdigit():
        steps[0] = replace(steps[0], labels=())  # the label names the rail, and numbers cannot go on
    if place.choices.chance(25) and not steps[0].labels and not start and not isinstance(steps[0].repeat, tree.Times):
        place.labels[0] += 1
        steps[0] = replace(steps[0], labels=(spelling.label(f"rail{place.labels[0]}"),))
    if place.choices.chance(8) and place.constant(tuple(steps)):
        test = place.test(True)
        guard = tree.When(test)
        return Rail(
            tree.Rail(guard, spelling.chain(steps)),
            lambda x, env: flowing(x, env) if env.holds(test) else None,
        )
    return Rail(tree.Rail(None, spelling.chain(steps)), flowing)


def _only_choices(steps: Sequence[tree.Step]) -> bool:
    """Whether all of these steps may be left out, those in parentheses among them."""
    return all(
        isinstance(step.repeat, tree.When)
        or (isinstance(step.atom, tree.Group) and not step.repeat and _only_choices(step.atom.chain.steps))
        for step in steps
    )


def _other(place: Place, shape: Image, target: Image, word: str) -> Rail:
    """A rail that ends as another one does; it may start with a bound value."""
    choices = place.choices
    bound = [name for name, value in place.env.values.items() if isinstance(value, Image)]
    start = choices.pick(bound) if bound and choices.chance(25) else ""
    now: Shape = place.env.values[start] if start else shape
    links: list[Link] = []
    if choices.chance(60):
        links, now = chain(place, now, 2)
    if not isinstance(now, Image):
        raise Illegal("a vector among images")
    links = [*links, *fitted(place, now, target, None if word == "concat" else int(target.channels))]
    return _rail(place, links, start)


def fitted(place: Place, now: Image, target: Image, channels: int | None) -> list[Link]:
    """Steps that lead to the size of a target, and to so many channels if they matter."""
    sizes = place.world.sizes
    links: list[Link] = []
    if now.at(sizes)[1:] != target.at(sizes)[1:]:
        links.append(_resized(place, now, target, channels))
    elif channels is not None and channels != int(now.channels):
        links.append(_convolution(place, {"kernel": Pair(1, 1), "width": channels}))
    out = along(links)(now, place.env)
    if channels is not None and int(out.channels) != channels:
        links.append(_convolution(place, {"kernel": Pair(1, 1), "width": channels}))
    return links


def _resized(place: Place, now: Image, target: Image, channels: int | None) -> Link:
    """One window that makes the target's size of what is there, or a pool that makes it of anything."""
    wanted = target.at(place.world.sizes)[1:]
    have = now.at(place.world.sizes)[1:]
    found = [
        (k, s, p)
        for k in (1, 2, 3, 4, 5) for s in (1, 2, 3, 4) for p in (0, 1, 2)
        if all((n + 2 * p - k) // s + 1 == m and n + 2 * p >= k for n, m in zip(have, wanted, strict=True))
    ]  # fmt: skip
    if not found:
        word = "adaptiveavgpool"
        atom = spelling.call(word, kernel=spelling.kernel(wanted))
        fixed = [Extent.fixed(n) for n in wanted]
        return Link(
            spelling.step(atom), lambda x, _: Image(x.channels, *fixed) if isinstance(x, Image) else _no(), True
        )
    k, s, p = place.choices.pick(found)
    width = channels or place.choices.number(1, 6)
    return _convolution(place, {"kernel": Pair(k, k), "stride": Pair(s, s), "padding": Pair(p, p), "width": width})


def _convolution(place: Place, settings: dict[str, Any]) -> Link:
    padding = settings.get("padding")
    atom = spelling.call(
        "conv2d",
        kernel=spelling.kernel(settings["kernel"]),
        stride=spelling.expression(settings["stride"][0]) if "stride" in settings else None,
        width=spelling.expression(settings["width"]),
        padding=tree.Padding("pad", tuple(padding)) if padding is not None else None,
    )
    return Link(spelling.step(atom), lambda x, env: flow(Conv2d, settings, x, env, place.world.sizes), True)


def _no() -> Any:
    raise Illegal("a vector flows in")


def _merge(place: Place, word: str, rails: Sequence[Rail], args: tuple[tree.Arg, ...] = ()) -> Piece:
    """The merge of rails that read what flows in."""
    node = tree.Merge(spelling.name(word), args, tuple(rail.node for rail in rails))

    def after(x: Shape, env: Env) -> Shape:
        ends = [end for end in (rail.after(x, env) for rail in rails) if end is not None]
        out = agreed(word, ends, place.world.sizes)
        if word == "reduce" and isinstance(x, Image) and not all(_reduces(x, end) for end in ends):
            raise Illegal("rails of different strides")
        return out

    return Piece(node, after)


def agreed(word: str, ends: Sequence[Shape], sizes: dict[str, int]) -> Shape:
    """What a merge makes of the ends of its rails. Raises `Illegal`."""
    if not ends or len({isinstance(end, Image) for end in ends}) > 1:
        raise Illegal("no rails, or images beside vectors")
    images = [end for end in ends if isinstance(end, Image) and not (word == "mul" and is_scale(end))]
    if len({end.at(sizes)[1:] for end in images}) > 1:
        raise Illegal("rails of different sizes")
    op = {"add": Add, "mul": Mul}.get(word, Concat)()
    try:
        out = op.infer(*ends)
    except ShapeError as error:
        raise Illegal(error.reason) from None
    if int(out.channels) > MAX_CHANNELS:
        raise Illegal("too wide for a test")
    return out


def _reduces(start: Image, end: Shape) -> bool:
    """Whether both axes have the same stride of 2, which all made reductions have."""
    if not isinstance(end, Image):
        return False
    pairs = ((start.height, end.height), (start.width, end.width))
    return all(after.slope and before.slope / after.slope == 2 for before, after in pairs)


def _split(place: Place, shape: Image) -> Piece:
    """Rails that have each their share of the channels."""
    channels = int(shape.channels)
    if channels < 2:
        raise Illegal("nothing to split")
    first = place.choices.number(1, channels - 1)
    even = channels % 2 == 0 and place.choices.chance(60)
    shares = [channels // 2] * 2 if even else [first, channels - first]
    rails, target = [], None
    for share in shares:
        links, out = chain(place, shape.with_channels(share), 2)
        if not isinstance(out, Image):
            raise Illegal("a vector")
        if target:
            links = [*links, *fitted(place, out, target, None)]
        target = target or out
        rails.append((_rail(place, links), share))
    said = tree.Arg(None, spelling.variable("split")) if even else spelling.arg("split", tuple(shares))
    node = tree.Merge(spelling.name("concat"), (said,), tuple(rail.node for rail, _ in rails))

    def after(x: Shape, env: Env) -> Shape:
        given = [int(x.channels) // 2] * 2 if even else shares
        if sum(given) != int(x.channels):
            raise Illegal("the shares do not add up")
        ends = [rail.after(x.with_channels(n), env) for (rail, _), n in zip(rails, given, strict=True)]
        if None in ends:
            raise Illegal("a share for no rail")
        return agreed("concat", ends, place.world.sizes)  # type: ignore[arg-type]

    return Piece(node, after)


def _excited(place: Place, shape: Image) -> Piece:
    """Channels scaled by what their means say."""
    squeeze = _convolution(place, {"kernel": Pair(1, 1), "width": place.choices.number(1, 4)})
    channels = int(shape.channels)
    widen = tree.InChannels() if place.block else spelling.expression(channels)
    atom = spelling.call("conv2d", kernel=spelling.kernel((1, 1)), width=widen)
    grow = Link(
        spelling.step(atom),
        lambda x, env: flow(Conv2d, {"kernel": Pair(1, 1), "width": widen}, x, env, place.world.sizes),
    )
    gate = op_piece(place, shape, place.choices.pick(("sigmoid", "hardsigmoid")))
    links = [plain(op_piece(place, shape, "gap")), squeeze, plain(op_piece(place, shape, "relu")), grow, plain(gate)]
    return _merge(place, "mul", [_rail(place, []), _rail(place, links)])


def _reduced(place: Place, shape: Image) -> Piece:
    """A reduction by two: every rail has one window of stride 2 with the same padding."""
    sizes, choices = place.world.sizes, place.choices
    k = choices.pick((2, 3))
    p = choices.number(0, k // 2)
    conv = _convolution(
        place, {"kernel": Pair(k, k), "stride": Pair(2, 2), "padding": Pair(p, p), "width": choices.number(1, 4)}
    )
    atom = spelling.call(
        choices.pick(("maxpool", "avgpool")), kernel=spelling.kernel((k, k)), stride=spelling.expression(2),
        padding=tree.Padding("pad", (p, p)),
    )  # fmt: skip
    pool = Link(spelling.step(atom), lambda x, env: conv.after(x, env).with_channels(x.channels))
    before = _convolution(place, {"kernel": Pair(1, 1), "width": choices.number(1, 4)})
    rails = [_rail(place, [conv]), _rail(place, [pool]), _rail(place, [before, conv])]
    if min(conv.after(shape, place.env).at(sizes)[1:]) < 1:
        raise Illegal("too small")
    return _merge(place, "reduce", rails[: choices.number(2, 3)])


def _looped(place: Place, shape: Image) -> Piece:
    """One rail for each row of a list."""
    choices = place.choices
    rows = tuple((choices.pick((1, 3, 5)), choices.number(1, 4)) for _ in range(choices.number(1, 3)))
    place.labels[0] += 1
    k, w = f"k{place.labels[0]}", f"w{place.labels[0]}"
    settings = {
        "kernel": tree.List((spelling.variable(k), spelling.variable(k))),
        "width": spelling.variable(w),
    }
    atom = spelling.call("conv2d", settings)
    listed = spelling.value(rows)
    guard = tree.Each((spelling.name(k), spelling.name(w)), listed)
    labels = choices.pick(((), (), (f"loop{place.labels[0]}",), (f"loop{place.labels[0]}n{choices.number(0, 2)}..",)))
    rail = tree.Rail(guard, spelling.chain([spelling.step(atom, labels)]))
    node = tree.Merge(spelling.name("concat"), (), (rail,))

    def after(x: Shape, env: Env) -> Shape:
        ends = [flow(Conv2d, settings, x, env.inside({k: a, w: b}), place.world.sizes) for a, b in rows]
        return agreed("concat", ends, place.world.sizes)

    return Piece(node, after)


def use(place: Place, shape: Shape, block: Block) -> Piece:
    """A use of a block just defined."""
    return block_piece(place, shape, block)
