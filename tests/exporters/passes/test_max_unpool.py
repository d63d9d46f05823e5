from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor, nn

from tests.exporters.passes.harness import exported, rewrite


class Unpooling(nn.Module):
    def __init__(self, kernel: int = 2, *, rectified: bool = True, times: int = 1) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(kernel, 2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(kernel, 2)
        self.rectified, self.times = rectified, times

    def forward(self, x: Tensor) -> Tensor:
        pooled, places = self.pool(x.relu() if self.rectified else x)
        return sum((self.unpool(pooled + i, places) for i in range(self.times)), x)


@pytest.mark.parametrize("rectified", [True, False])
@pytest.mark.parametrize("times", [1, 2])
def test_is_the_same_function_and_the_first_maximum_wins(rectified: bool, times: int) -> None:
    assert rewrite("max_unpool", Unpooling(rectified=rectified, times=times), 2, 4, 6, 8) == times


class Places(Unpooling):
    def forward(self, x: Tensor) -> Tensor:
        pooled, places = self.pool(x)
        return self.unpool(pooled, places) + places.float().mean()


class OnlyPlaces(Unpooling):
    def forward(self, x: Tensor) -> Tensor:
        _, places = self.pool(x)
        return self.unpool(nn.functional.avg_pool2d(x, 2), places)


def test_the_maxima_need_not_be_used() -> None:
    assert rewrite("max_unpool", OnlyPlaces(), 2, 4, 6, 8) == 1


@pytest.mark.parametrize("net", [Places(), nn.MaxPool2d(2)], ids=["places", "pool"])
def test_other_pools_are_left_alone(net: nn.Module) -> None:
    assert rewrite("max_unpool", net, 2, 4, 6, 8) == 0


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_no_places_in_the_file(format: str, tmp_path: Path) -> None:
    operators = exported(Unpooling(), format, tmp_path)
    assert not {"ScatterND", "ScatterElements", "SCATTER_ND", "MaxPool", "MAX_POOL_2D"} & set(operators)
    assert operators.count("TRANSPOSE") <= 1
