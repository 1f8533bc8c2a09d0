"""Which tests need PyTorch, as their imports tell; and a Python without PyTorch, for those that do not."""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from importlib.abc import MetaPathFinder
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = {"incdsl", "tests", "fuzz", "benchmarks"}
"""Packages whose imports are followed."""
FOREIGN = {"torch", "torchvision", "safetensors.torch"}
"""Modules that are PyTorch, or import it."""
WITHOUT = Path(__file__).with_name("without_torch")
"""A folder that hides PyTorch from processes that search it first."""
_INDENTED = re.compile(r"^ +(?:from|import) ", re.MULTILINE)
_IMPORT = re.compile(r"^(?:from ([\w.]+) )?import (\([^)]*\)|[^\n#]*)", re.MULTILINE)


@cache
def file_needs_torch(path: Path) -> bool:
    """Whether importing a test file, with the conftests of its folders, imports PyTorch."""
    folders = [folder for folder in path.parents if folder.is_relative_to(ROOT / "tests")]
    return _lead_to_torch(path, *(folder / "conftest.py" for folder in folders))


@cache
def function_needs_torch(function: Callable) -> bool:
    """Whether a function of a test file, or of a conftest, has a statement that imports PyTorch when it is called."""
    path = Path(function.__code__.co_filename)
    if not (path.is_relative_to(ROOT / "tests") and _INDENTED.search(path.read_text(encoding="utf-8"))):
        return False
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    statements = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return any(name in FOREIGN or _lead_to_torch(*_files(name)) for name in _names("\n".join(statements)))


def _lead_to_torch(*paths: Path) -> bool:
    """Whether the imports at the top of these files lead to PyTorch, directly or by files of ours."""
    waiting, seen = [path for path in paths if path.exists()], set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in _imported(path):
            if name in FOREIGN or name.startswith("torch."):
                return True
            waiting += _files(name)
    return False


@cache
def _imported(path: Path) -> tuple[str, ...]:
    return tuple(_names(path.read_text(encoding="utf-8")))


def _names(text: str) -> Iterator[str]:
    """The modules that the imports at the top of a text name; what is taken from a package may be one of them."""
    for module, imported in _IMPORT.findall(text):
        parts = [part.partition(" as ")[0].strip() for part in imported.strip("()").split(",")]
        yield from (module, *(f"{module}.{part}" for part in parts)) if module else parts


@cache
def _files(name: str) -> tuple[Path, ...]:
    """The files of ours that run when a module is imported: its own, and those of the packages around it."""
    first, *rest = name.split(".")
    if first not in OURS:
        return ()
    places = [ROOT.joinpath(first, *rest[:i]) for i in range(len(rest) + 1)]
    files = [*(place / "__init__.py" for place in places), places[-1].with_suffix(".py")]
    return tuple(file for file in files if file.exists())


class Refuse(MetaPathFinder):
    """Is asked for PyTorch before anybody else, and refuses it."""

    def find_spec(self, name, path=None, target=None):
        """Refuse `torch`; nothing else is its business."""
        if name.partition(".")[0] == "torch":
            raise ImportError("a test that is not marked `torch` imports it", name=name)


def refuse_torch() -> None:
    """From now on nothing in this process imports PyTorch."""
    assert "torch" not in sys.modules, "PyTorch is loaded already"
    sys.meta_path.insert(0, Refuse())


def is_refused() -> bool:
    """Whether nothing in this process imports PyTorch."""
    return any(isinstance(finder, Refuse) for finder in sys.meta_path)
