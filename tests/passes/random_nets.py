"""Random nets made of what rules look for, and of what nearly looks like it, in the language's own words."""

from random import Random

UNITS = """inc 1
unit cbr = conv: conv2d (bias: false) -> bn: batchnorm -> relu
unit cb = conv: conv2d -> bn: batchnorm (eps: 0.001)
unit cr = conv: conv2d -> relu
block pre(kernel, width) = bn: batchnorm -> relu -> conv: conv2d (kernel: kernel, width: width, bias: false)
unit tiny = avgpool 1x1
"""
KERNELS = ["1x1", "1x1", "1x1", "3x3", "3x3", "1x3", "3x1", "5x5", "3x5"]
CONVS = ["conv2d", "conv2d", "cbr", "cbr", "cbr", "cb", "cr", "pre"]
SETTINGS = ["", "", "", "", "", " (bias: false)", " (dilation: 2)"]
POOLS = [
    "avgpool 3x3", "avgpool 3x3 (count_include_pad: false)", "avgpool 3x3 same", "avgpool 3x5", "maxpool 3x3",
    "maxpool 3x3", "avgpool 3x3 valid", "maxpool 2x2/2 valid", "maxpool 3x3/2 half ceil", "maxpool 1x1",
]  # fmt: skip
SMALL = [
    "relu", "relu", "relu", "relu6", "silu", "sigmoid", "identity", "identity", "dropout 0.3", "scale 1", "scale 0.17",
    "scale -2.0", "scale (factor: factor)", "batchnorm", "batchnorm (scale: false)", "tiny", "maxpool 1x1",
    "channelshuffle 1", "upsample 1", "layerscale", "prelu",
]  # fmt: skip


class Writer:
    """Writes one net; what it draws is decided by the seed alone."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.blocks: list[str] = []

    def pick(self, choices):
        """One of these."""
        return self.random.choice(choices)

    def chance(self, percent):
        """True that often."""
        return self.random.randrange(100) < percent

    def conv(self, width=None, kernel=None):
        """A convolution that keeps the size."""
        word, kernel = self.pick(CONVS), kernel or self.pick(KERNELS)
        width = width or self.random.randint(1, 6)
        if word == "pre":
            return f"pre(kernel: [{kernel.replace('x', ', ')}], width: {width})"
        settings = self.pick(SETTINGS) if word == "conv2d" else ""
        return f"{word} {kernel} @{width}{settings}"

    def steps(self, depth, most=4):
        """A chain of steps; sizes mostly stay."""
        found = [self.step(depth) for _ in range(self.random.randint(1, most))]
        return " -> ".join(found)

    def step(self, depth):
        """One step."""
        kind = self.random.randrange(100)
        if kind < 32:
            return self.conv()
        if kind < 36:
            return self.sum() if self.chance(70) else self.normed()
        if kind < 52:
            return self.pick(SMALL)
        if kind < 62:
            return self.pick(POOLS[:6])
        if kind < 68:
            return f"{self.pick(['avgpool 3x3', POOLS[1]])} -> {self.conv(self.random.randint(1, 3), '1x1')}"
        if kind < 76 and depth:
            return self.join(depth - 1)
        if kind < 82 and depth:
            return self.residual(depth - 1)
        if kind < 88 and depth:
            return self.block(depth - 1) if self.chance(70) else self.handed()
        if kind < 92:
            return f"{self.pick(['conv2d', 'cbr'])} 3x3 @{self.pick([2, 4, 6])} as {{ | 1x3 | 3x1 }}"
        if kind < 95:
            return f"conv2d 3x3 @{self.random.randint(1, 5)} as 1x3 @2, 3x1"
        word = self.pick(["conv2d", "cbr"])
        return (
            f"{word} {self.pick(['1x1', '3x3'])} @k for k in [{self.random.randint(1, 5)}, {self.random.randint(1, 5)}]"
        )

    def join(self, depth):
        """A concat of rails, often with siblings of one kernel."""
        word, kernel = self.pick(["conv2d", "cbr", "cr"]), self.pick(["1x1", "1x1", "3x3"])
        rails = [
            " -> ".join(
                filter(
                    None,
                    (f"{word} {kernel} @{self.random.randint(1, 5)}", self.steps(depth, 2) if self.chance(40) else ""),
                )
            )
            if self.chance(55)
            else self.steps(depth, 3)
            for _ in range(self.random.randint(2, 4))
        ]
        after = self.pick(["", "", " -> relu", " -> maxpool 3x3 -> relu", " -> batchnorm -> relu"])
        return "concat { " + " ".join(f"| {rail}" for rail in rails) + " }" + after

    def residual(self, depth):
        """A sum with what flows in."""
        scaled = self.pick(["", " -> scale 0.2", " -> scale (factor: factor)", " -> dropout 0.1", " -> layerscale"])
        body = f"{self.steps(depth, 2)} -> {self.pick(['conv2d', 'cb'])} 1x1 @width{scaled}"
        after = self.pick(["", " -> relu"])
        width = self.random.randint(2, 5)
        name = self.define("Add", ["width"], f"add {{ | identity | {body} }}{after}")
        return f"conv2d 1x1 @{width} -> {name.replace('width: width', f'width: {width}')}"

    def sum(self):
        """A sum of convolutions of one value, often with that itself or its batch norm."""
        width, groups = self.random.choice([2, 4]), self.pick(["", "", "", " (groups: 2)", " (dilation: 2)"])
        words = [self.pick(["conv2d", "conv2d", "cb", "cr"]) for _ in range(self.random.randint(1, 3))]
        settings = [groups if word == "conv2d" and self.chance(80) else "" for word in words]
        rails = [f"{word} {self.pick(KERNELS)} @{width}{given}" for word, given in zip(words, settings, strict=True)]
        rails += [self.pick(["identity", "batchnorm", "relu", "scale 0.5", "batchnorm"])] if self.chance(70) else []
        self.random.shuffle(rails)
        after = self.pick(["", "", " -> relu", " -> batchnorm"])
        return f"conv2d 1x1 @{width} -> relu -> add {{ " + " ".join(f"| {rail}" for rail in rails) + " }" + after

    def normed(self):
        """Convolutions that a concat joins, and a batch norm of all their channels."""
        rails = " ".join(f"| {self.conv()}" for _ in range(self.random.randint(2, 3)))
        return f"concat {{ {rails} }} -> batchnorm"

    def block(self, depth):
        """A block, used once or twice."""
        body = self.join(depth) if self.chance(60) else self.steps(depth, 3)
        name = self.define("B", [], body)
        return f"{name} -> {name}" if self.chance(50) else name

    def handed(self):
        """A block that is handed an op, whose settings are numbers of whoever uses it."""
        acts = ["scale (factor: factor)", "conv2d (kernel: [1, 1], width: in)", "cbr (kernel: [3, 3], width: in)"]
        act = self.pick(acts)
        name = self.define("H", ["act"], f"{self.conv()} -> act")
        return name.replace("act: act", f"act: {act}")

    def define(self, word, names, body):
        """Define a block; returns its use."""
        name = f"{word}{len(self.blocks)}"
        if "factor" in body.replace("factor:", ""):
            names = [*names, "factor"]
        self.blocks.append(f"block {name}{'(' + ', '.join(names) + ')' if names else ''} = {body}")
        return name + ("(" + ", ".join(f"{each}: {each}" for each in names) + ")" if names else "")

    def net(self):
        """The whole spec."""
        channels = self.random.randint(1, 4)
        size = "H, W" if self.chance(70) else "17, 12"
        lines = [f"  input x [{channels}, {size}]"]
        value = "x"
        if self.chance(25):
            scale = ", ".join(str(self.random.randint(1, 9) / 4) for _ in range(channels))
            stem = f"normalize (scale: [{scale}], shift: [{scale}]) -> {self.pick(['conv2d', 'cbr'])} 3x3 @4 valid"
            lines.append(f"  stem = x -> {stem}")
            value = "stem"
        for i in range(self.random.randint(1, 3)):
            reduce = self.pick(["", "", "", f" -> {self.pick(POOLS[7:9])}"])
            lines.append(f"  v{i} = {value} -> {self.steps(2)}{reduce}")
            value = f"v{i}"
        if self.chance(20):
            lines.append(f"  aux early = {value} -> gap -> linear @3")
        if self.chance(20):
            lines.append(f"  output between = {value} -> {self.steps(1, 2)}")
        end = self.pick(["", " -> gap -> linear @3", " -> gap -> dropout 0.2 -> linear @3 -> scale 0.5", " -> relu"])
        lines.append(f"  output y = {value} -> {self.steps(1, 2)}{end}")
        body = "\n".join(lines)
        params = "(factor = 0.3)" if "factor" in body.replace("factor:", "") else ""
        return "\n".join([UNITS + "\n".join(self.blocks), f"net N{params} {{", body, "}", ""])


def spec(seed):
    """The text of a net."""
    return Writer(seed).net()
