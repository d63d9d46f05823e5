from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from tests.exporters.passes.harness import exported, rewrite


@pytest.mark.parametrize("size", [(5, 7), (13, 17), (15, 24), (9, 16)])
def test_uneven_factors(size: tuple[int, int]) -> None:
    assert rewrite("nearest_tflite", nn.Upsample(size), 2, 3, 9, 12) == 1


def test_a_given_factor_is_taken_as_pytorch_takes_it() -> None:
    assert rewrite("nearest_tflite", nn.Upsample(scale_factor=1.7), 1, 3, 9, 12) == 1


def test_whole_factors_stay() -> None:
    assert rewrite("nearest_tflite", nn.Upsample((18, 36)), 1, 3, 9, 12) == 0


def test_is_one_gathering(tmp_path: Path) -> None:
    ops = exported(nn.Upsample((13, 23)), "tflite", tmp_path)
    assert sum(op in ("GATHER", "GATHER_ND") for op in ops) == 1
    assert "TRANSPOSE" not in ops
