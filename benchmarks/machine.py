"""What a benchmark ran on."""

import platform
from pathlib import Path


def processor() -> str:
    """The name of the CPU."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
