from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from edgeseg.quantize.weights.layers import Layer
from edgeseg.quantize.weights.layers_onnx import onnx_network
from edgeseg.quantize.weights.layers_tflite import tflite_network
from edgeseg.quantize.weights.window import Window
from tests.quantize.test_passes import model_of, run
from tests.quantize.tflite_passes.nets import converted, random
from tests.quantize.tflite_passes.nets import run as run_tflite

ATTRIBUTES = [
    {"pads": [1, 0, 2, 1], "strides": [2, 1], "dilations": [1, 2]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 3]},
    {"auto_pad": "SAME_LOWER", "strides": [2, 1]},
    {"auto_pad": "VALID"},
]


def convolved(layer: Layer, image: NDArray[Any]) -> NDArray[Any]:
    """What the patches of an image, channels last, give by the kernel of a layer, (places, outputs)."""
    patches = layer.window.patches(image, 10**6, np.random.default_rng(0))
    weights = layer.weights()
    grouped = patches.reshape(*patches.shape[:2], weights.groups, -1)
    kernel = weights.kernel.reshape(weights.groups, -1, *weights.kernel.shape[1:])
    return np.einsum("ptgc,goct->pgo", grouped, kernel).reshape(len(patches), -1)


@pytest.mark.parametrize("attributes", ATTRIBUTES)
def test_patches_are_what_onnx_runtime_multiplies(attributes: dict[str, Any]) -> None:
    def build(net: Any) -> str:
        weight = net.constant("weight", net.random.normal(size=(4, 3, 3, 2)).astype(np.float32))
        return str(net.add("Conv", ["image", weight], "out", **attributes))

    model = model_of(build)
    image = np.random.default_rng(1).normal(size=(1, 3, 6, 8)).transpose(0, 2, 3, 1)
    found = convolved(onnx_network(model).layers[0], image)
    assert found == pytest.approx(run(model)[0].reshape(4, -1).T, abs=1e-5)


@pytest.mark.parametrize(
    "convolve",
    [
        lambda x: tf.nn.conv2d(x, random(3, 2, 3, 4), [2, 3], "SAME"),
        lambda x: tf.nn.conv2d(x, random(3, 3, 3, 4), 2, "VALID"),
        lambda x: tf.nn.depthwise_conv2d(x, random(3, 2, 3, 2), [1, 1, 1, 1], "SAME", dilations=[2, 2]),
    ],
    ids=["strides", "valid", "dilations"],
)
def test_patches_are_what_litert_multiplies(convolve: Callable[[Any], Any]) -> None:
    model = converted(convolve, (1, 6, 8, 3))
    assert len(model.subgraphs[0].operators) == 1
    image = 2 * np.random.default_rng(1).normal(size=(1, 6, 8, 3))
    found = convolved(tflite_network(model).layers[0], image)
    assert found == pytest.approx(run_tflite(model).reshape(found.shape), abs=1e-5)


def test_so_many_places_are_drawn() -> None:
    image = np.arange(100, dtype=np.float32).reshape(1, 10, 10, 1)
    found = Window((1, 2)).patches(image, 7, np.random.default_rng(0))
    assert found.shape == (7, 2, 1)
    assert (found[:, 1] - found[:, 0] == 1).all()
