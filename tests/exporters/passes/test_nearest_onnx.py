from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from tests.exporters.passes.harness import exported, rewrite


@pytest.mark.parametrize(("size", "places"), [((16, 9), 1), ((14, 24), 1), ((16, 24), 1), ((28, 40), 0), ((15, 21), 0)])
def test_sizes_that_round_otherwise(size: tuple[int, int], places: int) -> None:
    assert rewrite("nearest_onnx", nn.Upsample(size), 2, 3, 14, 20) == places


@pytest.mark.parametrize("size", [(82, 22), (94, 74), (9, 31)])
def test_the_file_takes_the_same_pixels(size: tuple[int, int], tmp_path: Path) -> None:
    """From 8 rows and 11 columns."""
    net = nn.Sequential(nn.AvgPool2d(2, (2, 3)), nn.Upsample(size))
    operators = exported(net, "onnx", tmp_path)
    assert operators.count("Gather") == (0 if size == (9, 31) else 2)
