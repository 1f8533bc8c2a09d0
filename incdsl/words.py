"""What the words of the language mean, for `incdsl explain`: a sentence or two, and a line that shows it."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "inc": ("The edition of the language, in the first line of a spec.", "inc 1"),
    "from": ("Imports units, blocks and nets of another file.", 'from "specs/v3.inc" use InceptionA, conv'),
    "use": ("What an import brings, perhaps under another name.", 'from "specs/v3.inc" use conv as convolution'),
    "as": (
        "Another name for what is imported; or, behind a convolution, the smaller kernels that it is made of.",
        "conv2d 7x7 @64 as 1x7, 7x1",
    ),
    "unit": (
        "A chain with a name. What a use says goes to its first op with a kernel or a width.",
        "unit conv(act = relu) = conv2d (bias: false) -> batchnorm -> act",
    ),
    "block": (
        "A part of a net that becomes a class of the generated file; `in` is what flows in.",
        "block Residual(width) = add { | identity | conv2d 3x3 @width }",
    ),
    "net": ("A network: inputs, values, outputs; or a variant of another net.", "net Small(classes = 10) { … }"),
    "input": (
        "What flows into a net: channels, height and width, or channels alone; in a block, names of its inputs.",
        "input image [3, 224, 224]",
    ),
    "output": ("What a net or block gives.", "output logits = image -> gap -> linear @10"),
    "aux": (
        "An auxiliary head of a net: it only runs in training, and its loss counts with a weight.",
        "aux early (weight: 0.3) = stem -> gap -> linear @10",
    ),
    "expect": ("A fact to check: `params`, `deployed_params`, `macs`, `train_macs`, `keys`.", "expect params = 4_548"),
    "let": ("A name for a number or another setting, in the body of a block or net.", "let hidden = in // 4"),
    "with": ("What a variant changes of a net.", "net Grey = InceptionV3 with { input image [1, 299, 299] }"),
    "without": ("Leaves out an auxiliary head or an output, in a variant.", "without AuxLogits"),
    "in": (
        "What flows into a block, at the start of a chain; in an expression, its number of channels. Also in `for`.",
        "in -> conv2d 1x1 @(in // 2)",
    ),
    "times": ("Repeats a step.", "layer1..: Residual(width: 64) times 3"),
    "for": ("Repeats a step, or a rail, for the items of a list.", "conv2d 3x3 @w for w in [32, 64]"),
    "if": (
        "Chooses a step, a rail or a number by a test that is decided at compile time.",
        "conv2d 3x3 @8 if wide else conv2d 1x1 @8",
    ),
    "else": ("What stands where the test of an `if` does not hold.", "| if wide: conv2d 3x3 @8 | else: conv2d 1x1 @8"),
    "and": ("Both tests hold.", "relu if depth > 2 and wide"),
    "or": ("One of the tests holds.", "relu if depth > 2 or wide"),
    "not": ("The test does not hold.", "relu if not wide"),
    "true": ("A truth value.", "conv2d 3x3 @8 (bias: true)"),
    "false": ("A truth value.", "conv2d 3x3 @8 (bias: false)"),
    "concat": ("Joins the channels of rails.", "concat { | conv2d 1x1 @8 | maxpool 3x3 }"),
    "reduce": (
        "`concat` for rails that all reduce the grid by the same stride, 2 or more.",
        "reduce { | conv2d 3x3/2 @8 half | maxpool 3x3/2 half }",
    ),
    "add": ("The sum of rails.", "add { | identity | conv2d 3x3 @8 }"),
    "mul": ("The product of rails; [C, 1, 1] scales channels.", "mul { | identity | gap -> sigmoid }"),
    "split": ("Parts of the channels: several values, or a share for each rail.", "a, b = x -> split 2"),
    "valid": ("No padding.", "conv2d 3x3/2 @8 valid"),
    "tfsame": (
        "Padding as TensorFlow's SAME: at a stride the end gets more than the start.", "conv2d 3x3/2 @8 tfsame",
    ),
    "same": ("Padding that keeps the size, at stride 1 for odd kernels; the default there.", "conv2d 3x3 @8 same"),
    "half": ("PyTorch's usual padding, d(k-1)/2 on both sides.", "conv2d 3x3/2 @8 half"),
    "pad": ("So much padding on both sides.", "conv2d 3x3/2 @8 pad 1"),
    "ceil": ("A pool that rounds up; in an expression, a function that does.", "maxpool 3x3/2 half ceil"),
    "floor": ("A function: the whole number below.", "conv2d 1x1 @(floor(8 * 0.7))"),
    "round": ("A function: the nearest whole number, of two the even one.", "conv2d 1x1 @(round(8 * 0.7))"),
    "min": ("A function: the smallest number.", "conv2d 1x1 @(min(8, 16))"),
    "max": ("A function: the largest number.", "conv2d 1x1 @(max(8, 16))"),
    "make_divisible": (
        "A function: the nearest multiple of a number, not a tenth below the value (MobileNet).",
        "conv2d 1x1 @(make_divisible(32 * 0.75, 8))",
    ),
}  # fmt: skip


def word_reference(word: str) -> str:
    """A page about a word, in Markdown."""
    meaning, shown = WORDS[word]
    return f"# `{word}`\n\n{meaning}\n\n```inc\n{shown}\n```\n"
