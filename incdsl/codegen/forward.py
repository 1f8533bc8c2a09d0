"""The body of `forward`: one statement for each written step, rails as paragraphs, locals by liveness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from incdsl.codegen.access import Access
from incdsl.codegen.bodies import Body, Item
from incdsl.codegen.chain_names import chain_names
from incdsl.codegen.channels_last import ChannelsLast
from incdsl.codegen.expr_writer import ExprWriter
from incdsl.codegen.flow import Flow
from incdsl.codegen.layout import Bracketed, Clauses, Doc
from incdsl.codegen.locals import Locals
from incdsl.codegen.splits import split, splits, unpacked
from incdsl.ir.graph import Chain, Node
from incdsl.ir.schedule import Lane
from incdsl.ops.code import Method, Operand, Value
from incdsl.ops.merge import Joining
from incdsl.ops.window import GlobalAvgPool

FORK = "fork"
"""The variable of a fork."""
MAX_DEPTH = 6
"""Calls inside calls, beyond which an expression is hard to read."""


@dataclass(frozen=True, slots=True)
class Statement:
    """`target = doc`, and the variables of the values that it makes."""

    target: str
    doc: Doc
    reads: tuple[str, ...]
    item: Item
    holds: Mapping[str, str]
    comments: tuple[str, ...] = ()
    """What the author said of the chains that begin with it."""
    lane: Lane | None = None
    """The stream of a fork that it runs on."""

    @property
    def chain(self) -> Chain:
        """The chain that it belongs to."""
        return self.item.chain

    @property
    def values(self) -> tuple[str, ...]:
        """The values that it makes."""
        return tuple(self.holds)


class Forward:
    """Turns the items of a body into statements.

    Values that leave the net, and several that leave a part of it, end up in variables of their names; a single one
    may be returned by whatever name it has.
    """

    def __init__(self, flow: Flow, writer: ExprWriter, access: Access, lanes: Mapping[Item, Lane | None]) -> None:
        self._flow = flow
        self._lanes = lanes
        self._writer = writer
        self._access = access
        self._channels_last = ChannelsLast(flow)
        self._arguments = {port.value: port.name for port in flow.body.inputs}
        self._keep = self._kept(flow.body)
        self._names = chain_names(flow)
        self._keeping = self._keeping_names()

    def _keeping_names(self) -> set[Chain]:
        """Chains whose value keeps their name: a merge, a block beside others, or several chains read it.

        Where most do, all do.
        """
        flow = self._flow
        named = {
            made.chain
            for item in flow.items
            if (isinstance(item.node.op, Joining) if item.node else len(item.inputs) > 1)
            for made in map(flow.makes.get, flow.inputs[item])
            if made and made.chain.root is not item.chain.root
        } | self._read_again()
        last = {flow.makes[value].chain.root for value in flow.ends if value in flow.makes}
        roots = {item.chain.root for item in flow.items} - last
        return named | roots if 2 * len(named & roots) > len(roots) > 1 else named

    def _read_again(self) -> set[Chain]:
        """Chains whose value several others read, heads aside."""
        readers: dict[Chain, set[Chain]] = {}
        for item in [item for item in self._flow.items if not item.is_head]:
            for made in map(self._flow.makes.get, self._flow.inputs[item]):
                if made and made.chain.root is not item.chain.root:
                    readers.setdefault(made.chain, set()).add(item.chain.root)
        return {chain for chain, others in readers.items() if len(others) > 1}

    def _kept(self, body: Body) -> dict[str, str]:
        """Values that must end up in a certain variable; outputs of the net go before its heads."""
        if not body.is_net and len(body.outputs) == 1:
            return {}
        ports = sorted(body.outputs, key=lambda port: not port.optional)
        named = {self._flow.value(port.value): port.name for port in ports}
        return {value: name for value, name in named.items() if value not in self._arguments}

    def statements(self) -> list[Statement]:
        """The statements, in order."""
        keep, arguments = self._keep, self._arguments
        inside = self._nested()
        written = [item for item in self._flow.items if item.output not in inside]
        leaves = {item: self._leaves(item, inside) for item in written}
        written = in_forks(written, leaves, self._lanes)
        kept = {*self._flow.ends, *keep}
        several = unpacked(written, self._flow.value, kept)
        kernels = {parts[0]: self._flow.makes[name] for name, parts in several.items()}
        written = [item for item in written if item.output not in several]
        leaves |= {first: leaves[kernel] for first, kernel in kernels.items()}
        last_use = {name: now for now, item in enumerate(written) for name in leaves[item]}
        last_use |= dict.fromkeys((*keep, *self._flow.ends), len(written))
        due = {keep[name]: now for now, item in enumerate(written) for name in item.outputs if name in keep}
        locals_ = Locals(last_use, due)
        for value, variable in arguments.items():
            locals_.bind(value, variable)
        for each in self._access.unpacked:
            last_use[each.name] = len(written)
            locals_.bind(each.name, each.name)
        for name in (*self._functions(), *([FORK] if any(self._lanes.values()) else [])):
            last_use[name] = len(written)
            locals_.bind(name, name)
        statements: list[Statement] = []
        parts = splits(written, self._flow.value, self._flow.shapes, kept)
        parts |= {members[0].output: members for members in several.values()}
        done: set[str] = set()
        said: set[Chain] = set()
        for now, item in enumerate(written):
            if item.output in done:
                continue
            call, members = kernels.get(item, item), parts.get(item.output, ())
            if members and call is item:
                doc: Doc = split(members, locals_[leaves[item][0]], self._writer)
            else:
                doc = self._doc(call, inside, locals_)
            held = {each.output: self._named(each, 0, locals_, now + i) for i, each in enumerate(members)}
            done.update(held)
            held = held or {name: self._named(item, i, locals_, now) for i, name in enumerate(item.outputs)}
            comments = [line for chain, lines in call.comments if chain not in said for line in lines]
            said.update(chain for chain, _ in call.comments)
            target, lane = ", ".join(held.values()), self._lanes[call]
            statements.append(Statement(target, doc, leaves[item], call, held, tuple(comments), lane))
        return statements

    def _functions(self) -> list[str]:
        """Functions of the file that its ops may call: no variable hides one."""
        ops = dict.fromkeys(type(item.node.op) for item in self._flow.items if item.node)
        return [name for op in ops for name, text in op.helpers.items() if text.startswith("def ")]

    def held(self, statements: Sequence[Statement]) -> dict[str, str]:
        """The variable of every value, arguments among them."""
        return {**self._arguments, **{value: name for s in statements for value, name in s.holds.items()}}

    def _named(self, item: Item, index: int, variables: Locals, now: int) -> str:
        value = item.outputs[index]
        if value in self._keep:
            return variables.bind(value, self._keep[value])
        if item.names and item.names[index]:
            return variables.name(value, [item.names[index]], "", now)
        return variables.name(value, self._wishes(item), item.chain.root.name, now)

    def _wishes(self, item: Item) -> list[str]:
        chain = item.chain
        word = item.node.op.word if item.node else "y"
        if chain.rail:
            return [self._names[chain]]
        if chain in self._keeping and chain.name:
            return [chain.name]
        taken = "x" in self._keep.values() and chain.root.name != "x"
        return [chain.name or word] if taken else ["x", chain.name, word]

    def _nested(self) -> set[str]:
        """Values that are written inside the expression of their only reader: those of the same step."""
        depth: dict[str, int] = {}
        for item in self._flow.items:
            reader = self._flow.only_reader(item.output)
            deep = 1 + max((depth.get(name, 0) for name in self._flow.inputs[item]), default=0)
            alone = item.output not in self._keep and len(item.outputs) == 1
            together = reader and self._lanes[reader] == self._lanes[item]
            if reader and alone and together and reader.step == item.step and deep < MAX_DEPTH:
                depth[item.output] = deep
        return set(depth)

    def _leaves(self, item: Item, inside: set[str]) -> tuple[str, ...]:
        leaves: list[str] = []
        waiting = list(self._flow.inputs[item])
        while waiting:
            name = waiting.pop()
            if name in inside:
                waiting.extend(self._flow.inputs[self._flow.makes[name]])
            else:
                leaves.append(name)
        return tuple(reversed(leaves))

    def _doc(self, item: Item, inside: set[str], variables: Locals) -> Doc:
        operands: list[Doc] = []
        for name in self._flow.inputs[item]:
            operands.append(self._doc(self._flow.makes[name], inside, variables) if name in inside else variables[name])
        module = self._access.of.get(item.label, "")
        if item.is_head:
            call = Bracketed(module, tuple(operands))
            return Clauses((call, f"if {module} is not None and self.training", "else None"))
        if item.node is None:
            return Bracketed(module, tuple(operands))
        return self._op(item.node, item, operands, module)

    def _op(self, node: Node, item: Item, operands: list[Doc], module: str) -> Doc:
        lowering = self._flow.lowering(item)
        if node.label:
            return self._writer.code(self._channels_last.code(item, lowering.forward), operands, module)
        code = lowering.function
        assert code is not None
        if isinstance(node.op, GlobalAvgPool) and item.output in self._flow.vectors.values:
            code = Method(Operand(), "mean", (Value((2, 3)),))
        doc = self._writer.code(code, operands, module)
        if node.op.in_place and self._flow.may_overwrite(item):
            assert isinstance(doc, Bracketed)
            return Bracketed(doc.head, (*doc.items, "inplace=True"))
        return doc


def in_forks(
    items: Sequence[Item], leaves: Mapping[Item, Sequence[str]], lanes: Mapping[Item, Lane | None]
) -> list[Item]:
    """The calls of a body, those of each fork together, stream by stream, behind what does not wait for them."""
    found: list[Item] = []
    waiting = list(items)
    while forks := {lane.fork for item in waiting if (lane := lanes[item])}:
        fork = min(forks)
        of = {item: lane for item in waiting if (lane := lanes[item]) and lane.fork == fork}
        last = max(i for i, item in enumerate(waiting) if item in of)
        behind = {value for item in waiting if lanes[item] for value in item.outputs}
        later: list[Item] = []
        for i, item in enumerate(waiting):
            if item in of:
                continue
            if i > last or lanes[item] or not behind.isdisjoint(leaves[item]):
                behind.update(item.outputs)
                later.append(item)
            else:
                found.append(item)
        found += sorted(of, key=lambda item: of[item].stream)
        waiting = later
    return [*found, *waiting]
