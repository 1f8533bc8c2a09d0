"""What was measured on: the card and its clocks, the driver, and versions."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess

import torch

from benchmarks.gpu.device import Device
from benchmarks.gpu.results import Row
from benchmarks.machine import processor

ASKED = ("driver_version", "clocks.sm", "clocks.mem", "clocks.max.sm", "power.limit", "temperature.gpu")
"""Fields of `nvidia-smi --query-gpu`."""


def environment(device: Device) -> Row:
    """Names and versions; None where there is no such thing here."""
    return {
        "device": torch.cuda.get_device_name() if device.is_cuda else processor(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "triton": _version("triton"),
        "torchvision": _version("torchvision"),
        "inductor_cache": os.environ.get("TORCHINDUCTOR_CACHE_DIR"),
        **(_card() if device.is_cuda else {}),
    }


def _version(package: str) -> str | None:
    try:
        return str(importlib.import_module(package).__version__)
    except (ImportError, RuntimeError):
        return None


def _card() -> dict[str, str]:
    """What the driver says of the first card; nothing where it cannot be asked."""
    command = ["nvidia-smi", f"--query-gpu={','.join(ASKED)}", "--format=csv,noheader", "--id=0"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(zip(ASKED, (each.strip() for each in answer.split(",")), strict=False))
