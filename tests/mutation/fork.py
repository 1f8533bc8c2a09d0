"""Runs tests on mutants in forks of one process that has collected them, and notes what each test reaches."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from itertools import accumulate
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import pytest

from tests.mutation.mutants import Mutant
from tests.mutation.scope import ROOT, SCOPE, SHARP, SLOW

MEMORY = 4 << 30
QUIET = (
    "-q", "-s", "--no-header", "--no-summary", "-p", "no:cacheprovider", "-o", "timeout=0", "--rootdir", str(ROOT),
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip
PATIENCE = 10.0
"""How many times as long as usual a test may take."""

Reach = dict[str, tuple[float, frozenset[str]]]
"""By test: its seconds, -1 if it fails or takes too long, and the functions that it reaches, `path:Class.function`."""


class Outcome(NamedTuple):
    """What became of a mutant: `killed`, `timeout` or `survived`, and by which test."""

    word: str
    test: str = ""


class Session:
    """Pytest's plugin that calls `work` in place of running tests."""

    def __init__(self, work: Callable[[Session], None]) -> None:
        self._work = work
        self.items: dict[str, Any] = {}
        self.session: Any = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        self.session = session
        _warm_up()
        self.items = {item.nodeid: item for item in session.items}
        self._work(self)
        return True

    def passes(self, test: str, following: str | None) -> bool:
        """Run one test here."""
        before = self.session.testsfailed
        following_item = self.items[following] if following else None
        self.items[test].config.hook.pytest_runtest_protocol(item=self.items[test], nextitem=following_item)
        return bool(self.session.testsfailed == before)


def with_tests(tests: Iterable[str], work: Callable[[Session], None]) -> None:
    """Collect tests and call `work`; hypothesis draws as usual but does not shrink what fails."""
    from hypothesis import Phase, settings

    settings.register_profile("mutation", phases=[Phase.explicit, Phase.generate], database=None)
    settings.load_profile("mutation")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    pytest.main([*QUIET, *tests], plugins=[Session(work)])


def _warm_up() -> None:
    """Load once what each fork would have to load: the parser's table, and PyTorch's first call."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    import incdsl

    incdsl.compile("inc 1\nnet N {\n  input x [2]\n  output y = x -> relu\n}\n")
    with FlopCounterMode(display=False):
        torch.nn.Conv2d(1, 1, 1)(torch.zeros(1, 1, 1, 1))


def forked(work: Callable[[Callable[[object], None]], None]) -> tuple[int, list[Any]]:
    """Call `work` in a fork; the signal that ended it, or 0, and what it told."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.close(reader)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(BaseException):
            work(lambda thing: os.write(writer, json.dumps(thing).encode() + b"\n"))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as lines:
        told = [json.loads(line) for line in lines if line.endswith("\n")]
    _, status = os.waitpid(child, 0)
    return (os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0), told


def allow(seconds: float) -> None:
    """End this process unless it asks again in time."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 60 + PATIENCE * seconds)  # only for what waits: machines are shared


# Which test reaches what


def reach(session: Session, known: Reach) -> Reach:
    """Each test alone, in a fork: nothing is cached that another has computed; those that are known are believed."""
    result: Reach = {test: known[test] for test in session.items if test in known}
    for test in session.items:
        if test in known:
            continue

        def watched(tell: Callable[[object], None], test: str = test) -> None:
            codes: set[CodeType] = set()

            def called(frame: Any, *_: object) -> None:
                codes.add(frame.f_code)

            allow(3 * SLOW)
            start = time.process_time()
            sys.settrace(called)
            passed = session.passes(test, None)
            sys.settrace(None)
            tell([time.process_time() - start if passed else -1.0, sorted(_reached(codes))])

        _, told = forked(watched)
        result[test] = (told[-1][0], frozenset(told[-1][1])) if told else (-1.0, frozenset())
    return result


def _reached(codes: set[CodeType]) -> Iterator[str]:
    for code in codes:
        path = code.co_filename.removeprefix(f"{ROOT}/")
        if path in SCOPE:
            yield f"{path}:{code.co_qualname.partition('.<locals>')[0]}"


def sharpest(mutant: Mutant, known: Reach, killers: list[str], limit: float) -> list[str]:
    """The tests that reach a mutant, quick ones first, after those that killed others near it; so many seconds."""
    place = f"{mutant.path}:{mutant.function}"
    owner, _, last = place.rpartition("<")
    reaching = [
        test
        for test, (seconds, functions) in known.items()
        if 0 <= seconds <= SLOW
        and (place in functions or (last in ("class>", "module>") and any(f.startswith(owner) for f in functions)))
    ]
    first = sorted({test for test in killers if test in reaching}, key=lambda test: known[test][0])
    prefixes = tuple(tests for path, tests in SHARP.items() if mutant.path.startswith(path))
    if not mutant.inside:
        reaching += [test for test in known if test.startswith(prefixes) and 0 <= known[test][0] <= SLOW]
    rest = sorted(reaching, key=lambda test: (not test.startswith(prefixes), known[test][0]))
    tests = list(dict.fromkeys(first + rest))
    spent = accumulate(known[test][0] for test in tests)
    return [test for test, seconds in zip(tests, spent, strict=True) if seconds <= limit]


# A mutant


def outcome(session: Session, mutant: Mutant, tests: list[str], known: Reach) -> Outcome:
    """Run tests on a mutant until one fails."""

    def tried(tell: Callable[[object], None]) -> None:
        resource.setrlimit(resource.RLIMIT_AS, (_memory() + MEMORY,) * 2)
        if not (mutant.inside and patched(mutant)):
            allow(30)
            tell("loads anew")
            tell(["failed", _anew(mutant, tests, known)])
            return
        for test, following in zip(tests, [*tests[1:], None], strict=True):
            allow(1 + PATIENCE * known[test][0])
            tell(test)
            if not session.passes(test, following):
                tell(["failed", test])
                return
        tell(["passed", ""])

    ended, told = forked(tried)
    if told and isinstance(told[-1], list):
        word, test = told[-1]
        return Outcome("killed", test) if word == "failed" and test is not None else Outcome("survived")
    late = ended in (signal.SIGPROF, signal.SIGALRM)
    return Outcome("timeout" if late else "killed", told[-1] if told else "")


def _memory() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()


def patched(mutant: Mutant) -> bool:
    """Give a function of this process the code of the mutant's; whether that is possible."""
    module = importlib.import_module(mutant.path.removesuffix(".py").replace("/", "."))
    code: Any = compile(mutant.source, str(ROOT / mutant.path), "exec", dont_inherit=True)
    live: Any = module
    for name in mutant.function.split("."):
        code = next((c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name), None)
        live = inspect.getattr_static(live, name, None)
        if code is None or live is None:
            return False
    live = getattr(live, "fget", None) or getattr(live, "func", None) or getattr(live, "__func__", live)
    live = inspect.unwrap(live)
    if not isinstance(live, FunctionType) or live.__code__.co_freevars != code.co_freevars:
        return False
    live.__code__ = code
    return True


class Mutated(MetaPathFinder):
    """Imports one module from the text of a mutant."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._name = mutant.path.removesuffix(".py").replace("/", ".")

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = spec_from_loader(fullname, self, origin=str(ROOT / self._mutant.path))  # type: ignore[arg-type]
        if spec:
            spec.has_location = True
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """The usual module."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the mutant's text in it."""
        exec(compile(self._mutant.source, str(ROOT / self._mutant.path), "exec"), vars(module))  # noqa: S102


class _First:
    """Remembers the first test that fails, and gives each so much time."""

    def __init__(self, known: Reach) -> None:
        self.test: str | None = None
        self._known = known

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        allow(1 + PATIENCE * self._known[nodeid][0])

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and self.test is None:
            self.test = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and self.test is None:
            self.test = "import"


def _anew(mutant: Mutant, tests: list[str], known: Reach) -> str | None:
    """Import everything again with the mutant in place, and run tests until one fails: which."""
    for name in list(sys.modules):
        if name.partition(".")[0] in ("incdsl", "conftest") or (name.startswith("tests") and "mutation" not in name):
            del sys.modules[name]
    sys.meta_path.insert(0, Mutated(mutant))
    first = _First(known)
    status = pytest.main([*QUIET, "-x", *tests], plugins=[first])
    return first.test or (None if status == 0 else "import")
