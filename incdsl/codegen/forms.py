"""The forms of a module for one kind of device."""

from __future__ import annotations

from typing import TypeAlias

from incdsl.codegen.cpu import Cpu
from incdsl.codegen.gpu import Gpu

Form: TypeAlias = Cpu | Gpu
"""The one for CPUs, or the one for GPUs; a module without a form runs anywhere."""
