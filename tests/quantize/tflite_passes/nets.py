"""TensorFlow functions as TFLite models in the schema's object form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from numpy.typing import NDArray

from edgeseg.quantize.packing import packed

_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}


def converted(function: Callable[[Any], Any], shape: tuple[int, ...], *, integer: bool = False) -> Any:
    """A float model, or one whose tensors are all int8."""
    traced = tf.function(function, input_signature=[tf.TensorSpec(shape, tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.get_concrete_function()], traced)
    if integer:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _images(shape)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return flatbuffer_utils.read_model_from_bytearray(converter.convert())


def _images(shape: tuple[int, ...]) -> Iterator[list[NDArray[np.float32]]]:
    random = np.random.default_rng(0)
    for _ in range(4):
        yield [2 * random.normal(size=shape).astype(np.float32)]


def operators(model: Any) -> list[str]:
    """Names of the operators, in the order of execution."""
    codes = [model.operatorCodes[op.opcodeIndex] for op in model.subgraphs[0].operators]
    return [_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)] for code in codes]


def run(model: Any) -> NDArray[np.float64]:
    """What it makes of one image, in real numbers."""
    interpreter = Interpreter(model_content=packed(model))
    interpreter.allocate_tensors()
    (given,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    image = 2 * np.random.default_rng(1).normal(size=given["shape"])
    if given["dtype"] == np.int8:
        scale, zero_point = given["quantization"]
        image = np.clip(np.rint(image / scale) + zero_point, -128, 127)
    interpreter.set_tensor(given["index"], image.astype(given["dtype"]))
    interpreter.invoke()
    values: NDArray[np.float64] = interpreter.get_tensor(result["index"]).astype(np.float64)
    if result["dtype"] == np.int8:
        scale, zero_point = result["quantization"]
        values = (values - zero_point) * scale
    return values


def step(model: Any) -> float:
    """Scale of an int8 model's output."""
    graph = model.subgraphs[0]
    return float(graph.tensors[graph.outputs[0]].quantization.scale[0])


def random(*shape: int) -> NDArray[np.float32]:
    """Weights."""
    return np.random.default_rng(2).normal(size=shape).astype(np.float32)
