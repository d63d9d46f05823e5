from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor, nn
from torch.nn import functional as F

from tests.exporters.passes.harness import Function, exported, rewrite


@pytest.mark.parametrize(
    ("net", "size", "places"),
    [
        (nn.AvgPool2d(2, 2, 1, ceil_mode=True), (8, 9), 1),
        (nn.AvgPool2d(2, 2, 1, ceil_mode=True, count_include_pad=False), (9, 7), 1),
        (nn.MaxPool2d(2, 2, 1, ceil_mode=True), (9, 11), 1),
        (nn.Sequential(nn.MaxPool2d(2, 2, 1, ceil_mode=True), nn.AvgPool2d(2, 2, 1, ceil_mode=True)), (9, 9), 2),
        (nn.MaxPool2d(3, 2, ceil_mode=True), (8, 9), 0),
        (nn.MaxPool2d(2, 2, 1, ceil_mode=False), (9, 11), 0),
    ],
    ids=repr,
)
def test_is_the_same_function(net: nn.Module, size: tuple[int, int], places: int) -> None:
    assert rewrite("rounded_pool", net, 2, 3, *size) == places


def beside(y: Tensor) -> Tensor:
    """A sum that a wrong size does not fit."""
    return y + F.interpolate(F.max_pool2d(y, 2), y.shape[-2:])


@pytest.mark.parametrize("pool", [nn.AvgPool2d, nn.MaxPool2d])
@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_no_window_begins_behind_the_padding(pool: type[nn.Module], format: str, tmp_path: Path) -> None:
    once = nn.Sequential(nn.ConstantPad2d((0, -1, 0, -1), 0.0), pool(2, 2, 1, ceil_mode=True))
    assert exported(nn.Sequential(once, Function(beside), nn.Upsample((16, 32))), format, tmp_path)
