"""The legality matrix: values with two readers, values that leave the net, an operand twice, the border."""

import pytest

from incdsl.compiler import compile_net
from incdsl.diagnostics import CompileError
from incdsl.source import Source
from tests.passes.subjects import ALL, RULES, after, largest_error, price

CHAINS = {
    "FoldBatchNorm": ("a: conv2d 3x3 @4", "n: batchnorm"),
    "FoldBatchNormThroughConcat": ("concat { | a: conv2d 3x3 @2 | b: conv2d 1x1 @2 }", "n: batchnorm"),
    "FoldScale": ("a: conv2d 3x3 @4", "scale 0.3"),
    "FoldNormalization": (
        "normalize (scale: [2.0, 0.5, -1.0, 3.0], shift: [0.1, -0.3, 0.7, 0.2])",
        "a: conv2d 3x3 @4 (bias: false)",
    ),
    "RemoveIdentities": ("relu", "relu"),
    "RemoveDropout": ("a: conv2d 3x3 @4", "dropout 0.5"),
    "FlattenConcats": ("concat { | a: conv2d 3x3 @2 | b: conv2d 1x1 @2 }", "concat { | identity | relu }"),
    "ShareEqualSteps": ("maxpool 3x3", "add { | relu | relu }"),
    "MoveReluBeforePool": ("a: conv2d 3x3 @4 -> maxpool 3x3", "relu"),
    "MoveReluBeforeConcat": ("concat { | a: conv2d 3x3 @2 | b: conv2d 1x1 @2 }", "relu"),
    "EnlargeKernels": ("concat { | a: conv2d 1x3 @2 | b: conv2d 3x1 @2 }", "relu"),
    "CollapseFactorizedConvs": ("a: conv2d 1x1 @16 (bias: false)", "b: conv2d 3x3 @4"),
    "CommuteAvgPool": ("avgpool 3x3", "a: conv2d 1x1 @3"),
    "CommuteMaxPool": ("maxpool 3x3", "a: conv2d 1x1 @3"),
    "MergeSiblingConvs": ("concat { | a: conv2d 3x3 @2 | b: conv2d 3x3 @2 }", "relu"),
    "SumSiblingConvs": ("a: conv2d 3x3 @4", "add { | identity | b: conv2d 3x3 @4 | batchnorm }"),
    "JoinSlices": ("a: conv2d 3x3 @4", "concat (split) { | identity | identity }"),
    "PackConvs": ("a: conv2d 3x3 @4", "relu"),
    "UseWinograd": ("a: conv2d 1x1 @128 -> b: conv2d 3x3 @128", "relu"),
    "FuseConvs": ("a: conv2d 3x3 @4", "add { | identity | x } -> relu"),
    "UseKernels": ("avgpool 3x3 -> a: conv2d 1x1 @3", "relu"),
    "UseProducts": ("a: conv2d 1x1 @4", "relu"),
    "SplitStores": ("concat { | a: conv2d 3x3 @2 -> relu | b: conv2d 3x3 @2 }", "sigmoid"),
    "WriteRanges": ("avgpool 3x3 -> a: conv2d 1x1 @3", "relu -> concat { | identity | tanh }"),
    "FoldGlobalPool": ("gap", "fc: linear @3"),
    "WriteConcatInPlace": ("concat { | a: conv2d 3x3 @2 | b: conv2d 1x1 @2 }", "relu"),
}
"""For each rule two steps that it looks at together; the value between them is what the situations are about."""

SITUATIONS = {
    "alone": "output y = x -> {first} -> {second}",
    "two readers": "v = x -> {first}\n  output y = v -> {second}\n  output z = v -> sigmoid",
    "is an output": "output v = x -> {first}\n  output y = v -> {second}",
    "operand twice": "v = x -> {first}\n  w = add {{ | v | v }}\n  output y = w -> {second}\n  output z = v -> {third}",
    "behind is an output twice": "output y = x -> {first} -> {second}\n  output z = y -> identity",
}
ROWS = [(rule, situation) for rule in ALL for situation in SITUATIONS]


def net(rule, situation, size="9, 8"):
    first, second = CHAINS[rule.__name__]
    third = second.replace("a:", "c:").replace("b:", "d:").replace("n:", "m:").replace("fc:", "fd:")
    body = SITUATIONS[situation].format(first=first, second=second, third=third)
    return compile_net(Source("matrix.inc", f"inc 1\nnet N {{\n  input x [4, {size}]\n  {body}\n}}\n"))


def test_every_rule_has_a_row():
    assert set(CHAINS) == {rule.__name__ for rule in ALL}


@pytest.mark.parametrize(("rule", "situation"), ROWS, ids=[f"{r.__name__}-{s}" for r, s in ROWS])
def test_the_numbers_stay(rule, situation):
    """Alone and in its level, at sizes where every cell is at the border and where most are not."""
    done = net(rule, situation)
    every = [each() for each in RULES["inference"]]
    sizes = [{"H": 1, "W": 2}, {"H": 3, "W": 1}, {"H": 4, "W": 7}, {"H": 9, "W": 8}]
    for rewritten in (after(done, rule()), after(done, *every)):
        legal = done.sizes.evaluation
        chosen = [each for each in sizes if all(each[axis] in legal[axis] for axis in legal)]
        assert chosen
        assert largest_error(done, rewritten, chosen) <= 1e-10
    assert price(after(done, rule()))["macs"] <= 3 * price(after(done))["macs"]


def test_a_layer_cannot_be_shared():
    """W1 and W16 ask what a shared weight does. A label names one layer, so no two nodes have the same tensors."""
    text = "inc 1\nnet N {\n  input x [4, 9, 8]\n  output y = x -> a: conv2d 3x3 @4 -> a: conv2d 3x3 @4\n}\n"
    with pytest.raises(CompileError):
        compile_net(Source("shared.inc", text))
