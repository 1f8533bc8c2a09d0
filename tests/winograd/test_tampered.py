"""Slips planted in the kernel, each of which random layers must notice."""

import pytest

from incdsl.runtime.kernels.build import CannotBuild, Compiler
from tests.process import ROOT, environment, python
from tests.winograd.test_targets import SANITIZERS, sanitizing

pytestmark = pytest.mark.long
SLIPS = {
    "a product less": ("c < kLanes; ++c, u += kPanel", "c < kLanes - (block == 11); ++c, u += kPanel"),
    "even and odd swapped": ("t[i + 1] = even - odd", "t[i + 1] = odd - even"),
    "differences for sums": ("joined[j + 1] = m[j] - m[j + 1]", "joined[j + 1] = m[j] + m[j + 1]"),
    "padding too high": ("0 <= y + i && y + i < layer_.height", "0 <= y + i && y + i <= layer_.height"),
    "a tile that is not inside": ("x + X::size <= layer_.width;", "x + X::size <= layer_.width + 1;"),
    "an output too wide": ("i >= rows || j >= columns", "i >= rows || j > columns"),
    "channels beside the last": ("if (count == kLanes) store(where, value);", "if (count > 1) store(where, value);"),
    "no floor": ("value < floor ? floor : value", "value"),
    "no bias": ("y[j] + bias", "y[j]"),
    "half a panel too often": ("* kPanel <= kLanes;", "* kPanel <= kLanes + 1;"),
    "a tile lost between threads": ("(tiles, i + 1, shares), 0,", "(tiles, i + 1, shares) - (i == 1), 0,"),
    "blocks that overlap": ("step * channel_blocks_ + kLanes, step,", "step * channel_blocks_ - kLanes, step,"),
}  # fmt: skip
"""What stands in the kernel, and what stands there instead."""

CODE = """
import sys
from tests.winograd.__main__ import main
from incdsl.runtime.kernels import library, matrices
whole = matrices.kernel_source
was, becomes = sys.argv[1:3]
def tampered(schemes):
    text = whole(schemes)
    assert text.count(was) == 1, text.count(was)
    return text.replace(was, becomes)
library.kernel_source = tampered
sys.argv[1:] = ["--count", "300", "--usual"]
main()
"""


@pytest.fixture(scope="module")
def compiler():
    try:
        return Compiler.found()
    except CannotBuild as error:
        pytest.skip(f"NOT RUN: {error}")


def outcome(was, becomes, cache, flags="-march=native -O1", **variables):
    env = environment(INCDSL_CACHE=str(cache), INCDSL_CXXFLAGS=flags, OMP_NUM_THREADS="2", **variables)
    return python("-c", CODE, was, becomes, cwd=ROOT, env=env)


def test_without_a_slip_they_pass(compiler, tmp_path):
    done = outcome("value < floor ? floor : value", "(value < floor) ? floor : value", tmp_path / "cache")
    assert done.returncode == 0, done.stderr.decode()
    assert b"no mismatch" in done.stdout


@pytest.mark.parametrize("slip", SLIPS)
def test_every_slip_is_noticed(slip, compiler, tmp_path):
    done = outcome(*SLIPS[slip], tmp_path / "cache")
    crashed = done.returncode < 0
    assert crashed or (done.returncode and b"AssertionError" in done.stderr and b"RandomLayer(" in done.stderr), done


def test_the_sanitizers_notice_a_read_beyond_an_image(compiler, tmp_path):
    slip = SLIPS["a tile that is not inside"]
    done = outcome(*slip, tmp_path / "cache", SANITIZERS, **sanitizing(compiler))
    assert done.returncode
    assert b"AddressSanitizer: heap-buffer-overflow" in done.stderr
