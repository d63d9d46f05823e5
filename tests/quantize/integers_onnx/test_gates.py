from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeseg.quantize.integers_onnx.gates import widen_gates


def model_of(gate: tuple[int, ...], first: bool) -> onnx.ModelProto:
    """A map (2, 8, 5, 6) and a gate, multiplied in either order between quantizers."""
    constants = {"s": np.float32(0.02), "z": np.uint8(120)}
    nodes = []
    for name in ("x", "gate"):
        nodes.append(helper.make_node("QuantizeLinear", [name, "s", "z"], [f"{name}_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", "s", "z"], [f"{name}_f"]))
    nodes.append(helper.make_node("Mul", ["gate_f", "x_f"] if first else ["x_f", "gate_f"], ["product"]))
    nodes.append(helper.make_node("QuantizeLinear", ["product", "s", "z"], ["q"]))
    nodes.append(helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]))
    graph = helper.make_graph(
        nodes,
        "gates",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("x", (2, 8, 5, 6)), ("gate", gate))
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 8, 5, 6])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def run(model: onnx.ModelProto) -> np.ndarray:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    feeds = {given.name: random.normal(size=given.shape).astype(np.float32) for given in session.get_inputs()}
    value: np.ndarray = session.run(None, feeds)[0]
    return value


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(
    ("gate", "widened"), [((2, 8, 1, 1), 1), ((1, 8, 1, 1), 1), ((2, 1, 1, 1), 0), ((2, 8, 5, 6), 0)]
)
def test_gates_of_channels_are_repeated_along_rows(gate: tuple[int, ...], widened: int, first: bool) -> None:
    model = model_of(gate, first)
    expected = run(model)
    widen_gates(model)
    assert [node.op_type for node in model.graph.node].count("Expand") == widened
    assert np.array_equal(run(model), expected)
