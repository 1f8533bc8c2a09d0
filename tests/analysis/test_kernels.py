"""What the emitted module launches is what the graph says, before the rules and after each of them."""

from collections import Counter
from math import prod

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from incdsl.analysis.kernels import kernels
from incdsl.compiler import compile_net, for_inference, read
from incdsl.passes.levels import rules
from incdsl.runtime.load import load_net

KINDS = {
    "convolution": "convolution", "addmm": "linear", "max_pool2d_with_indices": "pool", "avg_pool2d": "pool",
    "_adaptive_avg_pool2d": "pool", "mean": "pool", "native_batch_norm": "norm",
    "_native_batch_norm_legit_no_training": "norm", "relu": "pointwise", "relu_": "pointwise", "add": "pointwise",
    "add_": "pointwise", "mul": "pointwise", "maximum": "pointwise", "cat": "copy",
}  # fmt: skip
VIEWS = {"empty", "view", "slice", "split", "split_with_sizes", "t", "permute", "_unsafe_view", "detach", "alias"}
NAMES = [rule.name for rule in rules("inference")]


class Recorder(TorchDispatchMode):
    """Launches by kind, and the numbers that they read and write."""

    def __init__(self):
        super().__init__()
        self.counts, self.numbers, self.strange = Counter(), 0, set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        if name in KINDS:
            self.counts[KINDS[name]] += 1
            given = [
                t for a in args for t in (a if isinstance(a, list | tuple) else [a]) if isinstance(t, torch.Tensor)
            ]
            first = result[0] if isinstance(result, tuple) else result
            self.numbers += sum(prod(t.shape) for t in given if t.shape) + prod(first.shape)
        elif name not in VIEWS:
            self.strange.add(name)
        return result


def launched(done):
    """Counts and numbers of one evaluation of the emitted module, on tensors without data."""
    with torch.device("meta"):
        module = load_net(done)().eval()
        image = torch.empty(1, 3, *(size for size in done.net.conditions.nominal.values()))
        with torch.no_grad(), FlopCounterMode(display=False) as flops:
            module(image)
        with torch.no_grad(), Recorder() as seen:
            module(image)
    assert not seen.strange
    return dict(seen.counts), seen.numbers, flops.get_total_flops() // 2


@pytest.mark.parametrize("applied", range(len(NAMES) + 1), ids=["before", *NAMES])
@pytest.mark.parametrize("spec", ["v3", "googlenet"])
def test_launches_of_the_emitted_module(spec, applied):
    done = compile_net(read(f"specs/{spec}.inc"))
    done = for_inference(done, frozenset(NAMES[applied:]))
    said = kernels(done.net)
    counts, numbers, macs = launched(done)
    assert counts == {kind: n for kind in set(KINDS.values()) if (n := getattr(said, kind))}
    assert (numbers, macs) == (said.numbers, said.macs)
    assert said.launches == sum(counts.values())


def test_v3_in_numbers():
    """The kernels of Inception-v3 as it was trained, and as it is deployed."""
    done = compile_net(read("specs/v3.inc"))
    before, after = kernels(done.net), kernels(for_inference(done).net)
    assert (before.convolution, before.norm, before.pointwise) == (94, 94, 94)
    assert (after.convolution, after.norm) == (66, 0)
    assert after.launches < before.launches
    assert after.numbers < before.numbers
    assert after.macs == before.macs == 5_713_216_096
