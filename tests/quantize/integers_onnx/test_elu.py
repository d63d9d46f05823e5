from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgeseg.quantize.integers_onnx.elu import quantize_elus


def exact(x: NDArray[np.float64], alpha: float, gamma: float) -> NDArray[np.float64]:
    return gamma * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def model_of(operator: str, low: float, high: float, dtype: type[np.integer], **attributes: float) -> onnx.ModelProto:
    """From integers of [low, high] over the operator to integers of what it makes of them."""
    alpha, gamma = (1.0, 1.0) if operator == "Elu" else (1.67326319, 1.05070102)
    ends = exact(np.array([low, high]), attributes.get("alpha", alpha), attributes.get("gamma", gamma))
    constants: dict[str, Any] = {}
    for name, (least, most) in (("x", (low, high)), ("y", (ends[0], ends[1]))):
        constants[f"{name}_s"] = np.float32((most - least) / 255)
        zero_point = round(-least / constants[f"{name}_s"]) + np.iinfo(dtype).min
        constants[f"{name}_z"] = np.array(zero_point).clip(np.iinfo(dtype).min, np.iinfo(dtype).max).astype(dtype)
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "x_s", "x_z"], ["x_f"]),
        helper.make_node(operator, ["x_f"], ["y_f"], **attributes),
        helper.make_node("QuantizeLinear", ["y_f", "y_s", "y_z"], ["y"]),
    ]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        nodes,
        "elu",
        [helper.make_tensor_value_info("x", kind, [1, 1, 16, 16])],
        [helper.make_tensor_value_info("y", kind, [1, 1, 16, 16])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def run(model: onnx.ModelProto, folder: Path) -> tuple[NDArray[np.int64], set[str]]:
    """What a model makes of every integer, and the operators that ran."""
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(folder / "profile")
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    signed = "uint8" not in session.get_inputs()[0].type
    every = np.arange(-128, 128, dtype=np.int8) if signed else np.arange(256, dtype=np.uint8)
    result = session.run(None, {"x": every.reshape(1, 1, 16, 16)})[0].astype(np.int64)
    events = json.loads(Path(session.end_profiling()).read_text())
    return result, {event["args"]["op_name"] for event in events if event.get("cat") == "Node"}


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(
    ("operator", "attributes"), [("Elu", {}), ("Elu", {"alpha": 0.5}), ("Selu", {}), ("Selu", {"gamma": 2.0})]
)
@pytest.mark.parametrize(("low", "high"), [(-0.3, 0.3), (-1.0, 1.0), (-3.0, 2.5), (-6.0, 4.0), (-900.0, 500.0)])
def test_every_integer_becomes_what_it_should_to_within_three_levels(
    low: float, high: float, operator: str, attributes: dict[str, float], dtype: type[np.integer], tmp_path: Path
) -> None:
    model = model_of(operator, low, high, dtype, **attributes)
    expected, _ = run(model, tmp_path)
    assert quantize_elus(model) == 1
    result, operators = run(model, tmp_path)
    assert operators == {"QLinearSigmoid", "QLinearLeakyRelu", "QLinearAdd"}
    assert np.abs(result - expected).max() <= 3
    assert np.abs(result - expected).mean() < 0.75


@pytest.mark.parametrize(("high", "alpha", "floating"), [(0.1, 1.0, ()), (4.0, -1.0, ()), (4.0, 1.0, ("y_f",))])
def test_what_a_sigmoid_does_not_fit_is_left_in_float(high: float, alpha: float, floating: tuple[str, ...]) -> None:
    model = model_of("Elu", -3.0, high, np.uint8, alpha=alpha)
    before = model.SerializeToString()
    assert quantize_elus(model, floating) == 0
    assert model.SerializeToString() == before
