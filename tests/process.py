"""Runs the command line as a process of its own, with a known environment."""

import os
import subprocess
import sys
from pathlib import Path

from tests import torch_tier

ROOT = Path(__file__).parent.parent
V3 = ROOT / "specs" / "v3.inc"
TIMEOUT = 600
"""Seconds after which a process hangs; what a process does well takes a small part of that on a busy machine."""
_LEFT_OUT = {"NO_COLOR", "FORCE_COLOR", "INCDSL_DEBUG", "COLUMNS", "GITHUB_ACTIONS"}


def environment(**changes):
    """The environment without what changes how the command line behaves, and with these changes.

    Processes import this checkout, whatever is installed.
    """
    kept = {k: v for k, v in os.environ.items() if k not in _LEFT_OUT and not k.startswith(("PYTHON", "LC_", "LANG"))}
    first = [torch_tier.WITHOUT] if torch_tier.is_refused() else []
    kept["PYTHONPATH"] = os.pathsep.join(map(str, [*first, ROOT]))
    return {**kept, **changes}


def python(*arguments, cwd, stdin=b"", env=None, timeout=TIMEOUT):
    """A Python process: its exit code and the bytes that it wrote."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        input=stdin,
        env=environment() if env is None else env,
        capture_output=True,
        timeout=timeout,
        check=False,
    )


def incdsl(*arguments, cwd, **options):
    """`incdsl` with these arguments."""
    return python("-m", "incdsl", *arguments, cwd=cwd, **options)


def no_accident(result):
    """Whether a process answered by itself: no traceback, no bug, no signal."""
    text = result.stderr + result.stdout
    return result.returncode in (0, 1, 2) and b"Traceback" not in text and b"internal error" not in text
