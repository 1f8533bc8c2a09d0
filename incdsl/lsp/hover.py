"""What is said of the name or step under the cursor, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from incdsl.analysis.cost import NodeCost
from incdsl.elaborate.record import Occurrence
from incdsl.elaborate.resolve import Definition
from incdsl.frontend import Analysis
from incdsl.lsp.costs import Costs, costs, is_use
from incdsl.lsp.mentions import Mention, Target, main_op, parameters
from incdsl.lsp.numbers import macs, percent, saving, short
from incdsl.lsp.reading import Reading
from incdsl.lsp.shapes import Shapes
from incdsl.ops.reference import op_reference, setting_reference
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.values import Image, Pair
from incdsl.words import WORDS, word_reference

_RULE = "\n\n---\n\n"
_MANY = 6
"""Uses, or windows, that are told one by one."""


@dataclass(frozen=True, slots=True)
class Hover:
    """A page, and the words that it is about."""

    text: str
    span: Span


def hover(analysis: Analysis, offset: int, focus: Sequence[Span] = ()) -> Hover | None:
    """What is known of what stands at an offset; nothing if that is nothing."""
    reading = Reading.of(analysis)
    teller = _Teller(Shapes(analysis, focus), costs(analysis))
    path = reading.path(offset)
    step = next((node for node in reversed(path) if isinstance(node, tree.Step)), None)
    mention = reading.mention(offset)
    if mention:
        parts = teller.told(mention, step)
        return Hover(_RULE.join(parts), mention.span) if parts else None
    token = reading.tokens[max(reading.token(offset), 0)]
    if not token.start <= offset <= token.end:
        return None
    parts = teller.step(step) if step and not isinstance(path[-1], tree.Dims) else []
    if token.text in WORDS:
        parts = [word_reference(token.text), *parts]
    return Hover(_RULE.join(parts), token.span) if parts else None


class _Teller:
    def __init__(self, shapes: Shapes, known: Sequence[Costs]) -> None:
        self._shapes = shapes
        self._known = known

    def told(self, mention: Mention, step: tree.Step | None) -> list[str]:
        """The page of a name."""
        target = mention.target
        called = isinstance(step, tree.Step) and _stands_for(step, mention.span)
        facts = self.step(step) if step and called else []
        match target.kind:
            case "op" if target.op:
                return [*facts, op_reference(target.op)]
            case "unit" | "block" | "net" if target.definition:
                return [*facts, *self._definition(target.definition)]
            case "setting" if target.op:
                return [setting_reference(target.op, target.name)]
            case "label" if isinstance(target.node, tree.Label):
                return self._label(mention, target, step)
            case "parameter":
                return [self._parameter(target)]
            case "value" | "head":
                return self._value(target)
            case "word" | "fact":
                return self._word(target)
            case "file":
                return [f"`{target.place.source.name}`"] if target.place else []
        return facts

    # Steps

    def step(self, step: tree.Step) -> list[str]:
        """Shapes, arithmetic and cost of a step."""
        title = f"```inc\n{_shortened(step.atom.span.text)}\n```"
        found = self._shapes.behind(step)
        lines = list(self._lines(step, found)) if found else []
        return ["\n".join([title, *lines])] if lines else []

    def _lines(self, step: tree.Step, found: Sequence[Occurrence]) -> Iterator[str]:
        net = next((each for each in self._known if each.net.name == found[0].instance.lineage[0].word), None)
        after = self._shapes.text(step)
        if net is None:
            yield f"`{after}`"
            return
        mine = [each for each in net.inside(step.span) if _lies_in(each, found)]
        one = [each for each in mine if _lies_in(each, found[:1])]
        graph = net.net.net.graph
        if one and (names := graph.operands(one[0].node.name)):
            before = net.net.net.conditions.show(graph.shapes()[names[0]])
            yield f"`{before}` → `{after}`" + (f" in {len(found)} uses" if len(found) > 1 else "")
        else:
            yield f"`{after}`"
        yield ""
        yield from (f"- {line}" for line in _arithmetic(one, net))
        yield from (f"- {line}" for line in _cost(mine, net, len(found)))
        last = found[0].nodes[0] if found[0].nodes else ""
        if last in net.fields:
            yield f"- receptive field {_field(net, last)}"
        if isinstance(step.atom, tree.Call) and step.atom.factors:
            yield from (f"- {line}" for line in _factorized(step.atom, one, net))

    # Names

    def _definition(self, found: Definition) -> Iterator[str]:
        written = found.tree
        head = f"{type(written).__name__.lower()} {found.name}{_params(found)}"
        if isinstance(written, tree.Unit):
            head = " ".join(written.span.text.split())
        page = f"```inc\n{head}\n```"
        page += "".join(f"\n{comment}  " for comment in written.comments)
        own = next((each for each in self._known if each.net.definition.tree is written), None)
        lines = list(_net(own)) if own else list(self._uses(found))
        yield "\n".join([page, "", *(f"- {line}" for line in lines)])
        if isinstance(written, tree.Unit) and (op := main_op(found)):
            yield op_reference(op)

    def _uses(self, found: Definition) -> Iterator[str]:
        """Where a block or unit is used, and what its uses cost together."""
        for net in self._known:
            price = net.of_definition(found)
            if price is None:
                continue
            total = net.net.cost
            told = f"{price.uses} uses in `{net.net.name}`" if price.uses > 1 else f"one use in `{net.net.name}`"
            share = percent(price.params, total.params)
            line = f"{told}: {price.params:,} parameters ({share})"
            if price.macs is not None and total.train_macs:
                line += f", {macs(price.macs)} ({percent(price.macs, total.train_macs)})"
            yield line

    def _label(self, mention: Mention, target: Target, step: tree.Step | None) -> list[str]:
        around = target.definition.tree if target.definition else None
        if step is None or target.node not in step.labels:
            nodes = tree.nodes(around) if around else ()
            step = next((n for n in nodes if isinstance(n, tree.Step) and target.node in n.labels), None)
        facts = self.step(step) if step else []
        keys = list(dict.fromkeys(self._paths(step, target.name))) if step else []
        if keys:
            more = f" and {len(keys) - _MANY} more" if len(keys) > _MANY else ""
            facts.append("key " + ", ".join(f"`{key}`" for key in keys[:_MANY]) + more)
        return facts

    def _paths(self, step: tree.Step, label: str) -> Iterator[str]:
        for each in self._shapes.behind(step):
            yield f"{each.instance.path}.{label}".removeprefix(".")

    def _parameter(self, target: Target) -> str:
        node, written = target.node, f"parameter {target.name}"
        if isinstance(node, tree.Param | tree.Let):
            written = " ".join(node.span.text.split())
        values: dict[str, None] = {}
        for net in self._known:
            for each in {around: None for cost in net.net.cost.nodes for around in cost.node.instance.lineage}:
                mine = target.definition and is_use(each, target.definition)
                if mine and (value := {**each.arguments, **each.lets}.get(target.name)) is not None:
                    values[str(int(value)) if isinstance(value, int) else str(value)] = None
            if target.definition and net.net.definition.tree is target.definition.tree:
                value = net.net.net.params.get(target.name)
                if value is not None:
                    values[str(int(value)) if isinstance(value, int) else str(value)] = None
        told = f"\n\nin this file {', '.join(f'`{value}`' for value in list(values)[:_MANY])}" if values else ""
        return f"```inc\n{written}\n```{told}"

    def _value(self, target: Target) -> list[str]:
        nodes: Iterable[tree.Tree] = ()
        if isinstance(target.node, tree.Bind | tree.Output | tree.Inputs):
            nodes = [name for name in target.node.names if name.text == target.name]
        elif isinstance(target.node, tree.Input):
            nodes = [target.node.name]
        elif isinstance(target.node, tree.Aux):
            nodes = [target.node, *target.node.chain.steps[-1:]]
        shape = next((text for node in nodes if (text := self._shapes.text(node))), "")
        written = f"{'aux ' if target.kind == 'head' else ''}{target.name}"
        return [f"```inc\n{written}{f' : {shape}' if shape else ''}\n```"]

    def _word(self, target: Target) -> list[str]:
        if target.name in WORDS:
            return [word_reference(target.name)]
        values = [(net.net.name, net.net.cost.fact(target.name)) for net in self._known if net.net.complete]
        facts = [f"`{name}`: {value:,}" if isinstance(value, int) else f"`{name}`: {value}" for name, value in values]
        return ["  \n".join(facts)] if target.kind == "fact" and facts else []


def _stands_for(step: tree.Step, span: Span) -> bool:
    """Whether a name is that of the step itself."""
    atom = step.atom
    name = atom.name if isinstance(atom, tree.Call) else atom.word if isinstance(atom, tree.Merge) else None
    return name is not None and name.span == span


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 100 else f"{text[:99]}…"


def _params(found: Definition) -> str:
    params = [" ".join(param.span.text.split()) for param in parameters(found).values()]
    return f"({', '.join(params)})" if params else ""


def _lies_in(cost: NodeCost, found: Sequence[Occurrence]) -> bool:
    lineage = cost.node.instance.lineage
    return any(each.instance in lineage for each in found)


def _arithmetic(one: Sequence[NodeCost], net: Costs) -> Iterator[str]:
    """How the windows of a step make height and width."""
    graph, conditions = net.net.net.graph, net.net.net.conditions
    shown = 0
    for each in one:
        windows = each.node.op.windows()
        names = graph.operands(each.node.name)
        before = graph.shapes()[names[0]] if names else None
        if windows is None or not isinstance(before, Image) or shown == _MANY:
            continue
        told = []
        for axis, window, extent in zip(("height", "width"), windows, (before.height, before.width), strict=True):
            size = conditions.size(extent)
            if size is not None and window.over(extent) != extent:
                told.append(f"{axis} `{window.arithmetic(size)}`")
        if len(told) == 2 and told[0].split(" ", 1)[1] == told[1].split(" ", 1)[1]:
            told = ["height and width " + told[0].split(" ", 1)[1]]
        if told:
            shown += 1
            yield ", ".join(told)


def _cost(mine: Sequence[NodeCost], net: Costs, uses: int) -> Iterator[str]:
    total, price = net.net.cost, net.price(mine)
    only = "" if any(each.deployed for each in mine) else ", in training only"
    together = f" together, {uses} uses" if uses > 1 else ""
    if price.params:
        yield f"{price.params:,} parameters{together} · {percent(price.params, total.params)} of `{net.net.name}`{only}"
    if price.macs:
        share = percent(price.macs, total.train_macs or 0)
        yield f"{price.macs:,} multiply-accumulates ({macs(price.macs)}){together} · {share}"


def _field(net: Costs, node: str) -> str:
    sizes = ["all" if field.size is None else str(field.size) for field in net.fields[node]]
    text = sizes[0] if sizes[0] == sizes[1] else f"{sizes[0]} x {sizes[1]}"
    return "the whole input" if text == "all" else f"{text} pixels of the input"


def _factorized(call: tree.Call, one: Sequence[NodeCost], net: Costs) -> Iterator[str]:
    """What the smaller kernels save of what the large one would cost, weights alone."""
    convs = [each for each in one if each.node.op.kind == "convolution"]
    if not isinstance(call.kernel, tree.Kernel) or call.factors is None or not convs:
        return
    graph, sizes = net.net.net.graph, {a: n for a, n in net.net.net.conditions.nominal.items() if n is not None}
    before = graph.shapes()[graph.operands(convs[0].node.name)[0]]
    wide = sum(int(c.shape.channels) for c in convs) if call.factors.parallel else int(convs[-1].shape.channels)
    kernel = Pair(call.kernel.height, call.kernel.width)
    whole = convs[-1].node.op.model_copy(update={"kernel": kernel, "width": wide})
    params, now = whole.parameters(before), sum(each.parameters for each in convs)
    line = (
        f"{call.kernel.shown} would have {short(params)} weights, the factors have {short(now)}: {saving(params, now)}"
    )
    if len(sizes) == len(net.net.net.conditions.nominal) and all(each.macs is not None for each in convs):
        cost = whole.macs((before.at(sizes),), convs[-1].shape.with_channels(wide).at(sizes))
        line += f" ({saving(cost, sum(each.macs or 0 for each in convs))} multiply-accumulates)"
    yield line


def _net(net: Costs) -> Iterator[str]:
    """The totals of a net and its legal sizes."""
    total, graph = net.net.cost, net.net.net.graph
    yield f"{total.params:,} parameters" + (
        f", {total.deployed_params:,} without auxiliary heads" if total.params != total.deployed_params else ""
    )
    if total.macs is not None:
        yield f"{total.macs:,} multiply-accumulates ({macs(total.macs)})"
    show, shapes = net.net.net.conditions.show, graph.shapes()
    for name, node in graph.outputs.items():
        yield f"output `{name}` {show(shapes[node])}"
    for axis, sizes in (net.net.sizes.evaluation if net.net.sizes else {}).items():
        training = net.net.sizes.training[axis] if net.net.sizes else sizes
        also = f", in training {training}" if str(training) != str(sizes) else ""
        yield f"legal {axis}: {sizes}{also}"
    if not net.net.complete:
        yield "not complete: there are mistakes"
