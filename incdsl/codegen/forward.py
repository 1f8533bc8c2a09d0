"""The body of `forward`: one statement for each written step, rails as paragraphs, locals by liveness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from incdsl.codegen.layout import Bracketed, Doc
from incdsl.codegen.locals import Locals
from incdsl.codegen.plan import Body, Item
from incdsl.codegen.scribe import Scribe
from incdsl.ir.graph import Chain, Node
from incdsl.ops.activation import Activation
from incdsl.ops.code import Lowering, Method, Operand, Value
from incdsl.ops.dense import Flatten
from incdsl.ops.window import GlobalAvgPool
from incdsl.types import Shape


@dataclass(frozen=True, slots=True)
class Statement:
    """`target = doc`, or with an empty target `return doc`; `value` is the node whose value it holds."""

    target: str
    doc: Doc
    value: str
    chain: Chain
    item: Item


class Forward:
    """Turns the items of a body into statements."""

    def __init__(
        self, body: Body, shapes: Mapping[str, Shape], scribe: Scribe, access: Mapping[str, str]
    ) -> None:
        self._body = body
        self._shapes = shapes
        self._scribe = scribe
        self._access = access
        self._makes = {item.output: item for item in body.items}
        self._uses = Counter(name for item in body.items for name in item.inputs)
        self._docs: dict[str, Doc] = {}

    def statements(
        self, arguments: Mapping[str, str], keep: Mapping[str, str]
    ) -> list[Statement]:
        """The statements, for arguments of `forward` by the value they hold.

        `keep` gives values that must end up in a certain variable.
        """
        items = [item for item in self._body.items if not self._is_input(item)]
        inside = self._nested(items, keep)
        written = [item for item in items if item.output not in inside]
        last_use: dict[str, int] = {}
        for now, item in enumerate(written):
            for name in self._leaves(item, inside):
                last_use[name] = now
        for name in keep:
            last_use[name] = len(written)
        locals_ = Locals(last_use, keep.values())
        for value, variable in arguments.items():
            locals_.bind(value, variable)
        statements = []
        for now, item in enumerate(written):
            doc = self._doc(item, inside, locals_)
            if item.output in keep:
                target = locals_.bind(item.output, keep[item.output])
            else:
                target = locals_.name(item.output, self._wishes(item), now)
            statements.append(Statement(target, doc, item.output, item.chain, item))
        return statements

    def _is_input(self, item: Item) -> bool:
        return item.node is not None and not item.inputs

    def _wishes(self, item: Item) -> list[str]:
        chain = item.chain
        word = item.node.op.word if item.node else "y"
        return [chain.name] if chain.rail else ["x", chain.name, word]

    def _nested(self, items: list[Item], keep: Mapping[str, str]) -> set[str]:
        """Values that are written inside the expression of their only reader: those of the same step."""
        readers = {name: item for item in items for name in item.inputs}
        nested = set()
        for item in items:
            reader = readers.get(item.output)
            if reader and self._uses[item.output] == 1 and item.output not in keep and reader.step == item.step:
                nested.add(item.output)
        return nested

    def _leaves(self, item: Item, inside: set[str]) -> list[str]:
        leaves: list[str] = []
        waiting = list(item.inputs)
        while waiting:
            name = waiting.pop()
            if name in inside:
                waiting.extend(self._makes[name].inputs)
            else:
                leaves.append(name)
        return leaves

    def _doc(self, item: Item, inside: set[str], variables: Locals) -> Doc:
        operands: list[Doc] = []
        for name in item.inputs:
            operands.append(self._doc(self._makes[name], inside, variables) if name in inside else variables[name])
        module = self._access.get(item.label, "")
        if item.node is None:
            return Bracketed(module, tuple(operands))
        return self._op(item.node, item, operands, module)

    def _op(self, node: Node, item: Item, operands: list[Doc], module: str) -> Doc:
        lowering: Lowering = node.op.lower(*(self._shapes[name] for name in item.inputs))
        if node.label:
            return self._scribe.code(lowering.forward, operands, module)
        code = lowering.function
        assert code is not None
        if self._drops_its_grid(item):
            code = Method(Operand(), "mean", (Value((2, 3)),))
        elif isinstance(node.op, Flatten) and self._drops_its_grid(self._makes.get(item.inputs[0])):
            return operands[0]
        doc = self._scribe.code(code, operands, module)
        if isinstance(node.op, Activation) and node.op.in_place and self._may_overwrite(item):
            assert isinstance(doc, Bracketed)
            return Bracketed(doc.head, (*doc.items, "inplace=True"))
        return doc

    def _drops_its_grid(self, item: Item | None) -> bool:
        """A global pool whose only reader flattens it takes the mean to a vector at once."""
        if item is None or item.node is None or not isinstance(item.node.op, GlobalAvgPool) or item.label:
            return False
        if self._uses[item.output] != 1 or item.output == self._body.output:
            return False
        reader = next(i for i in self._body.items if item.output in i.inputs)
        return reader.node is not None and isinstance(reader.node.op, Flatten) and not reader.label

    def _may_overwrite(self, item: Item) -> bool:
        """Whether the operand is a fresh tensor that nothing else reads, backward passes included."""
        source = self._makes.get(item.inputs[0])
        return (
            source is not None
            and source.node is not None
            and source.node.op.fresh
            and self._uses[source.output] == 1
            and source.output != self._body.output
        )
