"""The inside of every instance: the calls that it makes, and the values that enter and leave it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from incdsl.codegen.locals import legal
from incdsl.diagnostics import CompilerBug
from incdsl.ir.graph import Chain, Graph, Instance, Node, Ports


@dataclass(eq=False, slots=True)
class Item:
    """One call in the body of a class: of an op, or of an instance of another class."""

    node: Node | None
    instance: Instance | None
    inputs: tuple[str, ...]
    """Names of the nodes whose values it reads."""
    outputs: tuple[str, ...]
    """Names of the nodes whose values it gives: one, unless it is an instance that several values leave."""
    names: tuple[str, ...] = ()
    """What several outputs are called here, or would like to be; empty for what stands beside heads alone."""
    within: tuple[Item, ...] = ()
    """The calls of a container that runs as one."""

    @property
    def output(self) -> str:
        """The value it gives, the first of several."""
        return self.outputs[0]

    @property
    def written(self) -> Node | Instance:
        """The op, or the instance."""
        written = self.node or self.instance
        assert written is not None
        return written

    @property
    def label(self) -> str:
        """Its attribute; empty for a function call."""
        return self.written.label

    @property
    def step(self) -> int:
        """The written step that it belongs to."""
        return self.written.step

    @property
    def chain(self) -> Chain:
        """The chain that it belongs to."""
        chain = self.written.chain
        assert chain is not None
        return chain

    @property
    def comments(self) -> tuple[tuple[Chain, tuple[str, ...]], ...]:
        """What the author said of the chains that it belongs to, the outermost first."""
        chains = [chain for item in (self.within or (self,)) for chain in item.chain.lineage]
        return tuple((chain, chain.comments) for chain in dict.fromkeys(chains) if chain.comments)

    @property
    def note(self) -> str:
        """A remark for the reader of the generated code."""
        return self.written.note

    @property
    def is_head(self) -> bool:
        """Whether it is an auxiliary head, which runs only while training."""
        return self.instance is not None and self.instance.optional


@dataclass(frozen=True, slots=True)
class Port:
    """A value that enters or leaves an instance, and its name inside."""

    name: str
    value: str
    symbol: str = ""
    """Of an input: the constructor argument that says how many channels it has, if there is one."""
    optional: bool = False
    """Of an output: whether it is an auxiliary head's, which is there only while training."""


@dataclass(eq=False, slots=True)
class Body:
    """The inside of one instance."""

    instance: Instance
    items: list[Item] = field(default_factory=list)
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()

    @property
    def is_net(self) -> bool:
        """Whether it is the net's own body, and not that of a part of it."""
        return self.instance.parent is None

    @property
    def ends(self) -> frozenset[str]:
        """Values that leave it."""
        return frozenset(port.value for port in self.outputs)

    @property
    def output(self) -> str:
        """The value that leaves it, the first of several."""
        return self.outputs[0].value

    @property
    def has_heads(self) -> bool:
        """Whether auxiliary heads stand in it, or in an instance inside it."""
        return any(port.optional for port in self.outputs)


def bodies(graph: Graph) -> dict[Instance, Body]:
    """The body of every instance, parents before children, items as written.

    What enters or leaves an instance follows from the edges that cross its border, so that it stays true whatever
    rewrites do to them. Declared ports give such values their names and come first.
    """
    return _Bodies(graph).made


class _Bodies:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.made: dict[Instance, Body] = {graph.net: Body(graph.net)}
        self._around: dict[Instance, tuple[Instance, ...]] = {graph.net: (graph.net,)}
        """Each instance and all around it, the net first."""
        self._calls: dict[Instance, Item] = {}
        self._reads: defaultdict[Instance, dict[str, None]] = defaultdict(dict)
        self._gives: defaultdict[Instance, dict[str, None]] = defaultdict(dict)
        self._last: dict[Instance, str] = {}
        self._position: dict[str, int] = {}
        self._walk()
        self._heads = {head.node: head.instance for head in graph.heads}
        for name in [*graph.outputs.values(), *self._heads]:
            for instance in self._around[graph[name].instance][1:]:
                self._gives[instance][name] = None
        for instance, item in self._calls.items():
            self._close(instance, item)
        for body in self.made.values():
            if any(len(item.inputs) > 1 and item.instance for item in body.items):
                body.items = _in_order(body)
        net = self.made[graph.net]
        net.inputs = tuple(Port(name, node) for name, node in graph.inputs.items())
        net.outputs = (
            *(Port(name, node) for name, node in graph.outputs.items()),
            *(Port(head.name, head.node, optional=True) for head in graph.heads),
        )

    def _walk(self) -> None:
        """Give every node to the body of its instance, and note which values cross which borders."""
        graph, around = self._graph, self._around
        for node in graph:
            here = self._enter(node.instance)
            self._position[node.name] = len(self._position)
            operands = graph.operands(node.name)
            for operand in operands:
                maker = graph[operand].instance
                if maker is node.instance:
                    continue
                there = around[maker]
                shared = sum(a is b for a, b in zip(here, there, strict=False))
                for instance in here[shared:]:
                    self._reads[instance][operand] = None
                for instance in there[shared:]:
                    self._gives[instance][operand] = None
            self.made[node.instance].items.append(Item(node, None, operands, (node.name,)))
            for instance in here[1:]:
                self._last[instance] = node.name

    def _enter(self, instance: Instance) -> tuple[Instance, ...]:
        if instance not in self._around:
            assert instance.parent is not None
            self._around[instance] = (*self._enter(instance.parent), instance)
            self.made[instance] = Body(instance)
            self._calls[instance] = Item(None, instance, (), ())
            self.made[instance.parent].items.append(self._calls[instance])
        return self._around[instance]

    def _close(self, instance: Instance, item: Item) -> None:
        """Name the values that enter and leave an instance, declared ones first."""
        body = self.made[instance]
        declared = self._graph.ports.get(instance)
        body.inputs = self._inputs(instance, declared)
        body.outputs = self._outputs(instance, declared)
        item.inputs = tuple(port.value for port in body.inputs)
        item.outputs = tuple(port.value for port in body.outputs)
        if len(body.outputs) > 1:
            called = dict(declared.results) if declared else {}
            alone = sum(not port.optional for port in body.outputs) == 1
            item.names = tuple(
                "" if alone and not port.optional else called.get(port.name, port.name) for port in body.outputs
            )

    def _inputs(self, instance: Instance, declared: Ports | None) -> tuple[Port, ...]:
        entering = self._reads[instance]
        if declared is None:
            declared = Ports(inputs=(("x", self._main_input(instance)),))
        ports: dict[str, Port] = {}
        single = "in_channels" if len(declared.inputs) == 1 else ""
        for name, value in declared.inputs:
            if value in entering and value not in ports:
                symbols = (f"{name}_channels", single)
                ports[value] = Port(name, value, next((s for s in symbols if s in instance.arguments), ""))
        taken = {name for name, _ in (*declared.inputs, *declared.outputs)} | instance.arguments.keys()
        for value in entering:
            if value not in ports:
                name = self._free_name(value, "x", taken, instance)
                ports[value] = Port(name, value, "" if instance.kind == "sequence" else f"{name}_channels")
        return tuple(ports.values())

    def _main_input(self, instance: Instance) -> str:
        """Of the values that enter an instance with one declared input, the one that is it: it has its channels."""
        entering = list(self._reads[instance]) or [""]
        channels = instance.arguments.get("in_channels")
        if len(entering) == 1 or channels is None:
            return entering[0]
        shapes = self._graph.shapes()
        return next((value for value in entering if shapes[value].channels == int(channels)), "")

    def _outputs(self, instance: Instance, declared: Ports | None) -> tuple[Port, ...]:
        leaving = self._gives[instance] or {self._last[instance]: None}  # nobody may read it but for its width
        names = declared.outputs if declared else ()
        ports: dict[str, Port] = {}
        for name, value in names:
            if value in leaving and value not in ports:
                ports[value] = Port(name, value, optional=self._is_optional(value, instance))
        taken = {name for name, _ in names} | {port.name for port in self.made[instance].inputs}
        for value in sorted(leaving, key=self._position.__getitem__):
            if value not in ports:
                name = "" if len(leaving) == 1 else self._free_name(value, "y", taken, instance)
                ports[value] = Port(name, value, optional=self._is_optional(value, instance))
        return tuple(sorted(ports.values(), key=lambda port: port.optional))

    def _is_optional(self, value: str, instance: Instance) -> bool:
        """Whether an auxiliary head, of this instance or inside it, gives a value."""
        head = self._heads.get(value)
        return head is not None and instance in self._around[head][:-1]

    def _free_name(self, value: str, stem: str, taken: set[str], instance: Instance) -> str:
        """A name for a value that no port declares, after its chain, or the label of an auxiliary head."""
        head = self._heads.get(value)
        if head is not None and instance in self._around[head][:-1]:
            stem = head.label
        else:
            chain = self._graph[value].chain
            stem = chain.name or chain.root.name or stem
        stem = legal(stem.replace(".", "_"))
        name, count = stem, 1
        while name in taken or f"{name}_channels" in taken:
            count += 1
            name = f"{stem}_{count}"
        taken.update((name, f"{name}_channels"))
        return name


def _in_order(body: Body) -> list[Item]:
    """The items of a body, each behind what it reads: nodes of an instance may stand before all that enters it."""
    made = {port.value for port in body.inputs}
    ordered: list[Item] = []
    waiting = body.items
    while waiting:
        late = []
        for item in waiting:
            if made.issuperset(item.inputs):
                made.update(item.outputs)
                ordered.append(item)
            else:
                late.append(item)
        if len(late) == len(waiting):
            paths = ", ".join(item.instance.path for item in late if item.instance)
            raise CompilerBug(f"what leaves an instance enters it again: {paths}")
        waiting = late
    return ordered
