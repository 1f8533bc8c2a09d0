"""Small nets for tests: the text of a spec, compiled, loaded, and filled with random numbers."""

from typing import NamedTuple

import torch
from torch import nn

from incdsl.compiler import Compilation, compile_net
from incdsl.runtime.load import load_text
from incdsl.source import Source

torch.set_num_threads(1)  # On small tensors, and beside other processes, threads wait longer than they work.


class Built(NamedTuple):
    """A checked net and an instance of its generated class, random numbers inside."""

    done: Compilation
    net: nn.Module


def spec(chain, shape="[8, 16, 16]"):
    """A net of one chain."""
    return f"inc 1\nnet N {{\n  input image {shape}\n  output y = image -> {chain}\n}}\n"


def compiled(text):
    """The net of a spec, checked."""
    return compile_net(Source("spec", text))


def generated(text):
    """The class of a generated text."""
    module = load_text(text, "N")
    return next(v for v in reversed(vars(module).values()) if isinstance(v, type) and issubclass(v, nn.Module))


def built(text):
    """The net of a spec, compiled and instantiated in float64, for evaluation."""
    done = compiled(text)
    return Built(done, randomized(generated(done.text)().double().eval()))


def randomized(net, seed=0):
    """The net with random parameters and statistics: the defaults (0 and 1) hide mistakes."""
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5, generator=source)
            elif tensor.is_floating_point():
                tensor.uniform_(-1, 1, generator=source)
    return net


def noise(*shape, seed=1, dtype=torch.float64):
    """Random numbers around 0."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def predicted(done, sizes):
    """The shape of the net's output for given sizes of its input's axes."""
    (output,) = done.net.graph.outputs.values()
    return done.net.graph.shapes()[output].at(sizes)
