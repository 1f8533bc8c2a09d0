"""torchvision, if it is installed; the one place where tests against it are skipped."""

import importlib.util
import warnings

import pytest
import torch

if importlib.util.find_spec("torchvision") is None:
    pytest.skip("torchvision is not installed", allow_module_level=True)

kept: list[torch.library.Library] = []
"""Definitions live as long as their library does."""


def _imported():
    """The package; a build for CUDA needs its operators declared where they cannot be loaded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torchvision
        except RuntimeError:
            kept.append(torch.library.Library("torchvision", "DEF"))
            for op in ("nms", "qnms"):
                kept[0].define(f"{op}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            import torchvision
        import torchvision.models.feature_extraction
    return torchvision


torchvision = _imported()
