from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeseg.quantize.integers_onnx.joins import join_integers


def model_of(part: tuple[float, int], readers: int = 1) -> onnx.ModelProto:
    """Two maps side by side, one with another scale and zero point, or the whole read by `readers` quantizers."""
    constants = {"s0": np.float32(0.02), "z0": np.uint8(120), "s1": np.float32(part[0]), "z1": np.uint8(part[1])}
    nodes = []
    for i in range(2):
        nodes.append(helper.make_node("QuantizeLinear", [f"x{i}", f"s{i}", f"z{i}"], [f"x{i}_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"x{i}_q", f"s{i}", f"z{i}"], [f"x{i}_f"]))
    nodes.append(helper.make_node("Relu", ["x0_f"], ["relu"]))
    nodes.append(helper.make_node("Concat", ["x0_f", "x1_f"], ["whole"], axis=1))
    for i in range(readers):
        nodes.append(helper.make_node("QuantizeLinear", ["whole", "s0", "z0"], [f"q{i}"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"q{i}", "s0", "z0"], [f"y{i}"]))
    outputs = {"relu": [1, 3, 4, 6], **{f"y{i}": [1, 6, 4, 6] for i in range(readers)}}
    graph = helper.make_graph(
        nodes,
        "joins",
        [helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, [1, 3, 4, 6]) for i in range(2)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def run(model: onnx.ModelProto) -> list[np.ndarray]:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    values: list[np.ndarray] = session.run(
        None, {f"x{i}": random.normal(size=(1, 3, 4, 6)).astype(np.float32) for i in range(2)}
    )
    return values


def test_parts_of_one_scale_are_copied_as_integers() -> None:
    model = model_of((0.02, 120))
    expected = run(model)
    join_integers(model)
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("QuantizeLinear") == operators.count("DequantizeLinear") == 2
    assert next(node for node in model.graph.node if node.op_type == "Concat").input[:] == ["x0_q", "x1_q"]
    assert all(np.array_equal(a, b) for a, b in zip(run(model), expected, strict=True))


@pytest.mark.parametrize(("part", "readers"), [((0.03, 120), 1), ((0.02, 119), 1), ((0.02, 120), 2)])
def test_other_scales_and_more_readers_are_left_alone(part: tuple[float, int], readers: int) -> None:
    model = model_of(part, readers)
    before = model.SerializeToString()
    join_integers(model)
    assert model.SerializeToString() == before
