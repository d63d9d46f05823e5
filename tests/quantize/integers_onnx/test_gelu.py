from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgeseg.quantize.integers_onnx.gelu import gelu_operators, quantize_gelus
from tests.quantize.integers_onnx.test_elu import run


def exact(x: float) -> float:
    return x * (1 + math.erf(x / math.sqrt(2))) / 2


ORDERS = {
    "x first": [("Mul", ["x_f", "half"], "a"), ("Mul", ["a", "shifted"], "y_f")],
    "half first": [("Mul", ["half", "shifted"], "a"), ("Mul", ["x_f", "a"], "y_f")],
    "half last": [("Mul", ["shifted", "x_f"], "a"), ("Mul", ["a", "half"], "y_f")],
}
OTHERS = {
    "another factor": [("Mul", ["x_f", "one"], "a"), ("Mul", ["a", "shifted"], "y_f")],
    "another map": [("Mul", ["half", "shifted"], "a"), ("Mul", ["scaled", "a"], "y_f")],
    "a square": [("Mul", ["x_f", "shifted"], "a"), ("Mul", ["a", "x_f"], "y_f")],
    "a sum": [("Mul", ["x_f", "half"], "a"), ("Add", ["a", "shifted"], "y_f")],
}


def model_of(
    low: float,
    high: float,
    dtype: type[np.integer] = np.uint8,
    order: str = "x first",
    divides: bool = True,
) -> onnx.ModelProto:
    """From integers of [low, high] over a GELU to integers of what it makes of them."""
    lowest = np.iinfo(dtype).min
    constants = {"half": 0.5, "one": 1.0, "root": math.sqrt(2) if divides else math.sqrt(0.5)}
    tensors = {name: np.float32(value) for name, value in constants.items()}
    for name, least, most in (("x", low, high), ("y", -0.17, max(exact(high), 0.01))):
        tensors[f"{name}_s"] = np.float32((most - least) / 255)
        tensors[f"{name}_z"] = np.array(np.clip(round(-least / tensors[f"{name}_s"]), 0, 255) + lowest).astype(dtype)
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "x_s", "x_z"], ["x_f"]),
        helper.make_node("Div" if divides else "Mul", ["x_f", "root"], ["scaled"], "scaled"),
        helper.make_node("Erf", ["scaled"], ["erf"], "erf"),
        helper.make_node("Add", ["erf", "one"], ["shifted"], "shifted"),
        *(helper.make_node(kind, given, [name], name) for kind, given, name in {**ORDERS, **OTHERS}[order]),
        helper.make_node("QuantizeLinear", ["y_f", "y_s", "y_z"], ["y"]),
    ]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        nodes,
        "gelu",
        [helper.make_tensor_value_info("x", kind, [1, 1, 16, 16])],
        [helper.make_tensor_value_info("y", kind, [1, 1, 16, 16])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def off(result: NDArray[np.int64], expected: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.abs(result - expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("low", "high"), [(-0.5, 0.5), (-1.0, 1.0), (-6.0, 3.0), (-4.0, 8.0), (-60.0, 50.0)])
def test_every_integer_becomes_what_it_should_to_within_three_levels(
    low: float, high: float, dtype: type[np.integer], tmp_path: Path
) -> None:
    model = model_of(low, high, dtype)
    expected, _ = run(model, tmp_path)
    assert quantize_gelus(model) == 1
    result, operators = run(model, tmp_path)
    assert operators == {"QLinearSigmoid", "QLinearMul"}
    assert off(result, expected).max() <= 3
    assert off(result, expected).mean() < 0.75


@pytest.mark.parametrize("divides", [True, False])
@pytest.mark.parametrize("order", ORDERS)
def test_the_order_of_factors_makes_no_difference(order: str, divides: bool, tmp_path: Path) -> None:
    model = model_of(-4.0, 4.0, order=order, divides=divides)
    assert gelu_operators(model) == {"scaled", "erf", "shifted", "a", "y_f"}
    expected, _ = run(model, tmp_path)
    assert quantize_gelus(model) == 1
    assert off(run(model, tmp_path)[0], expected).max() <= 2


@pytest.mark.parametrize("order", OTHERS)
def test_what_is_no_gelu_stays(order: str) -> None:
    model = model_of(-4.0, 4.0, order=order)
    before = model.SerializeToString()
    assert not gelu_operators(model)
    assert quantize_gelus(model) == 0
    assert model.SerializeToString() == before


@pytest.mark.parametrize(("low", "high", "floating"), [(-4.0, 0.3, ()), (-4.0, 4.0, ("y_f",))])
def test_what_a_sigmoid_does_not_fit_is_left_in_float(low: float, high: float, floating: tuple[str, ...]) -> None:
    model = model_of(low, high)
    before = model.SerializeToString()
    assert quantize_gelus(model, floating) == 0
    assert model.SerializeToString() == before
