"""The script that measures on a GPU, run on the CPU with a small net."""

import json
import shlex
from itertools import count, product
from math import isclose
from types import SimpleNamespace

import pytest
import torch
from torch.autograd import DeviceType

from benchmarks.gpu import measure
from benchmarks.gpu.__main__ import PARTS, SMALL, main, parsed
from benchmarks.gpu.case import LIMITS, TYPES, Case
from benchmarks.gpu.contenders import CONTENDERS, Contender, eager
from benchmarks.gpu.deadline import Deadline
from benchmarks.gpu.device import Device, is_kernel
from benchmarks.gpu.layers import kernel_time, layer_rows
from benchmarks.gpu.prepare import FORMS, prepare
from benchmarks.gpu.prepared import read_nets
from benchmarks.gpu.results import Results, read_rows
from benchmarks.gpu.roofline import Roofline
from benchmarks.gpu.tables import page
from incdsl.analysis.kernels import kernels
from incdsl.compiler import for_inference
from tests.nets import net_of
from tests.process import ROOT, environment, python

DTYPES, BATCHES = ("fp32", "bf16"), (1, 4)
CELLS = list(product(DTYPES, BATCHES))
SMALL_RUN = [
    "--device", "cpu", "--dtypes", ",".join(DTYPES), "--batches", "1,4", "--rounds", "3", "--train-batch", "4",
    "--contenders", "eager fp32,eager,graph,ours", "--deadline", "100",
]  # fmt: skip
"""Less time than the guess at a compilation: nothing is compiled."""
WITHOUT_INCDSL = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"incdsl", "lark", "pydantic", "click", "rich"}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
from benchmarks.gpu.__main__ import main
main(sys.argv[1:], clock=lambda: 0.0)
"""


def stopped():
    """A clock for runs with all the time that they need."""
    return 0.0


def run(folder, *more, clock=stopped):
    main(["--small", "--out", str(folder), *SMALL_RUN, *more], clock)
    return read_rows(folder)


def of(rows, what, **values):
    return [row for row in rows if row["what"] == what and values.items() <= row.items()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the results of a run in a process that cannot import incdsl, nor what it needs."""
    modules, folder = tmp_path_factory.mktemp("modules"), tmp_path_factory.mktemp("results") / "new"
    prepare(modules, [SMALL])
    arguments = ["--modules", str(modules), "--out", str(folder), *SMALL_RUN]
    result = python("-c", WITHOUT_INCDSL, *arguments, cwd=modules, env=environment(OMP_NUM_THREADS="1"))
    assert result.returncode == 0, result.stderr.decode()
    return folder


@pytest.fixture(scope="module")
def rows(folder):
    return read_rows(folder)


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modules")
    prepare(folder, [SMALL])
    return read_nets(folder)[0]


def test_every_contender_is_right_and_timed_in_every_cell(rows):
    for (dtype, batch), name in product(CELLS, ("eager fp32", "eager", "ours")):
        (row,) = of(rows, "time", kind="evaluation", dtype=dtype, batch=batch, name=name)
        assert 0 < row["low"] <= row["ms"] <= row["high"]
        assert isclose(row["images_per_second"], 1000 * batch / row["ms"])
        assert 0 < row["error"] <= LIMITS["fp32" if name == "eager fp32" else dtype]
        assert row["rounds"] == 3


def test_what_a_machine_lacks_is_said(rows):
    skipped = of(rows, "skipped", kind="evaluation", name="graph")
    assert [(row["dtype"], row["batch"], row["reason"]) for row in skipped] == [(*cell, "needs CUDA") for cell in CELLS]


def test_training_is_timed(rows):
    (row,) = of(rows, "time", kind="training", name="ours")
    assert row["batch"] == 4
    assert row["images_per_second"] > 0
    (reason,) = {row["reason"] for row in of(rows, "skipped", kind="training", name="ours + compile")}
    assert reason == "takes about 120 s, and 100 s are left"


def test_layers_cost_together_what_the_analysis_says_of_the_net(rows):
    known = kernels(for_inference(net_of(SMALL)).net)
    for dtype, batch in CELLS:
        layers = of(rows, "layer", dtype=dtype, batch=batch)
        assert len(layers) == known.launches
        assert all(row["seconds"] > 0 for row in layers)
        assert sum(row["flops"] for row in layers) == 2 * batch * known.macs
        if batch == 1:
            assert sum(row["bytes"] for row in layers) == TYPES[dtype].itemsize * known.numbers


def test_a_batch_reads_weights_once(rows):
    one, four = (of(rows, "layer", dtype="fp32", batch=batch, name="fc")[0]["bytes"] for batch in BATCHES)
    weights = 4 * (48 * 10 + 10)
    assert one - weights == 4 * (48 + 10)
    assert four - weights == 4 * (one - weights)


def test_layers_are_timed_in_all_ways_and_the_fastest_are_a_contender(tmp_path):
    contenders = ["--contenders", "eager,ours gpu: tuned"]
    asked = ["--parts", "times,ways", "--dtypes", "fp32", "--batches", "2", "--deadline", "1000", *contenders]
    rows = run(tmp_path, *asked)
    assert [row["name"] for row in of(rows, "time", stage=1)] == ["eager", "ours gpu: tuned"]
    ways = of(rows, "way", net="small", dtype="fp32", batch=2)
    assert [row["name"] for row in ways][:2] == ["stem", "mixed1.merged"]
    assert all(len(row["seconds"]) > 1 and min(row["seconds"].values()) > 0 for row in ways)
    text = page(rows)
    assert "### Ways of layers: small, fp32, batch 2\n" in text
    assert text.count("\n| mixed1.merged |") == 1


def test_ways_need_incdsl(rows):
    failed = of(rows, "failed", kind="ways")
    assert [row["reason"] for row in failed] == ["ImportError: needs lark, pydantic, rich"] * len(CELLS)
    assert "Ways of small, fp32, batch 1: failed, ImportError" in page(rows)


def test_the_share_is_of_the_roofline_that_was_measured(rows):
    (roof,) = of(rows, "roofline", dtype="fp32")
    for row in of(rows, "layer", dtype="fp32"):
        least = max(row["bytes"] / roof["bytes"], row["flops"] / roof["flops"])
        assert isclose(row["share"], least / row["seconds"])


def test_the_environment_is_recorded(rows):
    (row,) = of(rows, "environment")
    assert row["torch"] == torch.__version__
    assert row["device"]


def test_the_page_has_a_table_for_each_cell(folder, rows):
    text = (folder / "page.md").read_text(encoding="utf-8")
    assert text == page(rows)
    for dtype, batch in CELLS:
        _, _, table = text.partition(f"### Evaluation: small, {dtype}, batch {batch}\n")
        names = [line.split(" | ")[0] for line in table.partition("###")[0].splitlines() if line.startswith("| ")]
        assert names[2:] == ["| eager fp32", "| eager", "| ours"]
        assert f"### Layers: small, {dtype}, batch {batch}\n" in text
    assert "- graph: skipped, needs CUDA" in text


def test_the_page_of_a_run_that_was_cut_off(folder, rows, tmp_path):
    whole = (folder / "rows.jsonl").read_text(encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text(whole[: whole.rindex('"images_per_second"')], encoding="utf-8")
    main(["--page", str(tmp_path)])
    assert read_rows(tmp_path) == rows[: len(read_rows(tmp_path))]
    assert 0 < len(read_rows(tmp_path)) < len(rows)
    assert "### Layers" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_the_page_becomes_a_part_of_the_docs(folder, rows, tmp_path, monkeypatch):
    docs = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    copy = tmp_path / "benchmarks.md"
    copy.write_text(docs, encoding="utf-8")
    monkeypatch.setattr("benchmarks.page.PAGE", copy)
    main(["--page", str(folder), "--write"])
    text = copy.read_text(encoding="utf-8")
    assert text.startswith(docs)
    assert text.removeprefix(docs).split() == page(rows).split()


def test_results_are_not_overwritten(folder, rows):
    with pytest.raises(FileExistsError):
        run(folder)
    assert read_rows(folder) == rows


def test_nothing_is_begun_that_cannot_be_finished(tmp_path):
    """Each look at the clock takes a second. Cells are measured until the deadline, and no table is lost."""
    ticks = count()
    rows = run(tmp_path, "--deadline", "60", clock=lambda: float(next(ticks)))
    assert of(rows, "time", dtype="fp32", batch=1, name="ours")
    assert not of(rows, "time", dtype="bf16", batch=4)
    late = of(rows, "skipped", dtype="bf16", batch=4, name="ours")
    assert late[0]["reason"].endswith("s are left")
    assert not of(rows, "layer")
    assert "### Evaluation: small, fp32, batch 1" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_a_task_takes_as_long_as_it_took_before():
    times = iter([0, 10, 20, 50, 60, 71])  # the start; refused; begun and ended; refused twice
    deadline = Deadline(100, lambda: next(times))
    assert deadline.refuses("build", 91) == "takes about 91 s, and 90 s are left"
    with deadline.task("build"):
        pass
    assert deadline.refuses("build", 91) == ""
    assert deadline.refuses("build", 1) == "takes about 30 s, and 29 s are left"


def stale(case, dtype):
    """A call that never looks at a second input, as a graph whose input nobody copies."""
    kept = []
    module = eager("training")(case, dtype)

    def call(image):
        kept.append(kept[0] if kept else module(image))
        return kept[0]

    return call


def slightly_off(case, dtype):
    module = eager("training")(case, dtype)
    return lambda image: module(image) * (1 + 3 * LIMITS[dtype])


def not_a_number(case, dtype):
    module = eager("training")(case, dtype)
    return lambda image: module(image) * float("nan")


def broken(case, dtype):
    raise RuntimeError("no such kernel")


def test_who_is_wrong_is_not_timed(tmp_path, monkeypatch):
    wrong = [Contender(each.__name__, each) for each in (stale, slightly_off, not_a_number)]
    monkeypatch.setattr(measure, "CONTENDERS", (*CONTENDERS, *wrong, Contender("broken", broken)))
    names = [each.name for each in wrong]
    rows = run(tmp_path, "--parts", "times", "--contenders", ",".join(["eager", *names, "broken"]))
    for dtype, batch in CELLS:
        cell = {"dtype": dtype, "batch": batch}
        assert [row["name"] for row in of(rows, "wrong", **cell)] == names
        assert [row["name"] for row in of(rows, "time", **cell)] == ["eager"]
        assert [row["reason"] for row in of(rows, "failed", **cell)] == ["RuntimeError: no such kernel"]
    assert "- stale: wrong, " in page(rows)


def test_a_check_that_sees_nothing_is_no_check(tmp_path, monkeypatch):
    """Where two inputs have nearly the same result, an error of that size is not seen."""
    monkeypatch.setattr(Contender, "apart", lambda self, case: 1.9 * LIMITS[case.dtype])
    rows = run(tmp_path, "--parts", "times", "--contenders", "eager", "--dtypes", "fp32")
    assert not of(rows, "time")
    assert {row["reason"] for row in of(rows, "failed")} == {
        "two inputs are 1.9e-04 apart: the check sees no error of that size"
    }


def test_names_that_nobody_has_are_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown: fastest; known: compile, "):
        run(tmp_path / "never", "--contenders", "eager,fastest")
    with pytest.raises(ValueError, match="unknown: max-autotune; "):
        run(tmp_path / "by itself", "--contenders", "eager,max-autotune")


def test_layers_that_the_analysis_does_not_know_are_not_left_out(net, monkeypatch):
    """A call without a layer has no bytes; layers whose number is not that of the calls share their time."""
    case, roof = Case(net, "fp32", 1, Device("cpu")), Roofline(1e9, 1e9)
    whole = net.layers("deployed")
    kept = [layer for layer in whole if layer["name"] not in ("fc", "mixed1:avgpool")]
    monkeypatch.setattr(type(net), "layers", lambda self, form: kept)
    rows = layer_rows(case, "deployed", roof)
    assert [row["name"] for row in rows if "bytes" not in row] == ["fc"]
    (together,) = [row for row in rows if row["name"].endswith("calls")]
    assert (together["name"], together["kind"]) == ("mixed1, 2 calls", "pointwise+copy")
    assert len(rows) == len(whole) - 2


def test_kernels_are_told_from_what_the_profiler_shows_beside_them():
    """A range is shown on the device as well, where it lasts from its first kernel to the end of its last."""
    on_device = [("conv", False), ("Memcpy HtoD", False), ("layer:conv", True)]
    events = [
        SimpleNamespace(device_type=DeviceType.CUDA, name=n, is_user_annotation=range_) for n, range_ in on_device
    ]
    events.append(SimpleNamespace(device_type=DeviceType.CPU, name="aten::conv", is_user_annotation=False))
    assert [event.name for event in events if is_kernel(event)] == ["conv"]

    def event(kernels, *children):
        kernels = [SimpleNamespace(name=name, duration=micros) for name, micros in kernels.items()]
        return SimpleNamespace(kernels=kernels, cpu_children=children)

    launch = event({"transpose": 2.0, "conv": 5.0})
    assert kernel_time(event({"layer:conv": 9.0}, event({}, launch), event({"bias": 1.0}))) == 8.0


def test_a_failure_in_the_layers_ends_no_run(tmp_path, monkeypatch):
    def fail(case, form, roof):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(measure, "layer_rows", fail)
    rows = run(tmp_path, "--parts", "layers,training")
    assert {(row["kind"], row["reason"]) for row in of(rows, "failed")} == {("layers", "RuntimeError: out of memory")}
    assert of(rows, "time", kind="training")
    assert "- Layers of small, fp32, batch 1: failed, RuntimeError: out of memory" in page(rows)


def test_the_page_shows_the_stage_with_most_times(tmp_path):
    cell = {"kind": "evaluation", "net": "n", "dtype": "fp32", "batch": 1}
    numbers = {"low": 1, "high": 1, "images_per_second": 1, "kernels": None, "memory": None, "error": 1e-7}
    stages = (["eager", "ours"], ["eager", "ours"], ["eager"])
    with Results(tmp_path) as results:
        for stage, name in ((stage, name) for stage, names in enumerate(stages) for name in names):
            results.add("time", **cell, stage=stage, name=name, ms=10.0 + stage, **numbers)
    text = page(read_rows(tmp_path))
    assert text.count("| eager | 11.000 |") == text.count("| ours | 11.000 |") == 1
    assert text.count("| eager |") == 1


def test_commands_of_the_docs_are_understood():
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    found = [line for line in page.splitlines() if line.startswith("python -m benchmarks.gpu ")]
    assert len(found) >= 10
    for line in found:
        given = parsed(shlex.split(line.replace("$M", "--modules MODULES --nets v3"), comments=True)[3:])
        assert given.out or given.prepare
        stages = {0, 2} if given.max_autotune else {0, 1}
        known = {each.name for each in CONTENDERS if each.stage in stages}
        assert known.issuperset(given.contenders.split(",") if given.contenders else ())
        assert set(PARTS.split(",")).issuperset(given.parts.split(","))


def test_prepared_files_say_what_they_are(tmp_path):
    main(["--prepare", str(tmp_path), "--small"])
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest == {"small": {"class": "Small", "image": [3, 32, 32], "forms": list(FORMS)}}
    assert {each.name for each in CONTENDERS if each.name.startswith("ours gpu")} >= {"ours gpu: not fused", "ours gpu"}
    assert not any("," in each.name for each in CONTENDERS)  # they are told apart by commas
    for net in read_nets(tmp_path):
        for form in FORMS:
            assert net.module(form)(torch.zeros(1, *net.image)).shape == (1, 10)
    assert "class Small(GraphedModule):" in (tmp_path / "small_gpu.py").read_text(encoding="utf-8")
    assert (tmp_path / "small_deployed.py").read_text(encoding="utf-8") == for_inference(net_of(SMALL)).text


@pytest.mark.gpu
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("stage", "deadline"), [(0, 100), pytest.param(1, 600, marks=pytest.mark.long)])
def test_every_contender_is_right_on_a_gpu(tmp_path, stage, deadline):
    """Those that start at once, or also those that are compiled; and as many ways to train."""
    names = [each.name for each in CONTENDERS if each.stage <= stage]
    rows = run(
        tmp_path, "--device", "cuda", "--dtypes", "bf16", "--batches", "4", "--contenders", ",".join(names),
        "--deadline", str(deadline),
    )  # fmt: skip
    assert not [row for row in rows if row["what"] in ("wrong", "failed")]
    (row,) = of(rows, "time", kind="evaluation", stage=stage, name=["ours + graph", "ours + compile + graph"][stage])
    assert row["kernels"] > 0
    assert row["memory"] > 0
    assert of(rows, "time", kind="training", name=["ours + graph", "ours + compile + graph"][stage])
    assert all(row["seconds"] > 0 for row in of(rows, "layer"))
