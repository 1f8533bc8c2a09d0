"""Each published spec says which images it takes, and so does the module that is generated from it."""

import pytest

from tests.nets import net_of
from tests.process import ROOT

SPECS = sorted((ROOT / "specs").glob("*.inc"))
HALF = "RGB, (x - 0.5) / 0.5 of pixels in [0, 1]"
KINDS = {
    **dict.fromkeys(["v3", "googlenet", "v3_fid", "v4", "inception_resnet_v2", "xception"], HALF),
    **dict.fromkeys(["v3_torchvision", "googlenet_torchvision"], "RGB in [0, 1], less ImageNet's mean"),
    "v1": "BGR in [0, 255] less (104, 117, 123)",
}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_head_says_which_images_it_takes(path):
    head = path.read_text(encoding="utf-8").split("\nunit ")[0].split("\nfrom ")[0]
    text = " ".join(line.removeprefix("# ") for line in head.splitlines())
    assert "Input: " in text
    assert KINDS.get(path.stem, "Input: RGB; no weights were published") in text
    assert "\n# Input: " in net_of(path).text


def test_the_page_says_the_same():
    page = (ROOT / "docs" / "weights.md").read_text(encoding="utf-8")
    for name, kind in KINDS.items():
        (row,) = [line for line in page.splitlines() if line.startswith("|") and f"`{name}`" in line]
        assert kind.split(", less")[0].split(" less")[0] in row
