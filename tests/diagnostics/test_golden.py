"""Every diagnostic as people see it: one golden for each code, and one for each specimen."""

from collections.abc import Callable
from pathlib import Path

import pytest

from incdsl.codegen import output
from incdsl.compiler import check_file, compile_net, from_bytes, read
from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.diagnostics.catalogue import all_codes, explanation
from incdsl.diagnostics.render import human
from incdsl.source import Source
from incdsl.subject import Asked, subject
from incdsl.weights import mapping
from incdsl.weights.checkpoint import checkpoint
from incdsl.weights.decisions import NOTHING_DECIDED, Decisions
from incdsl.weights.match import correspond
from tests.golden import matches

CODES = all_codes()
FOLDER = Path(__file__).with_name("golden")
SPECIMENS = sorted(FOLDER.glob("*.inc"))


def diagnostics(text: str) -> list[Diagnostic]:
    """What a spec's nets give, or what a library without nets gives when it is asked for one."""
    source = Source("spec.inc", text)
    try:
        done = check_file(source)
        if not done:
            compile_net(source)
    except CompileError as error:
        return list(error.diagnostics)
    return [warning for each in done for warning in each.warnings]


def raised(action: Callable[[], object]) -> list[Diagnostic]:
    with pytest.raises(CompileError) as caught:
        action()
    return list(caught.value.diagnostics)


def _block_tower(depth: int) -> str:
    blocks = "".join(f"block B{i} = B{i - 1}\n" for i in range(1, depth))
    return (
        f"inc 1\nblock B0 = conv2d 1x1 @3\n{blocks}net N {{\n  input x [3, 8, 8]\n  output y = x -> B{depth - 1}\n}}\n"
    )


def _edited(tmp: Path) -> list[Diagnostic]:
    target = tmp / "net.py"
    target.write_text("x = 1\n")
    return raised(lambda: output.write(target, "y = 2\n"))


def _imported(tmp: Path, files: dict[str, str]) -> list[Diagnostic]:
    """What is wrong with the first of some files that import each other."""
    for name, text in files.items():
        (tmp / name).write_text(f"inc 1\n{text}\n")
    return raised(lambda: check_file(read(tmp / next(iter(files)))))


def _many_imports(count: int) -> dict[str, str]:
    main = "\n".join(f'from "f{i}.inc" use B{i}' for i in range(count))
    return {"spec.inc": main, **{f"f{i}.inc": f"block B{i} = relu" for i in range(count)}}


def _corresponding(
    shapes: dict[str, list[int]], head: str = "", decided: Decisions = NOTHING_DECIDED
) -> list[Diagnostic]:
    """What a checkpoint of these shapes gives for a net of two equal rails."""
    done = compile_net(
        Source(
            "spec.inc",
            "inc 1\nnet N {\n  input x [3, 8, 8]\n"
            f"  t = x -> concat {{ | left: conv2d 3x3 @4 | right: conv2d 3x3 @4 }}\n{head}  output y = t -> relu\n}}\n",
        )
    )
    return raised(lambda: correspond(done.net, checkpoint("weights.pt", shapes.items()), decided))


def _rails(*names: str) -> dict[str, list[int]]:
    return {f"{n}.{last}": shape for n in names for last, shape in (("weight", [4, 3, 3, 3]), ("bias", [4]))}


def _norms_apart() -> list[Diagnostic]:
    """A checkpoint whose norms stand apart from its convolutions."""
    done = compile_net(
        Source(
            "spec.inc",
            "inc 1\nunit u = conv: conv2d (bias: false) -> bn: batchnorm\n"
            "net N {\n  input x [4, 8, 8]\n  output y = x -> first: u 3x3 @4 -> second: u 3x3 @4\n}\n",
        )
    )
    norm = {last: [4] for last in ("weight", "bias", "running_mean", "running_var")}
    shapes = {f"convs.{i}.weight": [4, 4, 3, 3] for i in (0, 1)}
    shapes |= {f"norms.{i}.{last}": shape for i in (0, 1) for last, shape in norm.items()}
    return raised(lambda: correspond(done.net, checkpoint("weights.pt", shapes.items())))


def _map_of_another(tmp: Path) -> list[Diagnostic]:
    done = compile_net(Source("spec.inc", "inc 1\nnet N {\n  input x [3]\n  output y = x -> fc: linear @2\n}\n"))
    known = checkpoint("weights.pt", [("fc.weight", [2, 3]), ("fc.bias", [2])])
    path = tmp / "map.toml"
    text = mapping.as_toml(correspond(done.net, known), "spec.inc", done.net, done.cost, known)
    path.write_text(text.replace(known.fingerprint, "0123456789abcdef"), encoding="utf-8")
    return raised(lambda: mapping.check(mapping.read(path), done.net, done.cost, known))


def _absent_checkpoint(tmp: Path) -> list[Diagnostic]:
    from incdsl.runtime.checkpoint import pytorch_header

    return raised(lambda: pytorch_header(tmp / "absent.pt"))


def _two_state_dicts(tmp: Path) -> list[Diagnostic]:
    import torch

    from incdsl.runtime.checkpoint import pytorch_header

    state = {"fc.bias": torch.zeros(2)}
    torch.save({"state_dict": state, "state_dict_ema": state}, tmp / "last.pth.tar")
    return raised(lambda: pytorch_header(tmp / "last.pth.tar"))


def _other_classes() -> list[Diagnostic]:
    text = "inc 1\nnet N(classes = 10) {\n  input x [3]\n  output y = x -> fc: linear @classes\n}\n"
    known = checkpoint("weights.pt", [("fc.weight", [1000, 3]), ("fc.bias", [1000])])
    return raised(lambda: correspond(compile_net(Source("spec.inc", text)).net, known))


def _other_outputs(tmp: Path) -> list[Diagnostic]:
    from torch.nn import Tanh

    from incdsl.runtime.convert import compare, loaded

    done = compile_net(Source("spec.inc", "inc 1\nnet N {\n  input x [3]\n  output y = x -> relu\n}\n"))
    return raised(lambda: compare(done, loaded(done, {}, aux=False, exact=True), Tanh(), "torch.nn:Tanh", {}))


WITHOUT_EXAMPLE: dict[str, Callable[[Path], list[Diagnostic]]] = {
    "E105": lambda tmp: raised(lambda: from_bytes(b"inc 1 \xff\xfe", "spec.inc")),
    "E106": lambda tmp: _imported(tmp, {"spec.inc": 'from "../other.inc" use conv'}),
    "E107": lambda tmp: _imported(tmp, {"a.inc": 'from "b.inc" use B', "b.inc": 'from "a.inc" use A'}),
    "E501": lambda tmp: raised(lambda: from_bytes(b" " * ((1 << 20) + 1), "spec.inc")),
    "E502": lambda tmp: diagnostics("inc 1\n" + "x " * 50_001),
    "E503": lambda tmp: diagnostics(_block_tower(80)),
    "E506": lambda tmp: _imported(tmp, _many_imports(65)),
    "E601": _edited,
    "E602": lambda tmp: raised(lambda: output.write(Path("torch.py"), "")),
    "E603": lambda tmp: raised(lambda: output.write(Path("pyproject.toml/net.py"), "")),
    "E701": _absent_checkpoint,
    "E702": lambda tmp: _corresponding(_rails("left")),
    "E703": lambda tmp: _corresponding({**_rails("left", "right"), "global_step": []}),
    "E704": lambda tmp: _corresponding(_rails("left", "right"), "  aux early = t -> gap -> fc: linear @2\n"),
    "E705": lambda tmp: _corresponding(_rails("foo", "bar")),
    "E706": lambda tmp: raised(lambda: mapping.read(tmp / "absent.toml")),
    "E707": _map_of_another,
    "E708": _other_outputs,
    "E709": lambda tmp: _norms_apart(),
    "E711": _two_state_dicts,
    "E713": lambda tmp: _corresponding(_rails("foo", "bar"), decided=Decisions(same=(("foo", "lefft"),))),
    "E712": lambda tmp: _other_classes(),
    "E710": lambda tmp: _corresponding(_rails("left", "right"), decided=Decisions(ignore=("lefd*",))),
    "E714": lambda tmp: _corresponding({**_rails("left", "right"), "left.weight": [4, 1, 3, 3]}),
    "E605": lambda tmp: raised(lambda: subject("specs/v3.inc::Inception", Asked())),
    "E604": lambda tmp: raised(lambda: output.check(Path("absent.py"), "", "incdsl compile v3.inc")),
}


@pytest.mark.parametrize(
    "code",
    [pytest.param(code, marks=pytest.mark.torch) if code in ("E701", "E708", "E711") else code for code in CODES],
)
def test_every_code_has_its_golden(code: str, tmp_path: Path) -> None:
    kind = CODES[code]
    found = diagnostics(kind.wrong) if kind.wrong else WITHOUT_EXAMPLE[code](tmp_path)
    assert [d.code for d in found] == [code]
    shown = "\n\n".join(map(human, found)).replace(str(tmp_path), "DIR")
    matches(FOLDER / f"{code}.err", shown + "\n")


@pytest.mark.parametrize("code", [c for c, kind in CODES.items() if kind.wrong])
def test_the_right_example_is_right(code: str) -> None:
    assert diagnostics(CODES[code].right) == []


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(code: str) -> None:
    text = explanation(CODES[code])
    assert CODES[code].__doc__
    assert code in text
    assert not text.endswith("None")


@pytest.mark.parametrize("path", SPECIMENS, ids=lambda p: p.stem)
def test_specimen(path: Path) -> None:
    found = diagnostics(path.read_text(encoding="utf-8"))
    assert found
    matches(path.with_suffix(".err"), "\n\n".join(map(human, found)) + "\n")


def test_a_spec_that_is_not_there() -> None:
    (found,) = raised(lambda: read("absent.inc"))
    assert human(found) == "error[E105]: cannot read absent.inc: no such file or directory"
