"""Checkpoints that are broken or mean harm: a coded message, no traceback, and nothing of theirs is run."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict

import numpy
import pytest
import torch
from safetensors.torch import save_file

import incdsl as incdsl_module
from tests.process import incdsl, no_accident

NET = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> c: conv2d 1x1 @4\n}\n"
GOOD = {"c.weight": torch.zeros(4, 3, 1, 1), "c.bias": torch.zeros(4)}


class Bomb:
    """What leaves a file behind when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("exploded",)


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def saved(value, **options):
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


def npz(**arrays):
    stream = io.BytesIO()
    numpy.savez(stream, **arrays)
    return stream.getvalue()


def archive(name, data):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr(name, data)
    return stream.getvalue()


def nested(depth):
    value = {"c.weight": torch.zeros(1)}
    for _ in range(depth):
        value = {"state_dict": value}
    return value


def entry(shape, dtype="F32", offsets=(0, 0)):
    return {"c.weight": {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}}


FILES = {
    "bomb.pt": lambda: pickle.dumps(Bomb()),
    "bomb.pth": lambda: saved({"state_dict": Bomb()}),
    "old_bomb.pt": lambda: saved({"c.weight": Bomb()}, _use_new_zipfile_serialization=False),
    "bomb_inside.pt": lambda: saved(GOOD | {"extra": Bomb()}),
    "module.pt": lambda: saved(torch.nn.Conv2d(3, 4, 1)),
    "list.pt": lambda: saved([torch.zeros(1)]),
    "number.pt": lambda: saved(GOOD | {"epoch": 3}),
    "numbers.pt": lambda: saved({"epoch": 3}),
    "int_keys.pt": lambda: saved({1: torch.zeros(1)}),
    "empty_dict.pt": lambda: saved({}),
    "two.pt": lambda: saved({"model": GOOD, "state_dict": GOOD}),
    "deep.pt": lambda: saved(nested(50)),
    "cyclic.pt": lambda: saved(cyclic()),
    "zeros.pt": lambda: b"\0" * 1000,
    "empty.pt": lambda: b"",
    "cut.pt": lambda: saved(GOOD)[:-200],
    "text.pt": lambda: b"hello",
    "surrogate.pt": lambda: saved({"\ud800": torch.zeros(1)}),
    "long_name.pt": lambda: saved({"x" * 100_000: torch.zeros(1)}),
    "empty.safetensors": lambda: b"",
    "short.safetensors": lambda: b"\x01",
    "huge_header.safetensors": lambda: struct.pack("<Q", 1 << 62) + b"{}",
    "false_length.safetensors": lambda: struct.pack("<Q", 1 << 26) + b"{}",
    "no_json.safetensors": lambda: safetensors(b"[" * 100_000),
    "nan_shape.safetensors": lambda: safetensors(entry([float("nan")], offsets=(0, 4)), b"\0" * 4),
    "negative_shape.safetensors": lambda: safetensors(entry([-1, 4], offsets=(0, 4)), b"\0" * 4),
    "huge_shape.safetensors": lambda: safetensors(entry([1 << 40, 1 << 40]), b""),
    "text_shape.safetensors": lambda: safetensors(entry(["4"])),
    "unknown_type.safetensors": lambda: safetensors(entry([1], "Q77", (0, 4)), b"\0" * 4),
    "outside.safetensors": lambda: safetensors(entry([1], offsets=(0, 1 << 40))),
    "cut.safetensors": lambda: safetensors(entry([4], offsets=(0, 16)), b"\0" * 3),
    "million.safetensors": lambda: safetensors(
        b"{" + b",".join(b'"k%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % i for i in range(10**6)) + b"}"
    ),
    "objects.npz": lambda: npz(a=numpy.array([Bomb()], dtype=object)),
    "pickle.npz": lambda: archive("a.npy", pickle.dumps(Bomb())),
    "no_arrays.npz": lambda: archive("a.npy", b"hello"),
    "code_in_header.npz": lambda: archive(
        "a.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", 64) + b"__import__('os').mkdir('exploded')".ljust(63) + b"\n"
    ),
    "long_header.npz": lambda: archive("a.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 30) + b"{}"),
    "negative.npz": lambda: archive(
        "a.npy",
        b"\x93NUMPY\x01\x00" + struct.pack("<H", 70)
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 4)}".ljust(69) + b"\n",
    ),
    "cut.npz": lambda: npz(a=numpy.zeros(100))[:150],
    "empty.npz": lambda: b"",
}  # fmt: skip


def cyclic():
    value = OrderedDict()
    value["state_dict"] = value
    return value


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "n.inc").write_text(NET)
    return tmp_path


@pytest.mark.parametrize("name", [name for name in FILES if name != "million.safetensors"])
def test_hostile_checkpoints_are_refused(call, spec, name):
    (spec / name).write_bytes(FILES[name]())
    found = call("map", "n.inc", "--from", name, "-o", "m.toml")
    assert found.exit_code == 1
    assert "error[E701]: cannot read" in found.stderr
    assert sorted(p.name for p in spec.iterdir()) == sorted([name, "n.inc"])


@pytest.mark.parametrize("name", ["bomb.pth", "million.safetensors"])
def test_hostile_checkpoints_of_a_process(spec, name):
    (spec / name).write_bytes(FILES[name]())
    found = incdsl("weights", "map", "n.inc", "--from", name, "-o", "m.toml", cwd=spec)
    assert no_accident(found), found.stderr
    assert found.returncode == 1
    assert b"error[E701]: cannot read" in found.stderr
    assert sorted(p.name for p in spec.iterdir()) == sorted([name, "n.inc"])


@pytest.mark.parametrize("name", ["absent.pt", "absent.safetensors", "absent.npz", "folder.pt", "folder.safetensors"])
def test_what_is_no_file(call, spec, name):
    if name.startswith("folder"):
        (spec / name).mkdir()
    found = call("map", "n.inc", "--from", name)
    assert found.exit_code == 1
    assert "error[E701]" in found.stderr


@pytest.mark.parametrize("name", ["weights.ckpt", "weights", "weights.pkl", "weights.npz"])
def test_a_pickle_is_one_whatever_its_suffix(call, spec, name):
    (spec / name).write_bytes(pickle.dumps(Bomb()))
    found = call("map", "n.inc", "--from", name)
    assert found.exit_code == 1
    assert "it is a pickle that PyTorch did not save" in found.stderr
    assert not (spec / "exploded").exists()


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file, such as Keras writes; save its weights as an archive of numpy"),
        (b"\0\0\x10", "save the variables of a TensorFlow checkpoint as an archive of numpy arrays"),
        (b"hello", "it is neither a PyTorch checkpoint nor a safetensors file nor an archive of numpy arrays"),
    ],
)
def test_other_formats_are_named(call, spec, start, reason):
    (spec / "weights.h5").write_bytes(start)
    found = call("map", "n.inc", "--from", "weights.h5")
    assert found.exit_code == 1
    assert reason in found.stderr


@pytest.mark.parametrize("suffix", ["", ".ckpt", ".bin", ".pth.tar", ".model", ".npz", ".safetensors", ".pt"])
@pytest.mark.parametrize("kind", ["pytorch", "old", "numpy", "safetensors"])
def test_checkpoints_are_read_by_their_content(call, spec, kind, suffix):
    path = spec / f"weights{suffix}"
    if kind == "safetensors":
        save_file(GOOD, path)
    else:
        arrays = {key: value.numpy() for key, value in GOOD.items()}
        old = {"_use_new_zipfile_serialization": False} if kind == "old" else {}
        path.write_bytes(npz(**arrays) if kind == "numpy" else saved(GOOD, **old))
    found = call("map", "n.inc", "--from", path.name, "-o", "m.toml")
    assert found.exit_code == 0, found.stderr
    assert call("convert", "n.inc", "--from", path.name, "--map", "m.toml", "-o", "o.safetensors").exit_code == 0
    assert incdsl_module.deploy(spec / "n.inc", path).c.weight.eq(0).all()


def test_many_entries_of_the_right_shape(call, spec):
    """The most entries that are read, none of them wanted: an answer, and a short one."""
    entries = {f"l{i}.weight": {"dtype": "F32", "shape": [4, 3, 1, 0], "data_offsets": [0, 0]} for i in range(100_000)}
    (spec / "many.safetensors").write_bytes(safetensors(entries))
    found = call("map", "n.inc", "--from", "many.safetensors")
    assert found.exit_code == 1
    assert len(found.stderr) < 5000


@pytest.mark.parametrize("last", ["x", *(pytest.param(each, marks=pytest.mark.long) for each in ("0", "weight"))])
def test_many_entries_and_a_fresh_layer(call, spec, last):
    """Work is linear in the entries, whatever they are called, and the answer is short."""
    entries = {f"l{i}.{last}": {"dtype": "F32", "shape": [4, 3, 1, 0], "data_offsets": [0, 0]} for i in range(100_000)}
    (spec / "many.safetensors").write_bytes(safetensors(entries))
    found = call("map", "n.inc", "--from", "many.safetensors", "--fresh", "c")
    assert found.exit_code == 1
    assert len(found.stderr) < 5000


@pytest.mark.parametrize("dtype", [torch.int8, torch.complex64, torch.bool])
def test_numbers_of_another_kind_are_not_converted(call, spec, dtype):
    torch.save({key: value.to(dtype) for key, value in GOOD.items()}, spec / "c.pt")
    arguments = ("n.inc", "--from", "c.pt")
    assert call("map", *arguments, "-o", "m.toml").exit_code == 0
    found = call("convert", *arguments, "--map", "m.toml", "-o", "o.pt")
    assert found.exit_code == 1
    assert "numbers" in found.stderr
    assert not (spec / "o.pt").exists()


@pytest.mark.parametrize("text", ["", "\0", "[" * 100_000, "a = " + "[" * 100_000, "\ud800", "format = 1\n"])
def test_hostile_maps(call, spec, text):
    save_file(GOOD, spec / "c.safetensors")
    (spec / "m.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    found = call("convert", "n.inc", "--from", "c.safetensors", "--map", "m.toml", "-o", "o.pt")
    assert found.exit_code == 1
    assert "error[E706]" in found.stderr


PLAIN = {
    "text.pt": "it is not a PyTorch checkpoint",
    "zeros.pt": "it is not a PyTorch checkpoint",
    "bomb.pt": "it is a pickle that PyTorch did not save",
    "cut.pt": "the file is cut off: its end is missing",
    "old_cut.pt": "the file is cut off or damaged",
    "zip.pt": "it is not a PyTorch checkpoint but an archive of something else",
    "script.pt": "it is not a PyTorch checkpoint but a TorchScript program",
    "empty.pt": "the file is empty",
    "empty.npz": "the file is empty",
    "empty.safetensors": "the file is empty",
    "cut.npz": "it is not an archive of numpy arrays, or cut off or damaged",
    "cut.safetensors": "it is not a safetensors file, or cut off or damaged",
}
MORE = {
    "old_cut.pt": lambda: saved(GOOD, _use_new_zipfile_serialization=False)[:-20],
    "zip.pt": lambda: archive("a.txt", b"hello"),
    "script.pt": lambda: scripted(),
}


def scripted():
    stream = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Conv2d(3, 4, 1), torch.zeros(1, 3, 2, 2)), stream)
    return stream.getvalue()


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_wrong_with_a_file_is_said_plainly(call, spec, name, recwarn):
    (spec / name).write_bytes((FILES | MORE)[name]())
    recwarn.clear()
    found = call("map", "n.inc", "--from", name)
    assert found.exit_code == 1
    assert PLAIN[name] in found.stderr
    assert not recwarn.list


def test_a_file_that_pytorch_saved_long_ago_is_read(call, spec):
    (spec / "old.pt").write_bytes(saved(GOOD, _use_new_zipfile_serialization=False))
    assert call("map", "n.inc", "--from", "old.pt").exit_code == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.to("meta"), "has a shape but no numbers"),
        (lambda t: t.to_sparse(), "is a sparse_coo tensor, and only dense ones are read"),
        (lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8), "is a quantized tensor"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_tensors_without_plain_numbers(call, spec, change, reason):
    torch.save(GOOD | {"c.bias": change(GOOD["c.bias"])}, spec / "c.pt")
    found = call("map", "n.inc", "--from", "c.pt", "-o", "m.toml")
    assert found.exit_code == 1
    assert f"error[E701]: cannot read c.pt: its entry `c.bias` {reason}" in found.stderr
    assert not (spec / "m.toml").exists()
