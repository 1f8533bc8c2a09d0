"""The shipped specs are what the papers print: row by row, and where a paper contradicts itself, exactly there."""

import pytest

from tests.nets import SPECS, net_of, nets_of
from tests.specs.counts import PAPERS, depth, filters, modules, out, rewritten, table, tensors, weights

V1, BN, V3, RESNET = (SPECS / f"{name}.inc" for name in ("v1", "bn_inception", "v3_paper", "inception_resnet_v1"))
GOOGLENET, FIGURE_5 = PAPERS["googlenet_1409_4842"], PAPERS["bn_inception_1502_03167"]
RETHINKING, RESIDUAL = PAPERS["inception_v3_1512_00567"], PAPERS["inception_v4_1602_07261"]

# GoogLeNet, Table 1

COUNTED = [row for row in GOOGLENET["table1"] if "weights" in row]
NAMES = {"convolution 7x7/2": ["conv1"], "convolution 3x3/1": ["conv2_reduce", "conv2"], "linear": ["fc"]}
READINGS = {
    "5x5,conv bias,no bn": [],
    "5x5,bn,no conv bias": [("conv2d -> relu", "conv2d (bias: false) -> batchnorm -> relu")],
    "3x3,conv bias,no bn": [("conv 5x5 @n5", "conv 3x3 @n5")],
    "3x3,bn,no conv bias": [
        ("conv2d -> relu", "conv2d (bias: false) -> batchnorm -> relu"),
        ("conv 5x5 @n5", "conv 3x3 @n5"),
    ],
}


@pytest.mark.parametrize("row", COUNTED, ids=lambda row: row["type"])
def test_googlenet_by_row(row):
    done = net_of(V1)
    names = NAMES.get(row["type"], [row["type"]])
    found = [modules(done)[name] for name in names]
    assert weights(done, *names) == row["weights"]
    assert sum(each.macs for each in found) == row["macs"]
    assert out(found[-1]) == row["out"]


def test_googlenets_sizes_in_their_order():
    unprinted = {"lrn", "conv2_reduce", "aux4a", "aux4d"}
    ours = [out(row) for row in table(net_of(V1)) if row.name not in unprinted]
    assert ours == [row["out"] for row in GOOGLENET["table1"] if row["type"] != "softmax"]


def test_rows_of_googlenet_that_their_own_filters_contradict():
    far = {row["type"] for row in COUNTED if abs(row["weights"] / (1024 * row["paper_params_K"]) - 1) > 0.02}
    slow = {row["type"] for row in COUNTED if abs(row["macs"] / 1e6 - row["paper_ops_M"]) > 1}
    assert far == {"convolution 7x7/2", "inception4c", "inception5a"}
    assert slow == {"convolution 7x7/2", "inception5a"}


def test_googlenets_printed_rows_add_up():
    printed = GOOGLENET["printed_sum"]
    assert sum(row["paper_params_K"] for row in COUNTED) == pytest.approx(printed["params_K"])
    assert sum(row["paper_ops_M"] for row in COUNTED) == printed["ops_M"]


def test_the_printed_first_convolution_is_separable():
    done, row = net_of(BN), COUNTED[0]
    stem = ["conv1_depthwise", "conv1"]
    count = weights(done, *stem)
    assert count == 3 * 8 * 49 + 24 * 64
    assert count / 1024 == pytest.approx(row["paper_params_K"], rel=0.02)
    assert sum(modules(done)[name].macs for name in stem) / 1e6 == pytest.approx(row["paper_ops_M"], abs=0.5)


@pytest.mark.parametrize("reading", READINGS)
def test_googlenets_totals(reading):
    done, totals = rewritten(V1, *READINGS[reading]), GOOGLENET["totals_computed"][reading]
    assert done.cost.deployed_params == totals["main"]
    assert [modules(done)[name].params for name in ("aux4a", "aux4d")] == [totals["aux_4a"], totals["aux_4d"]]


def test_googlenets_depth():
    done = net_of(V1)
    assert depth(done) == 22
    assert depth(done, ("conv2d", "linear", "maxpool", "gap")) == 27


def test_googlenets_heads():
    facts, graph = GOOGLENET["aux"], net_of(V1).net.graph
    assert [head.weight for head in graph.heads] == [facts["loss_weight"]] * 2
    dropped = {node.op.p for node in graph if node.op.word == "dropout"}
    assert dropped == {facts["dropout"], GOOGLENET["dropout_main"]}


# BN-Inception, Figure 5

FILTERS = {"n1x1": "1x1", "n3x3red": "3x3_1", "n3x3": "3x3_2", "dbl_red": "3x3dbl_1", "dbl3x3": "3x3dbl_3"}
PLAIN_7X7 = [
    ("conv1_depthwise: depthwise 7x7/2 half", "conv1: conv 7x7/2 @64 half"),
    ("-> conv1: conv 1x1 @64 ", "-> identity "),
    (": [24, 112, 112]", ": [64, 112, 112]"),
]


@pytest.mark.parametrize("row", FIGURE_5["table"], ids=lambda row: row["name"])
@pytest.mark.parametrize("proj", [96, 128])
def test_bn_inception_by_row(row, proj):
    done = net_of(BN, proj=proj)
    name = f"inception{row['name']}"
    for column, rail in FILTERS.items():
        if row[column]:
            assert filters(done, f"{name}.branch{rail}.conv") == row[column], column
    kind, projected = row["pool"]
    if projected != "pass":
        asked = projected if row["consistent"] else proj
        assert filters(done, f"{name}.branch_pool.conv") == asked
    assert f"{kind}pool" in {node.op.word for node in done.net.graph if node.instance.path == name}
    assert (f"{name}.branch1x1.conv.weight" in tensors(done)) == bool(row["n1x1"])


@pytest.mark.parametrize("row", FIGURE_5["table"], ids=lambda row: row["name"])
def test_bn_inceptions_shapes(row):
    """As printed, with 96 filters in 4c and 4d; with the filters as printed, these two are as wide as their sum."""
    channels, size, _ = row["printed_out"]
    size //= row["stride"]
    name = f"inception{row['name']}"
    assert out(modules(net_of(BN))[name]) == [channels, size, size]
    if row["name"] != "4e":  # 4e passes on what 4d gives
        assert out(modules(net_of(BN, proj=128))[name]) == [row["concat_sum"], size, size]


def test_rows_of_bn_inception_that_contradict_themselves():
    wide = {row["name"] for row in FIGURE_5["table"] if row["concat_sum"] != row["printed_out"][0]}
    assert wide == {"4c", "4d"} == {row["name"] for row in FIGURE_5["table"] if not row["consistent"]}
    assert {row["name"] for row in FIGURE_5["table"] if row["stride"] == 2} == {"3c", "4e"}


def test_bn_inceptions_totals():
    totals = FIGURE_5["computed_totals_no_aux"]
    assert net_of(BN).cost.params == totals["slim_proj96_separable"]
    assert rewritten(BN, *PLAIN_7X7).cost.params == totals["slim_proj96_plain7x7"]
    assert net_of(BN).cost.params < FIGURE_5["params_claimed"]


def test_no_net_has_the_total_of_bn_inception_as_printed():
    """It adds up modules that all read the 576 channels printed; wired together, 4d and 4e read 608."""
    printed = FIGURE_5["computed_totals_no_aux"]["as_printed_separable"]
    narrow, wired = net_of(BN).cost.params, net_of(BN, proj=128).cost.params
    assert printed == narrow + 2 * 32 * (576 + 2)
    read_by_4d = 96 + 128 + 160 + 128
    read_by_4e = 128 + 192
    read_by_5a = 352 + 192 + 160 + 128
    assert wired == printed + 32 * (read_by_4d + read_by_4e + read_by_5a)


# Inception-v3, Table 1


def test_inception_v3s_shapes():
    """Each row prints its input; what flows in is what the row before gives."""
    done = net_of(V3)
    found = modules(done)
    names = ["conv1", "conv2", "conv3", "maxpool", "conv4", "conv5", "conv6", "reduction17", "reduction8", "mixed8"]
    ours = [[3, 299, 299], *(out(found[name]) for name in names), out(found["gap"]), [1000, 1, 1]]
    printed = [[c, h, w] for _, _, (h, w, c) in RETHINKING["table1"]]
    assert ours == printed
    assert out(found["fc"]) == [1000]


def test_inception_v3s_modules():
    done = net_of(V3)
    blocks = {node.instance.path: node.instance.word for node in done.net.graph if node.instance.kind == "block"}
    words = [word for path, word in blocks.items() if path.startswith("mixed")]
    assert words == 3 * ["Figure5"] + 5 * ["Figure6"] + 2 * ["Figure7"]
    found = modules(done)
    assert out(found["mixed35"]) == [RETHINKING["grids"]["35x35"], 35, 35]
    assert out(found["mixed17"]) == [RETHINKING["grids"]["17x17"], 17, 17]
    kernels = {s[2:] for k, s in tensors(done).items() if k.startswith("mixed17.") and len(s) == 4}
    n = RETHINKING["factorisation"]["n_used"]
    assert kernels == {(1, 1), (1, n), (n, 1)}
    assert (5, 5) not in {s[2:] for k, s in tensors(done).items() if k.startswith("mixed35.")}


def test_five_modules_are_more_parameters_than_inception_v3_claims():
    claimed = 25_000_000
    four = rewritten(V3, ("[128, 160, 160, 160, 192]", "[128, 160, 160, 192]"))
    assert net_of(V3).cost.deployed_params > claimed > four.cost.deployed_params
    assert net_of(V3).cost.macs > four.cost.macs > net_of(SPECS / "v3.inc").cost.macs > 5_000_000_000


# Factorization and smaller grids

SAVINGS = {
    ("Conv5x5", "Two3x3"): "two_3x3_for_5x5",
    ("Conv3x3", "Asymmetric3x3"): "nx1_1xn_for_3x3",
    ("Conv7x7", "Asymmetric7x7"): "one_by_7",
    ("Valid3x3", "Two2x2"): "two_2x2_for_3x3",
}
PERCENT = {"two_3x3_for_5x5": 28, "nx1_1xn_for_3x3": 33, "one_by_7": 71, "two_2x2_for_3x3": 11}


@pytest.mark.parametrize("pair", SAVINGS, ids="-".join)
def test_what_factorization_saves(pair):
    whole, factored = (nets_of(SPECS / "modules" / "factorization.inc")[name].cost for name in pair)
    facts = RETHINKING["factorisation"][SAVINGS[pair]]
    assert factored.params / whole.params == pytest.approx(facts["ratio"])
    assert round(100 * (1 - factored.params / whole.params)) == PERCENT[SAVINGS[pair]]
    if pair[0] != "Valid3x3":  # one grid for both steps
        assert factored.macs / whole.macs == pytest.approx(facts["ratio"])


def test_two_2x2_save_less_than_they_seem_to():
    whole, factored = (nets_of(SPECS / "modules" / "factorization.inc")[name].cost for name in ("Valid3x3", "Two2x2"))
    assert round(100 * (1 - factored.macs / whole.macs)) == 5


def test_what_a_5x5_costs():
    found = nets_of(SPECS / "modules" / "factorization.inc")
    expected = RETHINKING["factorisation"]["two_3x3_for_5x5"]["cost_5x5_over_3x3"]
    assert found["Conv5x5"].cost.macs / found["Conv3x3"].cost.macs == pytest.approx(expected)


def test_what_a_smaller_grid_costs():
    found = {name: done.cost.macs for name, done in nets_of(SPECS / "modules" / "grid_reduction.inc").items()}
    d, k, kernel = 36, 320, 9
    assert found["ConvThenPool"] == kernel * 2 * d**2 * k**2
    assert found["PoolThenConv"] == kernel * 2 * (d // 2) ** 2 * k**2
    assert found["PoolThenConv"] / found["ConvThenPool"] == 1 / 4
    assert found["ConvThenPool"] / found["PoolThenConv"] - 1 == 3  # "3 times more expensive"
    assert found["Parallel"] / found["PoolThenConv"] == 1 / 2


def test_what_reductions_save_in_a_module():
    found = nets_of(SPECS / "modules" / "inception.inc")
    printed = modules(net_of(V1))["inception3a"]
    assert (found["Reduced"].cost.params, found["Reduced"].cost.macs) == (printed.params, printed.macs)
    assert found["Naive"].cost.macs > 2 * found["Reduced"].cost.macs


# Inception-ResNet-v1


def test_inception_resnet_v1s_blocks():
    done, facts = net_of(RESNET), RESIDUAL["resnet_blocks_paper"]
    blocks = [node.instance.word for node in done.net.graph if node.op.word == "add"]
    assert blocks == [f"ResNet{kind}" for kind in "ABC" for _ in range(facts[kind])]
    keys = ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3", "branch3x3")
    ours = [filters(done, f"reduction_a.{key}.conv") for key in keys]
    assert ours == RESIDUAL["reduction_a_klmn"]["inception_resnet_v1"]
    scales = {node.op.factor for node in done.net.graph if node.op.word == "scale"}
    assert all(0.1 <= scale <= 0.3 for scale in scales)


def test_inception_resnet_v1s_expansion_is_linear():
    """A bias, and neither normalization nor activation, between the rails and the sum."""
    graph = net_of(RESNET).net.graph
    nodes = {node.name: node for node in graph}
    for total in (node for node in graph if node.op.word == "add"):
        _, scaled = graph.operands(total.name)
        (expanded,) = graph.operands(scaled)
        (rails,) = graph.operands(expanded)
        assert [nodes[name].op.word for name in (rails, expanded, scaled)] == ["concat", "conv2d", "scale"]
        assert nodes[expanded].op.bias


def test_inception_resnet_v1s_total():
    """Counted from the filters alone: the cells of their kernels, and two numbers to normalize each."""

    def chain(channels, *steps):
        total = 0
        for cells, width in steps:
            total += channels * cells * width + 2 * width
            channels = width
        return total

    def residual(channels, width, *rails):
        return sum(chain(channels, *rail) for rail in rails) + width * channels + channels

    stem = chain(3, (9, 32), (9, 32), (9, 64), (1, 80), (9, 192), (9, 256))
    a = residual(256, 96, [(1, 32)], [(1, 32), (9, 32)], [(1, 32), (9, 32), (9, 32)])
    to_17 = chain(256, (9, 384)) + chain(256, (1, 192), (9, 192), (9, 256))
    b = residual(896, 256, [(1, 128)], [(1, 128), (7, 128), (7, 128)])
    to_8 = chain(896, (1, 256), (9, 384)) + chain(896, (1, 256), (9, 256)) + chain(896, (1, 256), (9, 256), (9, 256))
    c = residual(1792, 384, [(1, 192)], [(1, 192), (3, 192), (3, 192)])
    total = stem + 5 * a + to_17 + 10 * b + to_8 + 5 * c + 1792 * 1000 + 1000
    assert net_of(RESNET).cost.params == total
