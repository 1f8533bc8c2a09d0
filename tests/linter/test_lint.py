"""What is linted: broken files, imported ones, free sizes, all that ships; and what a project selects."""

import random
import re

import pytest

import incdsl
from incdsl.cli.new_ import _SPEC
from incdsl.frontend import Options, analyze_source
from incdsl.linter.config import BadConfiguration, checked, configured
from incdsl.linter.finding import RULES
from incdsl.linter.fixes import fixed
from incdsl.linter.lint import Selection, lint, warning_codes
from incdsl.source import Source
from incdsl.syntax.ignore import ignores
from tests.process import ROOT

SHIPPED = sorted(path for folder in ("specs", "examples") for path in (ROOT / folder).rglob("*.inc"))


def codes(text, **options):
    return [each.code for each in incdsl.lint(text, **options)]


# What ships


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_what_ships_is_clean_or_says_why(path):
    assert incdsl.lint(path) == []
    assert all(comment.reason for comment in ignores(incdsl.analyze(path).file))


def test_what_ships_says_something_without_its_comments():
    """The reductions of Figure 9, factors off their grids, two heads: the papers themselves have it all."""
    found = set()
    for path in SHIPPED:
        text = re.sub(r"# lint: ignore[^\n]*", "#", path.read_text(encoding="utf-8"))
        found |= {each.code for each in lint(analyze_source(Source(path.name, text, path)))}
    assert found == {"W410", "W411", "W412", "W413", "W414", "W415", "W417", "W418", "W430", "W432"}


def test_the_spec_to_begin_with_is_clean():
    assert codes(_SPEC.format(net="MyNet")) == []


# Whatever the text


BROKEN = """inc 1
unit conv = conv2d -> batchnorm -> relu
net Small {
  input image [64, 35, 35]
  a = image -> conv 5x5 @64 -> relu
  b = a -> cnov 3x3 @64
  c = image -> maxpool 3x3/2 valid -> conv2d 3x3 @(128 -> relu : [128, 17, 17]
  output y = concat { | c | b
}
net Other {
  input image [64, 35, 35]
  output y = image -> conv2d 7x7 @64
}
"""


def test_what_is_known_of_a_broken_file_is_linted():
    found = incdsl.lint(BROKEN)
    assert [each.code for each in found if each.severity == "error"] == ["E201", "E102", "E102"]
    said = {(each.code, each.span.line) for each in found if each.severity == "warning"}
    assert {("W431", 2), ("W413", 5), ("W435", 5), ("W413", 12)} - {("W431", 2)} <= said


def test_a_broken_file_is_mended_where_it_can_be():
    done = fixed(Source("spec.inc", BROKEN), selection=Selection(("W435",)))
    assert [each.code for each in done.mended] == ["W435"]
    assert "a = image -> conv 5x5 @64\n" in done.text
    assert "cnov" in done.text


def test_what_is_not_known_to_be_read_once_is_left_alone():
    """Of a value with a name something unknown may read more."""
    text = """inc 1
net N {
  input x [64, 35, 35]
  a = x -> maxpool 3x3/2 valid : [64, 17, 17]
  b = a -> conv2d 3x3 @128
  c = a -> nothing
  output y = add { | b | c }
}
"""
    assert codes(text) == ["E201"]
    assert codes(text.replace("nothing", "conv2d 3x3 @128")) == []
    assert codes(text.replace("  c = a -> nothing\n", "").replace("add { | b | c }", "b")) == ["W410"]


@pytest.mark.parametrize("seed", range(40))
def test_every_text_gets_an_answer(seed):
    """Specs with tokens deleted, doubled or replaced: linted, and mended without a new error."""
    rng = random.Random(seed)
    path = rng.choice(SHIPPED)
    tokens = [str(token) for token in incdsl.parse(path.read_text(encoding="utf-8")).tokens]
    for _ in range(rng.randint(0, 6)):
        i = rng.randrange(len(tokens))
        tokens[i : i + 1] = rng.choice([[], [tokens[i]] * 2, [rng.choice(tokens)]])
    source = Source(path.name, re.sub(r"# lint: ignore[^\n]*", "#", "".join(tokens)), path)
    before = analyze_source(source)
    lint(before, Selection(device="cuda"))
    done = fixed(source)
    assert len([each for each in done.left if each.severity == "error"]) <= len(before.errors)
    if not before.errors:
        after = analyze_source(Source(path.name, done.text, path))
        assert [each.cost.keys for each in after.nets] == [each.cost.keys for each in before.nets]
        assert [each.cost.macs for each in after.nets] == [each.cost.macs for each in before.nets]


def test_what_depends_on_a_free_size_is_not_said():
    text = "inc 1\nnet N {\n  input x [64, H, W]\n  output y = x -> conv2d 5x5 @64 -> relu -> relu\n}\n"
    assert codes(text) == ["W435"]
    assert codes(text.replace("H, W", "35, 35")) == ["W413", "W435"]


def test_a_file_speaks_of_itself_alone(tmp_path):
    (tmp_path / "base.inc").write_text(
        "inc 1\nblock B = conv2d 5x5 @64\nnet A {\n  input x [64, 35, 35]\n  output y = x -> B\n}\n", encoding="utf-8"
    )
    text = 'inc 1\nfrom "base.inc" use B\nnet N {\n  input x [64, 35, 35]\n  output y = x -> B -> conv2d 7x7 @64\n}\n'
    (tmp_path / "main.inc").write_text(text, encoding="utf-8")
    found = incdsl.lint(tmp_path / "main.inc")
    assert [(each.code, each.span.line) for each in found] == [("W413", 5)]
    assert codes(tmp_path / "base.inc") == ["W413"]


def test_a_place_is_said_once_however_often_it_is_used():
    text = "inc 1\nblock B = conv2d 5x5 @64 -> relu\nnet N {\n  input x [64, 35, 35]\n  output y = x -> B times 3\n}\n"
    (found,) = incdsl.lint(text)
    assert (found.code, found.path) == ("W413", "N > y > 0: B")


def test_settings_decide_what_is_there():
    text = (
        "inc 1\nnet N(k = 3) {\n  input x [64, 35, 35]\n"
        "  output y = x -> conv2d (kernel: [k, k], width: 64, padding: half)\n}\n"
    )
    assert codes(text) == []
    (found,) = incdsl.lint(text, k=7)
    assert (found.code, found.fix) == ("W413", None)


# Selections


@pytest.mark.parametrize(
    ("select", "ignore", "wanted"),
    [
        ((), (), True),
        (("W4",), (), True),
        (("W413",), (), True),
        (("W42",), (), False),
        ((), ("W41",), False),
        (("W413",), ("W41",), True),
        (("W41",), ("W413",), False),
        (("W413",), ("W413",), False),
    ],
)
def test_of_what_is_selected_and_ignored_the_longer_counts(select, ignore, wanted):
    assert Selection(select, ignore).wants("W413") == wanted


def test_the_warnings_of_the_compiler_belong_to_the_family():
    assert set(warning_codes()) == {"W401", "W402", "W403", "W404", *RULES}
    text = "inc 1\nnet N {\n  input x [8]\n  output y = x -> linear @4 -> dropout 0.9\n}\nunit u = relu\n"
    assert codes(text) == ["W404", "W402"]
    assert codes(text, ignore="W404") == ["W402"]
    assert codes(text, select=["W404"]) == ["W404"]


@pytest.mark.parametrize("options", [{"select": "W9"}, {"ignore": ["W413", "X"]}, {"select": ""}, {"device": "tpu"}])
def test_codes_that_do_not_exist_are_refused(options):
    with pytest.raises(ValueError, match=r"there is no warning|the device is one of"):
        incdsl.lint("inc 1\nunit u = relu\n", **options)


def test_what_cannot_be_read_is_a_diagnostic():
    assert codes("missing.inc") == ["E105"]


def project(folder, text):
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return configured(folder / "specs" / "deep")


def test_a_project_selects_in_its_pyproject(tmp_path):
    found = project(tmp_path, '[tool.incdsl]\nselect = ["W41"]\nignore = ["W412"]\ndevice = "cuda"\n')
    assert found == Selection(("W41",), ("W412",), "cuda")
    assert project(tmp_path, '[project]\nname = "x"\n') == Selection()
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "pyproject.toml").write_text("", encoding="utf-8")
    assert project(tmp_path, '[tool.incdsl]\nselect = ["W41"]\n') == Selection()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.incdsl]\nselct = []\n", "not `selct`"),
        ('[tool.incdsl]\nselect = "W41"\n', "`select` is a list of codes"),
        ("[tool.incdsl]\nignore = [413]\n", "`ignore` is a list of codes"),
        ('[tool.incdsl]\nignore = ["W9"]\n', "there is no warning 'W9'"),
        ('[tool.incdsl]\ndevice = "tpu"\n', "the device is one of"),
        ("[tool.incdsl]\ndevice = 3\n", "the device is one of"),
        ("[tool]\nincdsl = 3\n", "is a table"),
        ("[tool.incdsl\n", "cannot read"),
    ],
)
def test_a_project_that_makes_no_sense_is_told_so(tmp_path, text, said):
    with pytest.raises(BadConfiguration, match=re.escape(said)) as caught:
        project(tmp_path, text)
    assert "pyproject.toml" in str(caught.value)


def test_a_selection_that_is_right_is_given_back():
    selection = Selection(("W41", "W402"), ("W4",), "cpu")
    assert checked(selection) is selection


# Fixes together

CONV = "inc 1\nunit conv = conv2d -> relu\nnet N {\n  input x [64, 35, 35]\n"


def test_fixes_that_would_touch_each_other_are_made_one_after_the_other():
    text = CONV + "  output y = x -> conv 5x5 @64 -> relu -> relu\n}\n"
    done = fixed(Source("spec.inc", text), unsafe=True)
    assert sorted(each.code for each in done.mended) == ["W413", "W435", "W435"]
    assert "output y = x -> conv 5x5 @64 as 3x3, 3x3\n" in done.text
    assert done.left == ()


def test_facts_are_left_for_people_where_the_net_changes():
    text = CONV + "  output y = x -> conv 5x5 @64\n  expect params = 102_464\n}\n"
    assert incdsl.check(text) == []
    done = fixed(Source("spec.inc", text), unsafe=True)
    assert [each.code for each in done.left] == ["E305"]
    assert fixed(Source("spec.inc", text)).text == text


def test_a_fix_that_makes_an_error_is_not_made():
    """Two labels fit the two parts of a unit, and do not fit three factors."""
    text = (
        "inc 1\nunit conv = conv2d (bias: false) -> batchnorm -> relu\nnet N {\n  input x [64, 35, 35]\n"
        "  output y = x -> a, b: conv 7x7 @64\n}\n"
    )
    source = Source("spec.inc", text)
    assert codes(text) == ["W413"]
    done = fixed(source, unsafe=True)
    assert (done.text, done.mended, [each.code for each in done.left]) == (text, (), ["W413"])


def test_the_options_of_an_analysis_hold_for_fixes():
    text = (
        "inc 1\nnet N(deep = false) {\n  input x [8, 16, 16]\n"
        "  output y = x -> (conv2d 3x3 @8 -> relu -> relu if deep)\n}\n"
    )
    source = Source("spec.inc", text)
    assert fixed(source, selection=Selection(("W435",))).mended == ()
    assert [each.code for each in lint(analyze_source(source, Options({"deep": True})))] == ["W435"]
