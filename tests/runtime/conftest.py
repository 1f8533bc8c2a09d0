"""A small Inception net whose rails the optimizer commutes and merges."""

import pytest

SMALL = """inc 1
# A small net
unit conv = conv: conv2d (bias: false) -> bn: batchnorm (eps: 1e-3) -> relu
block Mixed(width) = concat {
  | branch1x1: conv 1x1 @8
  | branch3x3: conv 1x1 @width -> conv 3x3 @8
  | branch_pool: avgpool 3x3 -> conv 1x1 @4
}
net Small(classes = 5) {
  input image [3, 16, 16]
  y = image -> stem: conv 3x3 @16 -> a: Mixed(width: 6) -> b: Mixed(width: 4)
  aux Early (weight: 0.3) = y -> gap -> fc: linear @classes
  output logits = y -> gap -> dropout 0.5 -> fc: linear @classes
}
"""


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The spec as a file in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.inc"
    path.write_text(SMALL, encoding="utf-8")
    return path
