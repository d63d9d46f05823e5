"""The little training that built-in weights, and an own network before int8, need.

The package can be called: `edgeseg.train(model, dataset)`.
"""

from __future__ import annotations

from edgeseg.core.verb import make_callable
from edgeseg.train.loop import train
from edgeseg.train.options import TrainOptions, TrainResult

__all__ = ["TrainOptions", "TrainResult", "train"]

make_callable("edgeseg.train")
