"""The last look at generated text: what the emitter writes passes, whatever else stands there does not."""

import io
import tokenize

import pytest

import incdsl
from incdsl.codegen.guard import TRAINING, check as guard
from incdsl.diagnostics import CompilerBug
from incdsl.ops import REGISTRY
from tests.process import V3

TEXT = incdsl.compile(V3)
METHOD = "    def forward(self, x: Tensor) -> Tensor:\n"


ALLOWED = TRAINING.for_ops(REGISTRY.values())


def check(text, comments):
    guard(text, comments, ALLOWED)


def comments(text):
    """All comments of a Python text, in order."""
    return [t.string for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type == tokenize.COMMENT]


def planted(code):
    """The module of Inception-v3 with some code at its end; every comment of it was written by the emitter."""
    return f"{TEXT}\n\n{code}\n"


COMMENTS = comments(TEXT)

CODE = {
    "import os": "import os",
    "import torch.os": "import torch.os",
    "import below torch": "import torch.hub",
    "import under a known name": "import os as nn",
    "from os": "from os import system",
    "from torch import os": "from torch import os",
    "from torch import os as nn": "from torch import os as nn",
    "from torch import all": "from torch import *",
    "from typing import sys": "from typing import sys",
    "relative import": "from . import torch",
    "import inside a function": "def f():\n    import os",
    "what no op uses": "x = nn.LSTM(1, 2)",
    "a function that no op uses": "x = F.ctc_loss(1)",
    "open": "x = open('f')",
    "eval": "x = eval('1')",
    "exec": "exec('1')",
    "compile": "x = compile('1', '', 'eval')",
    "__import__": "x = __import__('os')",
    "getattr": "x = getattr(torch, 'os')",
    "globals": "x = globals()",
    "print": "print(1)",
    "method of a string": "x = 'a'.format(1)",
    "os of torch": "x = torch.os.system('true')",
    "hub": "x = torch.hub.load('a', 'b')",
    "load": "x = torch.load('weights')",
    "builtins of torch": "x = torch.__builtins__['eval']('1')",
    "dictionary of torch": "x = torch.__dict__['load']('weights')",
    "subclasses": "x = ().__class__.__base__.__subclasses__()",
    "call of a call": "x = nn.Identity()()",
    "lambda": "x = lambda: 1",
    "while": "while True:\n    x = 1",
    "for": "for i in range(3):\n    x = i",
    "if": "if True:\n    x = 1",
    "if without a return": "if x is None:\n    x = 1",
    "if with another test": "if x is None or torch:\n    x = 1",
    "with": "with torch.no_grad():\n    x = 1",
    "try": "try:\n    x = 1\nexcept Exception:\n    x = 2",
    "f-string": "x = f'{torch}'",
    "bytes": "x = b'a'",
    "complex number": "x = 1j",
    "ellipsis": "x = ...",
    "decorator of a function": "@torch.no_grad\ndef f(x: Tensor) -> Tensor:\n    return x",
    "decorator of a class": "@torch.jit.script\nclass A(nn.Module):\n    x = 1",
    "metaclass": "class A(nn.Module, metaclass=torch.jit.Meta):\n    x = 1",
    "generator": "def f():\n    yield 1",
    "coroutine": "async def f():\n    return 1",
    "global": "def f():\n    global x\n    x = 1",
    "delete": "del torch",
    "augmented assignment": "x = 1\nx += 1",
    "walrus": "x = (y := 1)",
    "assert": "assert True",
    "raise": "raise Exception",
    "power": "x = 2 ** 100",
    "shift": "x = 1 << 100",
    "matrix product": "x = torch @ nn",
    "set": "x = {1}",
    "type by a call": "def f(x: torch.load('x')) -> Tensor:\n    return x",
    "type of a layer": "def f(x: nn.Linear) -> Tensor:\n    return x",
    "type that is a string": "def f(x: 'open') -> Tensor:\n    return x",
    "type that is a number": "def f(x: 1) -> Tensor:\n    return x",
    "type of a value": "x: open = 1",
    "returned type": "def f(x: Tensor) -> eval('Tensor'):\n    return x",
    "any type inside a tuple": "def f(x: Tensor) -> tuple[Tensor, open]:\n    return x",
    "ellipsis inside a dictionary": "def f(x: dict[str, ...]) -> Tensor:\n    return x",
    "match": "match torch:\n    case _:\n        x = 1",
}


def test_the_module_of_inception_v3_passes():
    check(TEXT, COMMENTS)


@pytest.mark.parametrize("name", CODE)
def test_code_that_the_emitter_does_not_write_is_rejected(name):
    text = planted(CODE[name])
    with pytest.raises(CompilerBug):
        check(text, COMMENTS)


@pytest.mark.parametrize(
    "plain",
    [
        "x = nn.Conv2d(1, 2, 3)",
        "class A(nn.Module):\n" + METHOD + "        return F.relu(x)",
        "x = (1, -2.5, 'a', None)",
        "def f(x: Tensor | None, y: tuple[float, ...], z: dict[str, Tensor]) -> tuple[Tensor, int]:\n    return x",
        "class A(nn.Module):\n    def f(self, other: 'A', /, **rest: float) -> 'A':\n        return self",
    ],
)
def test_code_like_the_emitters_passes_at_the_same_place(plain):
    check(planted(plain), COMMENTS)


@pytest.mark.parametrize("name", ["open", "lambda", "import inside a function", "eval"])
def test_code_is_found_inside_a_method_too(name):
    body = CODE[name].removeprefix("def f():\n").strip()
    with pytest.raises(CompilerBug):
        check(planted(f"class A(nn.Module):\n{METHOD}        {body}\n        return x"), COMMENTS)


@pytest.mark.parametrize("comment", ["# a remark", "#", "# type: ignore", COMMENTS[0], "#!sh"])
def test_a_comment_that_was_not_recorded_is_rejected(comment):
    for text in (planted(comment), planted(f"x = 1  {comment}"), f"{comment}\n{TEXT}"):
        with pytest.raises(CompilerBug, match="comment"):
            check(text, COMMENTS)
        check(text, [*COMMENTS, comment])


def test_a_comment_that_was_recorded_and_is_not_there_is_rejected():
    with pytest.raises(CompilerBug, match="comment"):
        check(TEXT, [*COMMENTS, "# more"])


@pytest.mark.parametrize("string", ["'#'", "'a # b'", '"""a\n# b\n"""', "'\\x23'", "{'#': 1}"])
def test_a_string_that_looks_like_a_comment_is_rejected(string):
    with pytest.raises(CompilerBug):
        check(planted(f"x = {string}"), COMMENTS)


def test_a_line_end_inside_a_comment_ends_it():
    with pytest.raises(CompilerBug):
        check(planted("# a\rimport os"), [*COMMENTS, "# a\rimport os"])


@pytest.mark.parametrize("text", ["x = (", "x = '", "  x = 1\n y = 2", "x = 1 +", "\0"])
def test_text_that_is_no_python_is_rejected(text):
    with pytest.raises((CompilerBug, SyntaxError, ValueError)):
        check(planted(text), COMMENTS)
