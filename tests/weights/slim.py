"""Inception-v3 as TF-slim stores it: its names, its layouts, no factor in its norms."""

import re

BRANCHES = {
    "a": {
        "branch1x1": ["Branch_0/Conv2d_0a_1x1"],
        "branch5x5": ["Branch_1/Conv2d_0a_1x1", "Branch_1/Conv2d_0b_5x5"],
        "branch3x3dbl": ["Branch_2/Conv2d_0a_1x1", "Branch_2/Conv2d_0b_3x3", "Branch_2/Conv2d_0c_3x3"],
        "branch_pool": ["Branch_3/Conv2d_0b_1x1"],
    },
    "reduction a": {
        "branch3x3": ["Branch_0/Conv2d_1a_1x1"],
        "branch3x3dbl": ["Branch_1/Conv2d_0a_1x1", "Branch_1/Conv2d_0b_3x3", "Branch_1/Conv2d_1a_1x1"],
    },
    "b": {
        "branch1x1": ["Branch_0/Conv2d_0a_1x1"],
        "branch7x7": ["Branch_1/Conv2d_0a_1x1", "Branch_1/Conv2d_0b_1x7", "Branch_1/Conv2d_0c_7x1"],
        "branch7x7dbl": [
            "Branch_2/Conv2d_0a_1x1", "Branch_2/Conv2d_0b_7x1", "Branch_2/Conv2d_0c_1x7", "Branch_2/Conv2d_0d_7x1",
            "Branch_2/Conv2d_0e_1x7",
        ],
        "branch_pool": ["Branch_3/Conv2d_0b_1x1"],
    },
    "reduction b": {
        "branch3x3": ["Branch_0/Conv2d_0a_1x1", "Branch_0/Conv2d_1a_3x3"],
        "branch7x7x3": [
            "Branch_1/Conv2d_0a_1x1", "Branch_1/Conv2d_0b_1x7", "Branch_1/Conv2d_0c_7x1", "Branch_1/Conv2d_1a_3x3",
        ],
    },
    "c": {
        "branch1x1": ["Branch_0/Conv2d_0a_1x1"],
        "branch3x3": ["Branch_1/Conv2d_0a_1x1", "Branch_1/Conv2d_0b_1x3", "Branch_1/Conv2d_0c_3x1"],
        "branch3x3dbl": [
            "Branch_2/Conv2d_0a_1x1", "Branch_2/Conv2d_0b_3x3", "Branch_2/Conv2d_0c_1x3", "Branch_2/Conv2d_0d_3x1",
        ],
        "branch_pool": ["Branch_3/Conv2d_0b_1x1"],
    },
}  # fmt: skip
KINDS = dict.fromkeys(["Mixed_5b", "Mixed_5c", "Mixed_5d"], "a") | dict.fromkeys(
    ["Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"], "b"
) | {"Mixed_6a": "reduction a", "Mixed_7a": "reduction b", "Mixed_7b": "c", "Mixed_7c": "c"}  # fmt: skip
QUIRKS = {
    "Mixed_5c/Branch_1/Conv2d_0a_1x1": "Mixed_5c/Branch_1/Conv2d_0b_1x1",
    "Mixed_5c/Branch_1/Conv2d_0b_5x5": "Mixed_5c/Branch_1/Conv_1_0c_5x5",
    "Mixed_7b/Branch_1/Conv2d_0c_3x1": "Mixed_7b/Branch_1/Conv2d_0b_3x1",
}
"""Names that break the scheme."""
HEADS = {
    "AuxLogits.conv0": "AuxLogits/Conv2d_1b_1x1", "AuxLogits.conv1": "AuxLogits/Conv2d_2a_5x5",
    "AuxLogits.fc": "AuxLogits/Conv2d_2b_1x1", "fc": "Logits/Conv2d_1c_1x1",
}  # fmt: skip
LASTS = {
    "conv.weight": "weights", "weight": "weights", "bias": "biases", "bn.bias": "BatchNorm/beta",
    "bn.running_mean": "BatchNorm/moving_mean", "bn.running_var": "BatchNorm/moving_variance",
}  # fmt: skip


def slim_name(key):
    """The name under which slim stores a tensor of torchvision's, empty for one that it lacks."""
    last = "conv.weight" if key.endswith("conv.weight") else re.search(r"(bn\.)?\w+$", key)[0]
    if last not in LASTS:
        return ""
    layer = key.removesuffix(f".{last}")
    if layer in HEADS:
        place = HEADS[layer]
    elif layer.startswith("Conv2d"):
        place = layer
    else:
        block, unit = layer.split(".")
        rail, number = re.fullmatch(r"(.*?)(?:_(\d[ab]?))?", unit).groups()
        names = BRANCHES[KINDS[block]][rail]
        place = f"{block}/{names[_position(number, len(names))]}"
    return f"InceptionV3/{QUIRKS.get(place, place)}/{LASTS[last]}"


def _position(number, count):
    if number is None:
        return 0
    return int(number[0]) - 1 + (number.endswith("b"))


def slim(state):
    """A state_dict of torchvision's names as numpy arrays under slim's."""
    arrays = {}
    for key, value in state.items():
        name = slim_name(key)
        if name:
            array = value.numpy()
            if array.ndim == 2:
                array = array[:, :, None, None]
            arrays[name] = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
    return arrays
