from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.tools import flatbuffer_utils

from edgeseg.quantize.tflite_passes.average import convolve_averages
from edgeseg.quantize.tflite_passes.dilated import dilate_convolutions
from edgeseg.quantize.tflite_passes.elu import join_elus
from edgeseg.quantize.tflite_passes.grouped import regroup_convolutions
from edgeseg.quantize.tflite_passes.outputs import keep_first_output
from edgeseg.quantize.tflite_passes.pointwise import convolve_early
from edgeseg.quantize.tflite_passes.prelu import share_slopes
from edgeseg.quantize.tflite_passes.shuffle import convolve_shuffles
from tests.quantize.tflite_passes.nets import converted, operators, random, run

Build = Callable[[Any], Any]


def shuffle(groups: int, *order: int) -> Build:
    def build(x: Any) -> Any:
        _, height, width, channels = x.shape
        split = tf.reshape(x, (height * width, groups, channels // groups))
        return tf.reshape(tf.transpose(split, order or (0, 2, 1)), x.shape)

    return build


def elu(x: Any) -> Any:
    return tf.maximum(x, tf.exp(tf.minimum(x, 0.0)) - 1.0)


def selu(x: Any, scale: float = 1.0507) -> Any:
    return tf.nn.relu(x) * scale + (tf.exp(tf.minimum(x, 0.0)) * 1.7581 - 1.7581)


def other_elu(x: Any) -> Any:
    return tf.maximum(x, tf.exp(tf.minimum(x, 0.5)) - 1.0)


def prelu(*slopes: float) -> Build:
    layer = tf.keras.layers.PReLU(lambda *_, **__: np.resize(slopes, (1, 1, 8)), shared_axes=[1, 2])
    layer.build((1, 12, 14, 8))
    return layer


def pool(*window: int, stride: int = 1, padding: str = "VALID") -> Build:
    return lambda x: tf.nn.avg_pool2d(x, window, stride, padding)


def depthwise(multiplier: int, stride: int = 1, channels: int = 8) -> Build:
    weights = random(3, 3, channels, multiplier)
    return lambda x: tf.nn.relu(tf.nn.depthwise_conv2d(x, weights, (1, stride, stride, 1), "SAME") + 0.5)


def grouped(groups: int, outputs: int, kernel: int = 1, channels: int = 8) -> Build:
    weights = random(kernel, kernel, channels // groups, outputs)
    return lambda x: tf.nn.conv2d(x, weights, 1, "SAME")


def enlarged(outputs: int = 4, kernel: int = 1, method: str = "bilinear", activation: str | None = None) -> Build:
    weights, bias = random(kernel, kernel, 8, outputs), random(outputs)
    act = tf.nn.relu if activation else tf.identity

    def build(x: Any) -> Any:
        large = tf.image.resize(x, (20, 42), method)
        return act(tf.nn.conv2d(large, weights, 1, "SAME") + bias)

    return build


UNGROUPED = depthwise(1)


@pytest.mark.parametrize(
    ("build", "rewrite", "names"),
    [
        (pool(3, 3), convolve_averages, ["DEPTHWISE_CONV_2D"]),
        (pool(2, 2, stride=2, padding="SAME"), convolve_averages, ["DEPTHWISE_CONV_2D"]),
        (pool(7, 6, stride=2), convolve_averages, ["DEPTHWISE_CONV_2D"] * 2),
        (lambda x: tf.nn.relu(pool(3, 3)(x)), convolve_averages, ["DEPTHWISE_CONV_2D"]),
        (pool(3, 3, padding="SAME"), convolve_averages, ["AVERAGE_POOL_2D"]),
        (enlarged(), convolve_early, ["CONV_2D", "RESIZE_BILINEAR"]),
        (enlarged(8, method="nearest"), convolve_early, ["CONV_2D", "RESIZE_NEAREST_NEIGHBOR"]),
        (enlarged(9), convolve_early, ["RESIZE_BILINEAR", "CONV_2D"]),
        (enlarged(kernel=3), convolve_early, ["RESIZE_BILINEAR", "CONV_2D"]),
        (enlarged(activation="relu"), convolve_early, ["RESIZE_BILINEAR", "CONV_2D"]),
        (depthwise(4), regroup_convolutions, ["CONV_2D"]),
        (depthwise(16, stride=2), regroup_convolutions, ["CONV_2D"]),
        (depthwise(48), regroup_convolutions, ["CONV_2D"]),
        (UNGROUPED, regroup_convolutions, ["DEPTHWISE_CONV_2D"]),
        (grouped(4, 16), regroup_convolutions, ["CONV_2D"]),
        (grouped(2, 12, kernel=3), regroup_convolutions, ["CONV_2D"]),
        (shuffle(2), convolve_shuffles, ["CONV_2D"]),
        (shuffle(4), convolve_shuffles, ["CONV_2D"]),
        (shuffle(4, 1, 0, 2), convolve_shuffles, ["RESHAPE", "TRANSPOSE", "RESHAPE"]),
        (prelu(0.2, 0.2), share_slopes, ["LEAKY_RELU"]),
        (prelu(0.2, 0.3), share_slopes, ["PRELU"]),
        (elu, join_elus, ["ELU"]),
        (selu, join_elus, ["ELU", "MUL", "LEAKY_RELU"]),
        (other_elu, join_elus, ["MINIMUM", "EXP", "SUB", "MAXIMUM"]),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_rewrite_leaves_the_function(build: Build, rewrite: Callable[[Any], int], names: list[str]) -> None:
    model = converted(build, (1, 12, 14, 8))
    unchanged = operators(model) == names and rewrite is not regroup_convolutions
    expected = run(model)
    assert rewrite(model) == (not unchanged and build is not UNGROUPED)
    assert operators(model) == names
    assert run(model) == pytest.approx(expected, rel=1e-4, abs=1e-5 * float(np.ptp(expected)))


@pytest.mark.parametrize(
    ("build", "channels", "count", "names"),
    [
        (depthwise(2, channels=32), 32, 1, ["CONV_2D", "DEPTHWISE_CONV_2D"]),
        (grouped(4, 64, 3, channels=64), 64, 0, ["CONV_2D"]),
        (grouped(8, 32, 3, channels=32), 32, 1, ["CONV_2D"]),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_wide_groups_are_left_and_many_channels_are_repeated(
    build: Build, channels: int, count: int, names: list[str]
) -> None:
    model = converted(build, (1, 12, 14, channels))
    expected = run(model)
    assert regroup_convolutions(model) == count
    assert operators(model) == names
    assert run(model) == pytest.approx(expected, rel=1e-4, abs=1e-5 * float(np.ptp(expected)))


@pytest.mark.parametrize(
    ("kernel", "options", "parts"),
    [
        ((7, 7), {}, 3),
        ((5, 9), {}, 2),
        ((9, 9), {"dilations": (2, 2)}, 4),
        ((7, 7), {"strides": (1, 2, 2, 1)}, 3),
        ((5, 5), {}, 1),
        ((11, 11), {}, 1),
        ((6, 8), {}, 1),
        ((7, 7), {"padding": "VALID"}, 1),
    ],
)
@pytest.mark.parametrize("activation", [tf.identity, tf.nn.relu6])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_wide_depthwise_convolutions_are_split(
    kernel: tuple[int, int], options: dict[str, Any], parts: int, activation: Build
) -> None:
    weights, bias = random(*kernel, 8, 1), random(8)
    given = {"strides": (1, 1, 1, 1), "padding": "SAME", **options}
    model = converted(lambda x: activation(tf.nn.depthwise_conv2d(x, weights, **given) + bias), (1, 23, 25, 8))
    dilate_convolutions(model)
    expected = run(model)
    assert regroup_convolutions(model) == (parts > 1)
    assert operators(model).count("DEPTHWISE_CONV_2D") == parts
    assert operators(model).count("ADD") == parts - 1
    assert run(model) == pytest.approx(expected, rel=1e-4, abs=1e-5 * float(np.ptp(expected)))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_group_is_left() -> None:
    model = converted(grouped(4, 16), (1, 12, 14, 8))
    regroup_convolutions(model)
    graph = model.subgraphs[0]
    assert list(graph.tensors[graph.operators[0].inputs[1]].shape) == [16, 1, 1, 8]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_first_output_alone_is_kept() -> None:
    def build(x: Any) -> Any:
        low = tf.nn.avg_pool2d(x, 2, 2, "VALID")
        return low, tf.image.resize(low, (12, 14)), tf.reduce_max(x, 1)

    model = converted(build, (1, 12, 14, 8))
    keep_first_output(model)
    assert operators(model) == ["AVERAGE_POOL_2D"]
    assert run(model).shape == (1, 6, 7, 8)
    keep_first_output(model)
    assert operators(model) == ["AVERAGE_POOL_2D"]


def dilated(layer: str, dilation: int, kernel: int, padding: str) -> Any:
    """A Keras model of an open batch, of which the converter makes three operators."""
    keras = tf.keras
    given = keras.Input((12, 14, 8))
    kind = {"dense": partial(keras.layers.Conv2D, 6), "depthwise": keras.layers.DepthwiseConv2D}[layer]
    made = kind(kernel, dilation_rate=dilation, padding=padding, activation="relu", bias_initializer="ones")(given)
    model = keras.Model(given, keras.layers.AveragePooling2D(2)(made))
    return flatbuffer_utils.read_model_from_bytearray(tf.lite.TFLiteConverter.from_keras_model(model).convert())


@pytest.mark.parametrize("layer", ["dense", "depthwise"])
@pytest.mark.parametrize(("dilation", "kernel"), [(2, 3), (4, 3), (3, 2), (2, 5)])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_convolution_between_space_and_batch_is_dilated(layer: str, dilation: int, kernel: int, padding: str) -> None:
    model = dilated(layer, dilation, kernel, padding)
    assert "SPACE_TO_BATCH_ND" in operators(model)
    expected = run(model)
    assert dilate_convolutions(model) == 1
    assert "SPACE_TO_BATCH_ND" not in operators(model)
    assert run(model) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("place", "pads"), [(0, (3, 1)), (0, (1, 3)), (1, (1, 1))])
def test_another_padding_is_left_alone(place: int, pads: tuple[int, int]) -> None:
    """Of the rows before a map, or cut off a result."""
    model = dilated("dense", 2, 3, "same")
    spread, gather = (
        op
        for op, name in zip(model.subgraphs[0].operators, operators(model), strict=True)
        if name in ("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND")
    )
    tensor = model.subgraphs[0].tensors[(spread, gather)[place].inputs[2]]
    model.buffers[tensor.buffer].data = np.frombuffer(np.array([pads, pads], np.int32).tobytes(), np.uint8)
    assert dilate_convolutions(model) == 0
