"""Makes whole nets that are legal: units, blocks, values that are bound and shared, heads, outputs, variants."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from incdsl.ops import REGISTRY, find
from incdsl.syntax import tree
from incdsl.syntax.printer import show
from incdsl.testing import spelling
from incdsl.testing.chains import agreed, along, chain, chain_of, fitted
from incdsl.testing.choices import Choices
from incdsl.testing.places import WORDS, Block, Env, Link, Place, Ported, Unit, World
from incdsl.testing.ports import inner_net, ported_block
from incdsl.testing.settings import Illegal, draw_settings, written
from incdsl.testing.steps import ACTIVATIONS, OpValue, Used, block_piece, flow, op_piece, plain, used
from incdsl.values import Extent, Image, Shape, Vector


class Spec(NamedTuple):
    """A made spec: its tree, and the name of the net to compile."""

    file: tree.File
    net: str

    @property
    def text(self) -> str:
        """As the language's printer writes it."""
        return show(self.file)


def make(choices: Choices, words: Sequence[str] = WORDS, steps: int = 8) -> Spec:
    """A spec that is mostly legal, of about so many steps; `words` are the ops that may stand in it."""
    world = World(choices, words, steps=steps)
    for _ in range(choices.number(0, 2)):
        unit(world)
    net = _Net(world)
    nets = net.made()
    units, blocks = tuple(each.tree for each in world.units), tuple(each.tree for each in world.blocks)
    ported = tuple(each.tree for each in world.ported)
    return Spec(tree.File(tree.Edition(1), (*units, *blocks, *ported, *nets)), nets[-1].name.text)


def around_an_op(choices: Choices, word: str, near: bool = False) -> Spec:
    """A net of one op on an image, or on a vector where its example has one; with `near` perhaps not a legal one."""
    op = find(word)
    if op is None:
        raise KeyError(f"there is no op `{word}`")
    sizes = [choices.number(1, 12), choices.number(1, 12)]
    channels = choices.number(1, 8)
    world = World(choices, (word,), sizes={"H": sizes[0], "W": sizes[1]})
    image: Shape = Image(channels, Extent.of("H"), Extent.of("W"))
    vector = op.example_rank == 1
    shape: Shape = Vector(channels) if vector else image
    settings = {} if op.nominal_size else draw_settings(choices, op, [shape], near)
    for _ in range(0 if near else 8):
        try:
            flow(op, settings, shape, Env(0, {}, {}), world.sizes)
            break
        except Illegal:
            settings = draw_settings(choices, op, [shape])
    settings |= {name: spelling.variable("x") for name in op.sized_by}
    link = spelling.step(written(choices, op, word, settings))
    return _alone([link], [channels] if vector else [channels, *sizes], ())


def around_a_block(choices: Choices) -> Spec:
    """A net of one block on an image."""
    world = World(choices, WORDS, steps=8)
    sizes = [choices.number(6, 16), choices.number(6, 16)]
    channels = choices.number(1, 6)
    world.sizes.update(zip("HW", sizes, strict=True))
    shape = Image(channels, Extent.of("H"), Extent.of("W"))
    place = Place(world, Env(0, {}, {}), loops=True)
    try:
        made = block(world, shape, 0)
        steps = [spelling.step(block_piece(place, shape, made).atom)]
    except Illegal:
        steps = [spelling.step(spelling.call("relu"))]
    return _alone(steps, [channels, *sizes], tuple(each.tree for each in world.blocks))


def _alone(steps: Sequence[tree.Step], dims: Sequence[int], blocks: tuple[tree.Block, ...]) -> Spec:
    """A net of one chain."""
    shape = tree.Dims(tuple(map(spelling.expression, dims)))
    chain_ = spelling.chain([spelling.step(spelling.call("x")), *steps])
    items = (tree.Input(spelling.name("x"), shape), tree.Output((spelling.name("y"),), chain_))
    net = tree.Net(spelling.name("N"), (), items)
    return Spec(tree.File(tree.Edition(1), (*blocks, net)), "N")


# Definitions


def unit(world: World) -> None:
    """Define a unit: a convolution or a pool, and what follows it or stands before it."""
    choices = world.choices
    world.sizes.update({"H": 16, "W": 16})
    word = choices.pick(("conv2d", "conv2d", "conv2d", "avgpool", "maxpool"))
    first = REGISTRY[word]
    shape = Image(8, Extent.of("H"), Extent.of("W"))
    place = Place(world, Env(8, {}, {}), loops=True)
    names = {"conv2d": ("bias",), "avgpool": ("count_include_pad", "ceil"), "maxpool": ("ceil",)}[word]
    settings: dict[str, Any] = {n: v for n, v in draw_settings(choices, first, [shape]).items() if n in names}
    if word == "conv2d" and choices.chance(20):
        inner = tree.InChannels()
        settings |= {"groups": inner, "width": inner}
    rest: list[Link] = []
    owners = int(word == "conv2d")
    if choices.chance(80):
        for each in ("batchnorm", choices.pick(("relu", "leakyrelu", "silu", "prelu")))[choices.number(0, 1) :]:
            piece = op_piece(place, shape, each)
            owns = REGISTRY[each].owns_parameters()
            owners += owns
            rest.append(Link(spelling.step(piece.atom), piece.after, piece.module))
    labelled = owners > 1 and choices.chance(60)
    main = spelling.step(written(choices, first, word, settings), ["conv"] if labelled else [])
    others = []
    for i, link in enumerate(rest):
        owns = isinstance(link.step.atom, tree.Call) and REGISTRY[link.step.atom.name.text].owns_parameters()
        others.append(replace(link.step, labels=(spelling.label(f"part{i}"),)) if labelled and owns else link.step)
    before = choices.chance(25)
    steps = [*others, main] if before else [main, *others]
    if labelled and choices.chance(40):
        steps = [replace(each, labels=each.labels and (spelling.label(str(i)),)) for i, each in enumerate(steps)]
    params: tuple[tree.Param, ...] = ()
    if not before and choices.chance(30):
        params = (spelling.param("act", spelling.variable(choices.pick(ACTIVATIONS)), choices.chance(60)),)
        steps.append(spelling.step(spelling.call("act")))
        rest.append(Link(steps[-1], lambda x, _: x))
    name = f"u{len(world.units) + 1}"
    node = tree.Unit(spelling.name(name), params, spelling.chain(steps))
    world.units.append(Unit(node, first, settings, rest, owners, True, before))


def block(world: World, shape: Image, depth: int) -> Block:
    """Define a block for what flows in: a chain, or values that are bound and an output."""
    place = Place(world, Env(int(shape.channels), {}, {}), block=True, depth=depth)
    name = f"B{len(world.blocks) + 1}"
    items: tuple[Any, ...] = ()
    pipe = None
    if world.choices.chance(60):
        links, _ = chain(place, shape, 3)
        pipe, run = chain_of(links), along(links)
        body: Any = lambda x, env: run(x, env)  # noqa: E731
    else:
        items, body = _body(place, shape)
    read = spelling.names_in((items, pipe) if pipe else items)
    params = {name: value for name, value in place.env.params.items() if name in read}
    lets = _lets(world, params) if items else {}
    params = {name: value for name, value in params.items() if name not in lets}
    items = (*_named(lets), *items)
    spare = {n for n, v in params.items() if not isinstance(v, OpValue) and world.choices.chance(30)}
    nodes = tuple(spelling.param(n, v, n in spare) for n, v in params.items())

    def after(x: Shape, given: dict[str, Any]) -> Shape:
        if not isinstance(x, Image):
            raise Illegal("a block is made for images")
        out: Shape = body(x, Env(int(x.channels), {**lets, **given}, {}))
        return out

    node = tree.Block(spelling.name(name), nodes, items, pipe)
    made = Block(node, params, shape, after)
    after(shape, params)
    world.blocks.append(made)
    return made


def _lets(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """Some of the parameters, which the definition settles itself."""
    return {n: v for n, v in params.items() if type(v) in (int, bool, tuple) and world.choices.chance(20)}


def _named(lets: dict[str, Any]) -> tuple[tree.Let, ...]:
    return tuple(tree.Let(spelling.name(name), spelling.value(value)) for name, value in lets.items())


def _body(place: Place, shape: Image) -> tuple[tuple[Any, ...], Any]:
    """Bound values, all of them read, and the output of a block."""
    main, out = chain(place, shape, 2)
    place.env.values["main"] = out
    if not isinstance(out, Image):
        raise Illegal("a vector")
    beside, _ = chain(place, shape, 1)
    now = along(beside)(shape, place.env)
    if not isinstance(now, Image):
        raise Illegal("a vector")
    word = place.choices.pick(("concat", "add"))
    last = [*beside, *fitted(place, now, out, int(out.channels) if word == "add" else None)]
    rails = (
        tree.Rail(None, chain_of([], "main")),
        tree.Rail(None, spelling.chain([spelling.step(tree.BlockInput()), *(each.step for each in last)])),
    )
    tail, _ = chain(place, agreed(word, [out, along(last)(shape, place.env)], place.world.sizes), 1)
    steps = [spelling.step(tree.Merge(spelling.name(word), (), rails)), *(each.step for each in tail)]
    start = [spelling.step(tree.BlockInput())]
    items = (
        tree.Bind((spelling.name("main"),), spelling.chain([*start, *(each.step for each in main)])),
        tree.Output((spelling.name("y"),), spelling.chain(steps)),
    )

    def after(x: Shape, env: Env) -> Shape:
        bound = along(main)(x, env)
        env.values["main"] = bound
        return along(tail)(agreed(word, [bound, along(last)(x, env)], place.world.sizes), env)

    return items, after


# Nets


class _Net:
    """The items of a net while they are made."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.choices = world.choices
        self.place = Place(world, Env(0, {}, {}))
        self.items: list[Any] = []
        self.count = 0
        self.head = ""

    @property
    def values(self) -> dict[str, Shape]:
        """What is bound, by name."""
        return self.place.env.values

    def made(self) -> list[tree.Net]:
        """The net, and sometimes a variant of it."""
        self._inputs()
        for _ in range(self.choices.number(1, 2)):
            self._bind()
        if self.choices.chance(25):
            self._aux()
        self._outputs()
        read = spelling.names_in(tuple(self.items))
        known = {name: value for name, value in self.place.env.params.items() if name in read}
        lets = _lets(self.world, known)
        params = tuple(spelling.param(n, v, True) for n, v in known.items() if n not in lets)
        net = tree.Net(spelling.name("N"), params, (*_named(lets), *self.items))
        return [net, self._variant(net)] if self.choices.chance(15) else [net]

    def _inputs(self) -> None:
        world, choices = self.world, self.choices
        several = choices.chance(10)
        world.free = choices.chance(40)
        world.sizes.clear()
        for name in ("x", "z")[: 1 + several]:
            channels = choices.number(1, 6)
            prefix = f"{name}." if several and not world.free else ""
            sizes = [world.sizes.setdefault(prefix + axis, choices.number(6, 20)) for axis in "HW"]
            vector = not several and choices.chance(5)
            dims = [spelling.expression(channels)]
            if not vector:
                dims += [spelling.variable(axis) for axis in "HW"] if world.free else map(spelling.expression, sizes)
            extents = [Extent.of(prefix + axis) for axis in "HW"]
            self.values[name] = Vector(channels) if vector else Image(channels, *extents)
            shape = tree.Dims(tuple(dims))
            self.items.append(tree.Input(spelling.name(name), shape))

    def _start(self) -> str:
        """A value to go on with, rather one that nothing reads yet."""
        unread = self._unread()
        return self.choices.pick(unread if unread and self.choices.chance(80) else list(self.values))

    def _unread(self) -> list[str]:
        """Values that flow nowhere, heads aside: what only a head reads would not be deployed."""
        read = spelling.names_in(tuple(i for i in self.items if not isinstance(i, tree.Aux)), (tree.Call,))
        read |= {name.text for item in self.items if isinstance(item, tree.Output) for name in item.names}
        return [name for name in self.values if name not in read]

    def _name(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def _bind(self) -> None:
        """A value: a chain, a block of its own, or both parts of a split."""
        if self.choices.chance(30):
            with suppress(Illegal):
                return self._ported()
        start = self._start()
        shape = self.values[start]
        if isinstance(shape, Image) and self.choices.chance(45) and len(self.world.blocks) < 3:
            with suppress(Illegal):
                block(self.world, shape, 1)
        links, out = chain(self.place, shape, 3)
        channels = int(out.channels)
        if channels >= 2 and self.choices.chance(12):
            names = [self._name("a"), self._name("b")]
            first = channels // 2 if channels % 2 == 0 else self.choices.number(1, channels - 1)
            shares = (first, channels - first)
            plain_split = shares[0] == shares[1] and self.choices.chance(60)
            number = tree.Number(2) if plain_split else None
            atom = spelling.call("split", {} if plain_split else {"sizes": shares}, number=number)
            steps = [*chain_of(links, start).steps, spelling.step(atom)]
            self.items.append(tree.Bind(tuple(map(spelling.name, names)), spelling.chain(steps)))
            self.values.update(zip(names, (out.with_channels(n) for n in shares), strict=True))
            return
        goes_out = self.choices.chance(12)
        name = self._name("y" if goes_out else "v")
        kind = tree.Output if goes_out else tree.Bind
        self.items.append(kind((spelling.name(name),), chain_of(links, start)))
        self.values[name] = out

    def _ported(self) -> None:
        """What leaves a block with ports or a net, perhaps handed to another one at once."""
        choices = self.choices
        images = [name for name, shape in self.values.items() if isinstance(shape, Image)]
        starts = [choices.pick(images) for _ in range(choices.number(1, 3))] if images else []
        made = self._made_for([self.values[name] for name in starts])
        use = used(self.place, made)
        shapes = use.after([self.values[name] for name in starts], self.place.env)
        steps = [self._labelled(use)]
        for following in self.world.ported if choices.chance(30) else ():
            with suppress(Illegal):
                use = used(self.place, following)
                shapes = use.after(shapes, self.place.env)
                steps.append(self._labelled(use))
                made = following
                break
        names = [self._name("v") if made.has_head or choices.chance(80) else "_" for _ in shapes]
        if set(names) == {"_"}:
            names[0] = self._name("v")
        start = tree.Bundle(tuple(map(spelling.name, starts))) if len(starts) > 1 else spelling.call(starts[0])
        kind = tree.Output if choices.chance(12) else tree.Bind
        self.items.append(kind(tuple(map(spelling.name, names)), spelling.chain([spelling.step(start), *steps])))
        self.values.update((name, shape) for name, shape in zip(names, shapes, strict=True) if name != "_")

    def _made_for(self, shapes: list[Shape]) -> Ported:
        """A block or net that takes such values: one that is defined, or a new one."""
        world = self.world
        if not shapes:
            raise Illegal("no image")
        known = [made for made in world.ported if len(made.flowed) == len(shapes)]
        if known and (len(world.ported) > 2 or self.choices.chance(50)):
            return self.choices.pick(known)
        if isinstance(first := shapes[0], Image) and len(shapes) == 1 and self.choices.chance(60):
            return inner_net(world, first)
        return ported_block(world, shapes)

    def _labelled(self, use: Used) -> tree.Step:
        return spelling.step(use.call, [self.place.label(use.call)] if self.choices.chance(40) else [])

    def _aux(self) -> None:
        start = self._start()
        place = replace(self.place, env=replace(self.place.env, values={}), labels=[0])
        links, out = chain(place, self.values[start], 2)
        links += self._classified(place, out)
        name = self.head = self._name("h")
        args = (spelling.arg("weight", 0.3),) if self.choices.chance(60) else ()
        self.items.append(tree.Aux(spelling.name(name), args, chain_of(links, start)))

    def _classified(self, place: Place, shape: Shape) -> list[Link]:
        """A classifier, if it fits."""
        links: list[Link] = []
        try:
            for word in ("gap", "dropout", "linear") if isinstance(shape, Image) else ("linear",):
                links.append(plain(op_piece(place, shape, word)))
                shape = links[-1].after(shape, place.env)
        except Illegal:
            return [plain(op_piece(place, shape, "sigmoid"))]
        return links

    def _outputs(self) -> None:
        """Every value that no output depends on goes out, or is joined with another that ends alike."""
        unread = self._unread()
        if not unread and not any(isinstance(item, tree.Output) for item in self.items):
            unread = [self._start()]
        while unread:
            start = unread[-1]
            steps, out = self._joined(start, self.values[start])
            links: list[Link] = []
            if self.choices.chance(40):
                links, out = chain(self.place, out, 2)
            if self.choices.chance(40):
                links += self._classified(self.place, out)
            name = self._name("y")
            self.items.append(tree.Output((spelling.name(name),), spelling.chain([*steps, *chain_of(links).steps])))
            unread = self._unread()

    def _joined(self, start: str, shape: Shape) -> tuple[list[tree.Step], Shape]:
        alone = [spelling.step(spelling.call(start))], shape
        if not isinstance(shape, Image) or not self.choices.chance(50):
            return alone
        other = next((name for name in self.values if name != start and isinstance(self.values[name], Image)), None)
        if other is None:
            return alone
        target = self.values[other]
        assert isinstance(target, Image)
        try:
            links = fitted(self.place, shape, target, None)
            out = agreed("concat", [along(links)(shape, self.place.env), target], self.world.sizes)
        except Illegal:
            return alone
        rails = (tree.Rail(None, chain_of(links, start)), tree.Rail(None, chain_of([], other)))
        return [spelling.step(tree.Merge(spelling.name("concat"), (), rails))], out

    def _variant(self, net: tree.Net) -> tree.Net:
        """The net with a unit defined anew, a head left out, or nothing but another name."""
        changes: list[Any] = []
        heads = [item for item in net.items if isinstance(item, tree.Aux)]
        rest = spelling.names_in(tuple(item for item in net.items if item not in heads))
        named = self.values.keys() | self.place.env.params.keys()
        if heads and self.choices.chance(50) and spelling.names_in(tuple(heads)) & named <= rest:
            changes.append(tree.Without(spelling.name(self.head)))
        steps = [step for item in net.items if isinstance(item, tree.Bind) for step in item.chain.steps]
        if (named_steps := list(filter(_has_a_name, steps))) and self.choices.chance(70):
            step = self.choices.pick(named_steps)
            new = spelling.call("identity") if _keeps_the_shape(step) else step.atom
            changes.append(tree.Override(spelling.name(step.labels[0].text), spelling.chain([spelling.step(new)])))
        if self.choices.chance(40):
            changes += self._other_outputs(net)
        if self.world.units and self.choices.chance(30):
            changes.append(self.choices.pick(self.world.units).tree)
        given = tuple(
            spelling.arg(p.name.text, p.words[0] if isinstance(p.default, tree.Words) else p.default)
            for p in net.params if p.default and self.choices.chance(30)
        )  # fmt: skip
        variant = tree.Variant(spelling.name("N"), given, tuple(changes))
        return tree.Net(spelling.name("V"), (), (), variant)

    def _other_outputs(self, net: tree.Net) -> list[tree.Tree]:
        """A value as a further output, and sometimes one of the others left out."""
        chain = spelling.chain([spelling.step(spelling.call(self.choices.pick(list(self.values))))])
        outputs = [
            name for item in net.items if isinstance(item, tree.Output) for name in item.names if name.text != "_"
        ]
        gone = [tree.Without(self.choices.pick(outputs))] if self.choices.chance(50) else []
        return [tree.Output((spelling.name("tapped"),), chain), *gone]


def _has_a_name(step: tree.Step) -> bool:
    """Whether a variant can put a step in the place of this one: it has one label, and stands there once."""
    return len(step.labels) == 1 and not step.labels[0].counts and step.repeat is None


def _keeps_the_shape(step: tree.Step) -> bool:
    return isinstance(step.atom, tree.Call) and step.atom.name.text in ("relu", "batchnorm", "gelu", "silu", "tanh")
