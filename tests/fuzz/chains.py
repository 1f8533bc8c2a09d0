"""Strategies for nets put together from steps, labels, repetitions and rails."""

from hypothesis import strategies as st

LABELS = ["", "", "", "a: ", "b: ", "a.b: ", "a.0: ", "f.0..: ", "c1, c2: ", "x: ", "relu: ", "N: ", "fc: "]
REPEATS = ["", "", "", "", " times 2", " times w", " for k in [1, 2]", " if w == 4", " if false", " : [4, 16, 16]"]
GUARDS = ["", "", "", "for k in [1, 2]: ", "if w == 4: ", "a: "]
SHAPES = ["[4, 16, 16]", "[4, H, W]", "[4]", "[w, 9, 9]", "[4, 8, W]"]
CALLS = [
    "conv2d 3x3 @4", "conv2d 1x1 @w", "u 3x3 @4", "u 1x1 @8", "batchnorm", "relu", "maxpool 2x2/2 valid", "avgpool 3x3",
    "gap", "linear @3", "flatten", "dropout 0.5", "identity", "upsample 2", "B", "C(a: 4)", "C(a: w)", "D(f: relu)",
    "D(f: u (kernel: 3, width: 4))", "groupnorm 2", "layernorm", "lrn", "prelu", "scale 0.5", "layerscale", "normalize",
    "channelshuffle 2", "slice (start: 0, stop: 2)", "softmax", "adaptiveavgpool 1x1", "in", "x",
    "conv2d 5x5 @4 as 3x3, 3x3", "u 3x3 @8 as { | 1x3 @4 | 3x1 @4 }", "pad 1", "pad (top: w)", "crop 1", "resize",
    "resize (like: x)", "resize (like: in)", "gain", "scale -1", "conv2d 3x3/2 @4 tfsame", "u 3x3/2 @4 tfsame",
    "maxpool 2x2 pad (bottom: 1, right: 1)", "avgpool 3x3/2 tfsame", "pixelshuffle 2", "pixelunshuffle 2",
    "linear @3 (pointwise: true)", "upsample 2 (align_corners: true)",
]  # fmt: skip
KEEPING = [
    "conv2d 3x3 @4", "conv2d 1x1 @w", "u 3x3 @4", "u 1x1 @4", "batchnorm", "relu", "gelu", "maxpool 3x3", "avgpool 3x3",
    "maxpool 3x3/2 half ceil -> upsample 2", "identity", "B", "C(a: 4)", "C(a: w)", "D(f: relu)", "groupnorm 2",
    "D(f: u (kernel: 3, width: 4))", "layernorm", "lrn 3", "prelu", "scale 0.5", "layerscale",
    "normalize (scale: [0.5, 2.0, 1.5, 1.0], shift: [0, 1, 0, 1])", "softmax",
    "channelshuffle 2", "conv2d 5x5 @4 as 3x3, 3x3", "u 3x3 @4 as { | 1x3 @2 | 3x1 @2 }", "q", "pad 1 -> crop 1",
    "pad (top: 1) -> conv2d 2x3 @4 pad (left: 1, right: 1)", "u 3x3 @4 tfsame", "gain 0.5", "resize (like: x)",
    "conv2d 3x3/2 @4 tfsame -> upsample 2", "maxpool 2x2 pad (bottom: 1, right: 1)", "softmax (across: 2)", "l2norm",
    "avgpool 2x2 tfsame (count_include_pad: false)", "pixelunshuffle 2 -> pixelshuffle 2", "scale -0.5",
    "linear @4 (pointwise: true)", "batchnorm (scale: false)", "batchnorm (affine: false)",
]  # fmt: skip
"""Steps that mostly turn [4, 16, 16] into [4, 16, 16], so that many of their chains are legal."""
NET = """inc 1
unit u = conv: conv2d (bias: false) -> bn: batchnorm -> relu
block B = {0}
block C(a) = conv2d 1x1 @a -> {1}
block D(f) = conv2d 1x1 @4 -> f
net N(w = 4) {{
  input x {shape}
  q = x -> {2}
  output y = q -> relu
  output z = x -> scale (factor: w)
  {tail}
}}
"""


def chains(calls, labels, most, repeats=tuple(REPEATS), guards=tuple(GUARDS), behind=None):
    """Chains of such steps, with rails and groups inside one another; `behind` is what may stand behind rails."""

    def nested(step):
        chain = st.lists(step, min_size=1, max_size=4).map(" -> ".join)
        rails = st.lists(st.tuples(st.sampled_from(guards), chain).map("| {0[0]}{0[1]}".format), min_size=1, max_size=3)
        word = st.sampled_from(["concat", "add", "mul", "reduce", "concat (split)"])
        return st.one_of(
            st.builds("{}{} {{ {} }}{}".format, label, word, rails.map(" ".join), after),
            st.builds("{}({}){}".format, label, chain, repeat),
        )

    label, repeat, after = map(st.sampled_from, (labels, repeats, behind or repeats))
    step = st.builds("{}{}{}".format, label, st.sampled_from(calls), repeat)
    return st.lists(st.recursive(step, nested, max_leaves=8), min_size=1, max_size=most).map(" -> ".join)


ANY = chains(CALLS, LABELS, 6)
SELDOM = ["", "", "", "", " if w == 4", " if false", " : [4, 16, 16]"]
LEGAL = chains(KEEPING, ["", "", "", "", "", "a: ", "b: ", "a.b: ", "f.0..: "], 4, behind=SELDOM)
INSIDE = chains(
    [call for call in KEEPING if not {"w)", "@w", "q", "B", "C(a:"} & {*call.split()}], [""], 3,
    ["", "", "", " times 2", " if false"], ["", "", ""], ["", "", " if false"],
)  # fmt: skip
"""Chains for blocks, where nothing of the net is known; blocks that are not used are checked as well."""
TAILS = st.one_of(
    st.just(""),
    ANY.map("aux h = q -> {}".format),
    ANY.map("a, b = q -> split 2\n  output c = a -> add {{ | identity | b -> {} }}".format),
)
