from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from tests.exporters.passes.harness import exported, rewrite

CASES = {
    "not counted": (nn.AvgPool2d(3, 2, 1, count_include_pad=False), 1),
    "not counted, stride 1": (nn.AvgPool2d((5, 3), 1, (2, 1), count_include_pad=False), 1),
    "rounded up": (nn.AvgPool2d(3, 2, 1, ceil_mode=True), 1),
    "rounded up, not counted": (nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), 1),
    "rounded up, not padded": (nn.AvgPool2d((3, 2), 2, ceil_mode=True), 1),
    "counted": (nn.AvgPool2d(3, 2, 1), 0),
    "not padded": (nn.AvgPool2d(2, count_include_pad=False), 0),
    "another divisor": (nn.AvgPool2d(3, 2, 1, count_include_pad=False, divisor_override=5), 0),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [(8, 10), (9, 7)])
def test_is_the_same_function(case: str, size: tuple[int, int]) -> None:
    net, places = CASES[case]
    assert rewrite("avg_pool", net, 2, 4, *size) == places


@pytest.mark.parametrize("case", ["not counted", "rounded up", "counted"])
def test_an_average_pooling_in_the_file(case: str, tmp_path: Path) -> None:
    operators = exported(CASES[case][0], "tflite", tmp_path)
    assert operators.count("AVERAGE_POOL_2D") == 1
    assert "STABLEHLO_REDUCE_WINDOW" not in operators
