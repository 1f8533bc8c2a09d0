"""A learned factor that belongs to the class itself: its key is its label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, final

from incdsl.ops.base import Op, Sigil, Tensor, image
from incdsl.ops.code import Call, Infix, Lowering, Method, Operand, Owned, Value
from incdsl.ops.fields import Number
from incdsl.ops.meaning import Own, PrimeField, Torch, Values, by_channel
from incdsl.values import Image, Shape


@final
class Gain(Op):
    """Each channel times a learned number that starts at `init`: a parameter, whose key is the label of the step.

    The parameter is a `vector` [C], as timm's ConvNeXt has `gamma`; an `image` [C, 1, 1], as torchvision's has
    `layer_scale`; or a `number` for all channels together, as NFNet has `skipinit_gain`.
    """

    init: Number = 1.0
    shape: Literal["vector", "image", "number"] = "vector"

    word: ClassVar[str] = "gain"
    example: ClassVar[str] = "gain 1e-6"
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "init"}
    calls: ClassVar[frozenset[str]] = frozenset({"nn.Parameter", "torch.full"})
    owns_output: ClassVar[bool] = True
    is_parameter: ClassVar[bool] = True

    def infer(self, *inputs: Shape) -> Shape:
        return image(self.word, inputs[0]) if self.shape == "image" else inputs[0]

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        return (Tensor("", tuple(map(int, self._sizes(inputs[0])))),)

    def lower(self, *inputs: Shape) -> Lowering:
        full = Call("torch.full", (Value(self._sizes(inputs[0])), Value(self.init)))
        spread = self.shape == "vector" and isinstance(inputs[0], Image)
        factor = Method(Owned(), "view", (Value(-1), Value(1), Value(1))) if spread else Owned()
        return Lowering(Call("nn.Parameter", (full,)), forward=Infix("*", (Operand(), factor)))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        gain = own[""]
        return inputs[0] * (gain if self.shape == "number" else by_channel(gain, inputs[0]))

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return field.reduced(self.interpret(field.torch, own, *inputs))

    def _sizes(self, shape: Shape) -> tuple[int, ...]:
        """The sizes of the parameter."""
        return {"vector": (shape.channels,), "image": (shape.channels, 1, 1), "number": ()}[self.shape]
