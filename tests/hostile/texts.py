"""Specs that nobody means well with: each has a name, its text, and what the compiler must answer.

The answer is the code that must be among the diagnostics, `OK` for a spec that compiles, or `ANY` where both would do:
what counts there is that an answer comes, in time.
"""

OK = "ok"
ANY = "any"


def net(chain, before="", shape="[3, 32, 32]", params=""):
    """A net of one chain."""
    return f"inc 1\n{before}net N{params} {{\n  input x {shape}\n  output y = x -> {chain}\n}}\n"


def commented(comment):
    """A small net with a comment at every place where comments can stand."""
    block = "block B = conv2d 3x3 @4\n"
    return f"#{comment}\ninc 1\n#{comment}\n{block}#{comment}\n" + net(f"B #{comment}").removeprefix("inc 1\n")


def chained(count, link, arrow=" -> "):
    """A chain of equal steps."""
    return arrow.join([link] * count)


def towers(height, bottom, level):
    """Blocks B0, B1, …: the first is `bottom`, each other one `level`, where `{b}` is the block before."""
    blocks = [f"block B0{bottom}\n"] + [f"block B{i}{level.format(b=f'B{i - 1}')}\n" for i in range(1, height)]
    return "".join(blocks)


PLAIN = net("conv2d 3x3 @4")

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
    "nesting 64": (net("conv2d 3x3 @" + "(" * 63 + "4" + ")" * 63), OK),
    "nesting 65": (net("conv2d 3x3 @" + "(" * 64 + "4" + ")" * 64), "E503"),
    "nested lists": (net("conv2d 3x3 @4 (dilation: " + "[" * 61 + "1" + "]" * 61 + ")"), "E203"),
    "nested rails": (net("concat { | " * 60 + "relu" + " }" * 60), OK),
    "long comment": ("inc 1\n# " + "x" * 1_000_000 + "\n" + PLAIN.removeprefix("inc 1\n"), OK),
    "many comments": ("inc 1\n" + "# a\n" * 200_000 + PLAIN.removeprefix("inc 1\n"), OK),
    "long string": (net('relu\n  expect keys = "' + "a" * 1_000_000 + '"'), "E305"),
    "long line": (net("relu" + " " * 1_000_000 + "$"), "E104"),
    "path of 20,000 parts": (net(".".join(["a"] * 20_000) + ": conv2d 1x1 @4"), ANY),
    "path of 500 parts": (net(".".join(["a"] * 500) + ": conv2d 1x1 @4"), ANY),
    "many labels": (net(", ".join(["a"] * 20_000) + ": conv2d 1x1 @4"), "E215"),
    "many arguments": (net("conv2d 3x3 @4 (" + ", ".join(["bias: false"] * 9_000) + ")"), "E203"),
    "many blocks": ("inc 1\n" + "block B = relu\n" * 9_000, "E218"),
    "many inputs": (PLAIN.replace("input x", "input a [3, 8, 8]\n  " * 4_000 + "input x"), "E206"),
    "many outputs": (net("relu\n" + "\n".join(f"output y{i} = x -> relu" for i in range(4_000))), OK),
    "many facts": (net("relu\n" + "expect params = 0\n" * 9_000), OK),
    "many parameters": (net("relu", params="(" + ", ".join(f"p{i} = 1" for i in range(9_000)) + ")"), "E208"),
    "many classes": (net(chained(1, " -> ".join(f"C{i}" for i in range(3_000))),
                         "".join(f"block C{i} = conv2d 3x3 @{i + 1}\n" for i in range(3_000))), OK),
    "9,000 rails": (net("concat { " + "| conv2d 1x1 @4 " * 9_000 + "}"), OK),
    "9,000 rails of a list": (net("concat { | for k in [" + ", ".join(["1"] * 9_000) + "]: conv2d 1x1 @k }"), OK),
    "9,000 factors": (net("conv2d 3x1 @9000 as { " + "| 3x1 @1 " * 9_000 + "}"), OK),
}  # fmt: skip

NUMBERS = {
    "19 digits": (net("conv2d 1x1 @1000000000000000000"), "E504"),
    "19 digits with _": (net("conv2d 1x1 @1_000_000_000_000_000_000"), "E504"),
    "18 digits": (net("conv2d 1x1 @999999999999999999"), "E203"),
    "18 digits squared": (net("conv2d 1x1 @(999999999999999999 * 999999999999999999)"), "E504"),
    "1e999": (net("dropout 1e999"), "E504"),
    "1e999999999999": (net("scale 1e999999999999"), "E504"),
    "1e-999": (net("scale 1e-999"), OK),
    "1.": (net("dropout 1."), ANY),
    "400 decimals": (net("scale 0." + "0" * 400 + "1"), "E504"),
    "float overflow": (net("scale (factor: 1e308 * 1e308)"), "E504"),
    "edition of 400 digits": ("inc " + "9" * 400, "E504"),
    "edition 0": (PLAIN.replace("inc 1", "inc 0"), "E103"),
    "no edition": (PLAIN.replace("inc 1", "inc"), "E103"),
    "zero": (net("conv2d 1x1 @0"), "E203"),
    "negative": (net("conv2d 1x1 @(0 - 4)"), "E203"),
    "division by zero": (net("conv2d 1x1 @(4 // 0)"), "E212"),
    "kernel 0": (net("conv2d 0x0 @4 valid"), "E203"),
    "stride 0": (net("conv2d 3x3/0 @4 valid"), "E203"),
    "huge kernel": (net("conv2d 9999x9999 @4"), OK),
    "huge stride": (net("conv2d 1x1/999999999999999999 @4", shape="[3, H, W]"), "E203"),
    "huge input": (net("relu", shape="[3, 2147483648, 2147483648]"), "E203"),
    "huge strides": (net(chained(60, "conv2d 1x1/2147483647 @4"), shape="[3, H, W]"), ANY),
    "sum of 20,000": (net("conv2d 3x3 @(" + chained(20_000, "1", "+") + ")"), OK),
    "product of 20,000": (net("conv2d 3x3 @(" + chained(20_000, "1", "*") + ")"), OK),
    "sum of 20,000 symbols": (net("conv2d 3x3 @(" + chained(20_000, "w", "+") + ")", params="(w = 1)"), OK),
    "product of symbols": (net("conv2d 3x3 @(" + chained(5_000, "w", "*") + ")", params="(w = 1)"), "E504"),
    "quotient of symbols": (net("conv2d 3x3 @(" + chained(5_000, "w", "//") + ")", params="(w = 1)"), ANY),
    "tower of squares": (net("B59(a: w)", towers(60, "(a) = conv2d 3x3 @a", "(a) = {b}(a: a * a)"), params="(w = 1)"),
                         "E504"),
    "tower of sums": (net("B59(a: w)", towers(60, "(a) = conv2d 3x3 @a", "(a) = {b}(a: a + a - a)"), params="(w = 1)"),
                      OK),
    "tower of quotients": (net("B59(a: w)", towers(60, "(a) = conv2d 3x3 @a", "(a) = {b}(a: (a + 1) // 2)"),
                               params="(w = 1)"), ANY),
    "shape of a deep quotient": (net("relu : [3, " + "(" * 60 + "H" + " * 3 // 2 + 1)" * 60 + ", W]",
                                     shape="[3, H, W]"), "E304"),
}  # fmt: skip

REPETITION = {
    "blocks 65 deep": (net("B64", towers(65, " = relu", " = {b}")), "E503"),
    "blocks 64 deep": (net("B63", towers(64, " = relu", " = {b}")), OK),
    "2^60 steps": (net("B59", towers(60, " = relu", " = {b} -> {b}")), "E505"),
    "2^60 times nothing": (net("B59", towers(60, " = in", " = {b} -> {b}")), ANY),
    "2^60 choices": (net("B59", towers(60, " = relu if false", " = {b} -> {b}")), ANY),
    "2^60 rails of nothing": (net("B59", towers(60, " = in", " = add {{ | {b} | {b} }}")), "E505"),
    "2^60 rails of mistakes": (net("B59", towers(60, " = nothing", " = add {{ | {b} | {b} }}")), ANY),
    "2^60 units": (net("u59", "unit u0 = relu\n" + "".join(f"unit u{i} = relu -> u{i - 1} -> u{i - 1}\n"
                                                           for i in range(1, 60))), "E505"),
    "2^60 items": (net("B59(l: 1)", towers(60, "(l) = relu for a in l", "(l) = {b}(l: [l, l])")), ANY),
    "2^60 items compared": (net("B59(l: 1, m: 1)", towers(60, "(l, m) = relu if l == m",
                                                          "(l, m) = {b}(l: [l, l], m: [m, m])")), ANY),
    "2^60 items shown": (net("B59(l: 1)", towers(60, "(l) = conv2d 3x3 @l", "(l) = {b}(l: [l, l])")), "E504"),
    "a block in itself": (net("B", "block B = conv2d 3x3 @8 -> B\n"), "E210"),
    "blocks in each other": (net("A", "block A = B\nblock B = C\nblock C = A\n"), "E210"),
    "a block given itself": (net("B(f: B)", "block B(f) = f(f: f)\n"), "E210"),
    "a block with itself by default": (net("B", "block B(f = B) = f\n"), "E210"),
    "a unit in itself": (net("u", "unit u = relu -> u\n"), "E210"),
    "units in each other": (net("a", "unit a = relu -> b\nunit b = relu -> a\n"), "E210"),
    "a unit that is itself": (net("u", "unit u = u\n"), ANY),
    "an op given to its namesake": (net("B(relu: relu)", "block B(relu) = relu\n"), ANY),
    "a unit given to its namesake": (net("B(g: g)", "unit g = relu\nblock B(g) = g\n"), ANY),
    "a unit handed down to its namesake": (
        net("A(f: g)", "unit g = relu\nblock A(f) = C(g: f)\nblock C(g) = g\n"), ANY),
    "a value of itself": (net("relu\n  a = a -> relu"), "E201"),
    "times in times": (net("(" * 5 + "conv2d 3x3 @3" + " times 100)" * 5), "E505"),
    "times 18 digits": (net("conv2d 3x3 @3 times 999999999999999999"), "E505"),
    "times nothing": (net("(" * 5 + "relu if false" + " times 9999)" * 5), ANY),
    "times 0": (net("relu times 0"), "E213"),
    "times -1": (net("relu times (0 - 1)"), "E213"),
    "times 9,999": (net("conv2d 3x3 @3 times 9999"), OK),
    "for 24,000": (net("conv2d 3x3 @k for k in [" + ", ".join(["1"] * 24_000) + "]"), "E505"),
    "pool and upsample 300 times": (
        net(chained(300, "maxpool 2x2/2 valid ceil -> upsample 2"), shape="[3, H, W]"), OK),
    "padded pool and upsample 300 times": (
        net(chained(300, "maxpool 3x3/2 pad 1 ceil -> upsample 2"), shape="[3, H, W]"), ANY),
    "odd pool and upsample 300 times": (
        net(chained(300, "maxpool 3x3/2 valid ceil -> upsample 3"), shape="[3, H, W]"), ANY),
    "strides without a common period": (
        net("concat { " + " ".join(f"| maxpool 3x3/{s} valid -> upsample {s}" for s in (127, 113, 109, 107)) + " }",
            shape="[3, H, W]"), ANY),
    "strides without a common period, deep": (
        net(chained(40, "maxpool 3x3/2 pad 1 ceil -> upsample 2") + " -> " + "concat { "
            + " ".join(f"| maxpool 3x3/{s} valid -> upsample {s}" for s in (97, 89, 83)) + " }",
            shape="[3, H, W]"), ANY),
    "a billion legal sizes": (
        net("reduce { | conv2d 3x3/2 @4 valid | conv2d 2x2/2 @4 valid } -> conv2d 1x1/500000000 @4 -> flatten"
            " -> linear @3", shape="[3, 2000000001, 2000000001]"), ANY),
}  # fmt: skip
