from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from edgeseg.quantize.layers_onnx import onnx_network
from edgeseg.quantize.window import Window
from tests.quantize.test_passes import model_of, run

ATTRIBUTES = [
    {"pads": [1, 0, 2, 1], "strides": [2, 1], "dilations": [1, 2]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 3]},
    {"auto_pad": "SAME_LOWER", "strides": [2, 1]},
    {"auto_pad": "VALID"},
]


def convolved(model: onnx.ModelProto) -> NDArray[Any]:
    """What the patches of a model's image give by the kernel of its only layer, (places, outputs)."""
    layer = onnx_network(model).layers[0]
    image = np.random.default_rng(1).normal(size=(1, 3, 6, 8)).astype(np.float32)
    patches = layer.window.patches(image.transpose(0, 2, 3, 1), 10**6, np.random.default_rng(0))
    return np.einsum("ptc,oct->po", patches, layer.weights().kernel)


@pytest.mark.parametrize("attributes", ATTRIBUTES)
def test_patches_are_what_onnx_runtime_multiplies(attributes: dict[str, Any]) -> None:
    def build(net: Any) -> str:
        weight = net.constant("weight", net.random.normal(size=(4, 3, 3, 2)).astype(np.float32))
        return str(net.add("Conv", ["image", weight], "out", **attributes))

    model = model_of(build)
    expected = run(model)
    assert convolved(model) == pytest.approx(expected[0].reshape(4, -1).T, abs=1e-5)


def test_so_many_places_are_drawn() -> None:
    image = np.arange(100, dtype=np.float32).reshape(1, 10, 10, 1)
    found = Window((1, 2)).patches(image, 7, np.random.default_rng(0))
    assert found.shape == (7, 2, 1)
    assert (found[:, 1] - found[:, 0] == 1).all()
