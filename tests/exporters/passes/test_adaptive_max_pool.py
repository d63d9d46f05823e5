from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor, nn

from tests.exporters.passes.harness import Function, exported, rewrite


def with_places(x: Tensor) -> Tensor:
    maxima, places = nn.functional.adaptive_max_pool2d(x, 1, return_indices=True)
    return maxima + places


@pytest.mark.parametrize(("grid", "places"), [(1, 1), ((2, 3), 1), ((1, 9), 1), (4, 1), ((5, 2), 1)])
def test_is_the_same_function(grid: int | tuple[int, int], places: int) -> None:
    assert rewrite("adaptive_max_pool", nn.AdaptiveMaxPool2d(grid), 2, 4, 6, 9) == places


def test_places_are_left_alone() -> None:
    assert rewrite("adaptive_max_pool", Function(with_places), 2, 4, 6, 9) == 0


def test_a_max_pooling_in_the_file(tmp_path: Path) -> None:
    operators = exported(nn.AdaptiveMaxPool2d(1), "tflite", tmp_path)
    assert operators.count("MAX_POOL_2D") == 1
    assert not {"TRANSPOSE", "REDUCE_MAX"} & set(operators)


def test_uneven_windows_in_the_file(tmp_path: Path) -> None:
    assert exported(nn.AdaptiveMaxPool2d(3), "onnx", tmp_path).count("MaxPool") == 6
