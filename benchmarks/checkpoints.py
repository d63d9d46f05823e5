"""Published Cityscapes checkpoints in our networks: mIoU beside what the published code scores.

The authors of zh320/realtime-semantic-segmentation-pytorch trained eight networks of 1024x512 (width x height); their
own code, on the 89 frankfurt images of Cityscapes val at 512x256 upsampled to that size, scores what PUBLISHED holds.
The images are those, normalised and upsampled bilinearly; scores go back to the labels' size before the arg-max.

    python benchmarks/checkpoints.py ../shared/real/checkpoints cityscapes:../shared/real/cityscapes_512x256
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from edgeseg import data, models
from edgeseg.bench.miou import evaluate
from edgeseg.core.protocols import Dataset
from edgeseg.core.types import InputFacts, Size
from edgeseg.data.preprocess import Preprocessor

SIZE = Size(512, 1024)
PUBLISHED = {
    "enet": 59.8,
    "dabnet": 59.8,
    "mininetv2": 60.3,
    "edanet": 58.6,
    "cfpnet": 58.6,
    "espnet": 54.3,
    "cgnet": 53.2,
    "fssnet": 53.1,
}
"""mIoU in percent of the published code."""
