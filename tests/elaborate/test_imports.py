"""`from "file" use Name`: names are lexical to their file, and files stay inside the import root."""

import os
import socket
from pathlib import Path

import pytest

import incdsl
from incdsl.compiler import check_file, compile_net, read
from incdsl.diagnostics import CompileError
from incdsl.source import Source
from tests import nets
from tests.nets import keys
from tests.process import incdsl as run, no_accident

NET = "net N {\n  input x [8, 16, 16]\n  output y = x -> a: B(width: 4)\n}\n"
BLOCK = "unit conv = conv: conv2d (bias: false) -> bn: batchnorm\nblock B(width) = conv 3x3 @width -> relu\n"


@pytest.fixture
def folder(tmp_path):
    """Writes files, `inc 1` on top, and gives their folder."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.inc"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"inc 1\n{text}\n", encoding="utf-8")
        return tmp_path

    return write


def problems(path, root=None):
    """What is wrong with a spec."""
    return nets.problems(read(path), root=root)


def codes(path, root=None):
    """The codes of what is wrong with it."""
    return nets.codes(read(path), root=root)


def keys_of(path, name=None):
    """Keys of the module that a spec gives."""
    return keys(compile_net(read(path), name))


def test_a_block_brings_the_names_of_its_own_file(folder):
    here = folder(lib=BLOCK, spec=f'from "lib.inc" use B\nunit conv = conv2d\n{NET}')
    assert keys_of(here / "spec.inc")[0] == "a.conv.conv.weight"


def test_the_importer_does_not_see_what_it_did_not_import(folder):
    here = folder(
        lib=BLOCK, spec=f'from "lib.inc" use B\n{NET.replace("a: B(width: 4)", "a: conv 3x3 @4 -> B(width: 4)")}'
    )
    assert codes(here / "spec.inc") == ["E201"]


def test_an_import_may_get_a_name_of_its_own(folder):
    other = BLOCK.replace("3x3", "5x5")
    spec = 'from "lib.inc" use B\nfrom "other.inc" use B as Wide, conv as plain\n'
    chain = "a: B(width: 4) -> b: Wide(width: 4) -> c: plain 1x1 @4"
    here = folder(lib=BLOCK, other=other, spec=spec + NET.replace("a: B(width: 4)", chain))
    assert codes(here / "spec.inc") == []
    text = compile_net(read(here / "spec.inc")).text
    assert "self.a = B(8, width=4)" in text
    assert "self.b = B_2(4, width=4)" in text


def test_two_imports_of_one_name_are_told_what_to_do(folder):
    here = folder(lib=BLOCK, other=BLOCK, spec=f'from "lib.inc" use B\nfrom "other.inc" use B\n{NET}')
    (found,) = problems(here / "spec.inc")
    assert found.message() == "`B` is defined already, in line 2"
    assert found.help() == "an import can rename it: `use B as …`"


def test_a_misspelt_import_is_told_once(folder):
    here = folder(lib=BLOCK, spec=f'from "lib.inc" use Bb, B\n{NET}')
    assert codes(here / "spec.inc") == ["E219"]


def test_a_net_is_a_step_of_another(folder):
    net = "net A {\n  input image [8, 16, 16]\n  output y = image -> conv2d 3x3 @8\n}\n"
    text = incdsl.compile(folder(spec=net + NET.replace("a: B(width: 4)", "a: A")) / "spec.inc", "N")
    assert "self.a = A(8)" in text


def test_units_of_one_name_from_two_files_are_two_classes(folder):
    other = "unit conv = conv: conv2d -> norm: batchnorm\nblock C = conv 3x3 @8\n"
    main = NET.replace("a: B(width: 4)", "a: B(width: 4) -> c: C")
    text = incdsl.compile(
        folder(lib=BLOCK, other=other, spec=f'from "lib.inc" use B\nfrom "other.inc" use C\n{main}') / "spec.inc"
    )
    assert "class Conv(nn.Module)" in text
    assert "class Conv_2(nn.Module)" in text


def test_blocks_of_one_name_may_nest_where_their_files_differ(folder):
    here = folder(
        inner="block B = conv2d 3x3 @8",
        middle='from "inner.inc" use B\nblock M = B -> relu',
        spec='from "middle.inc" use M\nblock B(width) = M -> conv2d 1x1 @width\n' + NET,
    )
    assert keys_of(here / "spec.inc") == [
        "a.M.B.conv2d.weight",
        "a.M.B.conv2d.bias",
        "a.conv2d.weight",
        "a.conv2d.bias",
    ]


def test_an_op_given_as_a_parameter_means_what_it_means_where_it_was_given(folder):
    here = folder(
        lib="block P(act) = conv2d 3x3 @4 -> act",
        spec='from "lib.inc" use P\nunit act2 = leakyrelu (slope: 0.3)\n' + NET.replace("B(width: 4)", "P(act: act2)"),
    )
    assert "0.3" in compile_net(read(here / "spec.inc")).text


def test_folders_below_and_files_met_twice(folder):
    here = folder(
        parts__units="unit conv = conv2d -> relu",
        parts__blocks='from "units.inc" use conv\nblock B(width) = conv 3x3 @width',
        spec='from "parts/blocks.inc" use B\nfrom "parts/units.inc" use conv\n'
        + NET.replace("a: B", "conv 1x1 @8 -> a: B"),
    )
    assert codes(here / "spec.inc") == []


def test_a_mistake_in_an_imported_file_is_shown_there(folder):
    here = folder(lib=BLOCK.replace("3x3", "3x3/2"), spec=f'from "lib.inc" use B\n{NET}')
    with pytest.raises(CompileError) as caught:
        check_file(read(here / "spec.inc"))
    (found,) = caught.value.diagnostics
    assert found.code == "E306"
    assert found.span.source.name.endswith("lib.inc")
    assert found.path == "N > a: B"


def test_a_syntax_error_in_an_imported_file_is_shown_there(folder):
    here = folder(lib="block B(width = relu", spec=f'from "lib.inc" use B\n{NET}')
    with pytest.raises(CompileError) as caught:
        check_file(read(here / "spec.inc"))
    assert {d.span.source.name for d in caught.value.diagnostics} == {(here / "lib.inc").as_posix()}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('from "lib.inc" use B, B', "E206"),
        ('from "lib.inc" use B, relu', "E219"),
        ('from "lib.inc" use B, conv', "E208"),
        ('from "lib.inc" use Missing', "E219"),
        ('from "absent.inc" use B', "E106"),
        ('from "lib.inc" use B\nfrom "lib.inc" use B', "E206"),
        ('from "lib.inc" use B\nblock B(width) = relu', "E206"),
    ],
)
def test_names_that_cannot_be_imported(folder, line, code):
    assert code in codes(folder(lib=BLOCK, spec=f"{line}\n{NET}") / "spec.inc")


OUTSIDE = [
    "/etc/hosts.inc", "../spec.inc", "a/../../b.inc", "..\\\\lib.inc", "C:/lib.inc", "file:///lib.inc", "~/lib.inc",
    "lib", "", ".", "/", "//host/share.inc", "lib.inc/", "http://host/lib.inc", "lib.INC", "x" * 5000 + ".inc",
]  # fmt: skip


@pytest.mark.parametrize("path", OUTSIDE, ids=range(len(OUTSIDE)))
def test_paths_that_are_refused(folder, path):
    here = folder(inner__spec=f'from "{path}" use B\n{NET}', lib=BLOCK, spec=BLOCK)
    assert codes(here / "inner" / "spec.inc") == ["E106"]


def test_a_root_above_lets_files_share(folder):
    here = folder(inner__spec=f'from "../lib.inc" use B\n{NET}', lib=BLOCK)
    assert codes(here / "inner" / "spec.inc") == ["E106"]
    assert codes(here / "inner" / "spec.inc", root=here) == []
    assert incdsl.check(here / "inner" / "spec.inc", root=here) == []


def test_links_lead_nowhere_outside(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "lib.inc"
    outside.write_text(f"inc 1\n{BLOCK}")
    here = folder(spec=f'from "link.inc" use B\n{NET}', real=BLOCK)
    (here / "link.inc").symlink_to(outside)
    assert codes(here / "spec.inc") == ["E106"]
    (here / "link.inc").unlink()
    (here / "link.inc").symlink_to(here / "real.inc")
    assert codes(here / "spec.inc") == []
    (here / "folder").symlink_to(outside.parent)
    (here / "spec.inc").write_text(f'inc 1\nfrom "folder/lib.inc" use B\n{NET}')
    assert codes(here / "spec.inc") == ["E106"]


def test_only_regular_files_are_read(folder, monkeypatch):
    here = folder(spec=f'from "lib.inc" use B\n{NET}')
    os.mkfifo(here / "lib.inc")
    assert codes(here / "spec.inc") == ["E106"]
    (here / "lib.inc").unlink()
    (here / "lib.inc").mkdir()
    assert codes(here / "spec.inc") == ["E106"]
    (here / "lib.inc").rmdir()
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(here)
        server.bind("lib.inc")
        assert codes(here / "spec.inc") == ["E106"]
    (here / "lib.inc").unlink()
    (here / "lib.inc").write_bytes(b"inc 1 \xff")
    assert codes(here / "spec.inc") == ["E106"]


def test_circles(folder):
    here = folder(spec=f'from "spec.inc" use B\n{NET}')
    assert codes(here / "spec.inc") == ["E107"]
    here = folder(spec=f'from "a.inc" use B\n{NET}', a='from "b.inc" use B', b='from "a.inc" use B')
    assert codes(here / "spec.inc") == ["E107"]


def test_what_is_imported_counts(folder):
    fill = "".join(f"block F{i} = relu -> relu -> relu -> relu\n" for i in range(3000))
    many = {f"f{i}": fill.replace("F", f"G{i}_") for i in range(3)}
    imports = "".join(f'from "f{i}.inc" use G{i}_0\n' for i in range(3))
    plain = NET.replace("a: B(width: 4)", "relu")
    assert codes(folder(**many, spec=imports + plain) / "spec.inc") == ["E502"]
    large = "#" + "x" * 400_000
    many = {f"f{i}": f"{large}\nblock B{i} = relu" for i in range(3)}
    assert codes(
        folder(**many, spec="".join(f'from "f{i}.inc" use B{i}\n' for i in range(3)) + plain) / "spec.inc"
    ) == ["E501"]


def test_deep_imports(folder):
    files = {f"f{i}": f'from "f{i + 1}.inc" use B\nblock C = B' for i in range(20)}
    assert codes(
        folder(**files, f20="block B = relu", spec=f'from "f0.inc" use C\n{NET}'.replace("B(width: 4)", "C"))
        / "spec.inc"
    ) == ["E503"]


@pytest.mark.thorough
def test_a_text_has_no_folder(monkeypatch, folder):
    text = f'inc 1\nfrom "lib.inc" use B\n{NET}'
    monkeypatch.chdir(folder(lib=BLOCK))
    assert [d.code for d in incdsl.check(text)] == ["E106"]
    assert incdsl.check(text, root=".") == []
    for arguments, expected in ((["check", "-"], 1), (["check", "-", "--root", "."], 0)):
        result = run(*arguments, cwd=Path.cwd(), stdin=text.encode())
        assert result.returncode == expected
        no_accident(result)


def test_shipped_specs_can_be_imported_from_anywhere(folder):
    here = folder(spec='from "specs/v3.inc" use InceptionA\n' + NET.replace("B(width: 4)", "InceptionA(pool: 32)"))
    assert codes(here / "spec.inc") == []


def test_the_bytes_do_not_depend_on_the_folder(folder, monkeypatch):
    here = folder(lib=BLOCK, spec=f'from "lib.inc" use B\n{NET}')
    absolute = incdsl.compile(here / "spec.inc")
    monkeypatch.chdir(here)
    assert incdsl.compile("spec.inc") == absolute
    (here / "lib.inc").write_text(f"inc 1\n{BLOCK}# changed")
    assert incdsl.compile("spec.inc").split("\n")[1] != absolute.split("\n")[1]


def test_a_source_without_a_path_imports_nothing():
    with pytest.raises(CompileError):
        check_file(Source("spec.inc", f'inc 1\nfrom "lib.inc" use B\n{NET}'))


def test_a_path_that_no_system_knows_is_an_import_that_cannot_be_read(tmp_path):
    found = incdsl.analyze('inc 1\nfrom "a\0.inc" use B\n', root=tmp_path)
    assert "E106" in {problem.code for problem in found.problems}
