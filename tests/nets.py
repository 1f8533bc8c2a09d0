"""Small specs for tests: written, compiled, and what is wrong with them. Nothing here needs PyTorch."""

from functools import cache

from incdsl.analysis.cost import state_dict
from incdsl.compiler import Compilation, check_file, compile_net, read
from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.source import Source
from tests.process import ROOT

SPECS = ROOT / "specs"
EXAMPLES = ROOT / "examples"


def spec(chain, before="", shape="[8, 16, 16]", params=""):
    """A net `N` of one chain from its input `x`, with definitions before it."""
    return f"inc 1\n{before}net N{params} {{\n  input x {shape}\n  output y = x -> {chain}\n}}\n"


def compiled(text, net=None, **settings) -> Compilation:
    """The net of a spec, or the one of this name, checked."""
    return compile_net(Source("spec", text), net, settings)


def problems(text, net=None, root=None) -> list[Diagnostic]:
    """What is wrong with the nets of a spec, or with the one of this name; nothing if there are none but warnings."""
    source = text if isinstance(text, Source) else Source("spec", text)
    try:
        compile_net(source, net) if net else check_file(source, root=root)
    except CompileError as error:
        return list(error.diagnostics)
    return []


def codes(text, net=None, root=None) -> list[str]:
    """The codes of what is wrong."""
    return [found.code for found in problems(text, net, root)]


@cache
def nets_of(path) -> dict[str, Compilation]:
    """All nets of a file by name, compiled once for all tests; nobody may change them."""
    return {done.net.name: done for done in check_file(read(path))}


@cache
def net_of(path, **settings) -> Compilation:
    """The one net of a file with these settings, compiled once for all tests; nobody may change it."""
    return compile_net(read(path), None, settings)


def keys(done) -> list[str]:
    """The keys of the module's state_dict, in order, as the compiler counts them."""
    return [key for key, _ in state_dict(done.net.graph, done.net.graph.shapes())]


def predicted(done, sizes):
    """The shape of the net's output for given sizes of its input's axes."""
    (output,) = done.net.graph.outputs.values()
    return done.net.graph.shapes()[output].at(sizes)
