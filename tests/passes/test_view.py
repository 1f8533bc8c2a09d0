"""What rules may ask of a net: which settings are numbers, and which a constructor argument may change."""

from incdsl.passes.view import View
from incdsl.values import Num, Pair
from tests.nets import compiled

TEXT = """inc 1
net N(k = 3, width = 8, f = 0.5) {
  input x [4, 9, 9]
  output y = x -> b: B(k: k, width: width, f: f) -> scale (factor: 0.25)
}
block B(k, width, f) = conv2d @width valid (kernel: [k, 1]) -> scale (factor: f)
"""


def test_what_is_decided_at_compile_time_is_a_number():
    net = compiled(TEXT).net
    assert net.fixed == {"k"}
    view = View(net)
    conv, inner, outer = (node for node in net.graph if node.op.word in ("conv2d", "scale"))
    assert view.fixed(conv.op.kernel, conv) == (3, 1)
    assert view.fixed(outer.op.factor, outer) == 0.25
    assert view.fixed(inner.op.factor, inner) is None
    assert view.fixed(conv.op.width, conv) is None
    assert view.fixed(Pair(Num.symbol(8, "width"), 1), conv) is None
    assert view.fixed(Pair(Num.symbol(3, "k"), 1), conv) == (3, 1)
