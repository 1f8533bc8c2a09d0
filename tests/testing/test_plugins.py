"""Ops of other packages: found by entry point, under qualified words, only when a spec names one."""

import sys

import pytest

import incdsl
from incdsl.diagnostics import CompileError, CompilerBug
from incdsl.diagnostics.render import human
from incdsl.ops import REGISTRY, Op, find
from tests.testing.conftest import forget

PACKAGE = '''
from typing import ClassVar
from incdsl.ops import Op
from incdsl.ops.code import Call, Lowering, Operand, Infix, Value

class Twice(Op):
    """Twice the input."""
    word: ClassVar[str] = "twice"
    def lower(self, *inputs):
        return Lowering(Call("nn.Identity"), Infix("*", (Operand(), Value({0}))))

class Conv2d(Twice):
    """An op that is called like one of the language."""
    word: ClassVar[str] = "conv2d"
'''
HELPED = '''
from typing import ClassVar
from incdsl.ops import Op
from incdsl.ops.code import Call, Lowering

class Helped(Op):
    """With a class of its own."""
    word: ClassVar[str] = "helped"
    helpers: ClassVar[dict] = {{"{0}": """class {0}(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return {1}"""}}
    calls: ClassVar[frozenset] = frozenset({2})
    def lower(self, *inputs):
        return Lowering(Call("{0}"), helper="{0}")
'''
SPEC = "inc 1\nnet N {{\n  input x [4, 8, 8]\n  output y = x -> {}\n}}\n"


def compiled(chain, definitions=""):
    return incdsl.compile(SPEC.format(chain) + definitions)


def refused(chain):
    with pytest.raises(CompileError) as caught:
        compiled(chain)
    (found,) = caught.value.diagnostics
    return human(found)


def test_a_qualified_word_is_an_op(install):
    install("acme", PACKAGE.format(2))
    text = compiled("acme.twice -> a: acme.twice -> relu -> acme.conv2d")
    assert text.count("* 2") == 2
    assert "self.a = nn.Identity()" in text


def test_an_entry_point_names_a_list(install):
    install("acme", PACKAGE.format(2) + "OPS = [Twice]\n", "{0}:OPS")
    assert "* 2" in compiled("acme.twice")
    assert "`acme` has no op `conv2d`; it has `acme.twice`" in refused("acme.conv2d")


def test_words_of_the_language_stay(install):
    kinds = dict(REGISTRY)
    install("acme", PACKAGE.format(2))
    compiled("acme.conv2d")
    assert kinds == REGISTRY
    assert find("conv2d") is kinds["conv2d"]
    assert find("acme.conv2d") is not kinds["conv2d"]

    class ReLU(Op):
        """A class outside of the language."""

        word = "relu"

    assert REGISTRY["relu"] is kinds["relu"]


def test_ops_are_parameters_and_firsts_of_units(install):
    install("acme", PACKAGE.format(2))
    block = "block B(act) = act -> relu\nunit u = acme.twice -> conv2d 1x1 @3\n"
    text = compiled("B(act: acme.twice) -> u -> acme.twice times 2", block)
    assert text.count("* 2") == 2


def test_ops_of_one_name_in_two_packages_are_two(install):
    install("acme", PACKAGE.format(2))
    install("zeta", PACKAGE.format(3))
    text = compiled("B(act: acme.twice) -> B(act: zeta.twice)", "block B(act) = conv2d 1x1 @4 -> act\n")
    assert "* 2" in text
    assert "* 3" in text
    assert "class B_2" in text


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("acme.blur", "no installed package registers ops as `acme`"),
        ("acme.blur.more", "nothing is called `acme.blur.more`"),
        ("os.path", "no installed package registers ops as `os`"),
        ("Acme.blur", "nothing is called `Acme.blur`"),
        ("acme..", "nothing is called `acme..`"),
    ],
)
def test_other_words_are_unknown(word, told):
    text = refused(word)
    assert "E201" in text
    assert told in text


def test_nothing_else_is_imported(install, tmp_path):
    (tmp_path / "loose.py").write_text("raise SystemExit(99)\n", encoding="utf-8")
    install("acme", PACKAGE.format(2))
    assert "no installed package" in refused("loose.twice")
    assert "acme_ops_0" not in sys.modules


@pytest.mark.parametrize(
    ("text", "value", "told"),
    [
        ("raise ImportError('needs\\x1b more')", None, "cannot be loaded: ImportError: needs  more"),
        ("x = 1", "{0}:missing", "AttributeError"),
        ("x = 1", "{0}:x", "names neither a module nor a list"),
        ("x = [int]", "{0}:x", "is not an op"),
        (HELPED.format("AcmeBlur", "x", "()").replace("def lower", "def raise_"), None, "`helped` has no `lower`"),
        (HELPED.format("Blur", "x", "()"), None, "called `Acme…`"),
        (HELPED.format("AcmeBlur", "x  # why", "()"), None, "without comments"),
        (HELPED.format("AcmeBlur", "x", "{'os.system'}"), None, "calls `os.system`"),
    ],
)
def test_packages_that_do_not_fit_are_told(install, text, value, told):
    install("acme", text, value)
    message = refused("acme.helped")
    assert "E201" in message
    assert told in message


def test_two_packages_of_one_name_are_told(install):
    install("acme", PACKAGE.format(2))
    install("acme", PACKAGE.format(3))
    assert "several packages register ops as `acme`" in refused("acme.twice")


def test_a_helper_is_held_to_the_allow_list(install):
    install("acme", HELPED.format("AcmeBlur", "torch.load(x)", "()"))
    with pytest.raises(CompilerBug, match=r"torch.load; ops of other packages: helped"):
        compiled("acme.helped")


def test_a_helper_may_call_what_it_names(install):
    install("acme", HELPED.format("AcmeBlur", "F.unfold(x, 1)", "{'F.unfold'}"))
    assert "class AcmeBlur(nn.Module):" in compiled("acme.helped")
    install("zeta", HELPED.format("ZetaBlur", "F.unfold(x, 1)", "()"))
    with pytest.raises(CompilerBug, match=r"F.unfold"):
        compiled("zeta.helped")


def test_many_words_are_one_look_at_what_is_installed(monkeypatch):
    forget()
    looks = []
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: looks.append(1) or [])
    with pytest.raises(CompileError):
        compiled(" -> ".join(f"a{i}.b" for i in range(50)))
    assert looks == [1]
    forget()
