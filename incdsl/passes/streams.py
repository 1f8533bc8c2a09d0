"""Rails on streams of their own: a schedule for GPUs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from incdsl.analysis.kernels import launches
from incdsl.ir.graph import Graph, Instance
from incdsl.ir.net import Net
from incdsl.ir.schedule import Lane, Schedule
from incdsl.passes.base import Pass

LATENCY, NUMBERS, MACS = 4e-6, 1e12, 2e14
"""Seconds that a kernel takes at least, numbers that it reads or writes in a second, multiply-accumulates in a second.

About an H100's in half precision; they only decide which of two rails is the longer one.
"""
MAX_CALLS = 1_000
"""Calls of one body, beyond which it is not looked at: each search for a fork takes a look at all of them."""


@dataclass(eq=False, slots=True)
class _Call:
    """A node, or an instance as a whole, in the body of the instance around it."""

    key: Instance | str
    step: int
    """The written step that it belongs to."""
    nodes: list[str] = field(default_factory=list)
    reads: dict[_Call, None] = field(default_factory=dict)
    free: bool = True
    """Whether it launches no kernel."""
    seconds: float = 0.0


@dataclass(frozen=True)
class ForkRails(Pass):
    """Gives rails that do not read each other streams of their own, between the value that all read and the merge.

    The longest rail stays on the stream of its block; the others go where least is waiting. Of forks inside each other
    only the outermost are made. Values and numbers stay what they are.
    """

    streams: int

    def __call__(self, net: Net) -> Net:
        """The net with its schedule, which is the last thing that is decided of it."""
        if self.streams < 2:
            return replace(net, schedule=Schedule(1))
        search = _Search(net, self.streams)
        search.body(net.graph.net)
        return replace(net, schedule=Schedule(self.streams, search.lanes))


class _Search:
    def __init__(self, net: Net, streams: int) -> None:
        self.lanes: dict[str, Lane] = {}
        self._graph = net.graph
        self._streams = streams
        self._forks = count()
        self._seconds = {each.node.name: _seconds(each.numbers, each.weights, each.macs) for each in launches(net)}
        self._inside = _inside(net.graph)
        self._known: dict[object, tuple[tuple[tuple[int, ...], ...], ...]] = {}
        """Of bodies that are built alike, the calls on each stream of each fork, so that they share a class."""

    def body(self, instance: Instance) -> None:
        """Find the forks of an instance, and of those in it that run in none of them."""
        calls = self._calls(instance)
        if len(calls) > MAX_CALLS:
            return
        alike = _form(instance, calls)
        if alike not in self._known:
            place = {call: i for i, call in enumerate(calls)}
            self._known[alike] = tuple(
                tuple(tuple(place[call] for call in stream) for stream in self._shared(rails))
                for rails in _forks(calls)
            )
        forked = set()
        for streams in self._known[alike]:
            fork = next(self._forks)
            for number, stream in enumerate(streams):
                for call in (calls[i] for i in stream):
                    forked.add(call)
                    self.lanes.update(dict.fromkeys(call.nodes, Lane(fork, number)))
        for call in calls:
            if call not in forked and call.free:
                self._stay_with_reader(call, calls)
            elif isinstance(call.key, Instance) and call not in forked:
                self.body(call.key)

    def _stay_with_reader(self, call: _Call, calls: list[_Call]) -> None:
        """A view that belongs to the step of its only reader is made where that runs."""
        readers = [each for each in calls if call in each.reads]
        if len(readers) == 1 and readers[0].step == call.step and (lane := self.lanes.get(readers[0].nodes[-1])):
            self.lanes.update(dict.fromkeys(call.nodes, lane))

    def _calls(self, instance: Instance) -> list[_Call]:
        """The calls of a body in order, and which of the same body each reads."""
        found: dict[Instance | str, _Call] = {}
        of: dict[str, _Call] = {}
        depth = len(instance.lineage)
        for name in self._inside[instance]:
            node = self._graph[name]
            if not self._graph.operands(name):
                continue  # an input
            around = node.instance.lineage
            key: Instance | str = around[depth] if len(around) > depth else name
            step = key.step if isinstance(key, Instance) else node.step
            call = of[name] = found.setdefault(key, _Call(key, step))
            call.nodes.append(name)
            call.seconds += self._seconds.get(name, 0.0)
            call.free &= name not in self._seconds
            call.reads.update((of[o], None) for o in self._graph.operands(name) if o in of and of[o] is not call)
        return list(found.values())

    def _shared(self, rails: list[list[_Call]]) -> list[list[_Call]]:
        """Rails on as many streams as there are, the longest first."""
        longest = sorted(rails, key=lambda rail: -_length(rail))
        streams: list[list[list[_Call]]] = [[] for _ in range(min(self._streams, len(rails)))]
        for rail in longest:
            min(streams, key=lambda stream: sum(map(_length, stream))).append(rail)
        written = {id(rail): i for i, rail in enumerate(rails)}
        return [
            [call for rail in sorted(stream, key=lambda rail: written[id(rail)]) for call in rail] for stream in streams
        ]


def _seconds(numbers: int | None, weights: int, macs: int | None) -> float:
    """About how long a kernel takes; sizes that are free count for nothing."""
    return max(LATENCY, ((numbers or 0) + weights) / NUMBERS, (macs or 0) / MACS)


def _length(rail: Iterable[_Call]) -> float:
    return sum(call.seconds for call in rail)


def _inside(graph: Graph) -> Mapping[Instance, Sequence[str]]:
    """The nodes of every instance, those of the instances inside it among them."""
    found: dict[Instance, list[str]] = {graph.net: []}
    for node in graph:
        for instance in node.instance.lineage:
            found.setdefault(instance, []).append(node.name)
    return found


def _form(instance: Instance, calls: list[_Call]) -> object:
    """What bodies that are built alike have in common."""
    place = {call: i for i, call in enumerate(calls)}
    parts = [
        (call.key.word if isinstance(call.key, Instance) else call.key.removeprefix(instance.path),
         tuple(place[each] for each in call.reads))
        for call in calls
    ]  # fmt: skip
    return instance.kind, instance.word, tuple(parts)


def _forks(calls: list[_Call]) -> Iterable[list[list[_Call]]]:
    """The rails of each fork of a body, in order.

    What nothing has been found to run beside goes first, one call after the other, until two rails or more are left
    that begin with values that are there; a call that reads several of them ends the fork. If the longest rail falls
    into several behind its first call, so that all is done sooner, that call goes first, too.
    """
    waiting = calls
    while waiting:
        rails, later = _rails(waiting)
        first = max(rails, key=_length)[0] if len(rails) > 1 else waiting[0]
        rest = [call for call in waiting if call is not first]
        if len(rails) > 1 and not _is_sooner(_rails(rest)[0], first, rails):
            yield rails
            waiting = later
        else:
            waiting = rest


def _is_sooner(rails: list[list[_Call]], first: _Call, others: list[list[_Call]]) -> bool:
    """Whether a call and these rails behind it are done before the others, which include that call."""
    if len(rails) <= len(others):
        return False
    return first.seconds + max(map(_length, rails)) < max(map(_length, others))


def _rails(calls: list[_Call]) -> tuple[list[list[_Call]], list[_Call]]:
    """Chains of these calls that read nothing of each other, and what stands behind them."""
    rail_of: dict[_Call, list[_Call]] = {}
    waiting = set(calls)
    later: list[_Call] = []
    behind: set[_Call] = set()
    for call in calls:
        read = [each for each in call.reads if each in waiting]
        rails = {id(rail_of[each]): rail_of[each] for each in read if each in rail_of}
        if len(rails) > 1 or not behind.isdisjoint(read):
            behind.add(call)
            later.append(call)
        elif rails:
            (rail,) = rails.values()
            rail.append(call)
            rail_of[call] = rail
        elif call.free:
            waiting.discard(call)  # a view of what is there is there
        else:
            rail_of[call] = [call]
    found = {id(rail): rail for rail in rail_of.values()}
    return list(found.values()), later
