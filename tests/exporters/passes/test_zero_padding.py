from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from tests.exporters.passes.harness import exported, rewrite

PAD = nn.ZeroPad2d((1, 2, 0, 1))


@pytest.mark.parametrize(
    ("net", "places"),
    [
        (nn.Sequential(PAD, nn.MaxPool2d(3, 1)), 1),
        (nn.Sequential(PAD, nn.MaxPool2d(3, 2, 1)), 1),
        (nn.Sequential(nn.ReLU(), PAD, nn.MaxPool2d(3, 2, 1)), 1),
        (nn.Sequential(nn.ReLU(), PAD, nn.MaxPool2d(3, 1)), 0),
        (nn.Sequential(nn.ReLU(), PAD, nn.MaxPool2d(2, 1)), 1),
        (nn.Sequential(nn.ConstantPad2d(1, 0.5), nn.MaxPool2d(3, 1)), 0),
        (nn.Sequential(nn.ReflectionPad2d(1), nn.MaxPool2d(3, 1)), 0),
        (nn.Sequential(nn.ZeroPad2d((1, -1, 0, 1)), nn.MaxPool2d(3, 1)), 0),
        (nn.Sequential(PAD, nn.AvgPool2d(3, 1)), 0),
    ],
)
def test_is_the_same_function(net: nn.Module, places: int) -> None:
    assert rewrite("zero_padding", net, 2, 3, 7, 8) == places


@pytest.mark.parametrize("padding", [0, 1])
def test_zeros_count_in_the_file(padding: int, tmp_path: Path) -> None:
    net = nn.Sequential(nn.LogSigmoid(), nn.ZeroPad2d(2), nn.MaxPool2d(3, 1, padding))
    assert "MaxPool" in exported(net, "onnx", tmp_path)
