"""What generated code says of split channels, merged values and means: no more than a person would write."""

import pytest

import incdsl
from tests.nets import spec

BLOCKS = """block B {
  a, b = in -> split 2
  output y = concat { | a -> conv2d 3x3 @4 | b }
}
block C {
  a, b = in -> split (sizes: [2, in - 2])
  output y = concat { | a -> conv2d 3x3 @4 | b }
}
block D {
  p = in -> conv2d 1x1 @8
  h = p -> relu
  output y = concat { | p | h }
}
block E {
  v = in -> gap -> flatten
  output y = concat { | v | in -> conv2d 1x1 @2 -> gap -> flatten }
}
"""


@pytest.mark.parametrize(
    ("block", "line", "absent"),
    [
        ("B", "a, b = x.chunk(2, dim=1)", "self.in_channels"),
        ("C", "a, b = x.split([2, self.in_channels - 2], dim=1)", "chunk"),
        ("D", "return torch.cat([p, h], dim=1)", "x = self."),
        ("E", "v = x.mean((2, 3))\n", "= v\n"),
    ],
)
def test_blocks(block, line, absent):
    text = incdsl.compile(spec(f"conv2d 1x1 @4 -> {block}", BLOCKS)).split(f"class {block}(")[1].split("\nclass ")[0]
    assert line in text
    assert absent not in text
