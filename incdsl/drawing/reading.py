"""What is written, as the net came of it, becomes a picture: blocks and their bodies, steps, merges, heads."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from incdsl.drawing.describe import (
    by,
    change_of,
    face_of,
    form_of,
    main_node,
    sentence,
    shape_of,
    written,
)
from incdsl.drawing.mistakes import Mistakes
from incdsl.drawing.picture import (
    Block,
    Body,
    Bracket,
    Cell,
    Cost,
    Door,
    Face,
    Form,
    Join,
    Mistake,
    Parallel,
    Rail,
    Sequence,
    Split,
    Step,
    Thing,
    Value,
)
from incdsl.drawing.reduce import reduced
from incdsl.drawing.said import are_equal, face_of_text, name_of, ports, rail_name, short, signature
from incdsl.drawing.things import leaves
from incdsl.elaborate.record import Visit
from incdsl.elaborate.scope import NOT_NEEDED, Value as Flowing
from incdsl.frontend import Analysis, NetAnalysis
from incdsl.ir.graph import Input, Instance
from incdsl.ops.merge import Slice
from incdsl.syntax import tree

_COMPOSITE = (tree.Merge, tree.Block, tree.Net, tree.Factors, tree.Chain, tree.Call, tree.Group)
_FOLDED = 3
"""So many equal steps in a row are drawn once, with a bracket."""


@dataclass(eq=False)
class _Room:
    """The inside of a block or net while it is read: its cells, and what its names mean."""

    instance: Instance
    cells: list[Cell] = field(default_factory=list)
    named: dict[str, Value] = field(default_factory=dict)
    at_node: dict[str, Value] = field(default_factory=dict)
    ends: list[tuple[int, Value]] = field(default_factory=list)
    """Where the nodes of each cell end, to find one by what is inside it."""
    group: str = ""

    def add(self, thing: Thing, reads: Iterable[Value], visit: Visit | None = None) -> Cell:
        """A cell that reads these values; what was visited is what the thing stands for."""
        thing.group = self.group
        thing.visits = (visit,) if visit else thing.visits
        cell = Cell(thing, list(reads))
        for value in cell.reads:
            value.readers += 1
        self.cells.append(cell)
        return cell


class Reader:
    """Reads one net of an analysis."""

    def __init__(self, analysis: Analysis, found: NetAnalysis, *, folds: bool = True) -> None:
        self._analysis = analysis
        self._found = found
        self._folds = folds
        self._graph = found.net.graph
        self._conditions = found.net.conditions
        self._mistakes = Mistakes(analysis, found.visit)
        self._ids = Counter[str]()
        costs = {each.node.name: each for each in found.cost.nodes}
        known = [costs.get(name) for name in found.placed]
        self._alive = [0, *accumulate(name in costs for name in found.placed)]
        spent = [Cost(each.parameters, each.macs or 0, each.activations or 0) if each else Cost() for each in known]
        kept = [bool(each and each.deployed) for each in known]
        self._deployed = [0, *accumulate(kept)]
        self._all = list(accumulate(spent, initial=Cost()))
        self._kept = list(accumulate((c if k else Cost() for c, k in zip(spent, kept, strict=True)), initial=Cost()))
        self._free = None in self._conditions.nominal.values()
        self._where = {name: i for i, name in enumerate(found.placed)}

    # Bodies

    def net(self) -> Body:
        """The whole net."""
        return self.body(self._found.visit)

    def body(self, visit: Visit) -> Body:
        """The inside of a net or block."""
        room = _Room(visit.instance)
        written_as = visit.node
        if visit is self._found.visit:
            entering = [(name, self._flow_of(node)) for name, node in self._graph.inputs.items()]
        else:
            flows = visit.entering if isinstance(visit.entering, tuple) else (visit.entering,)
            entering = list(zip(ports(written_as), flows, strict=False))
        inputs = [self._door(name, flow, room) for name, flow in entering]
        outputs: list[Value] = []
        if isinstance(written_as, tree.Block) and written_as.chain:
            flow = list(inputs)
            for part in visit.parts:
                flow = self._parts(part, flow, room)
            outputs = flow
        else:
            for part in visit.parts:
                outputs += self._item(part, room)
        taps = room.instance is self._graph.net
        return Body(reduced(room.cells, taps=taps), inputs, outputs, isinstance(written_as, tree.Net), taps)

    def _door(self, name: str, flow: object, room: _Room) -> Value:
        cell = Cell(Door(name=name))
        room.cells.append(cell)
        value = self._value(cell, flow, room)
        value.name = name
        room.named[name] = value
        return value

    def _item(self, part: Visit, room: _Room) -> list[Value]:
        """A bound name, an output or a head; the values that leave the body."""
        if self._is_dead(part):
            return []
        if isinstance(part.node, tree.Aux):
            self._head(part, room)
            return []
        is_output = isinstance(part.node, tree.Output)
        room.group = f"={part.names[0]}" if is_output else part.names[0]
        flow: list[Value] = []
        for each in part.parts:
            flow = self._parts(each, flow, room) if isinstance(each.node, tree.Chain) else self._step(each, flow, room)
        room.group = ""
        flow = [*flow, *self._not_known(part, flow, room)]
        for name, value in zip(part.names, flow, strict=False):
            if name == NOT_NEEDED:
                continue
            room.named[name] = value
            value.name = value.name or name
            if is_output and self._is_kept(name, room):
                value.outputs.append(name)
        return flow if is_output else []

    def _not_known(self, part: Visit, flow: list[Value], room: _Room) -> list[Value]:
        """Values that have names and would come from the same place as others, if that made sense."""
        missing = len(part.names) - len(flow)
        thing = flow[-1].cell.thing if flow else None
        if missing <= 0 or not isinstance(thing, Block | Step) or thing.known:
            return []
        if isinstance(thing, Step):
            kind = thing.face.word or thing.face.kernel
            name = part.names[0] if part.names[0] != NOT_NEEDED else kind
            flow[-1].cell.thing = Block(
                thing.path, thing.group, thing.title, thing.cost, thing.mistakes, name, kind if kind != name else "",
                known=False, visits=thing.visits,
            )  # fmt: skip
        return [self._value(flow[-1].cell, None, room) for _ in range(missing)]

    def _is_kept(self, name: str, room: _Room) -> bool:
        outermost = room.instance is self._graph.net
        return not outermost or not self._found.complete or name in self._graph.outputs

    def _is_dead(self, visit: Visit) -> bool:
        """Whether nothing of what was placed for it is left."""
        if not self._found.complete:
            return False
        if visit.stop > visit.start:
            return self._alive[visit.stop] == self._alive[visit.start]
        flows = visit.leaving if isinstance(visit.leaving, tuple) else (visit.leaving,)
        nodes = [flow.node for flow in flows if isinstance(flow, Flowing)]
        return bool(nodes) and not any(node in self._graph for node in nodes)

    def _head(self, part: Visit, room: _Room) -> None:
        item = part.node
        assert isinstance(item, tree.Aux)
        if not part.parts:
            return
        source, *rest = part.parts
        start = self._step(source, [], room)
        weight = next((arg.value.span.text for arg in item.args if isinstance(arg, tree.Arg)), "")
        block = next((each for each in rest if isinstance(each.node, tree.Block)), None)
        if block:
            inside, kind = self.body(block), block.node.name.text if isinstance(block.node, tree.Block) else ""
            path = block.instance.path
        else:
            inner = _Room(rest[0].instance if rest else room.instance)
            inputs = [self._door("in", source.leaving, inner)]
            flow = list(inputs)
            for each in rest:
                flow = self._step(each, flow, inner)
            inside, kind, path = Body(reduced(inner.cells, taps=False), inputs, flow), "", inner.instance.path
        cost = self._cost(part)
        title = sentence(path, f"auxiliary head, weight {weight}, training only", None, cost)
        start[0].heads.append(
            Block(
                self._id(path or item.name.text),
                "",
                title,
                cost,
                self._mistakes.of(part),
                item.name.text,
                kind,
                f"weight {weight}" if weight else "",
                inside=inside,
                head=True,
                visits=(part,),
            )
        )

    # Chains

    def _parts(self, visit: Visit, flow: list[Value], room: _Room) -> list[Value]:
        """What comes out of all parts of something."""
        for part in visit.parts:
            flow = self._step(part, flow, room)
        return flow

    def _step(self, visit: Visit, flow: list[Value], room: _Room, *, turn: bool = False) -> list[Value]:
        """What comes out of one link of a chain."""
        node = visit.node
        if visit.entering is None and isinstance(node, tree.Step):
            return self._source(visit, node, room)
        if isinstance(node, tree.Chain):
            return self._parts(visit, flow, room)
        if isinstance(node, tree.Call | tree.Group):  # one turn of a repetition
            for part in visit.parts:
                flow = self._step(part, flow, room, turn=True)
            return flow
        if not isinstance(node, tree.Step):
            return self._construct(visit, visit, flow, room)
        if self._is_dead(visit):
            return flow
        if isinstance(node.repeat, tree.Times | tree.Each) and not turn:
            return self._repeated(visit, flow, room)
        if any(isinstance(part.node, _COMPOSITE) for part in visit.parts):
            for part in visit.parts:
                if isinstance(part.node, tree.Chain):
                    flow = self._parts(part, flow, room)
                else:
                    flow = self._construct(part, visit, flow, room)
            return flow
        return self._leaf(visit, flow, room)

    def _source(self, visit: Visit, step: tree.Step, room: _Room) -> list[Value]:
        atom = step.atom
        names: list[str] = []
        if isinstance(atom, tree.Merge):
            return self._construct(visit.parts[0], visit, [], room) if visit.parts else [self._nothing(visit, room)]
        if isinstance(atom, tree.Bundle):
            names = [name.text for name in atom.names]
        elif isinstance(atom, tree.BlockInput):
            names = ["in"]
        elif isinstance(atom, tree.Call):
            names = [atom.name.text]
        flows = visit.leaving if isinstance(visit.leaving, tuple) else (visit.leaving,)
        found = []
        for name, flowing in zip(names, flows, strict=False):
            value = room.named.get(name) or self._found_at(flowing, room)
            if value:
                found.append(value)
        return found or [self._nothing(visit, room)]

    def _found_at(self, flow: object, room: _Room) -> Value | None:
        """The value that a node gives, or else what it is inside of."""
        if not isinstance(flow, Flowing):
            return None
        if flow.node in room.at_node:
            return room.at_node[flow.node]
        place = self._where.get(flow.node, -1)
        at = bisect_right([end for end, _ in room.ends], place)
        return room.ends[at][1] if at < len(room.ends) else None

    def _nothing(self, visit: Visit, room: _Room) -> Value:
        """A start of which nothing is known."""
        path = self._id(f"{room.instance.path}.{name_of(visit.node)}".strip("."))
        step = Step(path, title=written(visit.node), mistakes=self._mistakes.of(visit), known=False)
        step.face = Face(short(visit.node))
        cell = room.add(step, [])
        return self._value(cell, None, room)

    # Steps

    def _leaf(self, visit: Visit, flow: list[Value], room: _Room) -> list[Value]:
        """An op, a unit of ops, or what is unknown."""
        step = visit.node
        assert isinstance(step, tree.Step | tree.Factor)
        nodes = [self._graph[name] for name in self._found.placed[visit.start : visit.stop] if name in self._graph]
        atom = step.atom if isinstance(step, tree.Step) else None
        mistakes = self._mistakes.of(visit)
        if isinstance(visit.leaving, tuple) and nodes and all(isinstance(node.op, Slice) for node in nodes):
            return self._split(visit, flow, room)
        if not nodes:
            if isinstance(visit.leaving, Flowing) and not mistakes:
                return flow
            return [self._unknown(visit, flow, room)]
        if all(isinstance(node.op, Input) for node in nodes):  # its shape is stated, and believed
            return [self._unknown(visit, flow, room)]
        if all(node.op.word == "identity" for node in nodes) and not mistakes:
            room.at_node.update(dict.fromkeys((node.name for node in nodes), flow[0]) if flow else {})
            return flow
        node = main_node(nodes)
        inner = next(
            (n.instance for n in nodes if n.instance.kind == "unit" and n.instance is not visit.instance), None
        )
        word = node.op.word.rpartition(".")[2]
        path = inner.path if inner else node.path or f"{node.instance.path}.{word}".strip(".")
        path = self._id(path)
        cost = self._cost(visit)
        shape = shape_of(self._graph.shapes()[nodes[-1].name], self._conditions)
        what = written(atom) if atom else f"{word} {written(step)}"
        thing = Step(
            path, "", sentence(path, what, shape, cost), cost, mistakes, form_of(node.op),
            face_of(nodes, self._graph, atom), change_of(node.op), visit.leaving is not None,
        )  # fmt: skip
        cell = room.add(thing, flow[:1], visit)
        return [self._value(cell, visit.leaving, room, visit)]

    def _unknown(self, visit: Visit, flow: list[Value], room: _Room) -> Value:
        """A step that is wrong, or behind something that is: as it is written."""
        step = visit.node
        atom = step.atom if isinstance(step, tree.Step) else None
        path = self._id(f"{visit.instance.path}.{visit.names[0] if visit.names else name_of(step)}".strip("."))
        mistakes = self._mistakes.of(visit)
        title = sentence(path, written(atom or step), None, Cost())
        meaning = self._analysis.references.get(atom.name) if isinstance(atom, tree.Call) else None
        definition = getattr(meaning, "tree", None)
        thing: Thing
        if isinstance(definition, tree.Block | tree.Net) or len(flow) > 1:
            kind = short(atom or step)
            name = visit.names[0] if visit.names else kind
            thing = Block(path, "", title, Cost(), mistakes, name, kind if kind != name else "", known=False)
        else:
            face = face_of_text(atom or step)
            form: Form = (
                ("convolution" if face.right else "pool") if face.kernel else "linear" if face.right else "plain"
            )
            thing = Step(path, "", title, Cost(), mistakes, form, face, known=False)
        cell = room.add(thing, flow, visit)
        return self._value(cell, visit.leaving, room, visit)

    def _split(self, visit: Visit, flow: list[Value], room: _Room) -> list[Value]:
        flows = visit.leaving if isinstance(visit.leaving, tuple) else ()
        shares = tuple([int(each.shape.channels) for each in flows if isinstance(each, Flowing)])
        path = self._id(f"{visit.instance.path}.split".strip("."))
        cell = room.add(Split(path, title=sentence(path, "split", None, Cost()), shares=shares), flow[:1], visit)
        return [self._value(cell, each, room) for each in flows]

    def _repeated(self, visit: Visit, flow: list[Value], room: _Room) -> list[Value]:
        """The turns of a repetition; equal ones of several steps are drawn once."""
        start = len(room.cells)
        bounds = [start]
        for part in visit.parts:
            flow = self._step(part, flow, room, turn=True)
            bounds.append(len(room.cells))
        turns = [room.cells[a:b] for a, b in pairwise(bounds)]
        if self._folds and len(turns) >= _FOLDED and are_equal(turns):
            first, last = turns[0], turns[-1][-1]
            inside = Sequence(
                parts=[cell.thing for cell in first],
                values=[cell.gives[0] for cell in first],
                entering=first[0].reads[0],
            )
            bracket = Bracket(
                first[0].thing.path, room.group, written(visit.node), self._cost(visit), (), f"×{len(turns)}", inside
            )
            del room.cells[start:]
            flowing = first[0].reads
            for value in flowing:
                value.readers -= 1
            cell = room.add(bracket, flowing)
            (value,) = cell.gives = last.gives
            value.cell = cell
            inner = {each for turn in turns for inside in turn for each in inside.gives}
            while room.ends and room.ends[-1][1] in inner:
                room.ends.pop()
            room.ends.append((visit.stop, value))
            return [value]
        return flow

    # Merges, factors, blocks

    def _construct(self, visit: Visit, step: Visit, flow: list[Value], room: _Room) -> list[Value]:
        node = visit.node
        if isinstance(node, tree.Merge):
            return [self._merge(visit, node, flow, room)]
        if isinstance(node, tree.Factors):
            return [self._factors(visit, node, step, flow, room)]
        if isinstance(node, tree.Block | tree.Net):
            return self._block(visit, node, step, flow, room)
        if isinstance(node, tree.Call | tree.Group):
            return self._step(visit, flow, room)
        if isinstance(node, tree.Step):
            return self._step(visit, flow, room)
        return flow

    def _merge(self, visit: Visit, merge: tree.Merge, flow: list[Value], room: _Room) -> Value:
        rails = [part for part in visit.parts if isinstance(part.node, tree.Rail)]
        starts = self._shares(visit, rails, flow, room)
        ends, names, wrong = [], [], set()
        for i, rail in enumerate(rails):
            end = list(starts[i])
            for part in rail.parts:
                end = self._step(part, end, room)
            if not end:
                end = [self._nothing(rail, room)]
            ends.append(end[0])
            names.append(rail_name(rail))
            if self._mistakes.is_odd(rail):
                wrong.add(i)
                if end[0].cell.gives and end[0] not in starts[i]:
                    blamed = leaves([end[0].cell.thing])[-1:]
                    for thing in blamed:
                        thing.mistakes = thing.mistakes or self._mistakes.of(visit)
        word = merge.word.text
        if len(ends) == 1 and isinstance(visit.leaving, Flowing) and ends[0].shape:
            room.at_node[visit.leaving.node] = ends[0]
            return ends[0]  # of one rail nothing is joined
        path = self._id(f"{visit.instance.path}.{word}".strip("."))
        shape = shape_of(visit.leaving.shape, self._conditions) if isinstance(visit.leaving, Flowing) else None
        title = sentence(path, f"{word} of {len(rails)} rails", shape, Cost())
        join = Join(path, "", title, Cost(), self._mistakes.of(visit), word, isinstance(visit.leaving, Flowing))
        cell = room.add(join, ends, visit)
        cell.names, cell.wrong = tuple(names), frozenset(wrong)
        return self._value(cell, visit.leaving, room, visit)

    def _shares(self, visit: Visit, rails: list[Visit], flow: list[Value], room: _Room) -> list[list[Value]]:
        """What flows into each rail: the value, or its part of it."""
        whole = visit.entering
        parts = [rail.entering for rail in rails]
        if not flow or not isinstance(whole, Flowing):
            return [flow] * len(rails)
        if all(not isinstance(part, Flowing) or part.node == whole.node for part in parts):
            return [flow] * len(rails)
        path = self._id(f"{visit.instance.path}.split".strip("."))
        shares = tuple([int(part.shape.channels) for part in parts if isinstance(part, Flowing)])
        cell = room.add(Split(path, title=f"{path}: split", shares=shares), flow[:1])
        return [[self._value(cell, part, room)] for part in parts]

    def _factors(self, visit: Visit, node: tree.Factors, step: Visit, flow: list[Value], room: _Room) -> Value:
        """A kernel as smaller ones, with the bracket that says which."""
        inner = _Room(room.instance, group=room.group)
        cell = Cell(Door())
        start = Value(cell, flow[0].shape if flow else None)
        ends: list[Value] = []
        value = start
        for part in visit.parts:
            (value,) = self._leaf(part, [start if node.parallel else value], inner)
            ends.append(value)
        parts = [each.thing for each in inner.cells]
        if node.parallel:
            rails = [
                Rail("", start, Sequence(parts=[p], values=[v], entering=start))
                for p, v in zip(parts, ends, strict=True)
            ]
            path = self._id(f"{visit.instance.path}.concat".strip("."))
            known = isinstance(visit.leaving, Flowing)
            merged = Parallel(
                path, room.group, "", Cost(), (), "concat", rails, thin=True, known=known, visits=(visit,)
            )
            value = self._value(Cell(merged), visit.leaving, inner)
            inside = Sequence(parts=[merged], values=[value], entering=start)
        else:
            inside = Sequence(parts=parts, values=ends, entering=start)
        sizes = [(item.kernel.height, item.kernel.width) for item in node.items]
        heights, widths = zip(*sizes, strict=True)
        kernel = (max(heights), max(widths))
        if not node.parallel:
            kernel = (sum(heights) - len(heights) + 1, sum(widths) - len(widths) + 1)
        bracket = Bracket(
            parts[0].path if parts else "", room.group, written(step.node), self._cost(visit),
            self._mistakes.of(visit), by(kernel), inside, True,
        )  # fmt: skip
        return self._value(room.add(bracket, flow[:1], step), visit.leaving, room, visit)

    def _block(
        self, visit: Visit, node: tree.Block | tree.Net, step: Visit, flow: list[Value], room: _Room
    ) -> list[Value]:
        instance = visit.instance
        atom = step.node.atom if isinstance(step.node, tree.Step) else None
        settings = self._settings(visit, atom)
        cost = self._cost(visit)
        flows = visit.leaving if isinstance(visit.leaving, tuple) else (visit.leaving,)
        inside = self.body(visit)
        name = instance.path.removeprefix(f"{room.instance.path}.") if room.instance.path else instance.path
        shapes = [shape_of(each.shape, self._conditions) for each in flows if isinstance(each, Flowing)]
        path = self._id(instance.path)
        what = f"{instance.word} ({settings})" if settings else instance.word
        mistakes = self._mistakes.of(step) or _mistakes_in(inside)
        block = Block(
            path, "", sentence(path, what, shapes[0] if shapes else None, cost), cost, mistakes, name,
            instance.word, settings, key=(instance.word, instance.defined, settings, signature(inside)),
            inside=inside, known=any(isinstance(each, Flowing) for each in flows),
        )  # fmt: skip
        cell = room.add(block, flow, step)
        return [self._value(cell, each, room, visit) for each in flows]

    def _settings(self, visit: Visit, atom: tree.Tree | None) -> str:
        args = {a.name.text: a.value for a in atom.args if isinstance(a, tree.Arg) and a.name} if isinstance(
            atom, tree.Call
        ) else {}  # fmt: skip
        texts = []
        for name in visit.names:
            value = visit.instance.arguments.get(name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                text = args[name].span.text if name in args else ""
            else:
                text = f"{int(value)}" if isinstance(value, int) else f"{float(value):g}"
            if text and text != name:
                texts.append(f"{name} {' '.join(text.split())}")
        return ", ".join(texts)

    # Values

    def _value(self, cell: Cell, flow: object, room: _Room, visit: Visit | None = None) -> Value:
        shape = shape_of(flow.shape, self._conditions) if isinstance(flow, Flowing) else None
        value = Value(cell, shape, node=flow.node if isinstance(flow, Flowing) else "")
        cell.gives.append(value)
        if isinstance(flow, Flowing):
            room.at_node[flow.node] = value
        if visit is not None:
            room.ends.append((visit.stop, value))
        return value

    def _flow_of(self, node: str) -> object:
        return Flowing(node, self._graph.shapes()[node])

    def _cost(self, visit: Visit) -> Cost:
        """What is inside costs: without auxiliary heads, unless it is one, or in one."""
        a, b = visit.start, visit.stop
        sums = self._kept if self._deployed[b] > self._deployed[a] else self._all
        was, now = sums[a], sums[b]
        params = now.params - was.params
        if self._free:
            return Cost(params, None, None)
        assert was.macs is not None
        assert was.activations is not None
        return Cost(params, (now.macs or 0) - was.macs, (now.activations or 0) - was.activations)

    def _id(self, path: str) -> str:
        """A path as the identity of one box."""
        self._ids[path] += 1
        return path if self._ids[path] == 1 else f"{path}~{self._ids[path]}"


def _mistakes_in(body: Body) -> tuple[Mistake, ...]:
    """What is wrong inside a block: the first of it."""
    things = (thing for cell in body.cells for thing in (cell.thing, *leaves([cell.thing])))
    return next((thing.mistakes for thing in things if thing.mistakes), ())
