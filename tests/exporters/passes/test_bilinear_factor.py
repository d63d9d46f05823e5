from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor
from torch.nn import functional as F

from tests.exporters.passes.harness import Function, exported, rewrite


def _resized(factor: float | tuple[float, float], **options: bool) -> Function:
    return Function(lambda x: F.interpolate(x, scale_factor=factor, mode="bilinear", **options))


@pytest.mark.parametrize("factor", [0.5, 0.25, 1.5, (0.5, 1.0), (1.3, 0.7)])
def test_a_factor_that_the_sizes_do_not_have(factor: float | tuple[float, float]) -> None:
    assert rewrite("bilinear_factor", _resized(factor), 2, 3, 9, 13) == 1


@pytest.mark.parametrize("factor", [0.5, 2.0, 1.5])
def test_one_that_they_have_stays(factor: float) -> None:
    assert rewrite("bilinear_factor", _resized(factor), 2, 3, 8, 12) == 0
    assert rewrite("bilinear_factor", _resized(factor, align_corners=True), 2, 3, 9, 13) == 0
    assert rewrite("bilinear_factor", _resized(factor, recompute_scale_factor=True), 2, 3, 9, 13) == 0


@pytest.mark.parametrize("format", ["onnx", "tflite"])
@pytest.mark.parametrize("factor", [0.5, 1.3])
def test_is_the_same_function_in_a_file(format: str, factor: float, tmp_path: Path) -> None:
    def odd(x: Tensor) -> Tensor:
        return F.interpolate(x[:, :, :7, :13], scale_factor=factor, mode="bilinear")

    ops = exported(Function(odd), format, tmp_path)
    if factor == 0.5:
        assert not {"FULLY_CONNECTED", "BATCH_MATMUL", "MatMul"} & set(ops)
