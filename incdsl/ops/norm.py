"""Normalizations and per-channel scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, final

from incdsl.ops.base import Kind, Op, ShapeError, Sigil, Tensor, Usual, divides, image
from incdsl.ops.code import CHANNELS_LAST, SELF, Call, Lowering, Operand, Setting
from incdsl.ops.fields import Flag, Fraction, Number, Numbers, Positive, PositiveNumber
from incdsl.ops.meaning import Own, PrimeField, Torch, Values, by_channel
from incdsl.ops.sweep import EVERYTHING, Reach
from incdsl.values import Image, Shape

EPS = Usual(1e-12, 1e-2)


@final
class BatchNorm2d(Op):
    """Each channel normalized over the batch in training, by running statistics in evaluation.

    Then each channel is scaled and shifted by learned numbers: with `scale: false`, TensorFlow's default in slim, it is
    only shifted, and there is no key `weight`; with `affine: false` neither, and there is no key `bias` either.
    """

    eps: PositiveNumber = 1e-5
    momentum: Fraction = 0.1
    affine: Flag = True
    scale: Flag = True

    word: ClassVar[str] = "batchnorm"
    kind: ClassVar[Kind] = "norm"
    example: ClassVar[str] = "batchnorm (eps: 1e-3)"
    torch: ClassVar[str] = "torch.nn.BatchNorm2d"
    calls: ClassVar[frozenset[str]] = frozenset({"nn.BatchNorm1d", "nn.BatchNorm2d"})
    helpers: ClassVar[Mapping[str, str]] = {
        "without_scale": '''def without_scale(norm: nn.Module) -> nn.Module:
    """The batch norm with a learned shift and no scale."""
    norm.weight = None
    return norm'''
    }
    usual: ClassVar[Mapping[str, Usual]] = {
        "eps": EPS,
        "momentum": Usual(
            1e-4, 0.5, "PyTorch's momentum is the share of the new batch; a decay of {value} is `momentum: {rest}`"
        ),
    }
    owns_output: ClassVar[bool] = True

    @property
    def unlearned(self) -> dict[str, float]:
        """The constants that stand for what it does not learn: a `weight` of 1, a `bias` of 0."""
        if not self.affine:
            return {"weight": 1.0, "bias": 0.0}
        return {} if self.scale else {"weight": 1.0}

    def refuses_one(self, *inputs: Shape) -> Literal["", "training", "always"]:
        return "training"

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        channels = (int(inputs[0].channels),)
        return (
            *(Tensor(name, channels) for name in ("weight", "bias") if name not in self.unlearned),
            Tensor("running_mean", channels, trainable=False),
            Tensor("running_var", channels, trainable=False),
            Tensor("num_batches_tracked", (), trainable=False),
        )

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("num_features", inputs[0].channels, positional=True),
            Setting("eps", self.eps, default=1e-5),
            Setting("momentum", self.momentum, default=0.1),
            Setting("affine", self.affine, default=True),
        )
        norm = Call("nn.BatchNorm2d" if isinstance(inputs[0], Image) else "nn.BatchNorm1d", settings=settings)
        if self.affine and not self.scale:
            return Lowering(Call("without_scale", (norm,)), helper="without_scale")
        return Lowering(norm)

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        x = inputs[0]
        mean, var = (by_channel(own[name], x) for name in ("running_mean", "running_var"))
        normal = (x - mean) / (var + float(self.eps)).sqrt()
        scaled = normal if "weight" in self.unlearned else normal * by_channel(own["weight"], x)
        return scaled if "bias" in self.unlearned else scaled + by_channel(own["bias"], x)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        constants = {name: field.torch.full_like(own["running_var"], value) for name, value in self.unlearned.items()}
        affine = field.affine({**own, **constants}, float(self.eps))
        scale, shift = (by_channel(values, inputs[0]) for values in affine)
        return field.reduced(field.reduced(inputs[0] * scale) + shift)


@final
class LayerNorm(Op):
    """Channels normalized at every position, as ConvNeXt does; a vector as `nn.LayerNorm` does."""

    eps: PositiveNumber = 1e-5

    word: ClassVar[str] = "layernorm"
    kind: ClassVar[Kind] = "norm"
    example: ClassVar[str] = "layernorm (eps: 1e-6)"
    torch: ClassVar[str] = "torch.nn.LayerNorm"
    usual: ClassVar[Mapping[str, Usual]] = {"eps": EPS}
    calls: ClassVar[frozenset[str]] = frozenset({"nn.LayerNorm"})

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        channels = (int(inputs[0].channels),)
        return Tensor("weight", channels), Tensor("bias", channels)

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("normalized_shape", inputs[0].channels, positional=True),
            Setting("eps", self.eps, default=1e-5),
        )
        forward = CHANNELS_LAST if isinstance(inputs[0], Image) else SELF
        return Lowering(Call("nn.LayerNorm", settings=settings), forward=forward)

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        """Over the channels of every position."""
        x = inputs[0]
        mean = x.mean(1, keepdim=True)
        var = (x - mean).square().mean(1, keepdim=True)
        normal = (x - mean) / (var + float(self.eps)).sqrt()
        return normal * by_channel(own["weight"], x) + by_channel(own["bias"], x)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        norm = field.torch.nn.functional.layer_norm
        y = field.across(inputs[0], lambda x: norm(x.movedim(1, -1), x.shape[1:2], eps=float(self.eps)).movedim(-1, 1))
        return _scaled(field, own, y)


@final
class GroupNorm(Op):
    """Groups of channels normalized together, for each image by itself."""

    groups: Positive
    eps: PositiveNumber = 1e-5

    word: ClassVar[str] = "groupnorm"
    kind: ClassVar[Kind] = "norm"
    example: ClassVar[str] = "groupnorm 4"
    torch: ClassVar[str] = "torch.nn.GroupNorm"
    usual: ClassVar[Mapping[str, Usual]] = {"eps": EPS}
    calls: ClassVar[frozenset[str]] = frozenset({"nn.GroupNorm"})
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "groups"}
    keywords: ClassVar[Mapping[str, str]] = {"groups": "num_groups"}

    def infer(self, *inputs: Shape) -> Shape:
        divides("groups", self.groups, "channels", inputs[0].channels)
        return inputs[0]

    def refuses_one(self, *inputs: Shape) -> Literal["", "training", "always"]:
        return "always" if int(self.groups) == int(inputs[0].channels) else ""

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        channels = (int(inputs[0].channels),)
        return Tensor("weight", channels), Tensor("bias", channels)

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("num_groups", self.groups, positional=True),
            Setting("num_channels", inputs[0].channels, positional=True),
            Setting("eps", self.eps, default=1e-5),
        )
        return Lowering(Call("nn.GroupNorm", settings=settings))

    def reach(self, *inputs: Shape) -> tuple[Reach, Reach]:
        return EVERYTHING

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        """Over all numbers of a group of channels."""
        x = inputs[0]
        groups = x.reshape(len(x), int(self.groups), -1)
        mean = groups.mean(2, keepdim=True)
        var = (groups - mean).square().mean(2, keepdim=True)
        normal = ((groups - mean) / (var + float(self.eps)).sqrt()).reshape(x.shape)
        return normal * by_channel(own["weight"], x) + by_channel(own["bias"], x)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        # PyTorch wants more than one value in all of a batch, though none of its images reads another.
        torch, groups = field.torch, int(self.groups)
        norm = torch.nn.functional.group_norm
        y = field.across(inputs[0], lambda x: norm(torch.cat((x, x)), groups, eps=float(self.eps))[: len(x)])
        return _scaled(field, own, y)


def _scaled(field: PrimeField, own: Own, y: Values) -> Values:
    """What a norm does last: each channel times its weight, plus its bias."""
    return field.reduced(field.reduced(y * by_channel(own["weight"], y)) + by_channel(own["bias"], y))


@final
class LayerScale(Op):
    """Each channel times a learned number that starts at `init` (CaiT, arXiv:2103.17239)."""

    init: Number = 1e-6

    word: ClassVar[str] = "layerscale"
    example: ClassVar[str] = "layerscale 1e-6"
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "init"}
    calls: ClassVar[frozenset[str]] = frozenset({"nn.Parameter", "torch.full"})
    helpers: ClassVar[Mapping[str, str]] = {
        "LayerScale": '''class LayerScale(nn.Module):
    """Each channel times a learned number."""

    def __init__(self, channels: int, init: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((channels,), init))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma.view(-1, 1, 1)'''
    }

    def infer(self, *inputs: Shape) -> Shape:
        return image(self.word, inputs[0])

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        return (Tensor("gamma", (int(inputs[0].channels),)),)

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (Setting("channels", inputs[0].channels, positional=True), Setting("init", self.init))
        return Lowering(Call("LayerScale", settings=settings), helper="LayerScale")

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return inputs[0] * by_channel(own["gamma"], inputs[0])

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return field.reduced(inputs[0] * by_channel(own["gamma"], inputs[0]))


@final
class LocalResponseNorm(Op):
    """Each value divided by a sum over `size` neighbouring channels (AlexNet, GoogLeNet)."""

    size: Positive
    alpha: Number = 1e-4
    beta: Number = 0.75
    k: Number = 1.0

    word: ClassVar[str] = "lrn"
    kind: ClassVar[Kind] = "norm"
    example: ClassVar[str] = "lrn 5 (alpha: 1e-4, beta: 0.75)"
    torch: ClassVar[str] = "torch.nn.LocalResponseNorm"
    usual: ClassVar[Mapping[str, Usual]] = {"alpha": Usual(1e-6, 1), "beta": Usual(0.1, 1), "k": Usual(1, 4)}
    calls: ClassVar[frozenset[str]] = frozenset({"nn.LocalResponseNorm", "F.local_response_norm"})
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "size"}

    def infer(self, *inputs: Shape) -> Shape:
        return image(self.word, inputs[0])

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("size", self.size, positional=True),
            Setting("alpha", self.alpha, default=1e-4),
            Setting("beta", self.beta, default=0.75),
            Setting("k", self.k, default=1.0),
        )
        return Lowering(
            Call("nn.LocalResponseNorm", settings=settings), Call("F.local_response_norm", (Operand(),), settings)
        )

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        """Channels from `size // 2` below to `(size - 1) // 2` above, zeros outside."""
        x, size = inputs[0], int(self.size)
        squares = torch.nn.functional.pad(x.square(), (0, 0, 0, 0, size // 2, (size - 1) // 2))
        total = sum(squares[:, i : i + x.shape[1]] for i in range(size))
        return x / (float(self.k) + float(self.alpha) * total / size) ** float(self.beta)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        norm = field.torch.nn.functional.local_response_norm
        return field.across(inputs[0], lambda x: norm(x, int(self.size)))


@final
class L2Norm(Op):
    """The channels of every position divided by their Euclidean length, or by `eps` if that is more (SSD, ParseNet).

    A learned factor for each channel, as SSD has it, is a step of its own: `l2norm -> scale: gain 20`.
    """

    eps: PositiveNumber = 1e-12

    word: ClassVar[str] = "l2norm"
    kind: ClassVar[Kind] = "norm"
    example: ClassVar[str] = "l2norm"
    torch: ClassVar[str] = "torch.nn.functional.normalize"
    usual: ClassVar[Mapping[str, Usual]] = {"eps": EPS}
    calls: ClassVar[frozenset[str]] = frozenset({"F.normalize"})

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (Setting("dim", 1), Setting("eps", self.eps, default=1e-12))
        return Lowering(None, Call("F.normalize", (Operand(),), settings))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        x = inputs[0]
        return x / x.square().sum(1, keepdim=True).sqrt().clamp(min=float(self.eps))

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return field.across(inputs[0], lambda x: field.torch.nn.functional.normalize(x, dim=1))


@final
class Normalize(Op):
    """Each channel of the input times its own constant, plus its own constant."""

    scale: Numbers
    shift: Numbers

    word: ClassVar[str] = "normalize"
    example: ClassVar[str] = "normalize (scale: [1, 2, 3, 4, 5, 6, 7, 8], shift: [0, 0.5, 0, 0.5, 0, 0.5, 0, 0.5])"
    calls: ClassVar[frozenset[str]] = frozenset({"torch.cat"})
    helpers: ClassVar[Mapping[str, str]] = {
        "Normalize": '''class Normalize(nn.Module):
    """Each channel times its own constant, plus its own constant."""

    def __init__(self, scale: tuple[float, ...], shift: tuple[float, ...]) -> None:
        super().__init__()
        self.scale = scale
        self.shift = shift

    def forward(self, x: Tensor) -> Tensor:
        channels = [x[:, i : i + 1] * a + b for i, (a, b) in enumerate(zip(self.scale, self.shift, strict=True))]
        return torch.cat(channels, dim=1)'''
    }

    def infer(self, *inputs: Shape) -> Shape:
        x = image(self.word, inputs[0])
        for what, values in (("scale", self.scale), ("shift", self.shift)):
            if len(values) != x.channels:
                raise ShapeError("channels", f"`{what}` has {len(values)} numbers for {int(x.channels)} channels")
        return x

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (Setting("scale", self.scale, positional=True), Setting("shift", self.shift, positional=True))
        return Lowering(Call("Normalize", settings=settings), helper="Normalize")

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        x = inputs[0]
        scale, shift = (by_channel(torch.tensor(each, dtype=x.dtype), x) for each in (self.scale, self.shift))
        return x * scale + shift

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        x = inputs[0]
        scale, shift = (
            by_channel(field.torch.tensor([field.number(float(v)) for v in each], dtype=x.dtype), x)
            for each in (self.scale, self.shift)
        )
        return field.reduced(field.reduced(x * scale) + shift)
