from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.exporters.passes.harness import Function, exported, rewrite


@pytest.mark.parametrize(
    ("before", "places"),
    [
        (nn.Sigmoid(), 1),
        (nn.Hardsigmoid(), 1),
        (nn.ReLU(inplace=True), 1),
        (nn.ReLU6(), 1),
        (nn.Hardtanh(0.5, 2), 1),
        (nn.Softmax(1), 1),
        (nn.Sequential(nn.Sigmoid(), nn.ReLU()), 2),
        (nn.Hardtanh(-0.5, 2), 0),
        (nn.Hardswish(), 0),
        (nn.Identity(), 0),
    ],
)
def test_is_the_same_function(before: nn.Module, places: int) -> None:
    assert rewrite("idle_relu", nn.Sequential(before, nn.ReLU(), nn.Conv2d(3, 2, 1)), 2, 3, 5, 6) == places


def test_what_is_changed_in_place_stays_apart() -> None:
    def changed(x: Tensor) -> Tensor:
        gate = torch.sigmoid(x)
        other = torch.relu(gate)
        other -= 0.5
        return torch.cat([gate, other], 1)

    def changed_before(x: Tensor) -> Tensor:
        gate = torch.sigmoid(x)
        gate.sub_(0.5)
        return torch.relu_(gate) + gate

    assert rewrite("idle_relu", Function(changed), 2, 3, 5, 6) == 0
    assert rewrite("idle_relu", Function(changed_before), 2, 3, 5, 6) == 0


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_a_sigmoid_stays_one_operator(format: str, tmp_path: Path) -> None:
    operators = exported(nn.Sequential(nn.Sigmoid(), nn.ReLU()), format, tmp_path)
    assert {"Sigmoid", "LOGISTIC"} & set(operators)
    assert not {"Relu", "RELU", "DIV", "EXP"} & set(operators)
