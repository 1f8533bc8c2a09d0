"""The shipped Inception-v3 is the published one: its facts, and its numbers in float64."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.references.inception_v3 import (
    NAMES,
    assert_recorded,
    deviation,
    filled,
    has_aux,
    ours,
    recorded,
    reference,
    run,
    without_dropout,
)

EVALUATION, TRAINING = 1e-10, 1e-8
"""Relative; the mistakes planted below are at least five orders of magnitude away."""
PLAIN = "torchvision.inception_v3.noaux"
TIMMS_WORDS = {"Pool1": "maxpool1", "Pool2": "maxpool2", "global_pool": "avgpool", "head_drop": "dropout"}

every_network = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module", params=NAMES)
def network(request):
    """The name of a published network, and our net with its numbers."""
    return request.param, filled(request.param)


def test_all_networks_are_here():
    assert len(NAMES) == 6
    assert sum(map(has_aux, NAMES)) == 3


@every_network
def test_parameters_and_macs(name):
    facts, cost = reference(name), ours(name).cost
    assert cost.params == facts["params"]["without_aux"] + 3_326_696
    assert cost.deployed_params == facts["params"]["without_aux"]
    assert cost.macs == facts["macs"]["main"]
    assert cost.train_macs - cost.macs == 5_683_200
    if has_aux(name):
        assert (cost.params, cost.train_macs) == (facts["params"]["total"], facts["macs"]["total_with_aux"])


@every_network
def test_blocks(name):
    found = {}
    for node in ours(name).cost.nodes:
        block = found.setdefault(attribute(node.node), [0, 0, None])
        block[0] += node.parameters
        block[1] += node.macs
        block[2] = without_ones(node.shape.at({"H": 299, "W": 299}))
    for block in reference(name)["blocks"]:
        expected = [block["params"], block["macs"], without_ones(block["out"][1:])]
        assert found[TIMMS_WORDS.get(block["name"], block["name"])] == expected, block["name"]


def attribute(node):
    """The attribute of the net that a node is, or is inside of."""
    path = ""
    scope = node.scope
    while scope.parent:
        path, scope = scope.label, scope.parent
    return path or node.label


def without_ones(shape):
    """[2048, 1, 1] and [2048] hold the same."""
    return [size for size in shape if size != 1]


@every_network
def test_legal_sizes(name):
    sizes = ours(name).sizes
    for axis in "HW":
        evaluation, training = sizes.evaluation[axis], sizes.training[axis]
        assert next(iter(evaluation)) == 75
        assert next(iter(training)) == 299
        assert all(n in evaluation for n in range(75, 400))
        assert all(n in training for n in range(299, 400))
    least = reference(name)["min_input"]
    assert least["eval"]["min"] == (299 if name == "timm.inception_v3.aux" else 75)
    assert least.get("aux_on", {"min": 299})["min"] == 299


def test_state_dict(network):
    name, net = network
    held = [[key, list(tensor.shape)] for key, tensor in net.state_dict().items()]
    assert held == reference(name)["state_dict"]
    assert sum(p.numel() for p in net.parameters()) == reference(name)["params"]["total"]


def test_macs_as_torch_counts_them(network):
    name, net = network
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(1, 3, 299, 299).double())
    assert counter.get_total_flops() == 2 * ours(name).cost.macs


@pytest.mark.parametrize("moment", ["canonical_eval_f64", "small_eval_f64", "canonical_auxon_f64"])
def test_evaluation(network, moment):
    name, _ = network
    net, facts = filled(name), reference(name)["fingerprint"].get(moment)
    if facts is None:
        assert moment == "canonical_auxon_f64"
        assert not has_aux(name)
        return
    # timm's auxiliary head speaks in evaluation too, ours in training only: the flag of the top module alone decides.
    net.training = len(facts["outputs"]) > 1
    with torch.no_grad():
        assert_recorded(run(net, facts["input"]), facts["outputs"], EVALUATION)


def test_training(network):
    name, _ = network
    net, facts = without_dropout(filled(name).train()), reference(name)["fingerprint"]["train_f64"]
    outputs = run(net, facts["input"])
    loss = sum(y.square().mean() * (1 if key == "logits" else 0.3) for key, y in outputs.items())
    loss.backward()
    assert_recorded(outputs, facts["outputs"], TRAINING)
    assert not [key for key, p in net.named_parameters() if p.grad is None]
    gradients = {key: p.grad for key, p in net.named_parameters()}
    after = {
        f"{kind}_sum": sum(v.sum().item() for k, v in net.state_dict().items() if k.endswith(kind))
        for kind in ("running_mean", "running_var")
    }
    close = {"rel": TRAINING, "abs": 0}
    assert loss.item() == pytest.approx(facts["loss"], **close)
    assert torch.nn.utils.get_total_norm(gradients.values()).item() == pytest.approx(facts["grad_l2_all"], **close)
    assert {k: gradients[k].norm().item() for k in facts["grad_l2"]} == pytest.approx(facts["grad_l2"], **close)
    assert after == pytest.approx(facts["after_step"], **close)
    assert {v.item() for k, v in net.state_dict().items() if k.endswith("num_batches_tracked")} == {1}


@pytest.mark.parametrize(("size", "training"), [(74, False), (298, True)])
def test_sizes_below_do_not_run(network, size, training):
    name, net = network
    net.training = training
    small, least = torch.zeros(1, 3, size, 320).double(), torch.zeros(1, 3, size + 1, 320).double()
    with torch.no_grad():
        assert run_of(net, least).shape == (1, 1000)
        if training and not has_aux(name):
            assert run_of(net, small).shape == (1, 1000)
        else:
            with pytest.raises(RuntimeError, match="Kernel size can't be greater"):
                net(small)


def run_of(net, x):
    result = net(x)
    return result if isinstance(result, torch.Tensor) else result.logits


def heavier(net):
    net.Mixed_6c.branch7x7_2.conv.weight.data *= 1.01


def unbiased(net):
    net.fc.bias.data.zero_()


def swapped(text):
    return once(text, "self.branch3x3dbl_3a(branch3x3dbl), self.branch3x3dbl_3b(branch3x3dbl)", "3b", "3a")


def other_divisor(text):
    return text.replace("count_include_pad=True", "count_include_pad=False")


def other_eps(text):
    return text.replace("eps=0.001", "eps=1e-05")


def once(text, part, *words):
    """The text with the two words of its only such part exchanged."""
    assert text.count(part) == 1
    left, right = words
    return text.replace(part, part.replace(left, "\0").replace(right, left).replace("\0", right))


@pytest.mark.parametrize("rewrite", [swapped, other_divisor, other_eps])
def test_other_networks_are_told_apart(rewrite):
    assert far_from_recorded(filled(PLAIN, rewrite)) > 1e-3


@pytest.mark.parametrize("change", [heavier, unbiased])
def test_other_numbers_are_told_apart(change):
    net = filled(PLAIN)
    change(net)
    assert far_from_recorded(net) > 1e5 * EVALUATION


def far_from_recorded(net):
    """The deviation of the small fingerprint, where even the same class is nearest; it must be rejected."""
    facts = reference(PLAIN)["fingerprint"]["small_eval_f64"]
    with torch.no_grad():
        outputs = run(net, facts["input"])
    with pytest.raises(AssertionError):
        assert_recorded(outputs, facts["outputs"], EVALUATION)
    same_maxima = {**facts["outputs"]["logits"], "argmax": outputs["logits"].argmax(1).tolist()}
    return deviation(outputs["logits"], recorded({"logits": same_maxima})["logits"])
