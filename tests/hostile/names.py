"""Names, labels, characters and comments that would like to be more than that."""

from tests.hostile.texts import ANY, OK, PLAIN, commented
from tests.nets import spec

_WORDS = ["class", "None", "lambda", "train", "eval", "forward", "type", "half", "training", "register_buffer",
          "add_module", "state_dict", "T_destination", "items", "keys", "pop", "append"]  # fmt: skip
_VALUES = ["torch", "nn", "F", "self", "super", "print", "open", "eval", "Tensor", "int", "range", "zip", "__import__"]
_SIGNS = {
    "cyrillic а": "а", "fullwidth colon": "：", "arrow": "→", "ligature ﬁ": "ﬁ", "mathematical 𝐚": "𝐚", "accent": "é",
    "no-break space": "\u00a0", "zero width space": "\u200b", "zero width joiner": "\u200d", "soft hyphen": "\u00ad",
    "ideographic space": "\u3000", "arabic digit": "٣", "dollar": "$", "backtick": "`", "backslash": "\\", "quote": '"',
    "semicolon": ";", "vertical tab": "\x0b", "form feed": "\x0c", "backspace": "\x08", "escape": "\x1b",
    "delete": "\x7f", "c1": "\x9b", "next line": "\x85", "line separator": "\u2028", "private": "\ue000",
    "unassigned": "\U000e0fff", "tag": "\U000e0041",
}  # fmt: skip
_HIDDEN = {
    "escape": "\x1b[2J", "backspace": "\x08\x08", "delete": "\x7f", "c1": "\x9b31m", "bell": "\x07",
    "right-to-left override": "\u202e", "isolate": "\u2067", "mark": "\u200f", "arabic mark": "\u061c",
    "zero width space": "\u200b", "bom": "\ufeff", "next line": "\x85", "line separator": "\u2028",
    "paragraph separator": "\u2029", "vertical tab": "\x0b", "form feed": "\x0c", "unit separator": "\x1f",
}  # fmt: skip

NAMES = {
    **{f"label {word}": (spec(f"{word}: conv2d 3x3 @4"), "E207") for word in _WORDS},
    **{f"value {word}": (spec(f"relu\n  {word} = x -> relu\n  output z = {word} -> relu"), "E207") for word in _VALUES},
    **{f"net {word}": (PLAIN.replace("net N", f"net {word}"), "E207") for word in ("torch", "nn", "Tensor", "class")},
    "label of 64 characters": (spec("a" * 64 + ": conv2d 3x3 @4"), OK),
    "label of 65 characters": (spec("a" * 65 + ": conv2d 3x3 @4"), "E207"),
    "part of 65 characters": (spec("a." + "b" * 65 + ".c: conv2d 3x3 @4"), "E207"),
    "net of 65 characters": (PLAIN.replace("net N", "net " + "N" * 65), "E207"),
    "label __class__": (spec("__class__: conv2d 3x3 @4"), "E207"),
    "label a.__class__": (spec("a.__class__: conv2d 3x3 @4"), "E207"),
    "label a.train": (spec("a.train: conv2d 3x3 @4"), "E207"),
    "label of 30 _": (spec("_" * 30 + ": conv2d 3x3 @4"), "E207"),
    "_ and 20 digits": (spec("_" + "1" * 20 + ": conv2d 3x3 @4"), "E207"),
    "label _": (spec("_: conv2d 3x3 @4"), "E207"),
    "label 0": (spec("0: conv2d 3x3 @4"), ANY),
    "label 00": (spec("00: conv2d 3x3 @4"), ANY),
    "label 0.0": (spec("0.0: conv2d 3x3 @4"), ANY),
    "label 1e5": (spec("1e5: conv2d 3x3 @4"), "E101"),
    "label 3x3": (spec("3x3: conv2d 3x3 @4"), "E101"),
    "label a..": (spec("a..: conv2d 3x3 @4"), ANY),
    "label a.0.. without times": (spec("a.0..: conv2d 3x3 @4"), "E215"),
    "label a.0..": (spec("a.0..: conv2d 3x3 @4 times 3"), OK),
    "label a.9 digits..": (spec("a.999999999999999999..: conv2d 3x3 @4 times 3"), ANY),
    "label a.": (spec("a.: conv2d 3x3 @4"), ANY),
    "label a.b.": (spec("a.b.: conv2d 3x3 @4"), ANY),
    "two dots": (spec("conv2d 3x3 @4 .. -> relu"), ANY),
    "three dots": (spec("a...b: conv2d 3x3 @4"), ANY),
    "label .a": (spec(".a: conv2d 3x3 @4"), ANY),
    "labels a.00 and a.0": (spec("a.00: conv2d 3x3 @4 -> a.0: conv2d 3x3 @4"), ANY),
    "labels a and a.b": (spec("a: conv2d 3x3 @4 -> a.b: conv2d 3x3 @4"), "E206"),
    "labels a.b and a": (spec("a.b: conv2d 3x3 @4 -> a: conv2d 3x3 @4"), "E206"),
    "labels of digits and letters": (spec("a.0: conv2d 3x3 @4 -> a.b: conv2d 3x3 @4 -> a.1.c: conv2d 3x3 @4"), OK),
    "label of the input": (spec("x: conv2d 3x3 @4"), ANY),
    "label of the net": (spec("N: conv2d 3x3 @4"), ANY),
    "label of an output": (spec("y: conv2d 3x3 @4"), ANY),
    "block of the net's outputs": (spec("NOutputs", "block NOutputs = conv2d 3x3 @4\n"), ANY),
    "block of a helper": (spec("Normalize -> layerscale", "block Normalize = conv2d 3x3 @4\n"), ANY),
    "parameter aux_logits": (spec("conv2d 3x3 @aux_logits", params="(aux_logits = 4)"), ANY),
    "parameter in_channels": (spec("B(in_channels: 4)", "block B(in_channels) = conv2d 3x3 @in_channels\n"), ANY),
}  # fmt: skip

CHARACTERS = {
    **{f"{name} in a name": (spec(f"a{sign}b: conv2d 3x3 @4"), "E104") for name, sign in _SIGNS.items() if sign != '"'},
    **{f"{name} between words": (spec(f"conv2d 3x3 @4 {sign} -> relu"), "E104") for name, sign in _SIGNS.items()},
    **{f"{name} in a comment": (commented(sign), "E104") for name, sign in _HIDDEN.items()},
    **{f"{name} in a string": (spec(f'relu\n  expect keys = "{sign}"'), "E104") for name, sign in _HIDDEN.items()},
    "string over two lines": (spec('relu\n  expect keys = "a\nb"'), "E104"),
    "markup in a string": (spec('relu\n  expect keys = "[bold red]x[/] <script>"'), "E305"),
}

COMMENTS = {
    name: (commented(text), OK)
    for name, text in {
        "triple quotes": '"""',
        "code": "\nimport os\n".replace("\n", " \r"),
        "carriage return": " a\rimport os",
        "backslash": " a\\",
        "coding": " -*- coding: utf-7 -*-",
        "coding =": "coding=latin-1",
        "shebang": "!/usr/bin/env python",
        "type": " type: ignore",
        "format": " {0} %s {x}",
        "banner": " Generated by incdsl; edits are lost. Net X of y.",
        "hashes": "####",
        "quotes": "'\"`",
        "emoji": " 🜁 é → 出",
        "tabs": "\ta\tb\t",
    }.items()
}
COMMENTS["line separator and code"] = (commented(" \u2028import os"), "E104")
