"""Graphs of files that the real converters wrote."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from onnx import TensorProto, helper, numpy_helper

from edgeseg.core.errors import InputError
from edgeseg.graphs import read_graph

WEIGHTS = 3 * 8 * 9 + 8 + 8 * 5


@pytest.fixture(scope="module")
def tflite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x = keras.Input((16, 24, 3), batch_size=1)
    y = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    y = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)(y)
    model = keras.Model(x, keras.layers.Conv2D(5, 1, use_bias=False)(y))
    path = tmp_path_factory.mktemp("graphs") / "net.tflite"
    signature = tf.TensorSpec((1, 16, 24, 3), tf.float32)
    function = tf.function(model)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function(signature)], function)
    path.write_bytes(converter.convert())
    return path


@pytest.fixture
def onnx_file(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)

    def constant(name: str, *shape: int) -> onnx.TensorProto:
        return numpy_helper.from_array(generator.standard_normal(shape).astype(np.float32), name)

    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["c", "p"], ["d"], name="pointwise", group=1),
        helper.make_node("Mul", ["d", "half"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 24])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [constant("w", 8, 3, 3, 3), constant("b", 8), constant("p", 5, 8, 1, 1), constant("half")],
    )
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    return path


def test_onnx_shapes_are_inferred(onnx_file: Path) -> None:
    graph = read_graph(onnx_file)
    assert [node.op for node in graph.nodes] == ["Conv", "Conv", "Mul"]
    first, second, _ = graph.nodes
    assert first.outputs[0].shape == (1, 8, 8, 12)
    assert [tensor.constant for tensor in first.inputs] == [False, True, True]
    assert (second.name, second.attributes["group"]) == ("pointwise", 1)
    assert (graph.inputs[0].name, graph.outputs[0].name) == ("x", "y")
    assert graph.params == WEIGHTS


def test_params_of_a_quantized_onnx_file_are_the_float_ones(onnx_file: Path) -> None:
    model = onnx.load(onnx_file)
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == "p")
    weight.CopyFrom(numpy_helper.from_array(np.ones((5, 8, 1, 1), np.int8), "p"))
    model.graph.initializer.extend(
        [numpy_helper.from_array(np.ones(5, np.float32), "s"), numpy_helper.from_array(np.zeros(5, np.int8), "z")]
    )
    model.graph.node[1].input[1] = "real"
    model.graph.node.insert(0, helper.make_node("DequantizeLinear", ["p", "s", "z"], ["real"], axis=0))
    onnx.save(model, onnx_file)
    graph = read_graph(onnx_file)
    assert graph.params == WEIGHTS
    assert graph.nodes[0].inputs[0].dtype == "int8"


def test_tflite_operators_shapes_and_constants(tflite_file: Path) -> None:
    graph = read_graph(tflite_file)
    assert [node.op for node in graph.nodes] == ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D"]
    image, weight, bias = graph.nodes[0].inputs
    assert (image.shape, weight.shape, bias.shape) == ((1, 16, 24, 3), (8, 3, 3, 3), (8,))
    assert (image.constant, weight.constant, bias.constant) == (False, True, True)
    assert {tensor.dtype for tensor in (image, weight, bias)} == {"float32"}
    assert graph.nodes[0].attributes["strideH"] == 2
    assert graph.outputs[0].shape == (1, 8, 12, 5)


@pytest.mark.parametrize("kind", ["onnx_file", "tflite_file"])
def test_broken_files_are_refused_by_name(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    whole: Path = request.getfixturevalue(kind)
    broken = tmp_path / f"broken{whole.suffix}"
    broken.write_bytes(whole.read_bytes()[:-20])
    with pytest.raises(InputError, match=broken.name):
        read_graph(broken)
    with pytest.raises(InputError, match="gone"):
        read_graph(tmp_path / f"gone{whole.suffix}")
