"""What is mutated, and which tests may kill: files, the functions in them, and what is left out."""

from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).parents[2]

WORDING = (
    "_show", "shown", "*.lower", "*._settings", "*.form", "*.keyword", "*.__init_subclass__", "Op.<class>",
    "*.interpret", "*.on_residues",
)  # fmt: skip
"""Messages, what only generated code depends on, and what it is compared with."""

SCOPE: dict[str, tuple[str, ...]] = {
    "incdsl/values/num.py": ("*",),
    "incdsl/values/extent.py": ("*",),
    "incdsl/values/shape.py": ("*",),
    "incdsl/ops/base.py": ("*",),
    "incdsl/ops/fields.py": ("*",),
    "incdsl/ops/sweep.py": ("*",),
    "incdsl/ops/padding.py": ("*",),
    "incdsl/ops/window.py": ("*",),
    "incdsl/ops/transposed.py": ("*",),
    "incdsl/ops/dense.py": ("*",),
    "incdsl/ops/merge.py": ("*",),
    "incdsl/ops/norm.py": ("*",),
    "incdsl/ops/activation.py": ("*",),
    "incdsl/ops/cpu.py": ("*",),
    "incdsl/ops/deployed.py": ("*",),
    "incdsl/analysis/cost.py": ("*",),
    "incdsl/analysis/sizes.py": ("*",),
    "incdsl/ir/conditions.py": ("*",),
    "incdsl/elaborate/names.py": ("*",),
    "incdsl/elaborate/node.py": (
        "Placer.place", "Placer._hold_sizes", "Placer.claim", "Placer.free_label", "Placer.agree", "Placer._name",
    ),
    "incdsl/elaborate/rails.py": ("rail_name", "Rails.split", "_stride"),
}  # fmt: skip

TESTS = (
    "tests/values", "tests/ops", "tests/elaborate", "tests/analysis", "tests/diagnostics", "tests/specs/test_papers.py",
    "tests/testing/test_rules.py", "tests/codegen/test_golden.py", "tests/codegen/test_outputs.py",
    "tests/cli/test_summary.py",
)  # fmt: skip

SHARP = {
    "incdsl/values/num.py": "tests/values/test_num.py",
    "incdsl/values/": "tests/values/",
    "incdsl/ops/": "tests/ops/test_s",
    "incdsl/analysis/cost.py": "tests/analysis/test_cost.py",
    "incdsl/analysis/sizes.py": "tests/analysis/test_size_sets.py",
    "incdsl/ir/conditions.py": "tests/analysis/test_size_sets.py",
    "incdsl/elaborate/": "tests/elaborate/",
}
"""Tests that are tried first, by module: those that were written for it."""

SLOW = 2.0
"""Seconds of processor time beyond which a test is not used."""


def in_scope(path: str, function: str) -> bool:
    """Whether mutants of a function, or of what stands in a class or module outside of functions, are made."""
    wanted = any(fnmatchcase(function, pattern) for pattern in SCOPE.get(path, ()))
    return wanted and not any(fnmatchcase(function, pattern) for pattern in WORDING)
