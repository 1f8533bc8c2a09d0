"""Draws the figures of the pages into docs/figures/, and writes the part of the gallery that shows them."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import fill

import incdsl
from incdsl.drawing.drawing import Look, drawing
from incdsl.drawing.part import chosen, part_of
from incdsl.source import Source
from incdsl.subject import Asked

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Figure:
    """One figure: the file, what is drawn, how, and what is said of it."""

    name: str
    what: str
    text: str
    look: Look = field(default_factory=Look)

    @property
    def svg(self) -> str:
        """The figure as it is kept."""
        spec, found, rest = self.what.partition("::")
        part = part_of(f"{ROOT / spec}{found}{rest}", Asked(root=(ROOT / spec).parent), folds=self.look.folds)
        return drawing(part, self.look, self.name).svg

    @property
    def command(self) -> str:
        """The command that draws it."""
        options = [
            f"--{name} {value}" for name, value in (("heat", self.look.heat), ("depth", self.look.depth)) if value
        ]
        quoted = f"'{self.what}'" if set(self.what) & set(" (){}[]@") else self.what
        return " ".join(["incdsl draw", quoted, *options, "-o", f"{self.name}.svg"])


@dataclass(frozen=True)
class Difference(Figure):
    """A figure of what is drawn beside another net, and what changed."""

    other: str = ""

    @property
    def svg(self) -> str:
        """The figure as it is kept."""
        made = incdsl.diff(*(f"{ROOT}/{what}" for what in (self.what, self.other))).draw(theme=self.look.theme)
        return replace(made, name=self.name).svg

    @property
    def command(self) -> str:
        """The command that draws it."""
        return f"incdsl diff {self.what} {self.other} -o {self.name}.svg"


GRIDS = "specs/modules/grid_reduction.inc::"
SECTIONS: dict[str, tuple[Figure, ...]] = {
    "A network": (
        Figure(
            "v3", "specs/v3.inc",
            "Inception-v3. The paper has a table of its layers (Table 1) and no figure of the whole. "
            "Each bound value of the spec is a column: the stem, the three grids. Lines get wider with "
            "the channels, so the growth from 3 to 2048 is seen at once. A trapezoid is a step that halves "
            "the grid; the two reductions are blocks, behind which the new grid is written. The auxiliary "
            "head hangs, dashed, where it leaves the last 17×17 grid. "
            "Below each column stands what it costs.",
        ),
        Figure(
            "v3_heat", "specs/v3.inc",
            "The same with its multiply-accumulates as heat, each block by itself. The most expensive "
            "step is the 3×3 convolution of the stem, on a grid of 71×71: 12 % of the whole.", Look(heat="macs"),
        ),
        Figure(
            "googlenet", "specs/googlenet.inc",
            "GoogLeNet with its two auxiliary heads. The paper's Figure 3 draws all layers of all "
            "modules on one long page; here a module is one box with its rails in small.",
        ),
        Figure(
            "inception_resnet_v2", "specs/inception_resnet_v2.inc",
            "Inception-ResNet-v2. Its residual blocks are repeated 10, 20 and 9 times, and are drawn once.",
        ),
    ),
    "Modules of Inception-v3": (
        Figure(
            "inception_a", "specs/v3.inc::InceptionA",
            "InceptionA, Figure 5 of arXiv:1512.00567. The paper draws from the bottom up, with the same width for "
            "every arrow; here a figure is read as the spec is. The bracket says that two 3×3 stand for "
            "a 5×5: the paper has them in place of the 5×5 of the first Inception, the published code beside one. "
            "The bar adds up the channels of the rails: 64 + 64 + 96 + 32 = 256.",
        ),
        Figure(
            "inception_b", "specs/v3.inc::InceptionB",
            "InceptionB, Figure 6 with n = 7: each 7×7 is a 1×7 and a 7×1, or these in the other order. The third "
            "rail has two of them, and its last convolution looks 13 cells far.",
        ),
        Figure(
            "inception_c", "specs/v3.inc::InceptionC",
            "InceptionC, Figure 7, the expanded filter bank: 1×3 and 3×1 stand side by side, and a thin bar joins "
            "them. Together they see a cross, and not the corners of the 3×3; what they give is twice as wide.",
        ),
        Figure(
            "reduction_a", "specs/v3.inc::ReductionA",
            "ReductionA, Figure 10: a strided convolution, another behind two, and a pool. All rails end on the "
            "17×17 grid, and the pool passes all of its 288 channels on.",
        ),
        Figure(
            "reduction_b", "specs/v3.inc::ReductionB",
            "ReductionB, which the paper has no figure of: as the other reduction, from 17×17 to 8×8, but each strided "
            "convolution has a 1×1 before it, and one of them also a 7×7 in two factors.",
        ),
        Figure(
            "aux_head", "specs/v3.inc::AuxHead",
            "The auxiliary head, which the paper only describes: a mean over 5×5 cells brings the grid to "
            "5×5, a 1×1 and a 5×5 convolution to one cell, and a linear layer classifies it.",
        ),
    ),
    "The first Inception module": (
        Figure(
            "naive", "specs/modules/inception.inc::Naive",
            "Figure 2a of arXiv:1409.4842, the naive version: the pool passes all 192 channels on, so "
            "the output is wider than the input, and the next module would be wider still.",
        ),
        Figure(
            "reduced", "specs/modules/inception.inc::Reduced",
            "Figure 2b: 1×1 convolutions before the large ones and after the pool. It has 42 % of the "
            "parameters and of the multiply-accumulates of the naive one.",
        ),
    ),
    "Factorization": (
        Figure(
            "two_3x3", "specs/modules/factorization.inc::Two3x3",
            "Figure 1 of arXiv:1512.00567 is this pair as a pyramid of cells: a 5×5 as two 3×3, 18 "
            "instead of 25 weights.",
        ),
        Figure(
            "asymmetric_3x3", "specs/modules/factorization.inc::Asymmetric3x3",
            "Figure 3 of arXiv:1512.00567: a 3×3 as 3×1 and 1×3, 6 instead of 9 weights.",
        ),
        Figure(
            "asymmetric_7x7", "specs/modules/factorization.inc::Asymmetric7x7",
            "As in Figure 3, for n = 7: a 7×7 as 1×7 and 7×1, 14 instead of 49 weights.",
        ),
    ),
    "Three ways to a coarser grid": (
        Figure(
            "pool_then_conv", "specs/modules/grid_reduction.inc::PoolThenConv",
            "Figure 9, left: cheap, but 320 channels on a grid of 18×18 are a bottleneck. The thin line shows it.",
        ),
        Figure(
            "conv_then_pool", "specs/modules/grid_reduction.inc::ConvThenPool",
            "Figure 9, right: no bottleneck, and four times the multiply-accumulates.",
        ),
        Figure(
            "parallel", "specs/modules/grid_reduction.inc::Parallel",
            "Figure 10 in its simplest form: both at once, 320 + 320 = 640, for half of the cheap one's cost.",
        ),
    ),
    "Two networks on one canvas": (
        Difference(
            "v3_fid", "specs/v3.inc",
            "Inception-v3 beside its FID variant. What is the same is grey. One cause is one remark: the unit of "
            "all mean pools leaves the padding out, and small figures show which steps of the blocks these are.",
            other="specs/v3_fid.inc",
        ),
        Difference(
            "v1_v3", "specs/v1.inc",
            "GoogLeNet beside Inception-v3. Almost nothing is left but the pools of the stem and the end: each "
            "Inception module was replaced, and one auxiliary head of two went.",
            other="specs/v3.inc",
        ),
        Difference(
            "pool_conv", f"{GRIDS}PoolThenConv",
            "The first two ways to a coarser grid: the pool has moved behind the convolution, which now runs on the "
            "fine grid. Every key of a checkpoint fits, although the nets compute something else.",
            other=f"{GRIDS}ConvThenPool",
        ),
        Difference(
            "pool_parallel", f"{GRIDS}PoolThenConv",
            "Pooling first beside doing both at once: the pool stays as it is, and the convolution, half as wide, "
            "stands next to it.",
            other=f"{GRIDS}Parallel",
        ),
        Difference(
            "conv_parallel", f"{GRIDS}ConvThenPool",
            "The expensive way beside both at once: the pool reads the input now, and an eighth of the "
            "multiply-accumulates is left.",
            other=f"{GRIDS}Parallel",
        ),
    ),
    "Residuals and crossing values": (
        Figure(
            "block17", "specs/inception_resnet_v2.inc::Block17",
            "Figure 17 of arXiv:1602.07261: an Inception module whose output is scaled and added to what "
            "flows in. The identity is a bare line.",
        ),
        Figure(
            "unet", "examples/unet.inc",
            "U-Net, which arXiv:1505.04597 draws as the letter. Here the way down and the way up are one spine, and "
            "what was seen on the way down waits in lanes, the finest map longest.",
        ),
        Figure(
            "fpn", "examples/fpn.inc::FPN",
            "A feature pyramid is not series-parallel: values go down one way and across to another. No "
            "line passes through a box, a dot is where a value is read again, and a line has a gap where "
            "it crosses another.",
        ),
    ),
}  # fmt: skip
DARK = (
    Figure("v3_dark", "specs/v3.inc", "", Look(theme="dark")),
    Difference("v3_fid_dark", "specs/v3.inc", "", Look(theme="dark"), "specs/v3_fid.inc"),
)
_LOST = ("conv 3x3 @96 -> conv 3x3/2 @96 valid", "conv 3x3 @96 -> conv 3x3/2 @96 pad 1")
"""The `valid` that the README loses."""


def broken() -> str:
    """Inception-v3 with a mistake, as `docs/draw.md` shows it."""
    text = (ROOT / "specs" / "v3.inc").read_text(encoding="utf-8")
    assert _LOST[0] in text
    return drawing(chosen(Source("specs/v3.inc", text.replace(*_LOST))), name="broken").svg


def files() -> dict[str, str]:
    """All figures by the names of their files."""
    found = [figure for figures in SECTIONS.values() for figure in figures]
    return {"broken.svg": broken()} | {f"{figure.name}.svg": figure.svg for figure in (*found, *DARK)}


def section() -> str:
    """The part of the gallery with the figures."""
    parts = [
        "## Figures",
        "`incdsl draw` makes them; [a page](draw.md) says how to read them. Those of papers are not ours "
        "to show, so the\ncaptions say where ours differ.",
    ]
    for title, figures in SECTIONS.items():
        parts.append(f"### {title}")
        for figure in figures:
            alt = figure.text.split(".")[0].split(":")[0]
            image = f"![{alt}](figures/{figure.name}.svg)"
            if figure.name in ("v3", "v3_fid"):
                image = picture(f"figures/{figure.name}", alt)
            parts += [image, f"{fill(figure.text, 120)}\n`{figure.command}`"]
    return "\n\n".join(parts)


def picture(path: str, alt: str) -> str:
    """An image for light pages and one for dark ones."""
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{path}_dark.svg">'
        f'<img alt="{alt}" src="{path}.svg"></picture>'
    )
