"""Makes steps: ops, units, blocks, factorized convolutions, parameters that are ops; what stands around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from incdsl.ops import REGISTRY, Op, find
from incdsl.ops.code import SELF
from incdsl.ops.merge import is_scale
from incdsl.ops.window import Conv2d
from incdsl.syntax import tree
from incdsl.testing import spelling
from incdsl.testing.choices import Choices
from incdsl.testing.places import Block, Env, Link, Piece, Place, Ported, Unit
from incdsl.testing.settings import Illegal, built, draw_settings, is_uneven, kind_of, result, written
from incdsl.values import Image, Pair, Shape, Vector

ACTIVATIONS = ("relu", "silu", "tanh", "identity")
"""What the parameter of a unit may be."""
MAX_CHANNELS = 24
MAX_SIZE = 64
_FACTORS: tuple[tuple[tuple[int, int], tuple[tuple[int, int], ...]], ...] = (
    ((5, 5), ((3, 3), (3, 3))), ((3, 3), ((1, 3), (3, 1))), ((5, 5), ((1, 5), (5, 1))), ((3, 5), ((3, 3), (1, 3))),
)  # fmt: skip
_ODD_FACTORS = (((3, 3), ((2, 2), (2, 2))), ((4, 2), ((2, 1), (3, 2))))
_BESIDE = (((3, 3), ((1, 3), (3, 1))), ((3, 3), ((3, 3), (1, 1))), ((5, 3), ((5, 1), (1, 3), (3, 3))))


def flow(op: type[Op], settings: dict[str, Any], shape: Shape, env: Env, sizes: dict[str, int]) -> Shape:
    """What an op makes of a shape in an instance; `linear` flattens [C, 1, 1], `flatten` takes the size it meets."""
    plain = {name: env.value(value) for name, value in settings.items()}
    if op.flattens_points(plain) and isinstance(shape, Image) and is_scale(shape):
        shape = Vector(shape.channels)
    if op.nominal_size and isinstance(shape, Image):
        plain[op.nominal_size] = Pair(shape.height.within(sizes), shape.width.within(sizes))
    out = result(built(op, plain), [shape] * (1 + len(op.sized_by)), sizes)
    if int(out.channels) > MAX_CHANNELS * (4 if isinstance(out, Vector) else 1):
        raise Illegal("too wide for a test")
    if isinstance(out, Image) and max(out.at(sizes)[1:]) > MAX_SIZE:
        raise Illegal("too large for a test")
    return out


def op_piece(place: Place, shape: Shape, word: str) -> Piece:
    """An op with settings that are legal here."""
    op = find(word)
    if op is None:
        raise KeyError(f"there is no op `{word}`")
    if op.sized_by:
        return _sized_piece(place, shape, op, word)
    sizes = place.world.sizes
    settings = {} if op.nominal_size else draw_settings(place.choices, op, [shape])
    if op.nominal_size and place.world.free and not is_scale(shape):
        raise Illegal("the size is free")
    if op is Conv2d and place.choices.chance(15):
        settings |= {"groups": int(shape.channels), "width": int(shape.channels) * place.choices.number(1, 2)}
    flow(op, settings, shape, place.env, sizes)
    for name, field in op.model_fields.items():
        if kind_of(field) == "Positive" and type(settings.get(name)) is int and op.sigils.get("number") != name:
            settings[name] = place.amount(settings[name])
    made = built(op, {n: place.env.value(v) for n, v in settings.items()})
    lowering = made.placed()[-1].lower(shape)
    return Piece(
        written(place.choices, op, word, settings),
        lambda x, env: flow(op, settings, x, env, sizes),
        module=lowering.module is not None
        and made.placed() == (made,)
        and lowering.forward is SELF
        and not (op.flattens_points(settings) and isinstance(shape, Image)),
        labelled=lowering.module is not None,
    )


def _sized_piece(place: Place, shape: Shape, op: type[Op], word: str) -> Piece:
    """An op that takes the size of a bound value."""
    names = [name for name, known in place.env.values.items() if isinstance(known, Image)]
    if not names:
        raise Illegal("there is no image to be like")
    like = place.choices.pick(names)
    settings = draw_settings(place.choices, op, [shape])

    def after(x: Shape, env: Env) -> Shape:
        """In each instance the value has a size of its own."""
        out = result(built(op, settings), [x, env.values[like]], place.world.sizes)
        if isinstance(out, Image) and max(out.at(place.world.sizes)[1:]) > MAX_SIZE:
            raise Illegal("too large for a test")
        return out

    after(shape, place.env)
    return Piece(spelling.call(word, {"like": spelling.variable(like), **settings}), after)


def parameter_piece(place: Place, shape: Shape) -> Piece:
    """A parameter of the block that is an op."""
    name = f"f{len(place.env.params) + 1}"
    place.env.params[name] = op_value(place, shape)
    return Piece(spelling.call(name), lambda x, env: env.params[name].after(x, env), labelled=True)


class OpValue:
    """An op as the value of a parameter: how it is written, and what it does."""

    def __init__(self, node: tree.Expr, after: Any) -> None:
        self.node = node
        self.after = after


def op_value(place: Place, shape: Shape) -> OpValue:
    """An op with its settings, or a unit, that keeps the shape of what flows in."""
    choices, sizes = place.choices, place.world.sizes
    word = choices.pick(("relu", "leakyrelu", "gelu", "silu", "batchnorm", "tanh", "groupnorm", "softmax"))
    op = REGISTRY[word]
    settings = draw_settings(choices, op, [shape])
    flow(op, settings, shape, Env(0, {}, {}), sizes)
    args = tuple(spelling.arg(k, v) for k, v in settings.items())
    node: tree.Expr = tree.Nested(spelling.name(word), args) if args else spelling.variable(word)
    return OpValue(node, lambda x, _: flow(op, settings, x, Env(0, {}, {}), sizes))


def unit_piece(place: Place, shape: Shape) -> Piece:
    """A use of a unit that is defined."""
    unit = place.choices.pick(place.world.units)
    drawn = draw_settings(place.choices, unit.first, [shape])
    use = {
        name: value for name, value in drawn.items()
        if name not in unit.settings or place.choices.chance(10)
    }  # fmt: skip
    flow_unit(unit, use, shape, place.env, place.world.sizes)
    if "width" in use and type(use["width"]) is int:
        use["width"] = place.amount(use["width"])
    call = written(place.choices, unit.first, unit.tree.name.text, use)
    if unit.tree.params and (unit.tree.params[0].default is None or place.choices.chance(50)):
        call = replace(call, args=(*call.args, spelling.arg("act", place.choices.pick(ACTIVATIONS))))
    return Piece(
        call,
        lambda x, env: flow_unit(unit, use, x, env, place.world.sizes),
        module=unit.modules and (unit.owners > 1 or not (unit.rest or is_uneven(use))),
        labelled=True,
        whole=lambda: unit.owners,
    )


def flow_unit(unit: Unit, use: dict[str, Any], shape: Shape, env: Env, sizes: dict[str, int]) -> Shape:
    """What a use of a unit makes of a shape."""
    inner = Env(int(shape.channels), {}, {})
    said = {name: inner.value(value) for name, value in unit.settings.items()}
    settings = said | {name: env.value(value) for name, value in use.items()}
    if not unit.before:
        shape = flow(unit.first, settings, shape, env, sizes)
    for link in unit.rest:
        shape = link.after(shape, inner)
    return flow(unit.first, settings, shape, env, sizes) if unit.before else shape


def block_piece(place: Place, shape: Shape, block: Block) -> Piece:
    """A use of a block that is defined, with its own arguments or others."""
    choices = place.choices
    given: dict[str, Any] = {}
    nodes: dict[str, Any] = {}
    defaults = {param.name.text for param in block.tree.params if param.default is not None}
    for name, known in block.params.items():
        value = known
        if type(known) is int and choices.chance(40):
            value = choices.number(1, 8)
        given[name] = value
        if name not in defaults or value is not known:
            number = type(value) is int
            nodes[name] = place.amount(value) if number else value.node if isinstance(value, OpValue) else value
    block.after(shape, given)

    def after(x: Shape, env: Env) -> Shape:
        """The block with arguments as they are in an instance of the class around it."""
        return block.after(
            x, {n: env.value(nodes[n]) if type(v) is int and n in nodes else v for n, v in given.items()}
        )

    return Piece(spelling.call(block.tree.name.text, nodes), after, module=True, labelled=True)


class Used(NamedTuple):
    """A use with arguments: what is written, and what leaves it."""

    call: tree.Call
    after: Callable[[Sequence[Shape], Env], list[Shape]]


def used(place: Place, made: Ported) -> Used:
    """A use of a block or net with its own arguments or others."""
    given: dict[str, Any] = {}
    nodes: dict[str, Any] = {}
    for name, known in made.params.items():
        other = type(known) is int and place.choices.chance(40)
        value = given[name] = place.choices.number(1, 8) if other else known
        if other or isinstance(made.tree, tree.Block):
            nodes[name] = (
                place.amount(value) if type(value) is int else value.node if isinstance(value, OpValue) else value
            )

    def after(shapes: Sequence[Shape], env: Env) -> list[Shape]:
        """With arguments as they are in an instance of the class around it."""
        values = {n: env.value(nodes[n]) if type(v) is int and n in nodes else v for n, v in given.items()}
        return made.after(shapes, values)

    return Used(spelling.call(made.tree.name.text, nodes), after)


def net_piece(place: Place, shape: Shape) -> Piece:
    """A net with one output and without heads, as a step like others."""
    nets = [m for m in place.world.ported if isinstance(m.tree, tree.Net) and m.is_plain]
    if not nets:
        raise Illegal("there is no such net")
    use = used(place, place.choices.pick(nets))
    use.after([shape], place.env)
    return Piece(use.call, lambda x, env: use.after([x], env)[0], module=True, labelled=True)


def factored_piece(place: Place, shape: Shape) -> Piece:
    """A convolution, or a unit that starts with one, as smaller ones."""
    choices, sizes = place.choices, place.world.sizes
    fit = [
        u
        for u in place.world.units
        if u.first is Conv2d
        and all(param.default for param in u.tree.params)
        and not {"groups", "dilation", "padding", "width", "stride", "kernel"} & u.settings.keys()
    ]
    unit = choices.pick(fit) if fit and choices.chance(60) else None
    parallel = choices.chance(40)
    valid = not parallel and choices.chance(30)
    whole, parts = choices.pick(_BESIDE if parallel else _ODD_FACTORS if valid else _FACTORS)
    stride = choices.number(1, 2)
    padding = "valid" if valid else "half" if stride > 1 else choices.pick((None, "same"))
    factors, width = _factors(choices, parts, parallel)

    def after(x: Shape, env: Env) -> Shape:
        """The shape is that of the whole convolution: padding and stride are chosen so."""
        said = {"kernel": Pair(*whole), "stride": Pair(stride, stride), "width": width, "padding": padding or "same"}
        out = flow(Conv2d, said, x, env, sizes)
        for link in unit.rest if unit else ():
            out = link.after(out, Env(int(x.channels), {}, {}))
        return out

    after(shape, place.env)
    call = spelling.call(
        unit.tree.name.text if unit else "conv2d",
        kernel=spelling.kernel(whole),
        stride=spelling.expression(stride) if stride > 1 else None,
        width=spelling.expression(width),
        padding=tree.Padding(padding) if padding else None,
        factors=factors,
    )
    return Piece(call, after, module=not parallel and (not unit or unit.modules), labelled=not unit or unit.owners == 1)


def _factors(choices: Choices, parts: Sequence[tuple[int, int]], parallel: bool) -> tuple[tree.Factors, int]:
    """The kernels, with widths or without, and the width that they come to."""
    own = [choices.number(1, 4) for _ in parts]
    wide = choices.chance(60)
    width = sum(own) if wide else len(parts) * choices.number(1, 3)
    items = []
    for i, (kernel, filters) in enumerate(zip(parts, own, strict=True)):
        told = wide and (parallel or i < len(parts) - 1)  # the last one of a sequence has the convolution's width
        number = spelling.expression(filters) if told else None
        items.append(tree.Factor(spelling.kernel(kernel), number))
    return tree.Factors(parallel, tuple(items)), width


# What stands around a piece


def plain(piece: Piece) -> Link:
    """The piece as a step."""
    return Link(spelling.step(piece.atom), piece.after, piece.module)


def dressed(place: Place, piece: Piece, shape: Shape) -> Link:
    """The piece as a step: with a label, repeated, or under a condition."""
    choices = place.choices
    out = piece.after(shape, place.env)
    if choices.chance(12) and not isinstance(piece.atom, tree.Merge) and place.constant(piece.atom):
        truth = choices.chance(60)
        test = place.test(truth)
        labels = [place.label(piece.atom)] if piece.labelled and choices.chance(30) else []
        other = spelling.step(spelling.call(choices.pick(("relu", "tanh")))) if choices.chance(40) else None
        if other and choices.chance(30):
            other = replace(
                other, repeat=tree.When(place.test(choices.chance(50)), spelling.step(spelling.call("gelu")))
            )
        step = spelling.step(piece.atom, labels, tree.When(test, other))
        return Link(step, lambda x, env: piece.after(x, env) if env.holds(test) else x)
    if piece.module and choices.chance(15):
        return _repeated(place, piece, shape)
    labels = []
    if piece.labelled and choices.chance(20):
        labels = [
            place.label(piece.atom) for _ in range(piece.whole() if piece.whole() > 1 and choices.chance(40) else 1)
        ]
    dims = _stated(place, out) if choices.chance(15) and place.exact and not place.block and not place.loops else None
    return Link(spelling.step(piece.atom, labels, None, dims), piece.after, piece.module)


def _repeated(place: Place, piece: Piece, shape: Shape) -> Link:
    choices = place.choices
    count = choices.number(1, 3)

    def after(x: Shape, env: Env) -> Shape:
        """So many times."""
        for _ in range(count):
            x = piece.after(x, env)
        return x

    after(shape, place.env)
    labels: Sequence[str] = ()
    factored = isinstance(piece.atom, tree.Call) and piece.atom.factors
    if choices.chance(40):
        place.labels[0] += 1
        counts = not factored and choices.chance(40)
        dot = choices.pick((".", "n"))
        labels = [f"layers{place.labels[0]}{dot}{choices.number(0, 2)}.." if counts else f"layers{place.labels[0]}"]
    expr = spelling.expression(count)
    if not place.loops and choices.chance(30):
        name = place.parameter(count)
        expr = spelling.variable(name)
        return Link(spelling.step(piece.atom, labels, tree.Times(expr)), _times(piece, name))
    return Link(spelling.step(piece.atom, labels, tree.Times(expr)), after)


def each(place: Place, shape: Shape) -> Link:
    """A convolution for each width of a list."""
    choices = place.choices
    widths = tuple(choices.number(1, 6) for _ in range(choices.number(1, 3)))
    size = Pair(*choices.pick(((1, 1), (3, 3), (1, 3))))
    place.labels[0] += 1
    name = f"w{place.labels[0]}"

    def after(x: Shape, env: Env) -> Shape:
        """One after the other."""
        for width in widths:
            x = flow(Conv2d, {"kernel": size, "width": width}, x, env, place.world.sizes)
        return x

    after(shape, place.env)
    atom = spelling.call("conv2d", kernel=spelling.kernel(size), width=spelling.variable(name))
    labels = [place.label(atom)] if choices.chance(30) else []
    return Link(spelling.step(atom, labels, tree.Each((spelling.name(name),), spelling.value(widths))), after)


def _times(piece: Piece, name: str) -> Any:
    def after(x: Shape, env: Env) -> Shape:
        """As many times as the parameter says."""
        for _ in range(env.params[name]):
            x = piece.after(x, env)
        return x

    return after


def _stated(place: Place, shape: Shape) -> tree.Dims:
    """An assertion of the shape, with gaps."""
    sizes = shape.at(place.world.sizes)
    if place.world.free and isinstance(shape, Image):
        parts: list[tree.Expr] = [spelling.expression(sizes[0]), spelling.variable("_"), spelling.variable("_")]
    else:
        parts = [spelling.expression(n) if place.choices.chance(75) else spelling.variable("_") for n in sizes]
    return tree.Dims(tuple(parts))
