"""Runs a generated module and compares it with what the compiler says of it."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import io
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from incdsl.analysis.cost import state_dict
from incdsl.codegen.vectors import vectors
from incdsl.compiler import Compilation
from incdsl.ir.graph import Instance
from incdsl.ops.code import SELF
from incdsl.runtime.harness import TOLERANCE, NotFinite, deviation, doubles, noise, outputs, randomized, run_heads
from incdsl.runtime.interpret import NotInterpreted, interpret
from incdsl.runtime.load import load_net
from incdsl.runtime.verdict import NotChecked, Verdict

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
FLOAT32 = 1e-4
"""How far outputs in float32 may be apart, relative to their norm, when other kernels computed them."""


class Mismatch(Exception):
    """The module and the compiler disagree."""


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: its name, what was seen, and what came of it; one that nothing was compared for did not pass."""

    name: str
    detail: str
    verdict: Verdict

    @property
    def passed(self) -> bool:
        """Whether it was made and held."""
        return self.verdict == "ok"


def verify(done: Compilation, names: Collection[str] | None = None) -> Iterator[Check]:
    """Run the comparisons of these names, or all, one after the other; each is reported as soon as it is known."""
    verifier = _Verifier(done)
    for name, check in CHECKS.items():
        if names is None or name in names:
            yield _run(name, partial(check, verifier))


def _run(name: str, check: Callable[[], str]) -> Check:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Check(name, check(), "ok")
    except NotChecked as reason:
        return Check(name, str(reason), "not checked")
    except NotFinite:
        return Check(name, "the outputs are not finite", "not checked")
    except Mismatch as mismatch:
        return Check(name, str(mismatch), "FAIL")
    except Exception as error:  # whatever PyTorch raises is a finding, not a crash
        return Check(name, _told(error), "FAIL")


def _told(error: BaseException) -> str:
    """The first line of what an error comes from in the end, without colours."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = _COLOUR.sub("", str(error).strip()).split("\n")[0][:300]
    return f"{type(error).__name__}: {line}"


class _Verifier:
    def __init__(self, done: Compilation) -> None:
        self._done = done
        self._make: Callable[..., nn.Module] = load_net(done)
        self._graph = done.net.graph
        self._shapes = self._graph.shapes()
        torch.manual_seed(0)
        self._module = self._make().eval()

    # Names and counts

    def keys(self) -> str:
        """Keys and shapes of the state_dict, in order."""
        said = [(key, tensor.shape) for key, tensor in state_dict(self._graph, self._shapes)]
        seen = [(key, tuple(value.shape)) for key, value in self._module.state_dict().items()]
        _same(said, seen)
        return _many(len(seen), "key")

    def parameters(self) -> str:
        """Parameters with and without auxiliary heads."""
        _same(self._done.cost.params, _count(self._module))
        if self._graph.heads:
            _same(self._done.cost.deployed_params, _count(self._make(aux=False)))
        return f"{self._done.cost.params:,}"

    def macs(self) -> str:
        """PyTorch's own count, on tensors without data."""
        sizes = self._nominal() or self._some_sizes()[0]
        with torch.device("meta"):
            module = self._make().eval()
        inputs = [x.to("meta") for x in noise(self._done, sizes, batch=1)]
        with FlopCounterMode(display=False) as counter:
            module(*inputs)
        said = self._macs_at(sizes)
        _same(2 * said, counter.get_total_flops())
        return f"{said:,} at {' x '.join(map(str, sizes.values())) or 'batch 1'}"

    def _macs_at(self, sizes: Mapping[str, int]) -> int:
        deployed = self._graph.needed_by(list(self._graph.outputs.values()))
        total = 0
        for node in self._graph:
            operands = tuple(self._shapes[name].at(sizes) for name in self._graph.operands(node.name))
            if operands and node.name in deployed:
                total += node.op.macs(operands, self._shapes[node.name].at(sizes))
        return total

    # Shapes

    def shapes(self) -> str:
        """The output of every module at several legal sizes, the first of them not square."""
        tried = []
        flat = vectors(self._graph).values
        for sizes in self._some_sizes():
            seen = self._trace(sizes)
            for path, value in self._expected().items():
                if path in seen:
                    shape = self._shapes[value].at(sizes)
                    _same((2, *(shape[:1] if value in flat else shape)), seen[path], path)
            results = outputs(self._module(*self._inputs(sizes)))
            for name, result in zip(self._graph.outputs, results, strict=True):
                _same((2, *self._shapes[self._graph.outputs[name]].at(sizes)), tuple(result.shape), name)
            tried.append("x".join(map(str, sizes.values())))
        return ", ".join(tried) or "no image to size"

    def _expected(self) -> dict[str, str]:
        """The value that each module gives, by the module's path."""
        values: dict[str, str] = {}
        for node in self._graph:
            instance: Instance | None = node.instance
            while instance is not None and instance.parent is not None:
                values[instance.path] = node.name
                instance = instance.parent
            operands = [self._shapes[name] for name in self._graph.operands(node.name)]
            if node.label and node.op.lower(*operands).forward is SELF:
                values[node.path] = node.name
        return values

    def _trace(self, sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
        seen: dict[str, tuple[int, ...]] = {}

        def note(path: str) -> Callable[..., None]:
            def hook(_: nn.Module, __: Any, output: Any) -> None:
                if isinstance(output, Tensor):
                    seen[path] = tuple(output.shape)

            return hook

        hooks = [part.register_forward_hook(note(path)) for path, part in self._module.named_modules() if path]
        with torch.no_grad():
            self._module(*self._inputs(sizes))
        for hook in hooks:
            hook.remove()
        return seen

    def too_small(self) -> str:
        """PyTorch refuses the size below the smallest legal one, if a window is the reason."""
        sizes = self._some_sizes()[0]
        refused, other = [], []
        for axis, legal in self._done.sizes.evaluation.items():
            least = next(iter(legal))
            if least == 1:
                other.append(f"{axis} = 1 is legal")
            elif legal.only is not None or legal.most is not None:
                other.append(f"{axis} {legal} is not a window's doing")
            elif not self._runs({**sizes, axis: least - 1}):
                refused.append(f"{axis} = {least - 1}")
            elif (least - 1) % legal.period not in legal.residues:
                other.append(f"{axis} = {least - 1} runs, since a merge repeats what has one row")
            else:
                raise Mismatch(f"{axis} = {least - 1} runs, but {axis} {legal} was said")
        if not refused:
            raise NotChecked(", ".join(other) or "no image to size")
        return ", ".join(refused)

    def _runs(self, sizes: Mapping[str, int]) -> bool:
        """Whether PyTorch runs it, and something comes out: a slice may be empty, and its mean is no number."""
        try:
            with torch.no_grad():
                found = outputs(self._module(*self._inputs(sizes)))
        except RuntimeError:
            return False
        return all(value.numel() and not value.isnan().all() for value in found)

    # Numbers

    def numbers(self) -> str:
        """Outputs and heads in float64, random weights and statistics, beside what the graph gives op by op."""
        sizes = self._training_sizes()
        with doubles(), torch.no_grad():
            module = randomized(self._make()).eval()
            inputs = noise(self._done, sizes)
            try:
                known = interpret(self._graph, inputs, module.state_dict())
            except NotInterpreted as word:
                raise NotChecked(f"`{word}` does not say what it computes") from None
            run_heads(module, self._graph)
            results = outputs(module(*inputs))
        ends = {**self._graph.outputs, **{head.name: head.node for head in self._graph.heads}}
        worst = {name: deviation(found, known[ends[name]]) for name, found in zip(ends, results, strict=True)}
        name = max(worst, key=lambda each: worst[each])
        if not worst[name] <= TOLERANCE:
            raise Mismatch(f"{name} differs by {worst[name]:.1e} of its norm")
        how = f"within {worst[name]:.0e} of" if worst[name] else "equal to"
        return f"{how} the graph's, op by op, in float64"

    # What PyTorch's tools make of it

    def gradients(self) -> str:
        """A training step reaches every parameter."""
        self._need_parameters()
        torch.manual_seed(0)
        module = self._make().train()
        values = outputs(module(*self._inputs(self._training_sizes())))
        torch.stack([value.float().square().mean() for value in values]).sum().backward()  # type: ignore[no-untyped-call]
        without = [name for name, parameter in module.named_parameters() if parameter.grad is None]
        _same([], without)
        return _many(len(list(module.parameters())), "tensor")

    def _need_parameters(self) -> None:
        if not any(parameter.requires_grad for parameter in self._module.parameters()):
            raise NotChecked("no parameters")

    def fx(self) -> str:
        """Symbolic tracing, and the traced module's outputs."""
        traced = torch.fx.symbolic_trace(self._module)
        self._agrees(traced)
        return _many(len(traced.graph.nodes), "node")

    def export(self) -> str:
        """Export with a free batch size."""
        batch = torch.export.Dim("batch", min=2, max=64)
        inputs = self._inputs(self._some_sizes()[0])
        dims = tuple({0: batch} for _ in inputs)
        program = torch.export.export(self._module, inputs, dynamic_shapes=dims)
        self._agrees(program.module(), batch=3)
        return "free batch"

    def compile(self) -> str:
        """One graph without breaks."""
        compiled = torch.compile(self._module, fullgraph=True, backend="eager")
        self._agrees(compiled)
        return "one graph"

    def onnx(self) -> str:
        """Export to ONNX with a free batch size, which the checker of ONNX accepts and ONNX Runtime runs alike."""
        if any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxscript")):
            raise NotChecked("pip install onnx onnxscript")
        import onnx

        dims = tuple({0: torch.export.Dim("batch", min=2, max=64)} for _ in self._graph.inputs)
        inputs = self._inputs(self._some_sizes()[0])
        with contextlib.redirect_stdout(io.StringIO()):
            program = torch.onnx.export(self._module, inputs, dynamo=True, dynamic_shapes=dims, verbose=False)
        assert program is not None
        onnx.checker.check_model(program.model_proto)
        graph = program.model_proto.graph
        for value in [*graph.input, *graph.output]:  # the exporter falls back to a fixed size without a word
            if not value.type.tensor_type.shape.dim[0].dim_param:
                raise Mismatch(f"the batch size of `{value.name}` became a constant")
        nodes = _many(len(graph.node), "node")
        if importlib.util.find_spec("onnxruntime") is None:
            raise NotChecked(f"{nodes}, exported but not run: pip install onnxruntime")
        self._agrees(partial(_run_by_onnxruntime, program.model_proto), batch=3)
        return f"{nodes}, run by ONNX Runtime"

    def distributed(self) -> str:
        """Two steps under DistributedDataParallel, which stops when a parameter was left without a gradient."""
        if not torch.distributed.is_available():
            raise NotChecked("this PyTorch has no torch.distributed")
        self._need_parameters()
        ways = [{}, {"aux": False}] if self._graph.heads else [{}]
        importlib.import_module("torch.distributed.nn")  # its functions would keep the group, and threads with it
        store = torch.distributed.HashStore()  # type: ignore[attr-defined]
        torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
        try:
            for way in ways:
                self._two_steps(**way)
        finally:
            gc.collect()  # a reducer that outlives its group waits for threads that wait for the interpreter
            torch.distributed.destroy_process_group()
        return "with and without heads" if len(ways) > 1 else "two steps"

    def _two_steps(self, **settings: bool) -> None:
        module = nn.parallel.DistributedDataParallel(self._make(**settings).train())
        for _ in range(2):
            values = outputs(module(*self._inputs(self._training_sizes())))
            torch.stack([value.float().square().mean() for value in values]).sum().backward()  # type: ignore[no-untyped-call]

    def _agrees(self, other: Callable[..., Any], batch: int = 2) -> None:
        inputs = self._inputs(self._some_sizes()[0], batch)
        with torch.no_grad():
            mine, theirs = outputs(self._module(*inputs)), outputs(other(*inputs))
        for left, right in zip(mine, theirs, strict=True):
            if not deviation(right, left) <= FLOAT32:
                raise Mismatch(f"the outputs differ by {deviation(right, left):.1e} of their norm")

    # Inputs

    def _nominal(self) -> dict[str, int]:
        nominal = self._done.net.conditions.nominal
        return {axis: size for axis, size in nominal.items() if size is not None}

    def _some_sizes(self) -> list[dict[str, int]]:
        """Legal sizes to try: small ones, height and width different where they can be."""
        legal = self._done.sizes.evaluation
        if not legal:
            return [{}]
        few = {axis: list(islice(sizes, 4)) for axis, sizes in legal.items()}
        count = max(map(len, few.values()))
        tried: list[dict[str, int]] = []
        for i in range(count):
            sizes = {axis: members[(i + k) % len(members)] for k, (axis, members) in enumerate(few.items())}
            tried.append(sizes)
        return tried

    def _training_sizes(self) -> dict[str, int]:
        """Small sizes that are legal in training, and leave more than one value to normalize."""
        return {axis: next(iter(sizes)) for axis, sizes in self._done.sizes.training.items()}

    def _inputs(self, sizes: Mapping[str, int], batch: int = 2) -> tuple[Tensor, ...]:
        return tuple(noise(self._done, sizes, batch, seed=1))


CHECKS: dict[str, Callable[[_Verifier], str]] = {
    "state_dict": _Verifier.keys,
    "parameters": _Verifier.parameters,
    "multiply-accumulates": _Verifier.macs,
    "shapes at legal sizes": _Verifier.shapes,
    "sizes too small are refused": _Verifier.too_small,
    "numbers": _Verifier.numbers,
    "gradients": _Verifier.gradients,
    "torch.fx": _Verifier.fx,
    "torch.export": _Verifier.export,
    "torch.compile": _Verifier.compile,
    "ONNX": _Verifier.onnx,
    "DistributedDataParallel": _Verifier.distributed,
}
"""Everything that is tried, in this order."""


def _run_by_onnxruntime(model: Any, *inputs: Tensor) -> list[Tensor]:
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    found = session.run(None, {name: x.numpy() for name, x in zip(names, inputs, strict=True)})
    return [torch.from_numpy(each) for each in found]


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _same(said: object, seen: object, what: str = "") -> None:
    if said == seen:
        return
    where = f"{what}: " if what else ""
    if isinstance(said, list) and isinstance(seen, list) and len(said) == len(seen):
        said, seen = next((a, b) for a, b in zip(said, seen, strict=True) if a != b)
    raise Mismatch(f"{where}the compiler says {str(said)[:200]}, PyTorch {str(seen)[:200]}")
