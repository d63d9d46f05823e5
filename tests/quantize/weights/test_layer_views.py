from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from numpy.typing import NDArray

from edgeseg.quantize.packing import packed
from edgeseg.quantize.weights.layers import Network, Weights
from edgeseg.quantize.weights.layers_onnx import onnx_network
from edgeseg.quantize.weights.layers_tflite import tflite_network
from tests.quantize.nets import OnnxNet
from tests.quantize.test_passes import model_of, run


def rescale(network: Network) -> None:
    """Every unit by a random factor."""
    factors = np.random.default_rng(0).uniform(0.01, 100, network.count)
    factors[0] = 1
    network.rescale(factors)


def separable(net: OnnxNet) -> str:
    """Pointwise, depthwise with two outputs a channel, grouped, then two readers at once."""
    x = net.add("LeakyRelu", [net.conv("image", "pointwise", 3, 8, k=1)], "leaky", alpha=0.1)
    x = net.conv(x, "depthwise", 8, 16, group=8)
    x = net.add("PRelu", [x, net.constant("slope", np.linspace(0, 1, 16, dtype=np.float32).reshape(16, 1, 1))], "prelu")
    x = net.add("MaxPool", [net.conv(x, "grouped", 16, 8, group=4)], "pooled", kernel_shape=[2, 2])
    return net.add("Add", [net.conv(x, "a", 8, 4), net.conv(x, "b", 8, 4)], "sum")


def limited(net: OnnxNet) -> str:
    """A clip, a tensor with a reader that is no layer, and one that is an output too."""
    x = net.conv("image", "a", 3, 4)
    limits = [net.constant("low", np.float32(0)), net.constant("high", np.float32(6))]
    x = net.conv(net.add("Clip", [x, *limits], "clipped"), "b", 4, 4)
    return net.add("Add", [net.conv(x, "c", 4, 4), net.add("Relu", [x], "relu")], "out")


def gated(net: OnnxNet) -> str:
    """A sum over which two convolutions share their units, beside a gate, in a concatenation with part of the image."""
    x = net.conv("image", "first", 3, 4)
    total = net.add("Add", [net.conv(x, "left", 4, 6), net.conv(x, "right", 4, 6)], "total")
    mean = net.add("GlobalAveragePool", [net.add("Relu", [total], "total_relu")], "mean")
    inner = net.add("Relu", [net.conv(mean, "squeeze", 6, 5, k=1)], "squeeze_relu")
    gate = net.add("Sigmoid", [net.conv(inner, "excite", 5, 6, k=1)], "gate")
    scaled = net.add("Mul", [gate, "total_relu"], "scaled")
    joined = net.add(
        "Concat", [net.add("AveragePool", ["image"], "same", kernel_shape=[1, 1]), scaled], "joined", axis=1
    )
    return net.add("Add", [net.conv(joined, "a", 9, 4), net.conv(joined, "b", 9, 4)], "out")


def product(net: OnnxNet, turned: int) -> str:
    x = net.add("Flatten", [net.add("GlobalAveragePool", ["image"], "mean")], "flat")
    for name, i, o in (("a", 3, 5), ("b", 5, 2)):
        weight = net.random.normal(size=(o, i) if turned else (i, o)).astype(np.float32)
        inputs = [x, net.constant(f"{name}.weight", weight), net.constant(f"{name}.bias", np.ones(o, np.float32))]
        x = net.add("Gemm", inputs, name, transB=turned)
    return x


@pytest.mark.parametrize(
    ("build", "layers", "units"),
    [
        (separable, 5, 8 + 16 + 8),
        (limited, 3, 0),
        (gated, 7, 4 + 6 + 5),
        (lambda net: product(net, 0), 2, 5),
        (lambda net: product(net, 1), 2, 5),
    ],
    ids=["separable", "limited", "gated", "product", "turned"],
)
def test_factors_move_through_onnx(build: Any, layers: int, units: int) -> None:
    model = model_of(build)
    network = onnx_network(model)
    assert len(network.layers) == layers
    assert network.count == 1 + units
    expected = run(model)
    rescale(network)
    assert run(model) == pytest.approx(expected, rel=1e-4, abs=1e-5 * float(np.ptp(expected)))


def test_slopes_are_of_what_a_leaky_rectifier_alone_reads() -> None:
    found = onnx_network(model_of(separable)).slopes
    slope = float(np.sqrt(np.square(np.linspace(0, 1, 16)).mean()))
    assert found == pytest.approx({"pointwise": 0.1, "depthwise": slope})

    def build(net: OnnxNet) -> str:
        x = net.conv("image", "a", 3, 3)
        return net.add("Add", [x, net.add("LeakyRelu", [x], "leaky")], "out")

    assert onnx_network(model_of(build)).slopes == {}


def tflite_model(path: Path) -> Any:
    """As `separable`, then a clip and two FULLY_CONNECTED; a kernel is used twice, another has no bias."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    layers, options = keras.layers, {"bias_initializer": "random_normal"}
    image = layers.Input((6, 8, 3), batch_size=1)
    x = layers.LeakyReLU(negative_slope=0.1)(layers.Conv2D(8, 1, **options)(image))
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="relu", **options)(x)
    x = layers.Conv2D(8, 3, groups=4, use_bias=False)(x)
    shared = layers.Conv2D(8, 1, activation="relu", **options)
    x = layers.ReLU(6)(layers.Conv2D(4, 3, **options)(shared(shared(x))))
    x = layers.Dense(5, activation="relu", **options)(layers.GlobalAveragePooling2D()(x))
    network = keras.Model(image, layers.Dense(3, **options)(x))
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(network).convert())
    return flatbuffer_utils.read_model(str(path))


def run_tflite(model: Any) -> NDArray[Any]:
    interpreter = Interpreter(model_content=packed(model))
    interpreter.allocate_tensors()
    image = np.random.default_rng(1).normal(size=(1, 6, 8, 3)).astype(np.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    values: NDArray[Any] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return values


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_factors_move_through_tflite(tmp_path: Path) -> None:
    model = tflite_model(tmp_path / "net.tflite")
    network = tflite_network(model)
    kinds = [(layer.weights().kernel.shape, layer.weights().groups) for layer in network.layers]
    assert kinds == [
        ((8, 3, 1), 1),
        ((16, 1, 9), 8),
        ((8, 4, 9), 4),
        ((8, 8, 1), 1),
        ((8, 8, 1), 1),
        ((4, 8, 9), 1),
        ((5, 4, 1), 1),
        ((3, 5, 1), 1),
    ]
    assert network.count == 1 + 8 + 16 + 8 + 8 + 8 + 5
    assert list(network.slopes.values()) == pytest.approx([0.1])
    expected = run_tflite(model)
    rescale(network)
    assert run_tflite(model) == pytest.approx(expected, rel=1e-4, abs=1e-5 * float(np.ptp(expected)))


def test_weights_that_others_read_too_are_not_written(tmp_path: Path) -> None:
    model = tflite_model(tmp_path / "net.tflite")
    first, second = [layer for layer in tflite_network(model).layers if layer.weights().kernel.shape == (8, 8, 1)]
    old = second.weights()
    first.put(Weights(old.kernel * 2, old.bias + 1))
    assert np.array_equal(first.weights().kernel, old.kernel * 2)
    assert np.array_equal(second.weights().kernel, old.kernel)
    assert np.array_equal(second.weights().bias, old.bias)


def test_a_bias_is_added_where_there_is_none() -> None:
    def build(net: OnnxNet) -> str:
        weight = net.constant("weight", net.random.normal(size=(4, 3, 1, 1)).astype(np.float32))
        return net.add("Conv", ["image", weight], "out")

    model: onnx.ModelProto = model_of(build)
    layer = onnx_network(model).layers[0]
    before = run(model)
    layer.put(Weights(layer.weights().kernel, np.arange(4)))
    assert run(model) == pytest.approx(before + np.arange(4).reshape(4, 1, 1), abs=1e-5)
