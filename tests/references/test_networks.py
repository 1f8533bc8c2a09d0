"""The shipped specs are the published networks: their facts, and their numbers in float64."""

import copy

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.references import detfill
from tests.references.networks import (
    FAMILIES,
    NAMES,
    assert_recorded,
    family,
    far_from,
    filled,
    has_aux,
    instance,
    ours,
    reference,
    run,
    without_dropout,
)

EVALUATION, TRAINING = 1e-10, 1e-8
"""Relative; the mistakes planted below are at least five orders of magnitude away."""
TIMMS_WORDS = {"Pool1": "maxpool1", "Pool2": "maxpool2", "global_pool": "avgpool", "head_drop": "dropout"}
"""Its names in Inception-v3 for what is torchvision's there, and ours."""
V3, GOOGLENET, XCEPTION = "torchvision.inception_v3.noaux", "torchvision.googlenet.noaux", "timm.legacy_xception"

every_network = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module", params=NAMES)
def network(request):
    """The name of a published network, and our net with its numbers."""
    return request.param, filled(request.param)


def test_all_networks_are_here():
    assert len(NAMES) == 13
    assert sum(map(has_aux, NAMES)) == 5
    assert {name.split(".")[1] for name in NAMES} == FAMILIES.keys()


@every_network
def test_parameters_and_macs(name):
    facts, cost, kin = reference(name), ours(name).cost, family(name)
    assert cost.params == facts["params"]["without_aux"] + kin.head_params
    assert cost.deployed_params == facts["params"]["without_aux"]
    assert cost.macs == facts["macs"]["main"]
    assert cost.train_macs - cost.macs == kin.head_macs
    if has_aux(name):
        assert (cost.params, cost.train_macs) == (facts["params"]["total"], facts["macs"]["total_with_aux"])


@every_network
def test_blocks(name):
    nominal = dict(zip("HW", reference(name)["canonical_input"][2:], strict=True))
    found = {}
    for node in ours(name).cost.nodes:
        block = found.setdefault(attribute(node.node), [0, 0, None])
        block[0] += node.parameters
        block[1] += node.macs
        block[2] = without_ones(node.shape.at(nominal))
    for block in reference(name)["blocks"]:
        expected = [block["params"], block["macs"], without_ones(block["out"][1:])]
        ours_is = block["name"] if block["name"] in found else TIMMS_WORDS[block["name"]]
        assert found[ours_is] == expected, block["name"]


def attribute(node):
    """The attribute of the net that a node is, or is inside of."""
    path = ""
    instance = node.instance
    while instance.parent:
        path, instance = instance.label, instance.parent
    return path or node.label


def without_ones(shape):
    """[2048, 1, 1] and [2048] hold the same."""
    return [size for size in shape if size != 1]


@every_network
def test_legal_sizes(name):
    sizes, kin = ours(name).sizes, family(name)
    for found, least in ((sizes.evaluation, kin.least), (sizes.training, kin.least_training)):
        for axis in "HW":
            assert next(iter(found[axis])) == least
            assert all(n in found[axis] for n in range(least, 400))
    recorded = reference(name)["min_input"]
    assert recorded["eval"]["min"] == (299 if name == "timm.inception_v3.aux" else kin.least)
    assert recorded.get("aux_on", {"min": kin.least_training})["min"] == kin.least_training


def test_state_dict(network):
    name, net = network
    held = [[key, list(tensor.shape)] for key, tensor in net.state_dict().items()]
    assert held == reference(name)["state_dict"]
    assert sum(p.numel() for p in net.parameters()) == reference(name)["params"]["total"]


@every_network
def test_macs_as_torch_counts_them(name):
    net = instance(name).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(reference(name)["canonical_input"], device="meta"))
    assert counter.get_total_flops() == 2 * ours(name).cost.macs


@pytest.mark.parametrize("moment", ["canonical_eval_f64", "small_eval_f64", "canonical_auxon_f64"])
def test_evaluation(network, moment):
    name, net = network
    facts = reference(name)["fingerprint"].get(moment)
    if facts is None:
        assert moment == "canonical_auxon_f64"
        assert not has_aux(name)
        return
    # timm's auxiliary head speaks in evaluation too, ours in training only: the flag of the top module alone decides.
    net.training = len(facts["outputs"]) > 1
    with torch.no_grad():
        assert_recorded(run(net, detfill.image(facts["input"])), facts["outputs"], EVALUATION)


def test_training(network):
    name, net = network
    net, facts = without_dropout(copy.deepcopy(net).train()), reference(name)["fingerprint"]["train_f64"]
    outputs = run(net, detfill.image(facts["input"]))
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


@pytest.mark.parametrize("training", [False, True])
def test_sizes_below_do_not_run(network, training):
    name, net = network
    net.training = training
    least = family(name).least_training if training and has_aux(name) else family(name).least
    with torch.no_grad():
        assert run(net, torch.zeros(1, 3, least, least + 21).double())["logits"].shape == (1, 1000)
        with pytest.raises(RuntimeError, match=r"Kernel size can't be greater|Output size is too small"):
            net(torch.zeros(1, 3, least - 1, least + 21).double())


def test_outputs_of_googlenet():
    """torchvision's order is logits, aux2, aux1."""
    assert instance("torchvision.googlenet")(torch.zeros(2, 3, 15, 15))._fields == ("logits", "aux1", "aux2")


def test_skips_of_xception_see_what_flowed_in():
    """Its rails start with activations, which must leave the value alone that the skip reads beside them."""
    net = instance(XCEPTION).eval()
    seen = {}
    blocks = [block for name, block in net.named_children() if name.startswith("block")]
    for block in blocks:
        block.register_forward_pre_hook(lambda block, args: seen.update({block: args[0].clone()}))
        block.register_forward_hook(lambda block, args, _: seen.update({block: torch.equal(seen[block], args[0])}))
    with torch.no_grad():
        net(detfill.image([1, 3, 64, 64]).float())
    assert seen == dict.fromkeys(blocks, True)
    assert len(blocks) == 12


def heavier(net):
    net.Mixed_6c.branch7x7_2.conv.weight.data *= 1.01


def unbiased(net):
    net.fc.bias.data.zero_()


def swapped(text):
    """Two maps of an expanded filter bank exchanged."""
    left, right = "self.branch3x3dbl_3a(branch3x3dbl)", "self.branch3x3dbl_3b(branch3x3dbl)"
    return replaced(text, f"{left}, {right}", f"{right}, {left}")


def in_place(text):
    """Modules that change what flows in, the skip beside them included."""
    return replaced(text, "nn.ReLU()", "nn.ReLU(inplace=True)")


def replaced(text, old, new):
    assert old in text
    return text.replace(old, new)


IN_SPECS = {
    "divisor of v3": (V3, "count_include_pad: true", "count_include_pad: false"),
    "divisor of v4": ("timm.inception_v4", "count_include_pad: false", "count_include_pad: true"),
    "eps": (V3, r"eps: 1e-3", "eps: 1e-5"),
    "padding": (GOOGLENET, r"maxpool 3x3/2 valid ceil", "maxpool 3x3/2 half"),
    "window": (GOOGLENET, r"maxpool 2x2/2", "maxpool 3x3/2"),
    "scale": ("timm.inception_resnet_v2", r"0\.17", "0.1"),
    "last scale": ("timm.inception_resnet_v2", r"scale: 1\.0", "scale: 0.2"),
}
"""Mistakes that keep every key and shape."""


@pytest.mark.parametrize("mistake", IN_SPECS)
def test_other_specs_are_told_apart(mistake):
    name, *edit = IN_SPECS[mistake]
    assert far_from_recorded(name, filled(name, edits=(tuple(edit),))) > 1e-3


@pytest.mark.parametrize(("name", "rewrite"), [(V3, swapped), (XCEPTION, in_place)])
def test_other_modules_are_told_apart(name, rewrite):
    assert far_from_recorded(name, filled(name, rewrite=rewrite)) > 1e-3


@pytest.mark.parametrize("change", [heavier, unbiased])
def test_other_numbers_are_told_apart(change):
    net = filled(V3)
    change(net)
    assert far_from_recorded(V3, net) > 1e5 * EVALUATION


def far_from_recorded(name, net):
    """How far it is from the small fingerprint, where even the same class is nearest; it must be rejected."""
    facts = reference(name)["fingerprint"]["small_eval_f64"]
    with torch.no_grad():
        outputs = run(net, detfill.image(facts["input"]))
    with pytest.raises(AssertionError):
        assert_recorded(outputs, facts["outputs"], EVALUATION)
    same_maxima = {**facts["outputs"]["logits"], "argmax": outputs["logits"].argmax(1).tolist()}
    return far_from(outputs["logits"], same_maxima)
