"""Networks that sample a map at places which they compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

import edgeseg
from edgeseg import data, runtimes
from edgeseg.core.types import Artifact, Model, Size
from edgeseg.data.preprocess import Preprocessor
from tests.quantize.test_quantizers import sqnr_db

SIZE = Size(64, 128)


class Flow(nn.Module):
    """A small map is enlarged at places that a flow of pixels moves."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 8, 3, 2, padding=1), nn.Conv2d(8, 8, 3, 2, padding=1)
        self.flow, self.last = nn.Conv2d(16, 2, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        fine = F.relu(self.first(x))
        coarse = F.relu(self.second(fine))
        sides = fine.shape[2:]
        rows, columns = torch.meshgrid(*(torch.linspace(-1, 1, side) for side in sides), indexing="ij")
        enlarged = F.interpolate(coarse, sides, mode="bilinear", align_corners=False)
        flow = self.flow(torch.cat([fine, enlarged], 1)).permute(0, 2, 3, 1) * 4
        grid = torch.stack([columns, rows], 2)[None] + flow / torch.tensor([sides[1], sides[0]])
        scores = self.last(F.grid_sample(coarse, grid, align_corners=True) * 8)
        return F.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=False)


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_places_stay_in_float(format: str, tmp_path: Path) -> None:
    model = Model("flow", "torch", Flow().eval(), ("a", "b", "c"), size=SIZE)
    floating = edgeseg.export(model, format, SIZE, path=tmp_path / f"flow.{format}")
    integer = edgeseg.quantize(floating, path=tmp_path / f"flow_int8.{format}", count=4)
    images = [image for image, _ in data.open_dataset("scenes", split="val", size=SIZE, limit=3)]
    assert sqnr_db(*(_scores(artifact, images) for artifact in (floating, integer))) > 39


def _scores(artifact: Artifact, images: list[Any]) -> NDArray[Any]:
    """(images, H, W, classes)."""
    with runtimes.open_session(artifact) as session:
        found = np.concatenate([session(Preprocessor(artifact.facts.input)(image)) for image in images])
    return found.transpose(0, 2, 3, 1) if artifact.facts.output.layout == "NCHW" else found
