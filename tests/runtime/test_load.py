"""`incdsl.load`: modules that run, do not disturb each other, and can be debugged."""

import inspect
import linecache
import sys
import traceback
from types import ModuleType

import pytest
import torch

import incdsl
from incdsl.diagnostics import CompileError
from tests.package.test_api import TEXT, TWO, WRONG


def test_load_gives_a_module_whose_class_runs(tmp_path):
    path = tmp_path / "n.inc"
    path.write_text(TEXT, encoding="utf-8")
    module = incdsl.load(path, width=6)
    assert isinstance(module, ModuleType)
    net = module.N().eval()
    assert net(torch.zeros(2, 3, 8, 8)).shape == (2, 2)
    assert next(net.parameters()).shape == (6, 3, 3, 3)
    assert module.N(width=7, p=0.0).eval()(torch.zeros(1, 3, 10, 12)).shape == (1, 2)


def test_load_chooses_a_net():
    assert incdsl.load(TWO, "B").B().forward(torch.tensor([[[[0.0]]] * 3])).shape == (1, 3, 1, 1)


def test_load_raises_for_a_wrong_spec():
    before = set(sys.modules)
    with pytest.raises(CompileError):
        incdsl.load(WRONG)
    assert not [name for name in set(sys.modules) - before if name.startswith("incdsl_generated")]


def test_the_source_of_a_loaded_module_can_be_read():
    module = incdsl.load(TEXT)
    text = incdsl.compile(TEXT)
    assert inspect.getsource(module) == text
    assert inspect.getsource(module.N) in text
    assert inspect.getsource(module.N.forward).lstrip().startswith("def forward(self, x: Tensor)")


def test_tracebacks_show_the_line_that_fails():
    module = incdsl.load(TEXT)
    linecache.checkcache()
    with pytest.raises(RuntimeError) as error:
        module.N()(torch.zeros(1, 4, 8, 8))
    frames = [f for f in traceback.extract_tb(error.value.__traceback__) if f.filename.startswith("<incdsl N ")]
    assert len(frames) == 1
    assert frames[0].line
    assert frames[0].line in incdsl.compile(TEXT)
    assert frames[0].line.startswith("x = self.y_1(x)")


def test_loaded_modules_do_not_disturb_each_other():
    small, large = incdsl.load(TEXT, width=3), incdsl.load(TEXT, width=30)
    assert small is not large
    assert [next(m.N().children()).out_channels for m in (small, large)] == [3, 30]
    assert sys.modules[small.__name__] is small
    assert sys.modules[large.__name__] is large
    assert inspect.getsource(small) != inspect.getsource(large)


def test_classes_of_a_loaded_module_know_where_they_are_from():
    module = incdsl.load(TEXT)
    assert sys.modules[module.N.__module__] is module
    assert module.__doc__ == "N, generated from _spec_."


def test_inception_v3_loads_and_runs():
    module = incdsl.load("specs/v3.inc")
    with torch.device("meta"):
        net = module.InceptionV3(classes=10)
        assert net.eval()(torch.zeros(2, 3, 75, 75)).shape == (2, 10)
        logits, aux = net.train()(torch.zeros(2, 3, 299, 299))
    assert logits.shape == aux.shape == (2, 10)


def test_a_loaded_net_can_be_pickled_in_its_process(tmp_path):
    net = incdsl.load(TEXT).N()
    torch.save(net, tmp_path / "net.pt")
    again = torch.load(tmp_path / "net.pt", weights_only=False)
    assert type(again) is type(net)
