"""The command, and the forms of a file."""

import io
import json
import re
import sys
from xml.etree import ElementTree

import pytest
import resvg_py
from click.testing import CliRunner
from PIL import Image

import incdsl
from incdsl.cli import cli
from incdsl.drawing.output import CannotSave
from incdsl.drawing.paint import svg

V3 = "specs/v3.inc"


@pytest.fixture
def call(tmp_path, monkeypatch):
    """`call(SPEC, …)`: `incdsl draw` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **options):
        return CliRunner().invoke(cli, ["draw", *arguments], catch_exceptions=False, **options)

    return run


def test_svg_and_page(call, tmp_path):
    assert call(V3, "-o", "v3.svg").exit_code == 0
    assert call(V3, "-o", "v3.html", "--theme", "auto").exit_code == 0
    svg, page = (tmp_path / "v3.svg").read_text(), (tmp_path / "v3.html").read_text()
    assert ElementTree.fromstring(svg).get("id") == "inc-InceptionV3"
    assert page.startswith("<!doctype html>")
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "prefers-color-scheme" in page


def test_standard_output_and_input(call):
    assert call(f"{V3}::InceptionA", "-o", "-").stdout == incdsl.draw("specs/v3.inc::InceptionA").svg
    text = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4\n}\n"
    assert 'id="inc-N"' in call("-", "-o", "-", input=text).stdout


def test_png_has_the_size_that_scale_says(call, tmp_path):
    figure = incdsl.draw("specs/v3.inc::InceptionA")
    for scale in (1, 2.5):
        assert call(f"{V3}::InceptionA", "-o", "a.png", "--scale", str(scale)).exit_code == 0
        image = Image.open(io.BytesIO((tmp_path / "a.png").read_bytes()))
        assert image.width == round(figure.sheet.width * scale)
        assert abs(image.height - figure.sheet.height * scale) <= 2
    colours = image.convert("RGB").getcolors(1 << 24)
    assert (255, 255, 255) in [colour for _, colour in colours]
    assert len(colours) > 20


def test_png_of_a_page_is_as_large_as_the_page(call, tmp_path):
    assert call(V3, "-o", "a.png", "--fit", "a4").exit_code == 0
    image = Image.open(io.BytesIO((tmp_path / "a.png").read_bytes()))
    assert image.width == round(180 / 25.4 * 96 * 2)
    assert image.height == pytest.approx(image.width * 267 / 180, abs=3)


def test_a_png_that_is_too_large_is_refused(call):
    text = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4" + " -> relu" * 400 + "\n}\n"
    result = call("-", "-o", "a.png", "--scale", "10", input=text)
    assert result.exit_code == 2
    assert "pixels: take a smaller --scale, --fit a4, or .svg, which has no limit" in result.stderr


def test_shapes_with_ceilings_are_without_serifs(monkeypatch):
    """Of a text with a sign that Inter lacks, resvg takes all from the first font that has it, serifs or not."""
    seen = []
    monkeypatch.setattr(resvg_py, "svg_to_bytes", lambda svg_string, **_: seen.append(svg_string) or b"")
    text = "inc 1\nnet N {\n  input x [3, H, W]\n  output y = x -> conv2d 3x3/2 @4 half -> conv2d 3x3 @4\n}\n"
    incdsl.draw(text).encoded("png")
    lines = [line for line in seen[0].splitlines() if line.startswith("<text")]
    assert {"DejaVu Sans" in line for line in lines if "⌈" in line} == {True}
    assert {"DejaVu Sans" in line for line in lines if "⌈" not in line} == {False}


def test_pdf(call, tmp_path):
    try:
        import cairosvg  # noqa: F401
    except OSError:
        pytest.skip("the library cairo is not on this machine")
    assert call(V3, "-o", "v3.pdf", "--fit", "a4").exit_code == 0
    assert (tmp_path / "v3.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("module", "file", "package"), [("resvg_py", "a.png", "resvg-py"), ("cairosvg", "a.pdf", "CairoSVG")]
)
def test_what_is_missing_is_named(call, monkeypatch, module, file, package):
    monkeypatch.setitem(sys.modules, module, None)
    result = call(f"{V3}::InceptionA", "-o", file)
    assert result.exit_code == 2
    assert package in result.stderr
    assert "pip install 'incdsl[draw]'" in result.stderr


def test_pieces_of_text_stand_apart_for_what_cannot_centre_them():
    figure = incdsl.draw("specs/v3.inc::InceptionA")
    together = re.compile(r'class="m[^"]*"><tspan')
    assert together.search(figure.svg)
    apart = svg(figure.sheet, "a", "a", "a", apart=True)
    assert not together.search(apart)
    assert re.sub(r"<[^>]*>|\s", "", apart.partition("-labels")[2]) == re.sub(
        r"<[^>]*>|\s", "", figure.svg.partition("-labels")[2]
    )


def test_other_forms_are_refused(call):
    result = call(V3, "-o", "v3.gif")
    assert result.exit_code == 2
    assert ".svg, .html, .png or .pdf" in result.stderr
    with pytest.raises(CannotSave):
        incdsl.draw("specs/v3.inc").save("v3")


def test_a_broken_spec_is_drawn_and_fails(call, tmp_path):
    (tmp_path / "wrong.inc").write_text("inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> cnov2d 3x3 @4\n}\n")
    result = call("wrong.inc", "-o", "wrong.svg")
    assert result.exit_code == 1
    assert "1 error" in result.stderr
    assert "E201" in (tmp_path / "wrong.svg").read_text()
    assert call("nowhere.inc", "-o", "x.svg").exit_code == 2


@pytest.mark.parametrize("target", ["a_folder.svg", "a_file.txt/x.svg"])
def test_a_target_that_cannot_be_written(call, tmp_path, target):
    (tmp_path / "a_folder.svg").mkdir()
    (tmp_path / "a_file.txt").touch()
    result = call(V3, "-o", target)
    assert result.exit_code == 2
    assert "error[E603]: cannot write" in result.stderr
    assert "internal" not in result.stderr


def test_costs_that_depend_on_a_free_size_are_asked_with_one(call, tmp_path):
    (tmp_path / "free.inc").write_text("inc 1\nnet N {\n  input x [3, H, W]\n  output y = x -> conv2d 3x3 @4\n}\n")
    assert "free: say one" in call("free.inc", "-o", "f.svg", "--heat", "macs").stderr
    assert not (tmp_path / "f.svg").exists()
    assert call("free.inc::N@[3, 8, 8]", "-o", "f.svg", "--heat", "macs").exit_code == 0
    assert call("free.inc", "-o", "f.svg", "--heat", "params").exit_code == 0


def test_times_of_a_record(call, tmp_path):
    record = tmp_path / "record.json"
    record.write_text(json.dumps({"version": 1, "choices": [], "ways": {"fc": "direct"}}))
    assert "give both" in call(V3, "-o", "t.svg", "--heat", "time").stderr
    result = call(V3, "-o", "t.svg", "--heat", "time", "--tuned", str(record))
    assert result.exit_code == 2
    assert "no times of layers" in result.stderr
    record.write_text(json.dumps({"layers": {"Mixed_6b": 2.5}}))
    assert call(V3, "-o", "t.svg", "--heat", "time", "--tuned", str(record)).exit_code == 0
    assert "2.50 ms" in (tmp_path / "t.svg").read_text()


def test_a_notebook_shows_it(tmp_path):
    figure = incdsl.draw("specs/v3.inc", depth=1)
    assert figure._repr_svg_() == figure.svg
    figure.save(tmp_path / "v3.svg")
    assert (tmp_path / "v3.svg").read_text() == figure.svg
