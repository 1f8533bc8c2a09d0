"""The body of `forward`: one statement for each written step, rails as paragraphs, locals by liveness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from incdsl.codegen.bodies import Body, Item
from incdsl.codegen.expr_writer import ExprWriter
from incdsl.codegen.layout import Bracketed, Clauses, Doc
from incdsl.codegen.locals import Locals
from incdsl.codegen.runs import joined
from incdsl.codegen.splits import split, splits
from incdsl.ir.graph import Chain, Node
from incdsl.ops.code import Lowering, Method, Operand, Value
from incdsl.ops.dense import Flatten
from incdsl.ops.merge import Joining
from incdsl.ops.window import GlobalAvgPool
from incdsl.values import Shape

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
    like: str
    """The value whose shape the first variable has: a mean may be a vector at once."""

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

    def __init__(
        self,
        body: Body,
        shapes: Mapping[str, Shape],
        writer: ExprWriter,
        access: Mapping[str, str],
        found: Mapping[str, list[Item]],
    ) -> None:
        self._shapes = shapes
        self._writer = writer
        self._access = access
        self._alias: dict[str, str] = {}
        self._items = [item for item in joined(body, found) if not self._is_silent(item)]
        self._makes = {name: item for item in self._items for name in item.outputs}
        self._inputs = {item: tuple(map(self.value, item.inputs)) for item in self._items}
        self._uses = Counter(name for names in self._inputs.values() for name in names)
        self._ends = {self.value(port.value) for port in body.outputs}
        self._arguments = {port.value: port.name for port in body.inputs}
        self._keep = self._kept(body)
        self._joined = {
            made.chain
            for item in self._items
            if (isinstance(item.node.op, Joining) if item.node else len(item.inputs) > 1)
            for made in map(self._makes.get, self._inputs[item])
            if made and made.chain.root is not item.chain.root
        } | self._read_again()
        """Chains whose value keeps their name: a merge, a block beside others, or several chains read it."""

    def _read_again(self) -> set[Chain]:
        """Chains whose value several others read, heads aside."""
        readers: dict[Chain, set[Chain]] = {}
        for item in [item for item in self._items if not item.is_head]:
            for made in map(self._makes.get, self._inputs[item]):
                if made and made.chain.root is not item.chain.root:
                    readers.setdefault(made.chain, set()).add(item.chain.root)
        return {chain for chain, others in readers.items() if len(others) > 1}

    def _kept(self, body: Body) -> dict[str, str]:
        """Values that must end up in a certain variable; outputs of the net go before its heads."""
        if not body.is_net and len(body.outputs) == 1:
            return {}
        ports = sorted(body.outputs, key=lambda port: not port.optional)
        named = {self.value(port.value): port.name for port in ports}
        return {value: name for value, name in named.items() if value not in self._arguments}

    def statements(self) -> list[Statement]:
        """The statements, in order."""
        keep, arguments = self._keep, self._arguments
        inside = self._nested()
        written = [item for item in self._items if item.output not in inside]
        leaves = {item: self._leaves(item, inside) for item in written}
        last_use = {name: now for now, item in enumerate(written) for name in leaves[item]}
        last_use |= dict.fromkeys((*keep, *self._ends), len(written))
        due = {keep[name]: now for now, item in enumerate(written) for name in item.outputs if name in keep}
        locals_ = Locals(last_use, due)
        for value, variable in arguments.items():
            locals_.bind(value, variable)
        statements: list[Statement] = []
        parts = splits(written, self.value, self._shapes, {*self._ends, *keep})
        done: set[str] = set()
        for now, item in enumerate(written):
            if item.output in done:
                continue
            if members := parts.get(item.output):
                doc: Doc = split(members, locals_[leaves[item][0]], self._writer)
                held = {each.output: self._named(each, 0, locals_, now + i) for i, each in enumerate(members)}
                done.update(held)
            else:
                doc = self._doc(item, inside, locals_)
                held = {name: self._named(item, i, locals_, now) for i, name in enumerate(item.outputs)}
            like = self._reader(item).output if self._drops_its_grid(item) else item.output
            statements.append(Statement(", ".join(held.values()), doc, leaves[item], item, held, like))
        return statements

    def held(self, statements: Sequence[Statement]) -> dict[str, str]:
        """The variable of every value, arguments among them."""
        return {**self._arguments, **{value: name for s in statements for value, name in s.holds.items()}}

    def value(self, name: str) -> str:
        """The value that a name stands for: `identity` gives what it reads."""
        return self._alias.get(name, name)

    def _is_silent(self, item: Item) -> bool:
        """Inputs are arguments, and what gives its operand, as `identity` does, is another name for it."""
        if item.node is None:
            return False
        view = item.node.op.kind == "view" and not item.label
        if view and self._lowering(item.node, item).function == Operand():
            self._alias[item.output] = self.value(item.inputs[0])
            return True
        return not item.inputs

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
        if chain.rail or chain in self._joined:
            return [chain.name]
        taken = "x" in self._keep.values() and chain.root.name != "x"
        return [chain.name or word] if taken else ["x", chain.name, word]

    def _nested(self) -> set[str]:
        """Values that are written inside the expression of their only reader: those of the same step."""
        readers = {name: item for item in self._items for name in self._inputs[item]}
        depth: dict[str, int] = {}
        for item in self._items:
            reader = readers.get(item.output)
            deep = 1 + max((depth.get(name, 0) for name in self._inputs[item]), default=0)
            alone = self._uses[item.output] == 1 and item.output not in self._keep and len(item.outputs) == 1
            if reader and alone and reader.step == item.step and deep < MAX_DEPTH:
                depth[item.output] = deep
        means = [item for item in self._items if item.output not in depth and self._drops_its_grid(item)]
        return {*depth, *(item.output for item in means if readers[item.output].output not in depth)}

    def _leaves(self, item: Item, inside: set[str]) -> tuple[str, ...]:
        leaves: list[str] = []
        waiting = list(self._inputs[item])
        while waiting:
            name = waiting.pop()
            if name in inside:
                waiting.extend(self._inputs[self._makes[name]])
            else:
                leaves.append(name)
        return tuple(reversed(leaves))

    def _doc(self, item: Item, inside: set[str], variables: Locals) -> Doc:
        operands: list[Doc] = []
        for name in self._inputs[item]:
            operands.append(self._doc(self._makes[name], inside, variables) if name in inside else variables[name])
        module = self._access.get(item.label, "")
        if item.is_head:
            call = Bracketed(module, tuple(operands))
            return Clauses((call, f"if self.training and {module} is not None", "else None"))
        if item.node is None:
            return Bracketed(module, tuple(operands))
        return self._op(item.node, item, operands, module)

    def _lowering(self, node: Node, item: Item) -> Lowering:
        return node.op.lower(*(self._shapes[name] for name in item.inputs))

    def _op(self, node: Node, item: Item, operands: list[Doc], module: str) -> Doc:
        lowering = self._lowering(node, item)
        if node.label:
            return self._writer.code(lowering.forward, operands, module)
        code = lowering.function
        assert code is not None
        if self._drops_its_grid(item):
            code = Method(Operand(), "mean", (Value((2, 3)),))
        elif isinstance(node.op, Flatten) and self._drops_its_grid(self._makes.get(self.value(item.inputs[0]))):
            return operands[0]
        doc = self._writer.code(code, operands, module)
        if node.op.in_place and self._may_overwrite(item):
            assert isinstance(doc, Bracketed)
            return Bracketed(doc.head, (*doc.items, "inplace=True"))
        return doc

    def _drops_its_grid(self, item: Item | None) -> bool:
        """A global pool whose only reader flattens it takes the mean to a vector at once."""
        if item is None or item.node is None or not isinstance(item.node.op, GlobalAvgPool) or item.label:
            return False
        if self._uses[item.output] != 1 or item.output in self._ends:
            return False
        reader = self._reader(item)
        return reader.node is not None and isinstance(reader.node.op, Flatten) and not reader.label

    def _reader(self, item: Item) -> Item:
        """The only reader of a value."""
        return next(each for each in self._items if item.output in self._inputs[each])

    def _may_overwrite(self, item: Item) -> bool:
        """Whether the operand is a fresh tensor that nothing else reads, backward passes included."""
        source = self._makes.get(self.value(item.inputs[0]))
        return (
            source is not None
            and source.node is not None
            and source.node.op.owns_output
            and self._uses[source.output] == 1
            and source.output not in self._ends
        )
