from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from edgeseg.bench.profiles.losses import float_name
from edgeseg.quantize.tflite_passes.hard_swish import multiply_hard_swishes
from edgeseg.quantize.tflite_passes.relu import requantize_rectified
from edgeseg.quantize.tflite_passes.stem import fold_stems
from tests.quantize.tflite_passes.nets import converted, operators, random, run, step

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("rectify", [tf.nn.relu, tf.nn.relu6])
def test_a_rectification_requantizes(rectify: Any) -> None:
    model = converted(lambda x: rectify(tf.nn.leaky_relu(x, 0.3)), (1, 12, 14, 8), integer=True)
    assert operators(model)[-1] == ("RELU" if rectify is tf.nn.relu else "RELU6")
    expected = run(model)
    assert requantize_rectified(model) == 1
    assert operators(model)[-1] == "QUANTIZE"
    assert np.abs(run(model) - expected).max() <= 1.01 * step(model)
    assert expected.min() == 0 < np.ptp(expected)


def test_a_hard_swish_multiplies() -> None:
    model = converted(lambda x: x * tf.nn.relu6(x + 3) / 6, (1, 12, 14, 8), integer=True)
    assert operators(model) == ["HARD_SWISH"]
    expected = run(model)
    assert multiply_hard_swishes(model) == 1
    assert operators(model) == ["DEPTHWISE_CONV_2D", "MUL"]
    assert np.abs(run(model) - expected).max() <= 1.01 * step(model)
    assert expected.min() < 0


@pytest.mark.parametrize("padding", ["SAME", "VALID", "PAD"])
@pytest.mark.parametrize("width", [32, 33, 30])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (7, 2), (3, 1), (5, 4), (2, 2)])
def test_a_stem_gives_the_same_numbers(kernel: int, stride: int, width: int, padding: str) -> None:
    weights, margins = random(kernel, kernel, 3, 5), [[0, 0], [1, 0], [1, 1], [0, 0]]

    def build(x: Any) -> Any:
        x = tf.pad(x, margins) if padding == "PAD" else x
        return tf.nn.relu(tf.nn.conv2d(x, weights, stride, "VALID" if padding == "PAD" else padding) + 1.0)

    model = converted(build, (2, 14, width, 3), integer=True)
    expected = run(model)
    assert fold_stems(model) == 1
    assert np.array_equal(run(model), expected)
    graph = model.subgraphs[0]
    convolution = next(op for op, name in zip(graph.operators, operators(model), strict=True) if name == "CONV_2D")
    assert graph.tensors[convolution.inputs[1]].shape[-1] == (12 if stride == 4 else 6)
    made_of, result = (graph.tensors[i].name.decode() for i in (convolution.outputs[0], graph.outputs[0]))
    assert float_name(made_of) == result
    assert np.ptp(expected) > 100 * step(model)


def test_two_stems_of_one_padded_image() -> None:
    first, second = random(3, 3, 3, 5), random(3, 3, 3, 4)

    def build(x: Any) -> Any:
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return tf.concat([tf.nn.conv2d(x, weights, 2, "VALID") for weights in (first, second)], -1)

    model = converted(build, (1, 14, 32, 3), integer=True)
    expected = run(model)
    assert fold_stems(model) == 2
    assert operators(model).count("PAD") == 2
    assert np.array_equal(run(model), expected)


@pytest.mark.parametrize(
    "options", [{"strides": 3}, {"strides": 1, "dilations": 2}, {"strides": 1, "channels": 4}], ids=str
)
def test_other_convolutions_stay(options: dict[str, int]) -> None:
    channels = options.pop("channels", 3)
    weights = random(3, 3, channels, 5)
    model = converted(
        lambda x: tf.nn.conv2d(x, weights, padding="SAME", **options), (1, 15, 18, channels), integer=True
    )
    before = operators(model)
    assert fold_stems(model) == 0
    assert operators(model) == before
