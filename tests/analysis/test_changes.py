"""What changed from one net to another: enough to make the second of the first, and told in few words."""

from collections import Counter
from dataclasses import replace

import pytest

from incdsl.analysis.changes import Change, changes, renamed
from incdsl.analysis.parts import parts
from incdsl.analysis.survival import survival
from incdsl.runtime.load import load_net
from incdsl.subject import Asked, Subject, subject
from incdsl.tables.diff import Diff
from tests.analysis.variants import pair
from tests.nets import compiled

HEAD = "inc 1\nunit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu\n"
BLOCK = """block A(w) = concat {
  | b1: conv 1x1 @w
  | b5_1: conv 1x1 @16 -> b5_2: conv 5x5 @w
  | pool: maxpool 3x3 -> proj: conv 1x1 @w
}
"""
NET = """net N {
  input x [3, 64, 64]
  output y = x -> c1: conv 3x3/2 @16 half -> a1: A(w: 32) -> a2: A(w: 32) -> gap
}
"""
TEXT = HEAD + BLOCK + NET


def made(text):
    return Subject("made", compiled(text))


def between(*edits):
    """The difference that such replacements make to the text."""
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return Diff(made(TEXT), made(text))


def told(diff):
    """The marks, names and words of all that changed."""
    return [(change.mark, change.part.name, list(change.words())) for change in diff.changes if change.mark != "same"]


def rebuilt(before, found):
    """The second net's parts, made of the first's and what changed."""
    old = {part.name: part for part in before}
    names = {each.before.name: each.after.name for each in found if each.before and each.after}
    used, result = Counter(), []
    for each in found:
        if each.before:
            assert old[each.before.name] == each.before
            used[each.before.name] += 1
        if each.mark in ("same", "moved"):
            result.append(replace(each.before, name=names[each.before.name], reads=renamed(each.before, names)))
        elif each.mark != "removed":
            result.append(each.after)
    assert used == Counter(list(old))
    return result


def assert_rebuilt(before, after):
    one, other = (parts(each.done.net, each.done.cost) for each in (before, after))
    found = changes(one, other)
    assert rebuilt(one, found) == other
    return found


def test_the_changes_applied_to_a_random_net_give_the_other():
    marks = Counter()
    for seed in range(150):
        if made_pair := pair(seed):
            marks.update(each.mark for each in assert_rebuilt(*made_pair))
    assert {"same", "moved", "follows", "changed", "removed", "added"} <= marks.keys()


@pytest.mark.parametrize(
    ("a", "b"), [("v1", "v3"), ("v3", "v3_fid"), ("v3", "v3"), ("v4", "inception_resnet_v2"), ("v3", "v3_paper")]
)
def test_the_changes_applied_to_a_published_net_give_the_other(a, b):
    assert_rebuilt(*(subject(f"specs/{name}.inc", Asked()) for name in (a, b)))


def test_nothing_changes_from_a_net_to_itself():
    diff = Diff(made(TEXT), made(TEXT))
    assert diff.is_empty
    assert diff.survival.survives


def test_a_setting():
    assert told(between(("c1: conv 3x3/2 @16 half", "c1: conv 5x5/2 @16 half"))) [:1] == [
        ("changed", "c1", ["conv2d kernel 3x3 -> 5x5"])
    ]  # fmt: skip


def test_an_input_of_another_name_changes_no_part():
    """Unless its shape is another, too: then it is not the same one."""
    text = """inc 1
net N {
  input rgb [3, 32, 32]
  input depth [1, 32, 32]
  output y = add { | rgb -> a: conv2d 3x3 @8 | depth -> b: conv2d 3x3 @8 }
}
"""
    diff = Diff(made(text), made(text.replace("depth", "distance")))
    assert told(diff) == []
    assert diff.interface == [("inputs", "rgb, depth -> rgb, distance")]
    other = Diff(made(text), made(text.replace("depth [1,", "distance [2,").replace("depth", "distance")))
    assert ("changed", "b") in {each[:2] for each in told(other)}


def test_a_step_between_others_changes_only_itself():
    found = told(between(("half -> a1", "half -> dropout 0.5 -> a1")))
    assert [each for each in found if each[0] != "follows"] == [("added", "dropout", ["dropout 0.5"])]
    assert {name for mark, name, _ in found if mark == "follows"} == {"a1.b1", "a1.b5_1", "a1:maxpool"}


def test_a_step_that_goes_changes_only_itself():
    diff = Diff(made(TEXT.replace("half -> a1", "half -> dropout 0.5 -> a1")), made(TEXT))
    assert [(mark, name) for mark, name, _ in told(diff) if mark != "follows"] == [("removed", "dropout")]


def test_a_wider_rail_is_one_change_and_what_follows():
    diff = between(("b1: conv 1x1 @w", "b1: conv 1x1 @(2 * w)"))
    assert [(name, words) for mark, name, words in told(diff) if mark == "changed"] == [
        ("a1.b1", ["conv2d width 32 -> 64"]),
        ("a2.b1", ["conv2d width 32 -> 64"]),
    ]
    assert "written as before" in diff.followers


def test_factors_in_the_place_of_a_kernel():
    diff = between(("b5_2: conv 5x5 @w", "b3_2: conv 3x3 @w -> b3_3: conv 3x3 @w"))
    (group,) = diff.groups
    assert group.title == "a1, a2: A"
    assert [(line.head, line.words) for line in group.lines] == [
        ("~ b3_2", ("was b5_2", "conv2d kernel 5x5 -> 3x3")),
        ("+ b3_3", ("conv2d 3x3 @32 (bias: false), batchnorm, relu",)),
    ]
    assert (group.lines[0].params, group.lines[1].params) == (-16 * 32 * 16, 32 * 32 * 9 + 64)


def test_rails_in_another_order_are_another_net():
    rails = "  | b1: conv 1x1 @w\n", "  | b5_1: conv 1x1 @16 -> b5_2: conv 5x5 @w\n"
    diff = between(("".join(rails), "".join(reversed(rails))))
    found = told(diff)
    assert ("changed", "a1:concat", ["reads b5_2, b1, proj instead of b1, b5_2, proj"]) in found
    assert {mark for mark, name, _ in found if name.endswith("b1") or "b5" in name} == {"moved"}
    assert diff.survival.survives  # but the numbers are others


def test_a_block_that_is_not_there_any_more_is_one_line():
    diff = between((" -> a2: A(w: 32)", ""))
    assert [line.text for group in diff.groups for line in group.lines] == [
        "A, 6 parts; -20,704 parameters, -21.0 MMACs"
    ]


def test_turns_of_a_repetition_are_told_together():
    old, new = (
        Diff(*[made(f"{HEAD}{BLOCK}{NET.replace('a2: A(w: 32)', f'a2: A(w: {w}) times 3')}") for w in pair_of])
        for pair_of in ((32, 32), (32, 48))
    )
    assert old.is_empty
    assert [group.title for group in new.groups] == ["a2.0: A", "a2.1, a2.2: A"]  # the first has fewer channels in
    assert [line.head for line in new.groups[0].lines] == ["~ b1", "~ b5_2", "~ proj"]


def test_definitions_may_have_other_names():
    assert between(("A(w", "B(w"), ("unit conv ", "unit cbr "), (": conv ", ": cbr ")).is_empty


def test_checkpoints_survive_where_pytorch_says_so():
    survivors = 0
    for seed in range(60):
        made_pair = pair(seed)
        if made_pair is None:
            continue
        before, after = (load_net(each.done)() for each in made_pair)
        found = survival(*(each.done.net for each in made_pair))
        survivors += found.survives
        shapes = {key: tensor.shape for key, tensor in before.state_dict().items()}
        assert [tuple(shapes[key]) for key, was, _ in found.reshaped] == [was for _, was, _ in found.reshaped]
        reshaped = {key for key, *_ in found.reshaped}
        kept = {key: value for key, value in before.state_dict().items() if key not in reshaped}
        said = after.load_state_dict(kept, strict=False)
        counted = {key for key in {*found.missing, *reshaped} if not key.endswith("num_batches_tracked")}
        assert set(said.missing_keys) == counted  # PyTorch forgives old checkpoints that do not count batches
        assert set(said.unexpected_keys) == set(found.unexpected)
        try:
            after.load_state_dict(before.state_dict())
        except RuntimeError:
            assert not found.survives
        else:
            assert found.survives
    assert survivors


def test_every_form_says_the_same():
    diff = between(("c1: conv 3x3/2 @16", "c1: conv 3x3/2 @24"), (" -> gap", " -> drop: dropout 0.5 -> gap"))
    words = ["conv2d width 16 -> 24", "dropout 0.5", "does not load into B: 46 keys fit"]
    for text in (str(diff), diff.markdown(), diff._repr_html_()):
        assert all(each in text.replace("&gt;", ">") for each in words), text
    document = diff.document()
    assert [each["name"] for each in document["changes"] if each["mark"] != "follows"] == ["c1", "drop"]
    assert not document["checkpoint"]["survives"]
    assert "title=c1::changed: conv2d width 16 -> 24" in diff.github()
    assert diff.github().count("\n") == 1


def test_a_change_has_one_side_at_least():
    with pytest.raises(AssertionError):
        _ = Change(None, None, "same").part
