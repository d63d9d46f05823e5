from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.exporters.passes.harness import Function, exported, rewrite


class Beside(nn.Module):
    """Pools what two branches give."""

    def __init__(self, other: nn.Module) -> None:
        super().__init__()
        self.other, self.pool = other, nn.MaxPool2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(torch.cat([x.relu(), self.other(x)], 1))


@pytest.mark.parametrize(
    ("net", "places"),
    [
        (nn.Sequential(nn.ReLU(), nn.MaxPool2d(3, 2, 1)), 1),
        (nn.Sequential(nn.ReLU(), nn.MaxPool2d(3, 2, 1, ceil_mode=True)), 1),
        (nn.Sequential(nn.ReLU6(), nn.MaxPool2d((5, 3), (2, 1), (2, 1))), 1),
        (nn.Sequential(nn.Sigmoid(), nn.MaxPool2d(3, 1, 1), nn.MaxPool2d(3, 1, 1)), 2),
        (Beside(nn.Sigmoid()), 1),
        (Beside(nn.Tanh()), 1),
        (nn.MaxPool2d(3, 2, 1), 1),
        (nn.Sequential(nn.ReLU(), nn.MaxPool2d(4, 4, ceil_mode=True)), 1),
        (nn.MaxPool2d(4, 4, ceil_mode=True), 1),
        (nn.MaxPool2d((5, 4), 4, (1, 2), ceil_mode=True), 1),
        (nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), 0),
        (nn.Sequential(nn.ReLU(), nn.MaxPool2d(3, 2, 1, dilation=2)), 0),
        (nn.Sequential(nn.Hardtanh(), nn.MaxPool2d(3, 2, 1)), 1),
    ],
    ids=repr,
)
@pytest.mark.parametrize("size", [(8, 10), (9, 7)])
def test_is_the_same_function(net: nn.Module, places: int, size: tuple[int, int]) -> None:
    assert rewrite("max_pool", net, 2, 4, *size) == places


@pytest.mark.parametrize("function", [torch.relu, torch.tanh])
def test_nothing_padded_with_infinity_in_the_file(function: Callable[[Tensor], Tensor], tmp_path: Path) -> None:
    net = nn.Sequential(Function(function), nn.MaxPool2d(3, 2, 1))
    assert "PADV2" not in exported(net, "tflite", tmp_path)


@pytest.mark.parametrize(
    "net", [nn.MaxPool2d(3, 2, ceil_mode=True), nn.MaxPool2d((5, 3), (4, 3), (1, 0), ceil_mode=True)]
)
@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_windows_that_overhang(net: nn.Module, format: str, tmp_path: Path) -> None:
    assert "PADV2" not in exported(net, format, tmp_path)
