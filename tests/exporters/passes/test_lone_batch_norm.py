from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.exporters.passes.harness import exported, random_norm, rewrite


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(8, 8, 3, padding=1), random_norm(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x + self.conv(x)).relu()


class BothConvolutions(Residual):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x) + self.conv(x))


class ReadTwice(Residual):
    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return torch.cat([x, self.norm(x)], 1)


@pytest.mark.parametrize(
    ("net", "places"),
    [
        (random_norm(8), 1),
        (nn.Sequential(nn.ReLU(), nn.BatchNorm2d(8, affine=False)), 1),
        (Residual(), 1),
        (ReadTwice(), 1),
        (BothConvolutions(), 0),
        (nn.Sequential(nn.Conv2d(8, 4, 1), random_norm(4)), 0),
        (nn.Sequential(nn.ConvTranspose2d(8, 4, 2, 2), random_norm(4)), 0),
        (nn.BatchNorm2d(8, track_running_stats=False), 0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_is_the_same_function(net: nn.Module, places: int) -> None:
    assert rewrite("lone_batch_norm", net, 2, 8, 5, 7) == places


def test_one_operator_in_the_file(tmp_path: Path) -> None:
    operators = exported(Residual(), "tflite", tmp_path)
    assert operators.count("DEPTHWISE_CONV_2D") == 1
    assert not {"MUL", "SUB", "RELU"} & set(operators)
