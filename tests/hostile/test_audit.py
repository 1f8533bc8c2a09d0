"""What the interpreter sees while hostile specs are compiled: no code runs, and no file is opened but specs."""

import json
import os
from pathlib import Path

import pytest

import incdsl
from tests.hostile import corpus
from tests.hostile.names import CHARACTERS, COMMENTS, NAMES
from tests.hostile.texts import PLAIN
from tests.nets import spec
from tests.process import ROOT, V3, python

pytestmark = pytest.mark.thorough
CORPUS = sorted(
    corpus.FOLDER / name for name, code in corpus.expected().items() if code == corpus.OK or name.startswith("imports/")
)
"""Specs that do something; what is refused for its size alone opens nothing that others do not."""
TEXTS = [
    PLAIN,
    *[text for text, _ in {**NAMES, **COMMENTS}.values()],
    *[text for text, _ in CHARACTERS.values()][::5],
    spec("import os"),
    spec("__import__ -> os.system: conv2d 3x3 @4"),
    spec("os.path: conv2d 3x3 @4 -> sys.modules: conv2d 3x3 @4 -> subprocess: conv2d 3x3 @4"),
    spec("relu\n  expect keys = \"__import__('os').system('true')\""),
    spec("relu # ${HOME} $(true) `true` {0} %s").replace("net N", "# import this\nnet antigravity"),
]
WATCHED = """
import json, pathlib, sys
import incdsl
from tests.nets import spec

given = json.load(sys.stdin)
texts, paths = given["texts"], [pathlib.Path(path) for path in given["paths"]]
spec = sys.argv[1]
events = []
watching = False

def watch(event, arguments):
    if watching:
        events.append([event, [a.decode() if isinstance(a, bytes) else str(a) for a in arguments[:3]]])

def answer(call, *arguments):
    try:
        return call(*arguments)
    except Exception:  # another test holds that it is a CompileError
        return None

for text in texts:
    answer(incdsl.check, text)
incdsl.compile(spec)
sys.addaudithook(watch)
watching = True
done = [answer(incdsl.compile, text) for text in [*texts, *paths]]
for text in texts:
    answer(incdsl.check, text)
done.append(incdsl.compile(spec))
done.append(incdsl.compile("specs/v3.inc"))
watching = False
print(json.dumps({"events": events, "done": [text for text in done if text]}))
"""
QUIET = {"object.__getattr__", "object.__setattr__", "sys._getframe", "code.__new__", "builtins.id", "os.listdir"}


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Events, and the modules that were generated, of a process that had compiled everything once before."""
    folder = tmp_path_factory.mktemp("audit")
    given = {"texts": TEXTS, "paths": list(map(str, CORPUS))}
    found = python("-c", WATCHED, str(V3), cwd=folder, stdin=json.dumps(given).encode())
    assert found.returncode == 0, found.stderr.decode()
    return json.loads(found.stdout)


def arguments(seen, event):
    """The arguments of all events of a kind."""
    return [given for name, given in seen["events"] if name == event]


def test_modules_were_generated(seen):
    assert incdsl.compile(V3) in seen["done"]
    assert len(seen["done"]) > len(COMMENTS)


def test_only_generated_text_is_parsed_as_python(seen):
    parsed = {given[0] for given in arguments(seen, "compile")}
    assert parsed
    assert parsed <= set(seen["done"])


def test_nothing_is_run_and_nothing_imported(seen):
    assert arguments(seen, "exec") == []
    assert arguments(seen, "import") == []


def test_only_specs_are_opened(seen):
    names = {given[0] for given in arguments(seen, "open") if not given[0].isdigit()}  # digits: a file that is open
    opened = {Path(os.path.realpath(name)) for name in names}
    assert all(path.is_relative_to(corpus.FOLDER) for path in opened - {V3})
    assert opened >= {V3, *CORPUS}
    assert {given[1] for given in arguments(seen, "open")} <= {"r", "rb", "None"}
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
    assert not any(int(given[2]) & writing for given in arguments(seen, "open"))


def test_nothing_else_happens(seen):
    others = {name for name, _ in seen["events"]} - {"compile", "open"} - QUIET
    assert others == set()


def test_the_texts_name_what_must_not_be_imported():
    assert all(any(word in text for text in TEXTS) for word in ("import os", "subprocess", "antigravity"))
    assert (ROOT / "incdsl").is_dir()
