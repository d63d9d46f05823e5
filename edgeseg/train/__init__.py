"""The little training that built-in weights, and an own network before int8, need."""

from __future__ import annotations

from edgeseg.train.loop import train
from edgeseg.train.options import TrainOptions, TrainResult, Validate

__all__ = ["TrainOptions", "TrainResult", "Validate", "train"]
