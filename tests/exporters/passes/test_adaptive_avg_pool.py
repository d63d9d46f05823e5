from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from tests.exporters.passes.harness import exported, rewrite


@pytest.mark.parametrize("grid", [2, 5, (1, 5), (9, 7), (11, 13)])
def test_uneven_windows(grid: int | tuple[int, int]) -> None:
    assert rewrite("adaptive_avg_pool", nn.AdaptiveAvgPool2d(grid), 2, 3, 9, 12) == 1


@pytest.mark.parametrize("grid", [1, 3, (9, 6), (None, 4)])
def test_even_windows_stay(grid: int | tuple[int, int]) -> None:
    assert rewrite("adaptive_avg_pool", nn.AdaptiveAvgPool2d(grid), 2, 3, 9, 12) == 0


@pytest.mark.parametrize("grid", [3, (1, 3), (3, 1)])
@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_is_one_product(format: str, grid: int | tuple[int, int], tmp_path: Path) -> None:
    ops = exported(nn.AdaptiveAvgPool2d(grid), format, tmp_path)
    assert sum(op in ("MatMul", "FULLY_CONNECTED", "BATCH_MATMUL") for op in ops) == 1
    assert len(ops) < 12
