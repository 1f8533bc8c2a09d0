"""The body of `forward`: one statement for each written step, rails as paragraphs, locals by liveness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from incdsl.codegen.expr_writer import ExprWriter
from incdsl.codegen.layout import Bracketed, Doc
from incdsl.codegen.locals import Locals
from incdsl.codegen.plan import Body, Item
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
    """`target = doc`; `value` is the node whose value it holds, the first one where it holds several."""

    target: str
    doc: Doc
    value: str
    reads: tuple[str, ...]
    item: Item
    holds: Mapping[str, str]
    """The variables of all values that it holds."""

    @property
    def chain(self) -> Chain:
        """The chain that it belongs to."""
        return self.item.chain


class Forward:
    """Turns the items of a body into statements."""

    def __init__(
        self,
        body: Body,
        shapes: Mapping[str, Shape],
        writer: ExprWriter,
        access: Mapping[str, str],
        found: Mapping[str, list[Item]],
    ) -> None:
        self._body = body
        self._shapes = shapes
        self._scribe = writer
        self._access = access
        self._alias: dict[str, str] = {}
        self._items = [item for item in joined(body, found) if not self._is_silent(item)]
        self._makes = {item.output: item for item in self._items}
        self._inputs = {item.output: tuple(map(self.value, item.inputs)) for item in self._items}
        self._uses = Counter(name for names in self._inputs.values() for name in names)
        self.output = self.value(body.output)
        self._ends = {self.output, *map(self.value, body.ends)}
        self._joined = {
            made.chain
            for item in self._items
            if item.node and isinstance(item.node.op, Joining)
            for made in map(self._makes.get, self._inputs[item.output])
            if made and made.chain.root is not item.chain.root
        }
        """Chains whose value a merge reads by its name: it keeps that name."""

    def statements(self, arguments: Mapping[str, str], keep: Mapping[str, str]) -> list[Statement]:
        """The statements, for arguments of `forward` by the value they hold.

        `keep` gives values that must end up in a certain variable.
        """
        inside = self._nested(keep)
        written = [item for item in self._items if item.output not in inside]
        leaves = {item.output: self._leaves(item, inside) for item in written}
        last_use = {name: now for now, item in enumerate(written) for name in leaves[item.output]}
        for name in [*keep, *(self._ends & arguments.keys())]:
            last_use[name] = len(written)
        locals_ = Locals(last_use, keep.values())
        for value, variable in arguments.items():
            locals_.bind(value, variable)
        statements: list[Statement] = []
        parts = splits(written, self.value, self._shapes, {*self._ends, *keep})
        done: set[str] = set()
        for now, item in enumerate(written):
            if item.output in done:
                continue
            if members := parts.get(item.output):
                parted = split(members, locals_[leaves[item.output][0]], self._scribe)
                held = {each.output: self._named(each, locals_, now + i) for i, each in enumerate(members)}
                done.update(held)
                target = ", ".join(held.values())
                statements.append(Statement(target, parted, item.output, leaves[item.output], item, held))
                continue
            doc = self._doc(item, inside, locals_)
            if item.output in keep:
                target = locals_.bind(item.output, keep[item.output])
            else:
                target = self._named(item, locals_, now)
            held = {item.output: target}
            statements.append(Statement(target, doc, item.output, leaves[item.output], item, held))
        return statements

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

    def _named(self, item: Item, variables: Locals, now: int) -> str:
        return variables.name(item.output, self._wishes(item), item.chain.root.name, now)

    def _wishes(self, item: Item) -> list[str]:
        chain = item.chain
        word = item.node.op.word if item.node else "y"
        return [chain.name] if chain.rail or chain in self._joined else ["x", chain.name, word]

    def _nested(self, keep: Mapping[str, str]) -> set[str]:
        """Values that are written inside the expression of their only reader: those of the same step."""
        readers = {name: item for item in self._items for name in self._inputs[item.output]}
        depth: dict[str, int] = {}
        for item in self._items:
            reader = readers.get(item.output)
            deep = 1 + max((depth.get(name, 0) for name in self._inputs[item.output]), default=0)
            alone = self._uses[item.output] == 1 and item.output not in keep
            if reader and alone and reader.step == item.step and deep < MAX_DEPTH:
                depth[item.output] = deep
        means = [item for item in self._items if item.output not in depth and self._drops_its_grid(item)]
        return {*depth, *(item.output for item in means if readers[item.output].output not in depth)}

    def _leaves(self, item: Item, inside: set[str]) -> tuple[str, ...]:
        leaves: list[str] = []
        waiting = list(self._inputs[item.output])
        while waiting:
            name = waiting.pop()
            if name in inside:
                waiting.extend(self._inputs[name])
            else:
                leaves.append(name)
        return tuple(reversed(leaves))

    def _doc(self, item: Item, inside: set[str], variables: Locals) -> Doc:
        operands: list[Doc] = []
        for name in self._inputs[item.output]:
            operands.append(self._doc(self._makes[name], inside, variables) if name in inside else variables[name])
        module = self._access.get(item.label, "")
        if item.node is None:
            return Bracketed(module, tuple(operands))
        return self._op(item.node, item, operands, module)

    def _lowering(self, node: Node, item: Item) -> Lowering:
        return node.op.lower(*(self._shapes[name] for name in item.inputs))

    def _op(self, node: Node, item: Item, operands: list[Doc], module: str) -> Doc:
        lowering = self._lowering(node, item)
        if node.label:
            return self._scribe.code(lowering.forward, operands, module)
        code = lowering.function
        assert code is not None
        if self._drops_its_grid(item):
            code = Method(Operand(), "mean", (Value((2, 3)),))
        elif isinstance(node.op, Flatten) and self._drops_its_grid(self._makes.get(self.value(item.inputs[0]))):
            return operands[0]
        doc = self._scribe.code(code, operands, module)
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
        reader = next(i for i in self._items if item.output in self._inputs[i.output])
        return reader.node is not None and isinstance(reader.node.op, Flatten) and not reader.label

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
