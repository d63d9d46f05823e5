from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor, nn

from tests.exporters.passes.harness import Function, exported, rewrite

CASES: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {
    "mean": (lambda x: x.mean((2, 3)), 1),
    "mean from the end": (lambda x: x.mean((-1, -2)), 1),
    "mean that keeps": (lambda x: x.mean((2, 3), keepdim=True), 0),
    "mean of rows": (lambda x: x.mean((2,)), 0),
    "maximum": (lambda x: x.amax((2, 3)), 1),
    "maximum that keeps": (lambda x: x.amax((2, 3), keepdim=True), 1),
    "maximum of channels": (lambda x: x.amax(1, keepdim=True), 0),
}


@pytest.mark.parametrize("case", CASES)
def test_is_the_same_function(case: str) -> None:
    function, places = CASES[case]
    assert rewrite("global_pool", Function(function), 2, 4, 5, 7) == places


class Gate(nn.Module):
    """Scales a map by what a linear layer makes of its mean or maximum."""

    def __init__(self, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.pool, self.linear = pool, nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.linear(self.pool(x))[:, :, None, None].sigmoid()


@pytest.mark.parametrize(("case", "operator"), [("mean", "MEAN"), ("maximum", "MAX_POOL_2D")])
def test_no_map_is_turned_around_in_the_file(case: str, operator: str, tmp_path: Path) -> None:
    operators = exported(Gate(CASES[case][0]), "tflite", tmp_path)
    assert operators.count(operator) == 1
    assert not {"TRANSPOSE", "REDUCE_MAX"} & set(operators)
