"""Holds a net to the invariants that analysis, passes and code generation rely on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from incdsl.diagnostics import CompilerBug
from incdsl.ir.graph import Graph, Input, Instance, Ports
from incdsl.ir.net import Net
from incdsl.ir.weight_expr import prefixes
from incdsl.ops import ShapeError
from incdsl.values.num import PLAIN, symbols


@dataclass(frozen=True, slots=True)
class Invariant:
    """What every net keeps to: a name, a sentence, and a look for what breaks it, which finds a text for each fault."""

    name: str
    text: str
    faults: Callable[[Facts], Iterator[str]]
    costly: bool = False
    """Whether it looks at every setting or shape, which takes longer than all others together."""


def validate(net: Net, *, quick: bool = False) -> None:
    """Hold a net to all invariants, in linear time; `quick` leaves out the costly ones.

    A net between two passes, with an origin but without a level, may have gaps in the numbers of a sequence.

    Raises:
        CompilerBug: naming the first invariant that does not hold, and what breaks it.
    """
    facts = Facts(net)
    for invariant in INVARIANTS:
        if quick and invariant.costly:
            continue
        for fault in invariant.faults(facts):
            raise CompilerBug(f"the net {net.name} is not valid ({invariant.name}): {fault}")


class Facts:
    """What the invariants have to know of a net, each gathered once."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.graph: Graph = net.graph

    @cached_property
    def lineages(self) -> dict[Instance, tuple[Instance, ...]]:
        """For every instance that holds a node itself and all around it, the outermost first; cycles are cut."""
        found: dict[Instance, tuple[Instance, ...]] = {}
        for node in self.graph:
            if node.instance not in found:
                above: list[Instance] = []
                around: Instance | None = node.instance
                while around is not None and around not in found and around not in above:
                    above.append(around)
                    around = around.parent
                lineage = found.get(around, ()) if around is not None else ()
                for instance in reversed(above):
                    found[instance] = lineage = (*lineage, instance)
        return found

    @cached_property
    def deployed(self) -> set[str]:
        """What the outputs depend on."""
        return self.graph.needed_by(self.graph.outputs.values())

    @cached_property
    def crossings(self) -> tuple[dict[Instance, set[str]], dict[Instance, set[str]]]:
        """The values that enter each instance, and those that leave it."""
        graph, lineages = self.graph, self.lineages
        enters: dict[Instance, set[str]] = {}
        leaves: dict[Instance, set[str]] = {}
        for node in graph:
            here = node.instance
            for operand in graph.operands(node.name):
                there = graph[operand].instance
                if there is not here:
                    inner, outer = lineages[here], lineages[there]
                    shared = 1
                    while shared < min(len(inner), len(outer)) and inner[shared] is outer[shared]:
                        shared += 1
                    for instance in inner[shared:]:
                        enters.setdefault(instance, set()).add(operand)
                    for instance in outer[shared:]:
                        leaves.setdefault(instance, set()).add(operand)
        for end in graph.ends:
            for instance in lineages[graph[end].instance][1:]:
                leaves.setdefault(instance, set()).add(end)
        return enters, leaves

    @cached_property
    def interrupted(self) -> list[Instance]:
        """Instances between whose nodes others stand."""
        found: dict[Instance, None] = {}
        left: set[Instance] = set()
        last: tuple[Instance, ...] = ()
        for node in self.graph:
            here = self.lineages[node.instance]
            if here is not last:
                left.update(each for each in last if each not in here)
                found |= dict.fromkeys(each for each in here if each in left)
                last = here
        return list(found)

    @cached_property
    def labels(self) -> dict[Instance, dict[str, list[object]]]:
        """The members of every instance by their labels, in order: labelled nodes, and instances."""
        found: dict[Instance, dict[str, list[object]]] = {instance: {} for instance in self.lineages}
        entered: set[Instance] = set()
        for node in self.graph:
            for instance in self.lineages[node.instance][1:]:
                if instance not in entered and instance.parent:
                    entered.add(instance)
                    found[instance.parent].setdefault(instance.label, []).append(instance)
            if node.label:
                found[node.instance].setdefault(node.label, []).append(node)
        return found

    @cached_property
    def symbols(self) -> dict[Instance, frozenset[str]]:
        """The names that settings in an instance may be written in: a sequence has those of the class around it."""
        found: dict[Instance, frozenset[str]] = {}
        for instance in self.lineages:  # those around an instance stand before it
            if instance.parent is None:
                found[instance] = frozenset(self.net.params)
            elif instance.kind == "sequence":
                found[instance] = found[instance.parent]
            else:
                ports = self.graph.ports.get(instance, Ports()).inputs
                channels = ("in_channels", *(f"{name}_channels" for name, _ in ports))
                found[instance] = frozenset((*instance.arguments, *channels))
        return found


def _ends(facts: Facts) -> Iterator[str]:
    graph = facts.graph
    yield from (f"{name} gives {node}, which is no node" for name, node in _named(graph) if node not in graph)
    entries = {node.name for node in graph if isinstance(node.op, Input)}
    if entries != set(graph.inputs.values()):
        yield f"the input nodes are {', '.join(sorted(entries)) or 'none'}"
    if not graph.outputs:
        yield "there is no output"
    names = [*graph.outputs, *(head.name for head in graph.heads)]
    yield from (f"{name} names two results" for name in _repeated(names))


def _named(graph: Graph) -> Iterator[tuple[str, str]]:
    yield from graph.inputs.items()
    yield from graph.outputs.items()
    yield from ((head.name, head.node) for head in graph.heads)


def _order(facts: Facts) -> Iterator[str]:
    graph = facts.graph
    met: set[str] = set()
    for node in graph:
        operands = graph.operands(node.name)
        yield from (f"{node.name} reads {name}, which does not stand before it" for name in operands if name not in met)
        if bool(operands) is isinstance(node.op, Input):
            yield f"{node.name} reads {len(operands)} values"
        if graph[node.name] is not node or node.name in met:
            yield f"two nodes are called {node.name}"
        met.add(node.name)


def _alive(facts: Facts) -> Iterator[str]:
    graph = facts.graph
    alive = facts.deployed | graph.needed_by([*graph.inputs.values(), *(head.node for head in graph.heads)])
    if len(alive) < len(graph):
        yield from (f"nothing depends on {node.name}" for node in graph if node.name not in alive)


def _tree(facts: Facts) -> Iterator[str]:
    for instance, lineage in facts.lineages.items():
        if lineage[0] is not facts.graph.net or (instance.parent is None) is not (len(lineage) == 1):
            yield f"{instance.word or instance.label} does not stand in the net"
        elif len(lineage) > 1 and not instance.label:
            yield f"an instance of {instance.word} has no label"


def _labels(facts: Facts) -> Iterator[str]:
    for instance, members in facts.labels.items():
        for label, those in members.items():
            if len(those) > 1:
                yield f"two members of {_called(instance)} are called {label}"
            above = label.rpartition(".")[0]
            while above:
                if above in members:
                    yield f"{above} is a member of {_called(instance)}, and a container of {label}"
                above = above.rpartition(".")[0]


def _called(instance: Instance) -> str:
    return instance.path or instance.word


def _sequences(facts: Facts) -> Iterator[str]:
    under_way = facts.net.origin is not None and facts.net.level is None
    for node in facts.graph:
        if node.instance.kind == "sequence" and not node.label:
            yield f"{node.name} has no number in {node.instance.path}"
    for instance, members in facts.labels.items():
        if instance.kind == "sequence":
            numbers = [int(label) if label.isdecimal() else -1 for label in members]
            whole = numbers == list(range(len(numbers)))
            if not whole and not (under_way and numbers == sorted(set(numbers)) and numbers[0] >= 0):
                yield f"the members of {instance.path} are numbered {', '.join(members)}"


def _doors(facts: Facts) -> Iterator[str]:
    as_written, ports = facts.net.origin is None, facts.graph.ports
    heads = {head.node for head in facts.graph.heads}
    for way, doors in zip(("comes in", "goes out"), facts.crossings, strict=True):
        for instance, values in doors.items():
            narrow = instance.kind in ("unit", "sequence")
            one = narrow or (as_written and instance not in ports)
            if one and len(values if narrow else values - heads) > 1:
                yield f"more than one value {way} at {instance.path}: {', '.join(sorted(values))}"


def _returns(facts: Facts) -> Iterator[str]:
    graph, lineages = facts.graph, facts.lineages
    for instance in facts.interrupted:
        behind: set[str] = set()
        for node in graph:
            inside = instance in lineages[node.instance]
            for operand in graph.operands(node.name):
                if inside and operand in behind:
                    yield f"{operand} enters {instance.path}, although it needs what leaves it"
                elif not inside and (operand in behind or instance in lineages[graph[operand].instance]):
                    behind.add(node.name)


def _ports(facts: Facts) -> Iterator[str]:
    graph = facts.graph
    enters, leaves = facts.crossings
    for instance, ports in graph.ports.items():
        where = _called(instance)
        if instance not in facts.lineages or instance.kind not in ("block", "net"):
            yield f"{where} has ports, but is no instance of a block that stands in the net"
            continue
        inputs, outputs = dict(ports.inputs), dict(ports.outputs)
        if len(inputs) < len(ports.inputs) or len(outputs) < len(ports.outputs):
            yield f"two ports of {where} have one name"
        outside = {v for v in inputs.values() if v in graph and instance not in facts.lineages[graph[v].instance]}
        yield from (f"the input {n} of {where} is {v}, which is inside" for n, v in ports.inputs if v not in outside)
        for name, value in ports.outputs:
            inside = value in graph and instance in facts.lineages[graph[value].instance]
            if not inside and value not in outside:
                yield f"the output {name} of {where} is {value}, which is neither inside nor an input"
        if facts.net.origin is None:
            heads = {head.node for head in graph.heads}
            strange = (enters.get(instance, set()) - outside) | (leaves.get(instance, set()) - {*outputs.values()})
            crossing = strange - heads
            yield from (f"{value} crosses the border of {where}, but is no port" for value in sorted(crossing))


def _heads(facts: Facts) -> Iterator[str]:
    graph, heads = facts.graph, {head.instance for head in facts.graph.heads}
    for head in graph.heads:
        if not head.instance.optional or head.instance not in facts.lineages[graph[head.node].instance]:
            yield f"the head {head.name} does not stand in an instance that is optional"
    for instance in facts.lineages:
        if instance.optional and instance not in heads:
            yield f"{instance.path} is optional, but no head stands in it"


def _training(facts: Facts) -> Iterator[str]:
    optional = {each for each, lineage in facts.lineages.items() if any(around.optional for around in lineage)}
    if optional:
        for name in facts.deployed:
            if facts.graph[name].instance in optional:
                yield f"an output depends on {name}, which only training runs"


def _shapes(facts: Facts) -> Iterator[str]:
    graph = facts.graph
    known = graph.shapes()
    for node in graph:
        stored = known[node.name]
        try:
            found = node.op.infer(*[known[name] for name in graph.operands(node.name)])
        except ShapeError as error:
            yield f"{node.name} does not take what it reads: {error.reason}"
            continue
        if found != stored:
            yield f"{node.name} is said to be {stored}, but is {found}"
        if type(stored.channels) is not int:
            yield f"the channels of {node.name} are written in symbols of one class"


def _sizes(facts: Facts) -> Iterator[str]:
    graph, nominal = facts.graph, facts.net.conditions.nominal
    if graph.nominal != nominal:
        yield "the nominal sizes of the graph are not those of the conditions"
    for name, node in graph.inputs.items():
        shape = graph.shapes()[node]
        for extent in (getattr(shape, "height", None), getattr(shape, "width", None)):
            if extent is not None and extent.axis not in nominal:
                yield f"the size of {name} along {extent} is neither nominal nor free"


def _symbols(facts: Facts) -> Iterator[str]:
    used: dict[Instance, dict[str, str]] = {instance: {} for instance in facts.lineages}
    for node in facts.graph:
        for value in vars(node.op).values():
            if type(value) not in PLAIN:
                for name in symbols(value):
                    used[node.instance].setdefault(name, node.name)
    for instance in reversed(facts.lineages):  # what stands inside comes first
        known = facts.symbols[instance]
        for name, where in used[instance].items():
            if name not in known:
                yield f"{where} is written with {name}, which is no argument of {_called(instance)}"
        if instance.parent is not None:
            for name, where in _used_around(instance, used[instance]):
                used[instance.parent].setdefault(name, where)


def _used_around(instance: Instance, used: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Symbols of the class around an instance that uses some of its own, each with what is written with it."""
    if instance.kind == "sequence":
        yield from used.items()
    yield from ((name, f"the count of {instance.path}") for name in symbols(instance.count))
    for argument, value in instance.arguments.items():
        if argument in used:  # others need not mean anything
            yield from ((name, f"the argument {argument} of {instance.path}") for name in symbols(value))


def _interface(facts: Facts) -> Iterator[str]:
    if facts.net.origin is None:
        return
    now, before = facts.graph, facts.net.origin.graph
    if list(now.inputs) != list(before.inputs) or list(now.outputs) != list(before.outputs):
        yield "a pass changed the names of inputs or outputs"
        return
    if not {head.name for head in now.heads} <= {head.name for head in before.heads}:
        yield "a pass made an auxiliary head"
    for old, new in ((before.inputs, now.inputs), (before.outputs, now.outputs)):
        for name, node in new.items():
            if now.shapes()[node] != before.shapes()[old[name]]:
                yield f"a pass made {name}, which was {before.shapes()[old[name]]}, {now.shapes()[node]}"


def _weights(facts: Facts) -> Iterator[str]:
    net = facts.net
    if not net.weight_exprs:
        return
    made = {node.path for node in (net.origin or net).graph if node.label and node.op.owns_parameters()}
    for name, expr in net.weight_exprs.items():
        if name not in net.graph or not net.graph[name].op.owns_parameters():
            yield f"{name} has weights, but is no layer"
        yield from (
            f"{name} has the weights of {path}, which is no layer" for path in prefixes(expr) if path not in made
        )


def _repeated(names: Iterable[str]) -> list[str]:
    met: set[str] = set()
    return [name for name in names if name in met or met.add(name)]  # type: ignore[func-returns-value]


INVARIANTS = (
    Invariant("order", "nodes stand behind what they read, under their own names; inputs alone read nothing", _order),
    Invariant("ends", "inputs, outputs and heads are nodes; all input nodes are inputs; there is an output", _ends),
    Invariant("no dead nodes", "every node but an input is read on the way to an output or a head", _alive),
    Invariant("tree", "the instances around every node end in the net, and all but the net have a label", _tree),
    Invariant("labels", "no two members of an instance share a label, and none is a container of others", _labels),
    Invariant("sequences", "the members of a sequence are numbered 0, 1, … in their order", _sequences),
    Invariant("doors", "one value enters and leaves a unit, a sequence and, as written, a block without ports", _doors),
    Invariant("no return", "what leaves an instance does not enter it again, changed or not", _returns),
    Invariant("ports", "ports are values outside and inside; in an elaborated net nothing else crosses", _ports),
    Invariant("heads", "heads stand in instances marked optional, and all of these are heads", _heads),
    Invariant("training only", "no output depends on a node of a head", _training),
    Invariant("shapes", "the stored shapes are what the ops infer, channels as bare numbers", _shapes, costly=True),
    Invariant("sizes", "every axis of an input has a nominal size, or is free", _sizes),
    Invariant("symbols", "settings are written in the arguments of their class", _symbols, costly=True),
    Invariant("interface", "passes keep the inputs and outputs, and their shapes", _interface),
    Invariant("weights", "weights are those of layers, computed from layers of the elaborated net", _weights),
)  # fmt: skip
"""What `validate` holds a net to, in this order: the later ones rely on the earlier ones."""
