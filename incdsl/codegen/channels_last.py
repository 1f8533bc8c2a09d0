"""Images that stay with their channels last from one layer that wants them so to the next."""

from __future__ import annotations

from incdsl.codegen.bodies import Item
from incdsl.codegen.flow import Flow
from incdsl.ops.activation import Activation, Softmax
from incdsl.ops.code import CHANNELS_LAST, Call, Code, Method, Operand


class ChannelsLast:
    """Finds the values of a part of a net between layers over the channels, with nothing but activations between them.

    In a net itself every value is in PyTorch's order, as the shapes beside the code say.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._wants = {item for item in flow.items if _is_layer(item, flow)}
        self._values: set[str] = set()
        if len(self._wants) > 1 and not flow.body.is_net:
            for item in self._wants:
                self._follow(item)

    def _follow(self, item: Item) -> None:
        """Find the values from a layer to the next one, if that is all that becomes of them."""
        passed = []
        while following := self._flow.only_reader(item.output):
            passed.append(item.output)
            if following in self._wants:
                self._values.update(passed)
                return
            if not _keeps_order(following):
                return
            item = following

    def code(self, item: Item, forward: Code) -> Code:
        """How a module is applied, without the permutations that nobody needs."""
        if item not in self._wants or forward is not CHANNELS_LAST:
            return forward
        back = CHANNELS_LAST
        assert isinstance(back.target, Call)
        applied: Code = back.target
        if self._flow.inputs[item][0] in self._values:
            applied = Call(None, (Operand(),))
        return applied if item.output in self._values else Method(applied, back.name, back.operands)


def _is_layer(item: Item, flow: Flow) -> bool:
    """Whether it is a module that wants the channels last."""
    return item.node is not None and bool(item.label) and flow.lowering(item).forward is CHANNELS_LAST


def _keeps_order(item: Item) -> bool:
    """Whether it is a function, which no hook looks at, and does the same to every number."""
    op = item.node.op if item.node else None
    return not item.label and isinstance(op, Activation) and not isinstance(op, Softmax)
