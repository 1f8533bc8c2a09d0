"""Nets with ports and nets inside are held to PyTorch: heads, values that pass, values that enter twice."""

import pytest

from incdsl.compiler import for_inference
from incdsl.runtime.certify import certify
from incdsl.testing import check_net
from tests.elaborate.test_ports import BODY, FUSE, PAIR, net
from tests.nets import compiled

HALF = "net Half {\n  input image [3, H, W]\n  output y = image -> conv2d 3x3 @3 -> relu\n}\n"
NETS = {
    "one of two results": (FUSE, f"{PAIR}  _, q = (b, a) -> Fuse(width: 3)\n  output y = q\n  output z = a"),
    "twice with other arguments": (
        FUSE,
        f"{PAIR}  p, q = (b, a) -> Fuse(width: 3) -> Pass -> Fuse(width: 2)\n  output y = p\n  output z = q",
    ),
    "one value by two ports": (
        "block Two {\n  input u, v\n  output o = concat { | u | v -> relu }\n"
        "  output p = add { | u | v -> conv2d 1x1 @v }\n}\n",
        "  output o, p = (x, x) -> t: Two",
    ),
    "uses whose one value enters by another port": (
        "block Two {\n  input u, v\n  output o = u\n  output p = v -> conv2d 1x1 @u -> conv2d 1x1 @5\n}\n",
        "  output o, p = (x, x) -> Two -> Two",
    ),
    "an output that is the input": (
        "net Both {\n  input image [3, 16, 16]\n  output s = image\n  output c = image -> conv2d 3x3 @4\n}\n",
        "  s, c = x -> body: Both\n  output y = concat { | s | c }",
    ),
    "a head inside": (BODY, "  output c, d = x -> body: Body"),
    "heads of two uses": (
        BODY,
        "  c, d = x -> left: Body\n  e, f = x -> right: Body(width: 2)\n"
        "  output y = concat { | c | e }\n  output z = concat { | d | f }",
    ),
    "a value called as a head": (
        BODY,
        "  body_early, d = x -> body: Body\n  output y = body_early -> conv2d 1x1 @2\n  output z = d",
    ),
    "a head that leaves a block": (
        BODY + "block B {\n  c, d = in -> body: Body\n  output y = concat { | c -> maxpool 2x2/2 valid | d }\n}\n",
        "  output y = x -> one: B -> conv2d 1x1 @3 -> two: B",
    ),
    "a head that leaves a chain": (
        "net One {\n  input image [3, 16, 16]\n  v = image -> conv2d 3x3 @3\n"
        "  aux h = v -> gap -> linear @2\n  output y = v -> relu\n}\nblock B = conv2d 1x1 @3 -> one: One -> relu\n",
        "  output y = x -> one: B -> two: B",
    ),
    "a head on the way to one": (
        BODY,
        "  c, d = x -> body: Body\n  aux late = d -> gap -> linear @2\n  output y = d\n  output z = c",
    ),
    "a net that repeats": (HALF, "  output y = x -> parts: Half times 3"),
    "a net in a rail": (HALF, "  output y = x -> concat { | Half | h: Half | conv2d 1x1 @2 }"),
    "a net in a block": (f"{HALF}block B = Half -> second: Half\n", "  output y = x -> B -> c: B"),
    "the channels of a net in its head": (
        "",
        "  v = x -> conv2d 1x1 @in_channels\n  aux h = v -> gap -> linear @in_channels\n  output y = v -> relu",
    ),
}


@pytest.mark.parametrize("name", NETS)
def test_a_net_is_what_pytorch_runs(name):
    before, lines = NETS[name]
    passes = "block Pass {\n  input u, v\n  output p = v -> tanh\n  output q = u\n}\n"
    text = net(lines, before + passes * ("Pass" in lines), "(in_channels = 3)" if "in_channels" in lines else "")
    done = check_net(text, "N")
    assert all(each.passed for each in certify(done, for_inference(done)))


def test_two_classes_of_one_block_where_a_result_is_not_needed():
    lines = f"{PAIR}  p, q = (b, a) -> Fuse(width: 3)\n  _, r = (b, a) -> Fuse(width: 3)\n"
    done = compiled(net(f"{lines}  output y = p\n  output z = concat {{ | q | r }}", FUSE), "N")
    assert "class Fuse(nn.Module):" in done.text
    assert "class Fuse_2(nn.Module):" in done.text
