from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeseg.quantize.integers_onnx.cells import move_integers


def model_of(scales: tuple[float, float], mode: str = "DCR", readers: int = 1) -> onnx.ModelProto:
    """Integers that a DepthToSpace moves in float, before `readers` quantizers."""
    constants = {"s0": np.float32(scales[0]), "s1": np.float32(scales[1]), "z": np.uint8(7)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s0", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s0", "z"], ["f"]),
        helper.make_node("DepthToSpace", ["f"], ["moved"], blocksize=2, mode=mode),
    ]
    for i in range(readers):
        nodes.append(helper.make_node("QuantizeLinear", ["moved", "s1", "z"], [f"q{i}"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"q{i}", "s1", "z"], [f"y{i}"]))
    graph = helper.make_graph(
        nodes,
        "cells",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 12, 4, 6])],
        [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, [1, 3, 8, 12]) for i in range(readers)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def run(model: onnx.ModelProto) -> list[np.ndarray]:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values: list[np.ndarray] = session.run(None, {"x": np.random.default_rng(0).normal(size=(1, 12, 4, 6)).astype("f")})
    return values


@pytest.mark.parametrize("readers", [1, 2])
def test_integers_are_moved_as_they_are(readers: int) -> None:
    model = model_of((0.05, 0.05), readers=readers)
    expected = run(model)
    move_integers(model)
    operators = [node.op_type for node in model.graph.node]
    assert "DepthToSpace" not in operators
    assert operators.count("QuantizeLinear") == 1
    assert all(np.array_equal(a, b) for a, b in zip(run(model), expected, strict=True))


@pytest.mark.parametrize(("scales", "mode"), [((0.05, 0.06), "DCR"), ((0.05, 0.05), "CRD")])
def test_another_scale_or_order_is_left_alone(scales: tuple[float, float], mode: str) -> None:
    model = model_of(scales, mode)
    before = model.SerializeToString()
    move_integers(model)
    assert model.SerializeToString() == before
