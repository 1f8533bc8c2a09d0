"""Holds the shape rule of an op to what PyTorch makes of its lowering, for settings and inputs that are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, given, settings as profile, strategies as st
from pydantic import ValidationError
from torch import Tensor

from incdsl.ops import Op, ShapeError
from incdsl.ops.merge import Joining
from incdsl.testing.choices import Choices, Drawn
from incdsl.testing.lowered import Lowered
from incdsl.testing.running import Macs
from incdsl.testing.settings import Illegal, built, draw_settings, is_uneven, result
from incdsl.values import Extent, Image, Shape, Vector

Stricter = Callable[..., bool]
"""Whether the compiler refuses on purpose what PyTorch runs: of the op, its inputs' shapes, and PyTorch's output."""

STRICTER: dict[str, Stricter] = {
    "slice": lambda op, x, y: int(op.stop) > x.channels or op.start >= op.stop,  # PyTorch clips slices
    "normalize": lambda op, x, y: x.channels not in (len(op.scale),) or x.channels != len(op.shift),
    "crop": lambda op, x, y: 0 in y.shape,  # PyTorch gives an empty image
    "flatten": lambda op, x, y: x.at({})[1:] != op.size,  # vectors have one length
    "add": lambda op, *shapes: True,  # channels do not broadcast
    "mul": lambda op, *shapes: True,
}


def check_shape_rule(op: type[Op], max_examples: int = 200, stricter: Stricter | None = None) -> None:
    """Compare an op with PyTorch: acceptance, shape, parameters, state_dict and multiply-accumulates.

    Settings are drawn from the op's fields, or by its class method `draw(choices, *inputs)`; half of them only just
    legal or not. An input of the wrong rank is the language's own matter and not compared. `stricter` says where the
    op refuses on purpose what PyTorch runs.

    Raises:
        AssertionError: with the simplest setting and input that differ.
    """
    allowed = stricter or STRICTER.get(op.word, _pool if op.kind == "pool" else _never)

    @profile(
        max_examples=max_examples, deadline=None, derandomize=True, database=None, report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(uses(op))
    def compare(use: tuple[dict[str, Any], tuple[Shape, ...]]) -> None:
        if problem := difference(op, *use, allowed):
            raise AssertionError(problem)

    compare()


@st.composite
def uses(draw: st.DrawFn, op: type[Op], near: bool | None = None) -> tuple[dict[str, Any], tuple[Shape, ...]]:
    """Settings of an op and shapes of its inputs; `near` is drawn unless it is given."""
    choices = Drawn(draw)
    inputs = _inputs(choices, op)
    chosen = choices.chance(50) if near is None else near
    return draw_settings(choices, op, inputs, chosen), inputs


def _inputs(choices: Choices, op: type[Op]) -> tuple[Shape, ...]:
    channels = choices.number(1, 8)
    if choices.chance(60 if op.example_rank == 1 else 10):
        return (Vector(channels),)
    sizes = Extent.fixed(choices.number(1, 9)), Extent.fixed(choices.number(1, 9))
    if op.sized_by:
        like = Image(choices.number(1, 8), *(Extent.fixed(choices.number(1, 9)) for _ in "HW"))
        return Image(channels, *sizes), *([like] * len(op.sized_by))
    if not issubclass(op, Joining):
        return (Image(channels, *sizes),)
    same = op.word != "concat" and choices.chance(80)
    return tuple(Image(channels if same else choices.number(1, 8), *sizes) for _ in range(choices.number(1, 3)))


def difference(op: type[Op], settings: dict[str, Any], inputs: tuple[Shape, ...], stricter: Stricter) -> str:
    """How the compiler and PyTorch differ on a setting; empty if they do not."""
    where = f"`{op.word}` ({_shown(settings)}) on {', '.join(map(str, inputs))}"
    said: Shape | None = None
    reason = ""
    try:
        made = built(op, settings)
        said = result(made, inputs, {})
    except Illegal as illegal:
        reason = str(illegal)
        if _wrong_rank(op, settings, inputs):
            return ""
        if "padding" in op.sigils and not isinstance(settings.get(op.sigils["padding"]), tuple):
            return ""  # padding words are the language's
        if is_uneven(settings):
            return ""  # what pads it stands before it
        try:
            made = op(**settings)
        except ValidationError:
            return ""  # the type of a field refuses it, whatever flows in
    module: Lowered | None = None
    flowing = inputs
    try:
        *before, last = made.placed()
        values = [torch.randn(2, *shape.at({}), dtype=torch.float64) for shape in inputs]
        with torch.no_grad(), Macs() as counter:
            for each in before:
                values, flowing = [Lowered(each, flowing)(*values)], (each.infer(*flowing),)
            module = Lowered(last, flowing).double().eval()
            seen: Tensor = module(*values)
    except Exception as error:
        return "" if said is None else f"{where}: the compiler says {said}, PyTorch {type(error).__name__}: {error}"
    if said is None:
        refused_on_purpose = stricter(made, *inputs, seen)
        return "" if refused_on_purpose else f"{where}: refused ({reason}), PyTorch gives {list(seen.shape[1:])}"
    if bool(seen.isneginf().any()):
        return f"{where}: a largest value of nothing"
    return _compared(where, last, flowing, said, seen, module, counter.flops)


def _compared(
    where: str, op: Op, inputs: tuple[Shape, ...], said: Shape, seen: Tensor, module: Lowered, flops: int
) -> str:
    held = [
        (key.removeprefix("own").removeprefix("."), tuple(value.shape)) for key, value in module.state_dict().items()
    ]
    trained = sum(parameter.numel() for parameter in module.parameters())
    macs = op.macs(tuple(shape.at({}) for shape in inputs), said.at({}))
    for what, ours, theirs in (
        ("the shape", said.at({}), tuple(seen.shape[1:])),
        ("the state_dict", [(tensor.name, tensor.shape) for tensor in op.tensors(*inputs)], held),
        ("the number of parameters", op.parameters(*inputs), trained),
        ("multiply-accumulates", macs, flops // 4),  # a batch of two, two operations each
    ):
        if ours != theirs:
            return f"{where}: {what} is {ours}, PyTorch's {theirs}"
    return ""


def _wrong_rank(op: type[Op], settings: dict[str, Any], inputs: tuple[Shape, ...]) -> bool:
    try:
        built(op, settings).infer(*inputs)
    except ShapeError as error:
        return error.kind == "rank"
    except Illegal:
        return isinstance(inputs[0], Vector)
    return False


def _pool(op: Any, x: Shape, y: Tensor) -> bool:
    """Padding above half the kernel, on which releases of PyTorch differ, and windows of padding alone."""
    pads = "padding" in op.sigils
    above = pads and any(2 * int(p) > int(k) for p, k in zip(op.padding, op.kernel, strict=True))
    return above or bool(y.isneginf().any())


def _never(*_: object) -> bool:
    return False


def _shown(settings: dict[str, Any]) -> str:
    texts = {
        k: f"[{int(v[0])}, {int(v[1])}]" if isinstance(v, tuple) and len(v) == 2 else v for k, v in settings.items()
    }
    return ", ".join(f"{key}: {str(text).lower() if isinstance(text, bool) else text}" for key, text in texts.items())
