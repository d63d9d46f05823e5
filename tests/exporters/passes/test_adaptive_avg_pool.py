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


@pytest.mark.parametrize("grid", [(5, 7), (1, 5), (4, 12)])
@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_a_large_matrix_is_one_for_each_side(
    format: str, grid: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeseg.exporters.passes.adaptive_avg_pool._LARGEST", 100)
    assert rewrite("adaptive_avg_pool", nn.AdaptiveAvgPool2d(grid), 2, 3, 9, 13) == 1
    ops = exported(nn.AdaptiveAvgPool2d((5, 7)), format, tmp_path)
    assert sum(op in ("MatMul", "FULLY_CONNECTED", "BATCH_MATMUL") for op in ops) == 2


def test_a_map_of_any_size_takes_little_memory() -> None:
    assert rewrite("adaptive_avg_pool", nn.AdaptiveAvgPool2d((64, 64)), 1, 1, 300, 500) == 1


@pytest.mark.parametrize("grid", [3, (1, 3), (3, 1)])
@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_is_one_product(format: str, grid: int | tuple[int, int], tmp_path: Path) -> None:
    ops = exported(nn.AdaptiveAvgPool2d(grid), format, tmp_path)
    assert sum(op in ("MatMul", "FULLY_CONNECTED", "BATCH_MATMUL") for op in ops) == 1
    assert len(ops) < 12
