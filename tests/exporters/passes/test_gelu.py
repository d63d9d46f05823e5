from __future__ import annotations

from pathlib import Path

import onnx
import onnxruntime
import pytest
from torch import nn

from tests.exporters.passes.harness import exported, rewrite


@pytest.mark.parametrize(("network", "places"), [(nn.GELU(), 1), (nn.GELU("tanh"), 0)])
def test_is_the_same_function(network: nn.Module, places: int) -> None:
    assert rewrite("gelu", nn.Sequential(nn.Conv2d(3, 4, 1), network), 2, 3, 5, 6) == places


def test_onnx_runtime_makes_one_operator_of_it(tmp_path: Path) -> None:
    assert "Erf" in exported(nn.Sequential(nn.GELU(), nn.Conv2d(8, 8, 3, padding=1)), "onnx", tmp_path)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    onnxruntime.InferenceSession(tmp_path / "toy.onnx", options, providers=["CPUExecutionProvider"])
    operators = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert operators.count("Gelu") == 1
    assert not {"Erf", "Div"} & set(operators)
