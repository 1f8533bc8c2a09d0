"""Specs that nobody means well with: each has a name, its text, and what the compiler must answer.

The answer is the code that must be among the diagnostics, `OK` for a spec that compiles, or `ANY` where both would do:
what counts there is that an answer comes, in time.
"""

from tests.nets import spec

OK = "ok"
ANY = "any"


def commented(comment):
    """A small net with a comment at every place where comments can stand."""
    block = "block B = conv2d 3x3 @4\n"
    return f"#{comment}\ninc 1\n#{comment}\n{block}#{comment}\n" + spec(f"B #{comment}").removeprefix("inc 1\n")


def chained(count, link, arrow=" -> "):
    """A chain of equal steps."""
    return arrow.join([link] * count)


def towers(height, bottom, level):
    """Blocks B0, B1, …: the first is `bottom`, each other one `level`, where `{b}` is the block before."""
    blocks = [f"block B0{bottom}\n"] + [f"block B{i}{level.format(b=f'B{i - 1}')}\n" for i in range(1, height)]
    return "".join(blocks)


PLAIN = spec("conv2d 3x3 @4")

BYTES = {
    "empty": (b"", "E103"),
    "blank": (b" \t\r\n\n", "E103"),
    "nul": (b"inc 1\0", "E105"),
    "nul in a comment": (PLAIN.encode() + b"# \0\n", "E105"),
    "binary": (bytes(range(256)), "E105"),
    "elf": (b"\x7fELF\x02\x01\x01" + bytes(100), "E105"),
    "invalid utf-8": (PLAIN.encode() + b"# \xff\xfe\n", "E105"),
    "overlong utf-8": (PLAIN.encode() + b"# \xc0\x80\n", "E105"),
    "surrogate": (PLAIN.encode() + b"# \xed\xa0\x80\n", "E105"),
    "utf-16": (PLAIN.encode("utf-16"), "E105"),
    "latin-1": ((PLAIN + "# é\n").encode("latin-1"), "E105"),
    "bom": (b"\xef\xbb\xbf" + PLAIN.encode(), OK),
    "two boms": (b"\xef\xbb\xbf" * 2 + PLAIN.encode(), "E104"),
    "crlf": (PLAIN.replace("\n", "\r\n").encode(), OK),
    "cr": (PLAIN.replace("\n", "\r").encode(), OK),
    "no line end": (PLAIN.rstrip().encode(), OK),
    "1 MiB of (": (b"(" * 2**20, "E503"),
    "1 MiB of spaces": (b"inc 1".ljust(2**20), "E218"),
    "1 MiB of a word": (b"inc 1\nnet " + b"a" * (2**20 - 10), "E207"),
    "1 MiB of digits": (b"inc " + b"9" * (2**20 - 4), "E504"),
    "1 MiB of #": (b"#" * 2**20, "E103"),
    "1 MiB and a byte": (b" " * (2**20 + 1), "E501"),
    "3 MiB": (b"(" * (3 << 20), "E501"),
}

SIZES = {
    "50,001 tokens": ("inc 1\n" + "x " * 49_999, "E502"),
    "50,000 tokens": ("inc 1\n" + "x " * 49_998, "E101"),
    "many bars": ("inc 1\nnet N {}\n" + "| " * 49_900, "E101"),
    "many keywords": ("inc 1\n" + "output " * 49_900, "E101"),
    "errors inside brackets": ("inc 1\nunit u = " + "(" * 60 + " relu " + "input " * 49_900, "E101"),
    "errors inside rails": ("inc 1\nunit u = " + "relu -> concat { | " * 30 + "expect " * 49_800, "E101"),
    "unclosed": ("inc 1\nnet N { input x [3, 8, 8]\n" + "output y = x -> concat { |" * 60, ANY),
    "illegal characters": ("inc 1\n" + "$" * 49_990, "E104"),
    "control characters": ("inc 1\n#" + "\x1b" * 1_000_000, "E104"),
    "bidi characters": ("inc 1\n#" + "\u202e" * 340_000, "E104"),
    "nesting 64": (spec("conv2d 3x3 @" + "(" * 63 + "4" + ")" * 63), OK),
    "nesting 65": (spec("conv2d 3x3 @" + "(" * 64 + "4" + ")" * 64), "E503"),
    "nested lists": (spec("conv2d 3x3 @4 (dilation: " + "[" * 61 + "1" + "]" * 61 + ")"), "E203"),
    "nested rails": (spec("concat { | " * 60 + "relu" + " }" * 60), OK),
    "long comment": ("inc 1\n# " + "x" * 1_000_000 + "\n" + PLAIN.removeprefix("inc 1\n"), OK),
    "many comments": ("inc 1\n" + "# a\n" * 49_900 + PLAIN.removeprefix("inc 1\n"), OK),
    "too many comments": ("inc 1\n" + "# a\n" * 200_000 + PLAIN.removeprefix("inc 1\n"), "E502"),
    "label 1 on a rail": (spec("concat { | 1: maxpool 3x3 | relu }"), "E207"),
    "long string": (spec('relu\n  expect keys = "' + "a" * 1_000_000 + '"'), "E305"),
    "long line": (spec("relu" + " " * 1_000_000 + "$"), "E104"),
    "path of 20,000 parts": (spec(".".join(["a"] * 20_000) + ": conv2d 1x1 @4"), ANY),
    "path of 500 parts": (spec(".".join(["a"] * 500) + ": conv2d 1x1 @4"), ANY),
    "many labels": (spec(", ".join(["a"] * 20_000) + ": conv2d 1x1 @4"), "E215"),
    "many arguments": (spec("conv2d 3x3 @4 (" + ", ".join(["bias: false"] * 9_000) + ")"), "E203"),
    "many blocks": ("inc 1\n" + "block B = relu\n" * 9_000, "E206"),
    "many inputs": (PLAIN.replace("input x", "input a [3, 8, 8]\n  " * 4_000 + "input x"), "E206"),
    "many outputs": (spec("relu\n" + "\n".join(f"output y{i} = x -> relu" for i in range(4_000))), OK),
    "many facts": (spec("relu\n" + "expect params = 0\n" * 9_000), OK),
    "many parameters": (spec("relu", params="(" + ", ".join(f"p{i} = 1" for i in range(9_000)) + ")"), "E208"),
    "many classes": (spec(chained(1, " -> ".join(f"C{i}" for i in range(3_000))),
                         "".join(f"block C{i} = conv2d 3x3 @{i % 50 + 1}\n" for i in range(3_000))), OK),
    "9,000 rails": (spec("concat { " + "| conv2d 1x1 @4 " * 9_000 + "}"), "E505"),
    "4,900 rails": (spec("concat { " + "| conv2d 1x1 @4 " * 4_900 + "}"), OK),
    "4,900 rails of a list": (spec("concat { | for k in [" + ", ".join(["1"] * 4_900) + "]: conv2d 1x1 @k }"), OK),
    "4,900 rails that disagree": (spec("concat {" + "".join(f"\n| maxpool 3x3/{1 + i % 3} half" for i in range(4_900))
                                      + "}"), "E301"),
    "4,900 factors": (spec("conv2d 3x1 @4900 as { " + "| 3x1 @1 " * 4_900 + "}"), OK),
    "4,900 labels": (spec(" -> ".join(f"{'lL'[i % 2]}{i // 2}: relu" for i in range(4_900))), OK),
    "4,900 parameters": (spec(" -> ".join(f"conv2d 1x1 @p{i}" for i in range(4_900)),
                             params="(" + ", ".join(f"p{i} = 3" for i in range(4_900)) + ")"), OK),
    "1,600 heads": (spec("relu\n" + "\n".join(f"aux h{i} = x -> gap -> linear @3" for i in range(1_600))), OK),
    "7,000 values without a use": (spec("relu\n" + "\n".join(f"v{i} = x -> relu" for i in range(7_000))), "E505"),
    "15,000 rails of nothing": (spec("concat { " + "| x " * 15_000 + "}"), "E209"),
    "20,000 names to import": ('inc 1\nfrom "specs/v3.inc" use ' + ", ".join(f"a{i}" for i in range(20_000))
                               + PLAIN.removeprefix("inc 1"), "E219"),
    "1,000 imports": ("inc 1" + '\nfrom "specs/v3.inc" use InceptionA' * 1_000 + PLAIN.removeprefix("inc 1"), "E206"),
    "9,000 names that are almost right": (spec(" -> ".join(f"zzzzzzzzzzzz{i}" for i in range(9_000)),
                                              "".join(f"block zzzzzzzzzzz{i}q = relu\n" for i in range(5_000))),
                                          "E201"),
    "sum of 20,000": (spec("conv2d 3x3 @(" + chained(20_000, "1", "+") + ")"), OK),
    "product of 5,000": (spec("conv2d 3x3 @(" + chained(5_000, "1", "*") + ")"), OK),
    "sum of 5,000 symbols": (spec("conv2d 3x3 @(" + chained(5_000, "w", "+") + ")", params="(w = 1)"), OK),
    "for 24,000": (spec("conv2d 3x3 @k for k in [" + ", ".join(["1"] * 24_000) + "]"), "E505"),
    "lists that double compared in 4,000 rails": (
        spec("B15(l: 1, m: 1)", towers(16, "(l, m) = concat { " + "| if l == m: relu " * 4_000 + "}",
                                      "(l, m) = {b}(l: [l, l], m: [m, m])")), "E508"),
    "units 3,000 deep": (spec("u2999", "unit u0 = relu\n" + "".join(f"unit u{i} = relu -> u{i - 1}\n"
                                                                   for i in range(1, 3_000))), "E503"),
    "3,000 arguments": (spec("B(" + ", ".join(f"p{i}: w" for i in range(3_000)) + ") times 4000",
                            "block B(" + ", ".join(f"p{i}" for i in range(3_000)) + ") = relu\n", params="(w = 3)"),
                        "E508"),
}  # fmt: skip

NETS = {
    "2,500 nets": ("inc 1\n" + "".join(f"net N{i} {{ input x [3] output y = x -> relu }}\n" for i in range(2_500)),
                   "E505"),
    "1,500 nets of one mistake": ("inc 1\nblock B = (relu times 4000) -> relu -> nothing\n" + "".join(
        f"net N{i} {{ input x [3]\n output y = x -> B }}\n" for i in range(1_500)), "E505"),
    "variants 3,000 deep": (PLAIN + "".join(f"net V{i} = {f'V{i - 1}' if i else 'N'}\n" for i in range(3_000)), "E503"),
    "3,000 variants of one net": (
        'inc 1\nfrom "specs/v3.inc" use InceptionV3\n' + "".join(f"net V{i} = InceptionV3\n" for i in range(3_000)),
        "E505"),
    "2,000 parameters handed to 5,000 nets": (
        "inc 1\nnet N(" + ", ".join(f"p{i} = 1" for i in range(2_000)) + ") { input x [3]\n output y = x -> relu }\n"
        + "".join(f"net V{i} = {f'V{i - 1}' if i else 'N'}\n" for i in range(60))
        + "".join(f"net W{i} = V59\n" for i in range(5_000)), "E505"),
    "5,000 overrides": (PLAIN + "net V = N with {" + "".join(f" b{i}: relu\n" for i in range(5_000)) + "}\n", "E220"),
}  # fmt: skip
"""Texts of several nets, for `check`."""
