"""torchvision, which smp and timm import, made importable beside a CPU build of PyTorch.

The wheels on PyPI are built for CUDA, and without it their C++ operators cannot be loaded; importing torchvision then
fails at the first operator that it describes. No network here calls any of them, so declaring the two that are
described lets the import through. A torchvision that matches its PyTorch is left alone.
"""

from __future__ import annotations

import importlib
import sys

from torch import library

__all__ = ["prepare"]

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def prepare() -> None:
    """Import torchvision. Raises what its import raises, save where only its operators are missing."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if str(error) != "operator torchvision::nms does not exist":
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        for operator in ("nms", "qnms"):
            library.define(f"torchvision::{operator}", _SCHEMA)  # PyTorch keeps it for the life of the process.
        importlib.import_module("torchvision")
